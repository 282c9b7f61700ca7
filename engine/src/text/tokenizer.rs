//! Text to token ids and mask, from a `spiece.model` or a `tokenizer.json`.
//!
//! Length rule: the end token is always kept, and the start token where there is one; of a text that is too long the
//! first tokens remain that fit beside them. What lies behind is reported by [`Tokenizer::count`], never dropped in
//! silence by a caller that asks.

use std::path::Path;

use super::charsmap::{self, CharsMap};
use super::clip;
use super::sentencepiece::{Piece, SentencePiece};

/// Sentinel tokens that T5 adds behind the sentencepiece vocabulary.
pub const T5_EXTRA_IDS: usize = 100;
/// A tokenizer file larger than this is not one.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// Why a tokenizer could not be read or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// The file cannot be read.
    #[error("{name} cannot be read: {source}")]
    Io {
        /// File name, without folders.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The sentencepiece model is damaged or of another kind.
    #[error("the sentencepiece model cannot be used: {0}")]
    Model(String),
    /// The `tokenizer.json` is damaged or lacks what is needed.
    #[error("the tokenizer.json cannot be used: {0}")]
    Json(String),
    /// The two files of a CLIP tokenizer do not make one.
    #[error("the CLIP tokenizer cannot be used: {0}")]
    Clip(String),
    /// The text could not be cut into tokens.
    #[error("the text cannot be tokenized: {0}")]
    Encode(String),
    /// No room for the end token.
    #[error("a token limit of {limit} leaves no room for the marks of beginning and end")]
    NoRoom {
        /// The limit.
        limit: usize,
    },
}

/// Token ids of one text, padded to a fixed length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenIds {
    /// `max_len` ids, the end token last of the real ones, then padding.
    pub ids: Vec<u32>,
    /// 1 for real tokens (marks included), 0 for padding; as long as `ids`.
    pub mask: Vec<u8>,
}

impl TokenIds {
    /// Number of real tokens, marks included.
    pub fn used(&self) -> usize {
        self.mask.iter().filter(|&&kept| kept != 0).count()
    }
}

/// How much of a text fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenCount {
    /// Tokens of the whole text, marks included.
    pub used: usize,
    /// The most that are kept.
    pub limit: usize,
    /// Byte offset of the first piece of text that is cut off, on a character boundary.
    pub cut_at: Option<usize>,
}

#[derive(Clone, Debug)]
enum Kind {
    Native(Box<SentencePiece>),
    Json(Box<tokenizers::Tokenizer>),
}

/// A tokenizer of either file kind.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    kind: Kind,
    /// Put before every text, where there is one.
    start: Option<u32>,
    end: u32,
    pad: u32,
}

impl Tokenizer {
    /// Reads a tokenizer file; the kind is told by its content: JSON starts with `{`.
    ///
    /// A `spiece.model` gets the 100 sentinel tokens of T5.
    ///
    /// # Errors
    /// An unreadable or damaged file.
    pub fn open(path: &Path) -> Result<Self, TokenizerError> {
        let name = || path.file_name().map_or_else(|| "the tokenizer".into(), |name| name.to_string_lossy().into_owned());
        let io = |source| TokenizerError::Io { name: name(), source };
        if std::fs::metadata(path).map_err(io)?.len() > MAX_FILE_BYTES {
            return Err(TokenizerError::Model(format!("{} is far too large for a tokenizer", name())));
        }
        let bytes = std::fs::read(path).map_err(io)?;
        match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{') => Self::from_json(&bytes),
            _ => Self::from_spiece(&bytes, T5_EXTRA_IDS),
        }
    }

    /// Reads the bytes of a `spiece.model`.
    ///
    /// # Errors
    /// See [`SentencePiece::parse`].
    pub fn from_spiece(bytes: &[u8], extra_ids: usize) -> Result<Self, TokenizerError> {
        let model = SentencePiece::parse(bytes, extra_ids)?;
        Ok(Self { start: None, end: model.end_id(), pad: model.pad_id(), kind: Kind::Native(Box::new(model)) })
    }

    /// Reads the bytes of a `tokenizer.json` of T5 or CLIP; truncation and padding stated in it are ignored, but for
    /// the token that CLIP's fills up with.
    ///
    /// # Errors
    /// Damaged JSON, or a vocabulary with the marks of neither.
    pub fn from_json(bytes: &[u8]) -> Result<Self, TokenizerError> {
        let value = serde_json::from_slice(bytes).map_err(|error| TokenizerError::Json(error.to_string()))?;
        if !tables_are_sound(&value) {
            return Err(TokenizerError::Json("its character table is damaged".into()));
        }
        let mut inner = tokenizers::Tokenizer::from_bytes(bytes).map_err(|error| TokenizerError::Json(error.to_string()))?;
        inner.with_truncation(None).map_err(|error| TokenizerError::Json(error.to_string()))?;
        let filled = inner.get_padding().map(|padding| padding.pad_id);
        inner.with_padding(None);
        let clip = [clip::START, clip::END].map(|token| inner.token_to_id(token));
        let (start, end, pad) = match (clip, inner.token_to_id("</s>")) {
            ([Some(start), Some(end)], _) => (Some(start), end, filled.unwrap_or(end)),
            (_, Some(end)) => (None, end, inner.token_to_id("<pad>").unwrap_or(0)),
            _ => {
                return Err(TokenizerError::Json(format!(
                    "it has neither the end token </s> nor {} and {}",
                    clip::START,
                    clip::END
                )));
            }
        };
        Ok(Self { kind: Kind::Json(Box::new(inner)), start, end, pad })
    }

    /// The token before every text, if there is one.
    pub fn start_id(&self) -> Option<u32> {
        self.start
    }

    /// Tokens that stand beside those of the text: one or two marks.
    pub fn marks(&self) -> usize {
        1 + usize::from(self.start.is_some())
    }

    /// The end token.
    pub fn end_id(&self) -> u32 {
        self.end
    }

    /// The padding token.
    pub fn pad_id(&self) -> u32 {
        self.pad
    }

    /// Number of ids; an embedding table needs at least so many rows.
    pub fn vocab_size(&self) -> usize {
        match &self.kind {
            Kind::Native(model) => model.vocab_size(),
            Kind::Json(inner) => inner.get_vocab_size(true),
        }
    }

    /// The text of a token.
    pub fn token(&self, id: u32) -> Option<String> {
        match &self.kind {
            Kind::Native(model) => model.piece(id).map(str::to_owned),
            Kind::Json(inner) => inner.id_to_token(id),
        }
    }

    /// Cuts `text` into tokens, without marks and without any limit.
    ///
    /// # Errors
    /// Only from a `tokenizer.json` whose parts do not fit together.
    pub fn pieces(&self, text: &str) -> Result<Vec<Piece>, TokenizerError> {
        match &self.kind {
            Kind::Native(model) => Ok(model.encode(text)),
            Kind::Json(inner) => {
                let encoding = inner.encode(text, false).map_err(|error| TokenizerError::Encode(error.to_string()))?;
                let spans = encoding.get_ids().iter().zip(encoding.get_offsets());
                Ok(spans.map(|(&id, &(start, end))| Piece { id, start, end }).collect())
            }
        }
    }

    /// The ids of `text`, cut and padded to `max_len`, and their mask.
    ///
    /// # Errors
    /// A `max_len` without room for the marks, or see [`Tokenizer::pieces`].
    pub fn encode(&self, text: &str, max_len: usize) -> Result<TokenIds, TokenizerError> {
        let room = self.room(max_len)?;
        let mut ids: Vec<u32> = self.start.into_iter().collect();
        ids.extend(self.pieces(text)?.into_iter().take(room).map(|piece| piece.id));
        ids.push(self.end);
        let mut mask = vec![1; ids.len()];
        ids.resize(max_len, self.pad);
        mask.resize(max_len, 0);
        Ok(TokenIds { ids, mask })
    }

    /// How many tokens `text` has, and where it is cut if that is more than `max_len`.
    ///
    /// # Errors
    /// A `max_len` without room for the marks, or see [`Tokenizer::pieces`].
    pub fn count(&self, text: &str, max_len: usize) -> Result<TokenCount, TokenizerError> {
        let room = self.room(max_len)?;
        let pieces = self.pieces(text)?;
        let cut_at = pieces.get(room).map(|piece| {
            let mut at = piece.start.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        });
        Ok(TokenCount { used: pieces.len() + self.marks(), limit: max_len, cut_at })
    }

    /// Tokens of the text that fit beside the marks.
    fn room(&self, max_len: usize) -> Result<usize, TokenizerError> {
        max_len.checked_sub(self.marks()).ok_or(TokenizerError::NoRoom { limit: max_len })
    }
}

/// Checks every character table in the file, because the tokenizer crate walks them without looking.
fn tables_are_sound(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Object(fields) => fields.iter().all(|(key, value)| match value.as_str() {
            Some(table) if key == "precompiled_charsmap" => {
                charsmap::from_base64(table).and_then(|table| CharsMap::parse(&table)).is_some_and(|table| table.is_sound())
            }
            _ => tables_are_sound(value),
        }),
        serde_json::Value::Array(items) => items.iter().all(tables_are_sound),
        _ => true,
    }
}

#[cfg(test)]
mod tests;
