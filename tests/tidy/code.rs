//! How source files look: length, module comment, and what they must not contain.

use crate::tree::{self, File, bare, expect_none, in_tests, line, without_tests};

/// Longest file, tests not counted.
const LINES: usize = 450;

/// Files that may be longer, with their limit and the reason.
const LONGER: &[(&str, usize, &str)] = &[];

/// Where printing is the purpose: the headless program's commands, its errors, its progress lines; measured times.
const PRINTS: &[&str] = &[
    "trainer/src/main.rs",
    "trainer/src/command/",
    "trainer/src/generate/progress.rs",
    "trainer/src/run/log.rs",
    "app/benches/",
];

/// Never, tests included: unfinished work, tests that do not run, shared state.
const NEVER: &[&str] = &["todo!(", "unimplemented!(", "dbg!(", "#[ignore", "static mut "];

/// Not outside a few small files: what the compiler cannot check.
const UNCHECKED: &[&str] = &["unsafe ", "unsafe_code"];

/// Those files and the reason: each holds nothing else.
const MAY_BE_UNCHECKED: &[(&str, &str)] = &[
    ("engine/src/ops/gemm.rs", "the product's crate takes pointers"),
    ("engine/src/allocator.rs", "two settings of the C library"),
];

/// Not outside tests: half-written files, threads without a name, queues without an end, sudden exits.
const NOT_SHIPPED: &[&str] = &["fs::write(", "File::create(", "thread::spawn(", "unbounded(", "process::exit("];

/// Not in the engine: an image must not depend on the clock or the surroundings.
const NOT_IN_ENGINE: &[&str] = &["Instant::now", "SystemTime", "std::env", "env::var"];

/// Not in the headless program: times and their differences come from a clock that only goes forward,
/// and no file is judged by its date.
const NOT_IN_TRAINER: &[&str] = &["SystemTime", "modified("];

/// Where a date is only told or makes a word of its own, and nothing is decided by it.
const TELLS_DATES: &[&str] = &["trainer/src/run/log.rs", "trainer/src/run/events/", "trainer/src/ranks/meet.rs"];

const PRINT: &[&str] = &["println!(", "print!(", "eprintln!(", "eprint!("];

fn finds(file: &File, code: &str, words: &[&str], why: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for word in words {
        for (at, _) in code.match_indices(word) {
            if !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                faults.push(format!("{}:{}: {} {why}", file.path, line(code, at), word.trim_end_matches('(')));
            }
        }
    }
    faults
}

fn faults(file: &File) -> Vec<String> {
    let all = bare(&file.text);
    let code = without_tests(&all);
    let mut faults = finds(file, &all, NEVER, "never stands in the code");
    if !MAY_BE_UNCHECKED.iter().any(|(path, _)| *path == file.path) {
        faults.extend(finds(file, &all, UNCHECKED, "stands in the few files for it only"));
    }

    let lines = in_tests(&all).iter().filter(|test| !**test).count();
    let longer = LONGER.iter().find(|(path, ..)| *path == file.path);
    let limit = longer.map_or(LINES, |(_, limit, _)| *limit);
    if !file.is_test() && lines > limit {
        faults.push(format!("{}: {lines} lines without tests, at most {limit}; split it by meaning", file.path));
    }
    let beside = file.path.contains("/src/") && file.is_test();
    if !beside && !file.text.starts_with("//! ") {
        faults.push(format!("{}: begins without a module comment (//! …)", file.path));
    }
    if file.is_test() {
        return faults;
    }
    faults.extend(finds(file, &code, NOT_SHIPPED, "stands in tests only"));
    // An example is a program: it may be told things.
    if file.path.starts_with("engine/") && !file.path.contains("/examples/") {
        faults.extend(finds(file, &code, NOT_IN_ENGINE, "ties the engine to the machine it runs on"));
    }
    if file.path.starts_with("trainer/src/") && !TELLS_DATES.iter().any(|place| file.path.starts_with(place)) {
        faults.extend(finds(file, &code, NOT_IN_TRAINER, "reads a clock that may jump: use Instant"));
    }
    if !PRINTS.iter().any(|place| file.path.starts_with(place)) {
        faults.extend(finds(file, &code, PRINT, "outside the places that print"));
    }
    if !file.path.starts_with("app/src/theme/") {
        faults.extend(finds(file, &code, &["Color32::from_"], "outside app/src/theme: use a token"));
    }
    faults
}

#[test]
fn source_files_keep_the_rules() {
    let files = tree::files(".rs");
    expect_none(&files.iter().flat_map(faults).collect::<Vec<_>>());
    for (path, limit, reason) in LONGER {
        assert!(files.iter().any(|file| file.path == *path), "{path} is gone: remove its exception");
        assert!(*limit > LINES && !reason.is_empty());
    }
    for (path, reason) in MAY_BE_UNCHECKED {
        let file = files.iter().find(|file| file.path == *path);
        assert!(file.is_some_and(|file| file.text.contains("// SAFETY: ")), "{path} is gone or says no reason: {reason}");
    }
}

#[test]
fn every_rule_of_the_code_can_fail() {
    let count = |path: &str, text: &str| faults(&File::new(path, &format!("//! A module.\n{text}"))).len();
    assert_eq!(count("app/src/a.rs", "fn f() -> &'static str { \"todo!() println!()\" } // dbg!(x)"), 0);
    for word in ["todo!()", "unimplemented!()", "dbg!(x)", "#[ignore]", "static mut A: u8 = 0;", "unsafe {}"] {
        assert_eq!(count("app/tests/it/a.rs", word), 1, "{word}");
    }
    for word in ["println!(x)", "eprint!(x)", "Color32::from_rgb(1, 2, 3)", "std::fs::write(p, b)", "std::thread::spawn(f)"] {
        assert_eq!(count("app/src/a.rs", word), 1, "{word}");
        assert_eq!(count("app/src/a.rs", &format!("#[cfg(test)]\nmod tests {{\n    {word}\n}}")), 0, "{word} in a test");
    }
    assert_eq!(count("trainer/src/command/a.rs", "println!()"), 0);
    assert_eq!(count("app/src/theme/a.rs", "Color32::from_rgb()"), 0);
    assert_eq!(count("engine/src/a.rs", "let t = Instant::now();"), 1);
    assert_eq!(count("trainer/src/a.rs", "let t = Instant::now();"), 0);
    assert_eq!(count("trainer/src/a.rs", "let t = SystemTime::now();"), 1);
    assert_eq!(faults(&File::new("app/src/a.rs", "use a;")).len(), 1);

    let long = "let a = 1;\n\n".repeat(LINES / 2);
    assert_eq!(count("app/src/a.rs", &long), 1);
    assert_eq!(count("app/src/a.rs", &format!("#[cfg(test)]\nmod tests {{\n{long}}}\n")), 0);
    assert_eq!(count("app/src/a/tests.rs", &long), 0);
}
