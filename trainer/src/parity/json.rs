//! JSON as Python writes it: `NaN`, `Infinity` and `-Infinity` may stand for numbers.

use anyhow::Context as _;
use serde_json::Value;

/// Parses a document; the three bare words become the strings of the same spelling.
///
/// # Errors
/// With line and column, when the document is not JSON otherwise.
pub fn parse(text: &str) -> anyhow::Result<Value> {
    serde_json::from_str(&quote_bare_words(text)).context("is not valid JSON")
}

/// Puts quotes around `NaN`, `Infinity` and `-Infinity` outside strings.
fn quote_bare_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    let mut in_string = false;
    while let Some(c) = rest.chars().next() {
        if in_string {
            let taken = if c == '\\' { rest.char_indices().nth(2).map_or(rest.len(), |(i, _)| i) } else { c.len_utf8() };
            in_string = c != '"';
            out.push_str(&rest[..taken]);
            rest = &rest[taken..];
            continue;
        }
        if let Some(word) = ["NaN", "Infinity", "-Infinity"].into_iter().find(|w| rest.starts_with(w)) {
            out.push('"');
            out.push_str(word);
            out.push('"');
            rest = &rest[word.len()..];
            continue;
        }
        in_string = c == '"';
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}
