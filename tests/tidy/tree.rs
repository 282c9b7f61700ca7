//! The files of the repository, and Rust source without its comments and quoted text.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A text file.
pub(crate) struct File {
    /// Path from the root, with `/` between folders.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    pub(crate) fn read(path: &str) -> Self {
        let text = fs::read_to_string(root().join(path));
        Self { path: path.to_owned(), text: text.unwrap_or_else(|error| panic!("{path}: {error}")) }
    }

    /// Whether it holds tests only.
    pub(crate) fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All files, sorted; those that git ignores are left out where git can be asked.
pub(crate) fn paths() -> Vec<String> {
    let listed =
        Command::new("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root()).output();
    let mut found: Vec<String> = match listed {
        Ok(output) if output.status.success() && root().join(".git").exists() => {
            let names = String::from_utf8_lossy(&output.stdout).into_owned();
            names.split_terminator('\0').map(str::to_owned).collect()
        }
        _ => {
            let mut found = Vec::new();
            walk("", &mut found);
            found
        }
    };
    found.retain(|path| root().join(path).is_file());
    found.sort();
    found.dedup();
    found
}

/// All files under a folder, without what a build or a training leaves there.
fn walk(folder: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(root().join(folder)).expect("a readable folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        match entry.path().is_dir() {
            true if folder.is_empty() && [".git", "target", "runs"].contains(&name.as_str()) => {}
            true => walk(&path, found),
            false => found.push(path),
        }
    }
}

/// All files of one ending, read.
pub(crate) fn files(ending: &str) -> Vec<File> {
    paths().iter().filter(|path| path.ends_with(ending)).map(|path| File::read(path)).collect()
}

/// Fails with one line for each fault.
pub(crate) fn expect_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// The source with comments and quoted text turned into spaces; lines stay where they are.
pub(crate) fn bare(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skip(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|&c| if c == '\n' { c } else { ' ' }));
            at = end;
        }
    }
    out
}

/// Where the comment or literal that begins at `at` ends; `at` itself where none begins.
fn skip(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    let within = |end: usize| (at + end).min(chars.len());
    let inside_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match rest {
        ['/', '/', ..] => within(rest.iter().position(|&c| c == '\n').unwrap_or(rest.len())),
        ['/', '*', ..] => {
            let (mut depth, mut i) = (0usize, 0);
            while i < rest.len() {
                match rest[i..] {
                    ['/', '*', ..] => (depth, i) = (depth + 1, i + 2),
                    ['*', '/', ..] => (depth, i) = (depth - 1, i + 2),
                    _ => i += 1,
                }
                if depth == 0 {
                    break;
                }
            }
            within(i)
        }
        ['r', '"' | '#', ..] if !inside_word || chars[at - 1] == 'b' => {
            let hashes = rest[1..].iter().take_while(|&&c| c == '#').count();
            if rest.get(1 + hashes) != Some(&'"') {
                return at;
            }
            let mut close = vec!['"'];
            close.resize(1 + hashes, '#');
            let body = &rest[2 + hashes..];
            let length = body.windows(close.len()).position(|w| w == close).unwrap_or(body.len());
            within(2 + hashes + length + close.len())
        }
        ['"', ..] => within(literal(rest, '"')),
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => within(literal(rest, '\'')),
        _ => at,
    }
}

/// Length of a quoted literal, both quotes included.
fn literal(rest: &[char], quote: char) -> usize {
    let mut i = 1;
    while i < rest.len() && rest[i] != quote {
        i += if rest[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

/// For each line of bare source whether it lies in an inline test module.
pub(crate) fn in_tests(bare: &str) -> Vec<bool> {
    let (mut cfg, mut inside) = (false, false);
    let lines = bare.lines().map(|line| {
        inside |= cfg && line.starts_with("mod ") && line.ends_with('{');
        cfg = line == "#[cfg(test)]" || (cfg && line.starts_with("#["));
        let answer = inside;
        inside &= line != "}";
        answer
    });
    lines.collect()
}

/// Bare source whose inline test modules are blank.
pub(crate) fn without_tests(bare: &str) -> String {
    let lines = bare.lines().zip(in_tests(bare));
    lines.map(|(line, test)| if test { "\n".to_owned() } else { format!("{line}\n") }).collect()
}

/// Line number, from 1, of a byte position.
pub(crate) fn line(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

#[test]
fn comments_and_quotes_vanish_and_lines_stay() {
    let source = "let a = \"todo!(\\\" //\"; // crate::x\nr#\"a\"b\"# 'x' '\\'' &'a T /* /* */\n*/ b\n";
    let seen = bare(source);
    assert_eq!(seen.matches('\n').count(), source.matches('\n').count());
    let words: Vec<&str> = seen.split_whitespace().collect();
    assert_eq!(words, ["let", "a", "=", ";", "&'a", "T", "b"]);
    let code = without_tests("fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n");
    assert!(code.contains("fn a") && code.contains("fn c") && !code.contains("fn b"), "{code}");
}
