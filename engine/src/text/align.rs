//! Which tokens belong to which word of a text as it was typed.
//!
//! Tokens come from the cleaned text, so some words have none and some tokens belong to no word.

use std::ops::Range;

/// How far ahead a token is looked for, in bytes: cleaning leaves the order and drops little.
const REACH: usize = 64;

/// A word of a text and its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Bytes of the text.
    pub range: Range<usize>,
    /// Its tokens, by number.
    pub tokens: Vec<usize>,
}

/// The words of `text` that have tokens; `tokens` are the texts behind the tokens, in order.
pub fn words(text: &str, tokens: &[String]) -> Vec<Word> {
    let lower = text.to_ascii_lowercase();
    let mut found: Vec<Word> = spans(text).into_iter().map(|range| Word { range, tokens: Vec::new() }).collect();
    let mut from = 0;
    for (number, token) in tokens.iter().enumerate() {
        let token = token.trim().to_ascii_lowercase();
        if token.is_empty() {
            continue;
        }
        let mut until = (from + REACH + token.len()).min(lower.len());
        while !lower.is_char_boundary(until) {
            until += 1;
        }
        let Some(at) = lower.get(from..until).and_then(|ahead| ahead.find(&token)).map(|i| from + i) else { continue };
        from = at + token.len();
        if let Some(word) = found.iter_mut().find(|word| word.range.start < from && at < word.range.end) {
            word.tokens.push(number);
        }
    }
    found.retain(|word| !word.tokens.is_empty());
    found
}

/// Words between blanks, without the punctuation at their ends.
fn spans(text: &str) -> Vec<Range<usize>> {
    text.split_whitespace()
        .filter_map(|piece| {
            let word = piece.trim_matches(|c: char| !c.is_alphanumeric());
            let start = word.as_ptr() as usize - text.as_ptr() as usize;
            (!word.is_empty()).then(|| start..start + word.len())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, tokens: &[&str]) -> Vec<(String, Vec<usize>)> {
        let tokens: Vec<String> = tokens.iter().map(|t| (*t).to_owned()).collect();
        words(text, &tokens).into_iter().map(|w| (text[w.range].to_owned(), w.tokens)).collect()
    }

    fn pair(word: &str, tokens: &[usize]) -> (String, Vec<usize>) {
        (word.to_owned(), tokens.to_vec())
    }

    #[test]
    fn parts_of_words_and_punctuation_find_their_word() {
        let tokens = ["moderate", "right", "pneum", "othorax", ".", "no", "effusion", ""];
        assert_eq!(
            of("Moderate right pneumothorax. No effusion", &tokens),
            [
                pair("Moderate", &[0]),
                pair("right", &[1]),
                pair("pneumothorax", &[2, 3]),
                pair("No", &[5]),
                pair("effusion", &[6])
            ]
        );
    }

    #[test]
    fn words_that_cleaning_dropped_have_no_tokens() {
        assert_eq!(of("A 3.5x4 cm mass", &["a", "cm", "mass"]), [pair("A", &[0]), pair("cm", &[1]), pair("mass", &[2])]);
        assert_eq!(of("right and right", &["right", "and", "right"]).last(), Some(&pair("right", &[2])));
        assert_eq!(of("", &["a"]), []);
    }

    proptest::proptest! {
        #[test]
        fn any_text_and_tokens_align(text in "\\PC{0,40}", tokens in proptest::collection::vec("\\PC{0,4}", 0..12)) {
            for word in words(&text, &tokens) {
                proptest::prop_assert!(text.get(word.range.clone()).is_some());
            }
        }
    }
}
