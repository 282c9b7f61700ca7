//! A sentencepiece unigram model, read from `spiece.model` and run natively.
//!
//! Follows the Hugging Face fast tokenizer of T5 (the reference of the released model) where it differs from
//! plain sentencepiece: trailing white space is dropped, runs of blanks become one word mark, special tokens
//! in the text are recognised before normalisation, and neighbouring unknown characters become one token.
//! Padding, truncation and the end token belong to [`super::tokenizer`].
//!
//! # Source
//! Kudo 2018, *Subword Regularization* (unigram model); google/sentencepiece `src/unigram_model.cc`
//! (best path); huggingface/transformers `convert_slow_tokenizer.py` (T5: normalisers, extra ids).

use std::collections::HashMap;

use super::charsmap::{self, CharsMap, Traced};
use super::protobuf::{Fields, Wire};
use super::tokenizer::TokenizerError;

/// Marks the start of a word: blanks are written as this character.
const WORD_MARK: char = '\u{2581}';
/// How far below the rarest piece an unknown character scores.
const UNKNOWN_PENALTY: f64 = 10.0;

/// Piece types of `sentencepiece_model.proto` that matter here.
const TYPE_UNKNOWN: u64 = 2;
const TYPE_CONTROL: u64 = 3;
const TYPE_USER_DEFINED: u64 = 4;

/// One token: its id and the bytes of the text that it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Row of the embedding table.
    pub id: u32,
    /// First byte of its source text.
    pub start: usize,
    /// One past the last byte of its source text.
    pub end: usize,
}

/// A unigram vocabulary with its normalisation.
#[derive(Clone, Debug)]
pub struct SentencePiece {
    pieces: Vec<(String, f64)>,
    ids: HashMap<String, u32>,
    specials: Vec<(String, u32)>,
    charsmap: Option<CharsMap>,
    longest_chars: usize,
    unknown_score: f64,
    unknown: u32,
    end: u32,
    pad: u32,
    byte_fallback: bool,
}

impl SentencePiece {
    /// Reads the bytes of a `spiece.model`, adding `extra_ids` sentinel tokens (100 for T5) behind its pieces.
    ///
    /// # Errors
    /// A damaged file, a file of another kind, a model that is not of type unigram, or one without an
    /// unknown or end piece.
    pub fn parse(bytes: &[u8], extra_ids: usize) -> Result<Self, TokenizerError> {
        let damaged = |what: &str| TokenizerError::Model(what.to_owned());
        let mut model = Self {
            pieces: Vec::new(),
            ids: HashMap::new(),
            specials: Vec::new(),
            charsmap: None,
            longest_chars: 1,
            unknown_score: 0.0,
            unknown: 0,
            end: 0,
            pad: 0,
            byte_fallback: false,
        };
        let mut unknown = None;
        for field in Fields::new(bytes) {
            let (number, wire) = field.map_err(|_| damaged("it is no sentencepiece model, or it is cut off"))?;
            match (number, wire) {
                (1, Wire::Bytes(piece)) => {
                    let (text, score, kind) = read_piece(piece).ok_or_else(|| damaged("a piece is damaged"))?;
                    let id = model.pieces.len() as u32;
                    match kind {
                        TYPE_UNKNOWN => {
                            unknown = Some(id);
                            model.specials.push((text.clone(), id));
                        }
                        TYPE_CONTROL | TYPE_USER_DEFINED => model.specials.push((text.clone(), id)),
                        _ => {}
                    }
                    model.push(text, f64::from(score));
                }
                (2, Wire::Bytes(trainer)) => {
                    let (kind, byte_fallback) = read_trainer(trainer).ok_or_else(|| damaged("its header is damaged"))?;
                    if kind != 1 {
                        return Err(damaged("its type is not unigram"));
                    }
                    model.byte_fallback = byte_fallback;
                }
                (3, Wire::Bytes(normalizer)) => {
                    for field in Fields::new(normalizer) {
                        let field = field.map_err(|_| damaged("its normaliser is damaged"))?;
                        if let (2, Wire::Bytes(map)) = field
                            && !map.is_empty()
                        {
                            model.charsmap = Some(CharsMap::parse(map).ok_or_else(|| damaged("its character table is damaged"))?);
                        }
                    }
                }
                _ => {}
            }
        }
        if model.pieces.is_empty() {
            return Err(damaged("it holds no pieces"));
        }
        model.unknown = unknown.ok_or_else(|| damaged("it has no piece for unknown text"))?;
        model.end = model.id("</s>").ok_or_else(|| damaged("it has no end piece </s>"))?;
        model.pad = model.id("<pad>").unwrap_or(0);
        for index in (0..extra_ids).rev() {
            let text = format!("<extra_id_{index}>");
            model.specials.push((text.clone(), model.pieces.len() as u32));
            model.push(text, 0.0);
        }
        // Longest first, so that the first special that fits is the longest one.
        model.specials.retain(|(text, _)| !text.is_empty());
        model.specials.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        let rarest = model.pieces.iter().map(|(_, score)| *score).fold(f64::INFINITY, f64::min);
        model.unknown_score = rarest - UNKNOWN_PENALTY;
        Ok(model)
    }

    fn push(&mut self, text: String, score: f64) {
        self.longest_chars = self.longest_chars.max(text.chars().count());
        self.ids.insert(text.clone(), self.pieces.len() as u32);
        self.pieces.push((text, score));
    }

    /// The id of a piece, by its text.
    pub fn id(&self, text: &str) -> Option<u32> {
        self.ids.get(text).copied()
    }

    /// The text of a piece, by its id.
    pub fn piece(&self, id: u32) -> Option<&str> {
        self.pieces.get(id as usize).map(|(text, _)| text.as_str())
    }

    /// Number of ids, sentinels included.
    pub fn vocab_size(&self) -> usize {
        self.pieces.len()
    }

    /// The end token, appended to every text.
    pub fn end_id(&self) -> u32 {
        self.end
    }

    /// The padding token.
    pub fn pad_id(&self) -> u32 {
        self.pad
    }

    /// Cuts `text` into tokens, without the end token.
    pub fn encode(&self, text: &str) -> Vec<Piece> {
        let mut out = Vec::new();
        let mut plain_from = 0;
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            match self.specials.iter().find(|(special, _)| rest.starts_with(special.as_str())) {
                Some((special, id)) => {
                    self.encode_plain(&text[plain_from..at], plain_from, &mut out);
                    out.push(Piece { id: *id, start: at, end: at + special.len() });
                    at += special.len();
                    plain_from = at;
                }
                None => at += rest.chars().next().map_or(1, char::len_utf8),
            }
        }
        self.encode_plain(&text[plain_from..], plain_from, &mut out);
        out
    }

    /// Normalises a stretch without special tokens and cuts each of its words.
    fn encode_plain(&self, text: &str, base: usize, out: &mut Vec<Piece>) {
        let mut chars = match &self.charsmap {
            Some(map) => map.normalize(text, base),
            None => charsmap::identity(text, base),
        };
        while chars.last().is_some_and(|last| last.char.is_whitespace()) {
            chars.pop();
        }
        let Some(first) = chars.first().copied() else { return };
        let mut marked: Vec<Traced> = Vec::with_capacity(chars.len() + 1);
        let mut blank_run = false;
        for traced in chars {
            let blank = traced.char == ' ';
            if !(blank && blank_run) {
                let char = if blank { WORD_MARK } else { traced.char };
                marked.push(Traced { char, ..traced });
            }
            blank_run = blank;
        }
        if marked.first().is_some_and(|first| first.char != WORD_MARK) {
            marked.insert(0, Traced { char: WORD_MARK, start: first.start, end: first.start });
        }
        let mut word_from = 0;
        for index in 1..=marked.len() {
            if marked.get(index).is_none_or(|next| next.char == WORD_MARK) {
                self.best_path(&marked[word_from..index], out);
                word_from = index;
            }
        }
    }

    /// The most probable cut of one word (Viterbi over the unigram scores).
    fn best_path(&self, word: &[Traced], out: &mut Vec<Piece>) {
        let mut text = String::with_capacity(word.len());
        let mut byte_at = Vec::with_capacity(word.len() + 1);
        for traced in word {
            byte_at.push(text.len());
            text.push(traced.char);
        }
        byte_at.push(text.len());

        // best[k]: score of the best cut of the first k characters, where its last piece starts, its id.
        let mut best: Vec<Option<(f64, usize, u32)>> = vec![None; word.len() + 1];
        best[0] = Some((0.0, 0, self.unknown));
        for start in 0..word.len() {
            let so_far = best[start].map_or(0.0, |(score, ..)| score);
            let mut offer = |end: usize, score: f64, id: u32| {
                if best[end].is_none_or(|(known, ..)| score > known) {
                    best[end] = Some((score, start, id));
                }
            };
            let mut single = false;
            for end in start + 1..=word.len().min(start + self.longest_chars) {
                if let Some(&id) = self.ids.get(&text[byte_at[start]..byte_at[end]]) {
                    offer(end, so_far + self.pieces[id as usize].1, id);
                    single |= end == start + 1;
                }
            }
            if !single {
                offer(start + 1, so_far + self.unknown_score, self.unknown);
            }
        }

        let mut spans: Vec<(usize, usize, u32)> = Vec::new();
        let mut end = word.len();
        while end > 0 {
            let Some((_, start, id)) = best[end] else { break };
            match spans.last_mut() {
                Some(last) if id == self.unknown && last.2 == self.unknown => last.0 = start,
                _ => spans.push((start, end, id)),
            }
            end = start;
        }
        for (from, to, id) in spans.into_iter().rev() {
            let (start, end) = (word[from].start, word[to - 1].end);
            let surface = &text[byte_at[from]..byte_at[to]];
            match self.bytes_of(id, surface) {
                Some(bytes) => out.extend(bytes.into_iter().map(|id| Piece { id, start, end })),
                None => out.push(Piece { id, start, end }),
            }
        }
    }

    /// The byte tokens of unknown text, where the model has them.
    fn bytes_of(&self, id: u32, surface: &str) -> Option<Vec<u32>> {
        if !self.byte_fallback || id != self.unknown {
            return None;
        }
        surface.bytes().map(|byte| self.id(&format!("<0x{byte:02X}>"))).collect()
    }
}

fn read_piece(message: &[u8]) -> Option<(String, f32, u64)> {
    let (mut text, mut score, mut kind) = (String::new(), 0.0, 1);
    for field in Fields::new(message) {
        match field.ok()? {
            (1, Wire::Bytes(bytes)) => text = String::from_utf8(bytes.to_vec()).ok()?,
            (2, Wire::Fixed32(bytes)) => score = f32::from_le_bytes(bytes),
            (3, Wire::Varint(value)) => kind = value,
            _ => {}
        }
    }
    score.is_finite().then_some((text, score, kind))
}

/// Model type (1 = unigram) and whether unknown text falls back to bytes.
fn read_trainer(message: &[u8]) -> Option<(u64, bool)> {
    let (mut kind, mut byte_fallback) = (1, false);
    for field in Fields::new(message) {
        match field.ok()? {
            (3, Wire::Varint(value)) => kind = value,
            (35, Wire::Varint(value)) => byte_fallback = value != 0,
            _ => {}
        }
    }
    Some((kind, byte_fallback))
}
