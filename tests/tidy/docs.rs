//! Documents, assets and the two commands of the README.

use std::fs;
use std::path::Path;

use crate::tree::{self, File, expect_none, line, root};

/// Folders of one machine that no file may name.
const MACHINE: &[&str] = &["/work/", "/root/", "/home/"];
/// Bytes of all assets, and of the practice model.
const ASSETS: u64 = 60_000_000;
const PRACTICE: u64 = 45_000_000;
/// The README's commands: the first opens the studio, the second is all that `.ci/run` calls.
const OPEN: &str = "cargo run --release";
const TEST: &str = "sh tests/run.sh";

fn machine_path_faults(file: &File) -> Vec<String> {
    let mut faults = Vec::new();
    for folder in MACHINE {
        for (at, _) in file.text.match_indices(folder) {
            let glued = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
            let goes_on = |c: char| c.is_ascii_lowercase() || c == '.';
            if !file.text[..at].ends_with(glued) && file.text[at + folder.len()..].starts_with(goes_on) {
                faults.push(format!("{}:{}: names a folder of one machine", file.path, line(&file.text, at)));
            }
        }
    }
    faults
}

/// Text of a Markdown file outside its fenced code.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let mut out = String::new();
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if !fenced {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

/// Lines of the fenced code of a Markdown file, comments at their end left out.
fn commands(text: &str) -> Vec<&str> {
    let mut fenced = false;
    let mut out = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            out.push(line.split(" #").next().unwrap_or_default().trim());
        }
    }
    out
}

/// Names by which links reach the headings of a Markdown file.
fn anchors(text: &str) -> Vec<String> {
    let prose = prose(text);
    let headings = prose.lines().filter_map(|line| line.strip_prefix('#')).map(|rest| rest.trim_start_matches('#').trim());
    let name = |heading: &str| {
        let kept = heading.to_lowercase().replace(' ', "-");
        kept.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
    };
    headings.map(name).collect()
}

/// Links to what is not there; `anchors_of` gives the headings of a file that is.
fn link_faults(file: &File, anchors_of: impl Fn(&Path) -> Option<Vec<String>>) -> Vec<String> {
    let text = prose(&file.text);
    let mut faults = Vec::new();
    for (open, close) in [("](", ')'), ("src=\"", '"'), ("href=\"", '"')] {
        for (at, _) in text.match_indices(open) {
            let target = text[at + open.len()..].split(close).next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
            let known = if path.is_empty() { Some(anchors(&file.text)) } else { anchors_of(&folder.join(path)) };
            if known.is_none_or(|known| !anchor.is_empty() && !known.iter().any(|name| name == anchor)) {
                faults.push(format!("{}:{}: {target} does not exist", file.path, line(&text, at)));
            }
        }
    }
    faults
}

/// Entries of the changelog that begin alike: one of two is the other's older wording.
fn twice(changelog: &str) -> Vec<String> {
    const ALIKE: usize = 60;
    let entries = changelog.lines().filter(|line| line.starts_with("- ") && line.len() > ALIKE);
    let mut begun: Vec<String> = entries.map(|line| line.chars().take(ALIKE).collect()).collect();
    begun.sort();
    begun.windows(2).filter(|two| two[0] == two[1]).map(|two| format!("CHANGELOG.md: {:?} stands there twice", two[0])).collect()
}

fn command_faults(readme: &str, ci: &str, manifest: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for command in [OPEN, TEST] {
        if !commands(readme).contains(&command) {
            faults.push(format!("README.md does not show the command {command:?}"));
        }
    }
    let prepares = |line: &&str| line.is_empty() || ["#", "set ", "cd ", "export "].iter().any(|word| line.starts_with(word));
    let called: Vec<&str> = ci.lines().filter(|line| !prepares(line)).collect();
    if called != [TEST] {
        faults.push(format!(".ci/run calls {called:?}; it is to call {TEST:?} and nothing else"));
    }
    if !manifest.contains("default-members = [\"app\"]") {
        faults.push("Cargo.toml: the studio is not the default member".to_owned());
    }
    faults
}

fn size_faults(sizes: &[(String, u64)]) -> Vec<String> {
    let sum = |folder: &str| sizes.iter().filter(|(path, _)| path.starts_with(folder)).map(|(_, size)| size).sum::<u64>();
    let limits = [("assets/", ASSETS), ("assets/practice/", PRACTICE)];
    let over = limits.into_iter().filter(|(folder, limit)| sum(folder) > *limit);
    over.map(|(folder, limit)| format!("{folder} has {} bytes, at most {limit}", sum(folder))).collect()
}

#[test]
fn the_changelog_says_nothing_twice() {
    let text = fs::read_to_string(root().join("CHANGELOG.md")).expect("the changelog");
    expect_none(&twice(&text));
    let entry = "- `chexgen train` ends on a damaged shard with a checkpoint from before it";
    assert_eq!(twice(&format!("{entry}.\n- Another.\n- Another.\n{entry}, whichever rank reads it.\n")).len(), 1);
}

#[test]
fn no_file_names_a_folder_of_one_machine() {
    let mut faults = Vec::new();
    for path in tree::paths() {
        let bytes = fs::read(root().join(&path)).unwrap_or_default();
        if let Ok(text) = String::from_utf8(bytes) {
            faults.extend(machine_path_faults(&File { path, text }));
        }
    }
    expect_none(&faults);
    let count = |text: &str| machine_path_faults(&File::new("a.md", text)).len();
    assert_eq!(count(&["see ", "/home", "/me and \"", "/work", "/x\""].concat()), 2);
    assert_eq!(count("a.b/home/c, home/work/d, / work/, \"/root/\""), 0);
}

#[test]
fn links_of_documents_lead_somewhere() {
    let anchors_of = |path: &Path| {
        let path = root().join(path);
        path.exists().then(|| fs::read_to_string(path).map(|text| anchors(&text)).unwrap_or_default())
    };
    let documents = tree::files(".md");
    expect_none(&documents.iter().flat_map(|file| link_faults(file, anchors_of)).collect::<Vec<_>>());

    let text = "## A `few` words\n[a](b.md) <img src=\"c.png\"> [x](https://x.org/y) [z](#a-few-words)\n```\n[d](e)\n```\n";
    let count = |text: &str, there: &[&str]| {
        let anchors_of = |path: &Path| there.iter().any(|name| path == Path::new(name)).then(|| vec!["one".to_owned()]);
        link_faults(&File::new("docs/a.md", text), anchors_of).len()
    };
    assert_eq!((count(text, &["docs/b.md", "docs/c.png"]), count(text, &["docs/b.md"]), count(text, &[])), (0, 1, 2));
    assert_eq!(count("[a](b.md#one) [b](b.md#two) [c](#three)", &["docs/b.md"]), 2);
}

#[test]
fn the_readme_shows_what_ci_calls() {
    let read = |path: &str| File::read(path).text;
    expect_none(&command_faults(&read("README.md"), &read(".ci/run"), &read("Cargo.toml")));
    let faults = command_faults("```sh\ncargo run --release   # opens it\n```", "cargo test", "");
    assert_eq!(faults.len(), 3, "{faults:?}");
}

#[test]
fn assets_are_small_and_licensed() {
    let assets: Vec<String> = tree::paths().into_iter().filter(|path| path.starts_with("assets/")).collect();
    let size = |path: &String| fs::metadata(root().join(path)).map_or(0, |data| data.len());
    expect_none(&size_faults(&assets.iter().map(|path| (path.clone(), size(path))).collect::<Vec<_>>()));
    assert_eq!(size_faults(&[("assets/practice/dit.safetensors".to_owned(), PRACTICE + 1)]).len(), 1);

    assert!(File::read("LICENSE").text.contains("Apache License"));
    assert!(assets.iter().any(|path| path.ends_with(".ttf")), "no fonts were found");
    assert!(File::read("assets/fonts/OFL.txt").text.contains("SIL OPEN FONT LICENSE Version 1.1"));
    assert!(File::read("NOTICE").text.contains("assets/fonts"), "NOTICE does not name the fonts");
}
