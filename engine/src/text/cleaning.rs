//! The caption cleaning that the released model was trained with, rule by rule and in its order.
//!
//! It was written for pictures from the web and is hard on reports: sizes written without blanks, slashes,
//! brackets and codes vanish. The model has never seen them, so they must vanish here too; what a radiologist
//! would miss is reported in [`Cleaned::lost`]. The release cleans twice, and so does [`clean`].
//!
//! # Source
//! `clean_caption` of the ChexGen release; the same rules stand in huggingface/diffusers
//! `pipelines/pixart_alpha/pipeline_pixart_alpha.py` (Apache-2.0), after DeepFloyd IF.

use std::sync::LazyLock;

use fancy_regex::Regex;

use super::patterns::{found, is_space, pattern, replace};
use super::{entities, html_text, repair};

/// A text that cannot be cleaned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CleaningError {
    /// Far longer than any impression; some rules take time that grows with the square of the length.
    #[error("the text has {chars} characters; shorten it to at most {MAX_CHARS}")]
    TooLong {
        /// Length of the text.
        chars: usize,
    },
    /// Built so that searching it takes forever; no written report is.
    #[error("the text is too intricate to be cleaned; shorten it")]
    TooIntricate,
}

/// The longest text that is cleaned, in characters; the text encoder sees the first five hundred or so.
pub const MAX_CHARS: usize = 8000;

/// A cleaned text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaned {
    /// What the text encoder gets to see.
    pub text: String,
    /// Words with digits (sizes, dates, codes) of the input that did not come through, in order, as written.
    pub lost: Vec<String>,
}

/// Cleans an impression as the release does: twice.
///
/// # Errors
/// A text that is longer than [`MAX_CHARS`], or on which the rules do not end in reasonable time.
pub fn clean(text: &str) -> Result<Cleaned, CleaningError> {
    let cleaned = clean_once(&clean_once(text)?)?;
    let lost = lost_words(text, &cleaned);
    Ok(Cleaned { text: cleaned, lost })
}

/// One pass of the cleaning.
///
/// # Errors
/// As [`clean`].
pub fn clean_once(text: &str) -> Result<String, CleaningError> {
    let chars = text.chars().count();
    if chars > MAX_CHARS {
        return Err(CleaningError::TooLong { chars });
    }
    let text = percent_decoded(text);
    let text = text.trim_matches(is_space).to_lowercase().replace("<person>", "person");
    let text = apply(&ADDRESSES, text)?;
    let text = html_text::text_of(&text)?;
    let text = apply(&MARKS, text)?;
    let text = straightened(&text);
    let text = apply(&NUMBERS_AND_PUNCTUATION, text)?;
    let text = if text.matches(['-', '_']).count() > 3 { text.replace(['-', '_'], " ") } else { text };
    let text = repair::repaired(&text)?;
    let text = entities::unescape(&entities::unescape(&text));
    let text = apply(&CODES_AND_ADVERTISING, text.trim_matches(is_space).to_owned())?;
    let text = trimmed_ends(&text);
    let text = if found(&HIDDEN_FILE, &text)? { "" } else { text.as_str() };
    Ok(text.trim_matches(is_space).to_owned())
}

type Rule = (Regex, &'static str);

fn rules<const N: usize>(list: [(&str, &'static str); N]) -> Vec<Rule> {
    list.into_iter().map(|(python, with)| (pattern(python), with)).collect()
}

fn apply(rules: &[Rule], text: String) -> Result<String, CleaningError> {
    rules.iter().try_fold(text, |text, (regex, with)| replace(regex, &text, with))
}

static ADDRESSES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules([
        (
            r"\b((?:https?:(?:/{1,3}|[a-zA-Z0-9%])|[a-zA-Z0-9.\-]+[.](?:com|co|ru|net|org|edu|gov|it)[\p{L}\p{N}_/-]*\b/?(?!@)))",
            "",
        ),
        (r"\b((?:www:(?:/{1,3}|[a-zA-Z0-9%])|[a-zA-Z0-9.\-]+[.](?:com|co|ru|net|org|edu|gov|it)[\p{L}\p{N}_/-]*\b/?(?!@)))", ""),
    ])
});

/// Nicknames, Chinese characters, dashes, quotes, left-over references.
static MARKS: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules([
        (r"@\w+", ""),
        (r"[\x{31c0}-\x{9fff}]+", ""),
        (
            r"[\x{2d}\x{58a}\x{5be}\x{1400}\x{1806}\x{2010}-\x{2015}\x{2e17}\x{2e1a}\x{2e3a}\x{2e3b}\x{2e40}\x{301c}\x{3030}\x{30a0}\x{fe31}\x{fe32}\x{fe58}\x{fe63}\x{ff0d}]+",
            "-",
        ),
    ])
});

static NUMBERS_AND_PUNCTUATION: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules([
        (r"&quot;?", ""),
        (r"&amp", ""),
        (r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}", " "),
        (r"\d:\d\d\s+\z", ""),
        (r"\\n", " "),
        (r"#\d{1,3}\b", ""),
        (r"#\d{5,}\b", ""),
        (r"\b\d{6,}\b", ""),
        (r"\S+\.(?:png|jpg|jpeg|bmp|webp|eps|pdf|apk|mp4)", ""),
        (r#"["']{2,}"#, "\""),
        (r"\.{2,}", " "),
        (r"[#®•©™&@·º½¾¿¡§~)(\]\[}{|\\/*]+", " "),
        (r"\s+\.\s+", " "),
    ])
});

static CODES_AND_ADVERTISING: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules([
        (r"\b[a-zA-Z]{1,3}\d{3,15}\b", ""),
        (r"\b[a-zA-Z]+\d+[a-zA-Z]+\b", ""),
        (r"\b\d+[a-zA-Z]+\d+\b", ""),
        (r"(worldwide\s+)?(free\s+)?shipping", ""),
        (r"(free\s)?download(\sfree)?", ""),
        (r"\bclick\b\s(?:for|on)\s\w+", ""),
        (r"\b(?:png|jpg|jpeg|bmp|webp|eps|pdf|apk|mp4)(\simages?)?", ""),
        (r"\bpage\s+\d+\b", ""),
        (r"\b\d*[a-zA-Z]+\d+[a-zA-Z]+\d+[a-zA-Z\p{Nd}]*\b", " "),
        (r"\b\d+\.?\d*[xх×]\d+\.?\d*\b", ""),
        (r"\b\s+:\s+", ": "),
        (r"(\D[,./])\b", "$1 "),
        (r"\s+", " "),
    ])
});

static HIDDEN_FILE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\.\S+\z"));

/// `%41` becomes `A` and `+` a blank, as `urllib.parse.unquote_plus` does it; damaged UTF-8 becomes U+FFFD.
fn percent_decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while !rest.is_empty() {
        // Stretches of ASCII are decoded by themselves, so a broken sequence never joins what follows it.
        let ascii = rest.bytes().take_while(u8::is_ascii).count();
        let (head, tail) = rest.split_at(ascii);
        let mut bytes = Vec::with_capacity(ascii);
        let mut at = 0;
        while at < ascii {
            let escaped = head.get(at + 1..at + 3).filter(|_| head.as_bytes()[at] == b'%');
            match escaped.filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())).map(|hex| u8::from_str_radix(hex, 16)) {
                Some(Ok(byte)) => {
                    bytes.push(byte);
                    at += 3;
                }
                _ => {
                    bytes.push(head.as_bytes()[at]);
                    at += 1;
                }
            }
        }
        out.push_str(&String::from_utf8_lossy(&bytes));
        let other = tail.find(|c: char| c.is_ascii()).unwrap_or(tail.len());
        out.push_str(&tail[..other]);
        rest = &tail[other..];
    }
    out
}

/// Quotation marks to their typewriter forms.
fn straightened(text: &str) -> String {
    text.replace(['`', '´', '«', '»', '“', '”', '¨'], "\"").replace(['‘', '’'], "'")
}

/// Takes quotes around everything, and one odd mark at either end, away.
fn trimmed_ends(text: &str) -> String {
    let quote = |c: Option<char>| matches!(c, Some('"' | '\''));
    let mut text = text;
    if text.chars().count() > 2 && quote(text.chars().next()) && quote(text.chars().next_back()) {
        text = &text[1..text.len() - 1];
    }
    text = text.strip_prefix(['\'', '_', ',', '-', ':', ';']).unwrap_or(text);
    text = text.strip_suffix(['\'', '_', ',', '-', ':', '+']).unwrap_or(text);
    text.to_owned()
}

/// Words of the input that hold a digit and are not found again in the output.
fn lost_words(input: &str, output: &str) -> Vec<String> {
    // The rules turn most punctuation into blanks, which loses nothing that can be read.
    let plain = |text: &str| -> String {
        let blank = |c: char| if c.is_alphanumeric() || ".,:%+×".contains(c) { c } else { ' ' };
        let spaced: String = text.to_lowercase().chars().map(blank).collect();
        spaced.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let kept = format!(" {} ", plain(output));
    let ends = |c: char| !c.is_alphanumeric();
    input
        .split(is_space)
        .map(|word| word.trim_matches(ends))
        .filter(|word| word.chars().any(|c| c.is_numeric()))
        .filter(|word| !kept.contains(&plain(word)))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests;
