//! One line from an error and its causes, where each reason stands once, and in plain words with a remedy.

use std::error::Error;
use std::io::{self, ErrorKind};

/// The error and its causes, joined by colons.
pub fn of(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        if is_said(&text, cause) {
            continue;
        }
        let reason = cause.downcast_ref::<io::Error>().and_then(|system| plain(system.kind())).map(reason);
        match (reason, text.rfind("; ")) {
            // What to do stands there already, and better: the reason comes before it.
            (Some(reason), Some(remedy)) => text.insert_str(remedy, &format!(": {reason}")),
            _ if text.is_empty() => text.push_str(cause.to_string().trim_end()),
            _ => text = format!("{text}: {}", cause.to_string().trim_end()),
        }
    }
    for system in error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>()) {
        if let Some(words) = plain(system.kind()) {
            text = in_words(&text, &system.to_string(), words);
        }
    }
    // Where a cause was told as text, only its words are left.
    for (said, kind) in NUMBERED {
        if let Some(words) = plain(*kind).filter(|_| text.contains(said)) {
            text = in_words(&text, said, words);
        }
    }
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

/// What Linux says, with the number that Rust puts behind it.
const NUMBERED: &[(&str, ErrorKind)] = &[
    ("No such file or directory (os error 2)", ErrorKind::NotFound),
    ("Permission denied (os error 13)", ErrorKind::PermissionDenied),
    ("File exists (os error 17)", ErrorKind::AlreadyExists),
    ("Not a directory (os error 20)", ErrorKind::NotADirectory),
    ("Is a directory (os error 21)", ErrorKind::IsADirectory),
    ("No space left on device (os error 28)", ErrorKind::StorageFull),
    ("Read-only file system (os error 30)", ErrorKind::ReadOnlyFilesystem),
];

/// The text with `words` for what the system said; where a remedy follows, without theirs.
fn in_words(text: &str, said: &str, words: &str) -> String {
    text.replace(&format!("{said};"), &format!("{};", reason(words))).replace(said, words)
}

/// The reason alone, without what to do.
fn reason(words: &str) -> &str {
    words.split(';').next().unwrap_or(words)
}

/// What to say instead of the system's words.
fn plain(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::NotFound => "there is no such file or folder; check the name",
        ErrorKind::IsADirectory => "this is a folder; name a file",
        ErrorKind::NotADirectory => "a part of this path is a file, where a folder is needed; check the name",
        ErrorKind::AlreadyExists => "a file has this name, where a folder is needed; choose another name",
        ErrorKind::PermissionDenied => "permission denied; allow it, or choose another place",
        ErrorKind::ReadOnlyFilesystem => "this disk is read-only; choose another place",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "the disk is full; free some space and try again",
        ErrorKind::InvalidData => "it is not text in UTF-8; save it again as UTF-8, or name a text file",
        _ => return None,
    })
}

/// Whether all that failed is that nobody reads the output any more, as when `head` has seen enough.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.root_cause().downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// Whether a cause stands in the text already, also in words of our own for what the system said.
fn is_said(text: &str, cause: &(dyn Error + 'static)) -> bool {
    let in_our_words = |error: &io::Error| match error.kind() {
        ErrorKind::NotFound => text.contains("no such file") || text.contains("does not exist"),
        ErrorKind::PermissionDenied => text.contains("permission denied"),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => text.contains("disk is full"),
        ErrorKind::ReadOnlyFilesystem => text.contains("read-only"),
        ErrorKind::FileTooLarge => text.contains("larger than"),
        _ => false,
    };
    text.contains(cause.to_string().trim()) || cause.downcast_ref::<io::Error>().is_some_and(in_our_words)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use anyhow::Context as _;
    use engine::imageio::png;

    use super::*;

    #[test]
    fn each_reason_is_said_once() {
        let error = png::read_gray(Path::new("none.png")).context("the image of case 3").expect_err("there is none");
        assert_eq!(of(&error), "the image of case 3: cannot read none.png: there is no such file");
    }

    #[test]
    fn what_the_system_says_is_told_in_plain_words() {
        let told = anyhow::anyhow!("cannot read a.json: {}", io::Error::from_raw_os_error(2));
        assert_eq!(of(&told), "cannot read a.json: there is no such file or folder; check the name");
        let missing = std::fs::read("none.txt").context("cannot open none.txt").expect_err("there is none");
        assert_eq!(of(&missing), "cannot open none.txt: there is no such file or folder; check the name");
        let inside = anyhow::anyhow!("cannot read model.toml: {}; choose a folder", io::Error::from_raw_os_error(2));
        assert_eq!(of(&inside), "cannot read model.toml: there is no such file or folder; choose a folder");
        // A remedy that is said already is the better one.
        let set = std::fs::read("none/dataset.json").context("cannot read none/dataset.json; name a data set").expect_err("none");
        assert_eq!(of(&set), "cannot read none/dataset.json: there is no such file or folder; name a data set");
        let folder = tempfile::tempdir().expect("a folder");
        let said = |path: &Path| of(&std::fs::read_to_string(path).context("a").expect_err("it cannot be read"));
        assert_eq!(said(folder.path()), "a: this is a folder; name a file");
        let file = folder.path().join("bytes");
        std::fs::write(&file, [0xff, 0xfe]).expect("written");
        assert!(said(&file).starts_with("a: it is not text in UTF-8"), "{}", said(&file));
        assert!(said(&file.join("model.toml")).contains("where a folder is needed"), "{}", said(&file.join("model.toml")));
    }

    #[test]
    fn a_reader_who_left_is_told_from_other_failures() {
        let closed = anyhow::Error::from(io::Error::from(ErrorKind::BrokenPipe)).context("cannot write to standard output");
        assert!(is_closed_pipe(&closed));
        assert!(!is_closed_pipe(&anyhow::Error::from(io::Error::from(ErrorKind::StorageFull))));
    }
}
