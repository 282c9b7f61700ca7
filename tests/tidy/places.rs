//! What may stand where: parts of the engine that a study knows, the reader's window by itself, values that stay, and the
//! marks of formats.

use crate::tree::{self, File, bare, expect_none, line, root, without_tests};

/// Modules of the engine that a study may use; networks and what runs them are not among them.
const OF_STUDY: &[&str] = &["cancel", "domain", "imageio", "noise", "statistics", "store", "text"];

/// Modules of the studio that the reader's window may use: what is drawn with, and dates.
const OF_READER: &[&str] = &["canvas", "day", "reader", "theme", "widgets"];
/// Modules of the engine that it may use.
const OF_READER_ENGINE: &[&str] = &["domain"];

/// Where values of the engine stay between calls, because they cannot change a result.
const KEPT: &[&str] = &["engine/src/text/", "engine/src/phantom/scene.rs"];

/// First names behind a prefix such as `crate::`, with their places.
fn names<'a>(code: &'a str, prefix: &str) -> Vec<(usize, &'a str)> {
    let name = |at: usize| {
        let rest = &code[at + prefix.len()..];
        &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())]
    };
    let begins = |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
    code.match_indices(prefix).map(|(at, _)| at).filter(|at| begins(*at)).map(|at| (at, name(at))).collect()
}

/// Uses of what is not in `allowed`; a group of names in braces is refused, because each is to be seen.
fn uses(file: &File, prefix: &str, allowed: &[&str]) -> Vec<String> {
    let code = without_tests(&bare(&file.text));
    let found = names(&code, prefix).into_iter().filter(|(_, name)| !allowed.contains(name));
    found.map(|(at, name)| format!("{}:{}: must not use {prefix}{name}", file.path, line(&code, at))).collect()
}

fn study_faults(file: &File) -> Vec<String> {
    let beside = file.is_test() || !file.path.starts_with("engine/study/src/");
    if beside { Vec::new() } else { uses(file, "engine::", OF_STUDY) }
}

fn reader_faults(file: &File) -> Vec<String> {
    let inside = file.path.starts_with("app/src/reader/") && !file.is_test() && !file.path.ends_with("/testing.rs");
    if !inside {
        return Vec::new();
    }
    [uses(file, "crate::", OF_READER), uses(file, "engine::", OF_READER_ENGINE)].concat()
}

fn kept_faults(file: &File) -> Vec<String> {
    if !file.path.starts_with("engine/src/") || file.is_test() || KEPT.iter().any(|place| file.path.starts_with(place)) {
        return Vec::new();
    }
    let code = without_tests(&bare(&file.text));
    let found = ["thread_local!", "static "].into_iter().flat_map(|word| code.match_indices(word));
    // A lifetime is no value, and a constant table cannot change.
    let kept = found.filter(|(at, word)| {
        let line = code[*at..].lines().next().unwrap_or_default();
        let changes = ["Lock", "Mutex", "Cell", "Atomic"].iter().any(|kind| line.contains(kind));
        *word != "static " || (changes && !code[..*at].ends_with('\''))
    });
    kept.map(|(at, word)| format!("{}:{}: {word} keeps something between calls", file.path, line(&code, at))).collect()
}

/// Marks such as `chexgen-run` in a text, quoted by `quote`.
fn marks(text: &str, quote: char) -> Vec<String> {
    let is_name = |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let words = text.split(quote).filter(|word| word.starts_with("chexgen-")).filter(is_name);
    words.map(str::to_owned).collect()
}

/// Marks of the rows of the table of formats that do not stand in the file that the row names.
fn mark_faults(document: &str, read: impl Fn(&str) -> String) -> Vec<String> {
    let rows = document.lines().filter(|line| line.starts_with("| ") && line.contains("\"chexgen-"));
    let mut faults = Vec::new();
    for row in rows {
        let place = row.trim_end_matches([' ', '|']).rsplit('|').next().unwrap_or_default();
        let text: String = place.split('`').skip(1).step_by(2).map(&read).collect();
        let missing = marks(row, '"').into_iter().filter(|mark| !text.contains(mark.as_str()));
        faults.extend(missing.map(|mark| format!("ARCHITECTURE.md: {mark} does not stand in{place}")));
    }
    faults
}

/// The text of a file, or of all files of a folder; braces stand for several.
fn read_place(place: &str) -> String {
    let (head, tail) = place.split_once('{').unwrap_or((place, ""));
    let (names, end) = tail.split_once('}').unwrap_or(("", ""));
    let wanted: Vec<String> = names.split(',').map(|name| format!("{head}{name}{end}")).collect();
    let stands = |path: &str| {
        wanted.iter().any(|place| path == place || path.starts_with(&format!("{place}/")) || path == format!("{place}.rs"))
    };
    let all = tree::paths().into_iter().filter(|path| path.ends_with(".rs") && stands(path));
    all.map(|path| std::fs::read_to_string(root().join(path)).unwrap_or_default()).collect()
}

#[test]
fn a_study_knows_no_network() {
    expect_none(&tree::files(".rs").iter().flat_map(study_faults).collect::<Vec<_>>());
    let count = |path: &str, text: &str| study_faults(&File::new(path, text)).len();
    assert_eq!(count("engine/study/src/a.rs", "use engine::store::atomic; // engine::model"), 0);
    assert_eq!(count("engine/study/src/a.rs", "fn f(p: engine::pipeline::Pipeline) {}"), 1);
    assert_eq!(count("engine/study/src/a.rs", "use engine::{domain, model};"), 1);
    assert_eq!(count("trainer/src/a.rs", "use engine::pipeline;"), 0);
}

#[test]
fn the_readers_window_opens_neither_models_nor_the_library() {
    expect_none(&tree::files(".rs").iter().flat_map(reader_faults).collect::<Vec<_>>());
    let count = |path: &str, text: &str| reader_faults(&File::new(path, text)).len();
    assert_eq!(count("app/src/reader/view/a.rs", "use crate::theme::tokens;\nuse study::sealed::Study;"), 0);
    assert_eq!(count("app/src/reader/view/a.rs", "use crate::library::day;\nuse engine::pipeline::Pipeline;"), 2);
    assert_eq!(count("app/src/rooms/a.rs", "use crate::library::day;"), 0);
}

#[test]
fn the_engine_keeps_nothing_between_calls() {
    expect_none(&tree::files(".rs").iter().flat_map(kept_faults).collect::<Vec<_>>());
    let count = |path: &str, text: &str| kept_faults(&File::new(path, text)).len();
    assert_eq!(count("engine/src/ops/a.rs", "static LAST: Mutex<u8> = Mutex::new(0);"), 1);
    assert_eq!(count("engine/src/ops/a.rs", "thread_local! {}"), 1);
    assert_eq!(count("engine/src/ops/a.rs", "static TABLE: [u8; 2] = [0, 1];\nfn f(c: &'static Cell<u8>) {}"), 0);
    assert_eq!(count("engine/src/text/a.rs", "static BLANK: LazyLock<Regex> = LazyLock::new(f);"), 0);
}

#[test]
fn marks_of_formats_stand_where_the_document_says() {
    let document = File::read("ARCHITECTURE.md").text;
    expect_none(&mark_faults(&document, read_place));
    let in_document = |mark: &str| document.split(|c: char| !c.is_ascii_lowercase() && c != '-').any(|word| word == mark);
    let shipped = tree::files(".rs").into_iter().filter(|file| file.path.contains("/src/") && !file.is_test());
    let undocumented = shipped.flat_map(|file| {
        let constants = file.text.lines().filter(|line| line.contains("FORMAT") && line.contains("const "));
        let marks: Vec<String> = constants.flat_map(|line| marks(line, '"')).collect();
        marks.into_iter().map(move |mark| (file.path.clone(), mark))
    });
    let missing = undocumented.filter(|(_, mark)| !in_document(mark));
    expect_none(
        &missing.map(|(path, mark)| format!("{path}: {mark} is not in the formats of ARCHITECTURE.md")).collect::<Vec<_>>(),
    );

    let row = "| a file | `\"format\": \"chexgen-a\"`, `\"version\": 1` | `x/a.rs` |";
    assert_eq!(mark_faults(row, |_| "const F: &str = \"chexgen-a\";".to_owned()).len(), 0);
    assert_eq!(mark_faults(row, |_| "const F: &str = \"chexgen-b\";".to_owned()).len(), 1);
}
