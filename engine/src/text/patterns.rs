//! Regular expressions with the meaning that Python gives them.
//!
//! Python's `\w` is letters, numbers of every kind and the underscore, but no combining marks; its `\s` includes
//! the four separators 0x1c to 0x1f. [`pattern`] spells that out, so that rules can be written as in the reference.

use fancy_regex::{Regex, RegexBuilder};

use super::cleaning::CleaningError;

/// A word character.
const WORD: &str = r"[\p{L}\p{N}_]";
/// A word boundary.
const BOUNDARY: &str = r"(?:(?<=[\p{L}\p{N}_])(?![\p{L}\p{N}_])|(?<![\p{L}\p{N}_])(?=[\p{L}\p{N}_]))";
/// How much searching a rule may do before a text counts as too intricate: seconds, on hostile text only.
const BACKTRACK_LIMIT: usize = 20_000_000;

/// Compiles a rule: `\b`, `\w`, `\s`, `\S` (outside classes) and `\d`, `\D` mean what they mean in Python.
pub(super) fn pattern(python: &str) -> Regex {
    let rust = python
        .replace(r"\b", BOUNDARY)
        .replace(r"\w", WORD)
        .replace(r"\s", r"[\s\x1c-\x1f]")
        .replace(r"\S", r"[^\s\x1c-\x1f]")
        .replace(r"\d", r"\p{Nd}")
        .replace(r"\D", r"\P{Nd}");
    RegexBuilder::new(&rust)
        .backtrack_limit(BACKTRACK_LIMIT)
        .build()
        .expect("invariant: the rules are constants and a test compiles them all")
}

/// Replaces every match.
pub(super) fn replace(regex: &Regex, text: &str, with: &str) -> Result<String, CleaningError> {
    Ok(regex.try_replacen(text, 0, with).map_err(|_| CleaningError::TooIntricate)?.into_owned())
}

/// Whether there is a match anywhere.
pub(super) fn found(regex: &Regex, text: &str) -> Result<bool, CleaningError> {
    regex.is_match(text).map_err(|_| CleaningError::TooIntricate)
}

/// What Python's `str.isspace` says of a character.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}
