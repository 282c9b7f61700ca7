//! Sentences, their words, and the parts that commas and joining words cut them into.

use std::ops::Range;

/// A word in lower case and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) word: &'a str,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A sentence: bytes from one full stop to the next.
#[derive(Debug)]
pub(super) struct Sentence<'a> {
    /// The whole text as written.
    pub(super) text: &'a str,
    pub(super) range: Range<usize>,
    pub(super) tokens: Vec<Token<'a>>,
    /// Token ranges between commas and joining words.
    pub(super) parts: Vec<Range<usize>>,
}

/// Words that begin another part of a sentence.
const JOINS: [&str; 10] = ["and", "or", "nor", "with", "without", "but", "however", "although", "plus", "while"];

impl<'a> Sentence<'a> {
    /// All sentences of a text; `lower` is the text in lower case, byte for byte.
    pub(super) fn all(text: &'a str, lower: &'a str) -> Vec<Self> {
        let mut sentences = Vec::new();
        let mut from = 0;
        let mut before = ' ';
        let mut chars = lower.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let number = c == '.' && before.is_ascii_digit() && chars.peek().is_some_and(|(_, next)| next.is_ascii_digit());
            let ends = matches!(c, ';' | '\n' | '!') || (c == '.' && !number) || (c == '?' && before.is_alphanumeric());
            if ends {
                sentences.push(Self::new(text, lower, from..at));
                from = at + c.len_utf8();
            }
            before = c;
        }
        sentences.push(Self::new(text, lower, from..lower.len()));
        sentences
    }

    fn new(text: &'a str, lower: &'a str, range: Range<usize>) -> Self {
        let mut tokens = Vec::new();
        let mut start = None;
        for (at, c) in lower[range.clone()].char_indices().map(|(i, c)| (range.start + i, c)).chain([(range.end, ' ')]) {
            match (c.is_alphanumeric(), start) {
                (true, None) => start = Some(at),
                (false, Some(from)) => {
                    tokens.push(Token { word: &lower[from..at], start: from, end: at });
                    start = None;
                }
                _ => {}
            }
        }
        let mut sentence = Self { text, range, tokens, parts: Vec::new() };
        let mut from = 0;
        for i in 0..sentence.tokens.len() {
            let cut = i > from && (JOINS.contains(&sentence.tokens[i].word) || sentence.comma_before(i));
            if cut {
                sentence.parts.push(from..i);
                from = i;
            }
        }
        sentence.parts.push(from..sentence.tokens.len());
        sentence
    }

    /// The word at a place; empty beyond the ends.
    pub(super) fn word(&self, i: usize) -> &'a str {
        self.tokens.get(i).map_or("", |t| t.word)
    }

    /// Bytes of a range of tokens.
    pub(super) fn bytes(&self, tokens: Range<usize>) -> Range<usize> {
        match (self.tokens.get(tokens.start), tokens.end.checked_sub(1).and_then(|last| self.tokens.get(last))) {
            (Some(first), Some(last)) => first.start..last.end.max(first.start),
            _ => self.range.end..self.range.end,
        }
    }

    /// What stands between a token and the one before it.
    pub(super) fn gap_before(&self, i: usize) -> &'a str {
        match (i.checked_sub(1).and_then(|before| self.tokens.get(before)), self.tokens.get(i)) {
            (Some(before), Some(token)) => &self.text[before.end..token.start],
            _ => "",
        }
    }

    /// Whether a comma, a colon or a bracket stands before a token.
    pub(super) fn comma_before(&self, i: usize) -> bool {
        self.gap_before(i).contains([',', ':', '(', ')', '/'])
    }

    /// Whether only blanks and hyphens stand before a token.
    pub(super) fn joined_before(&self, i: usize) -> bool {
        self.gap_before(i).chars().all(|c| c.is_whitespace() || c == '-')
    }

    /// The part that a token stands in.
    pub(super) fn part_of(&self, token: usize) -> usize {
        self.parts.iter().position(|part| part.contains(&token)).unwrap_or(0)
    }

    /// Whether words stand at a place, one token each; `*` at the end of a word is any ending, other words may be plural.
    pub(super) fn stands(&self, at: usize, pattern: &str) -> Option<Range<usize>> {
        let mut i = at;
        for wanted in pattern.split(' ') {
            let word = self.word(i);
            let fits = match wanted.strip_suffix('*') {
                Some(stem) => word.starts_with(stem),
                None => word.strip_prefix(wanted).is_some_and(|rest| matches!(rest, "" | "s" | "es")),
            };
            if word.is_empty() || !fits || (i > at && !self.joined_before(i)) {
                return None;
            }
            i += 1;
        }
        Some(at..i)
    }
}
