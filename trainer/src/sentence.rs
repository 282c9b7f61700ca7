//! One line from an error and its causes, where each reason stands once.

use std::error::Error;
use std::io::{self, ErrorKind};

/// The error and its causes, joined by colons.
pub fn of(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        if is_said(&text, cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(cause.to_string().trim_end());
    }
    text
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
        let missing = std::fs::read("none.txt").context("cannot open none.txt").expect_err("there is none");
        assert!(of(&missing).starts_with("cannot open none.txt: No such file"), "{}", of(&missing));
    }
}
