//! Impression → text → tokens → embedding.

use std::borrow::Cow;

use candle_core::{Device, Tensor};

use super::part::{Held, Part};
use super::text_encoder::TextEncoder;
use super::{Error, TokenCount};
use crate::store::embedding_cache::EmbeddingCache;
use crate::text::{self, Tokenizer};

/// How a model's captions were prepared when it was trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Cleaned, and as long as they are: the diffusion transformer.
    Cleaned,
    /// As they were typed, and filled up to the limit: Stable Diffusion.
    Raw,
}

/// The text side of a model.
#[derive(Debug)]
pub(super) struct Prompt {
    pub(super) tokenizer: Tokenizer,
    pub(super) encoder: Part<TextEncoder>,
    /// Whether the encoder's weights are read from their file for every text.
    pub(super) streamed: bool,
    /// Width of an embedding's rows.
    pub(super) width: usize,
    pub(super) cache: Option<EmbeddingCache>,
    pub(super) max_tokens: usize,
    pub(super) reading: Reading,
    pub(super) device: Device,
}

impl Prompt {
    /// What is cut into tokens of an impression.
    pub(super) fn text<'a>(&self, impression: &'a str) -> Result<Cow<'a, str>, Error> {
        match self.reading {
            Reading::Cleaned => Ok(Cow::Owned(text::clean(impression)?.text)),
            Reading::Raw => Ok(Cow::Borrowed(impression)),
        }
    }

    /// The embedding `(1, L, De)` of an impression, `L` being its tokens with the end token, or the limit where texts
    /// are filled up to it.
    ///
    /// Each text is encoded alone, so its bits depend on nothing else. The encoder is put into `encoder` when a text
    /// needs it.
    pub(super) fn embed<'a>(&'a self, impression: &str, encoder: &mut Option<Held<'a, TextEncoder>>) -> Result<Tensor, Error> {
        let text = self.text(impression)?;
        let tokens = self.tokenizer.encode(&text, self.max_tokens)?;
        let used = match self.reading {
            Reading::Cleaned => tokens.used(),
            Reading::Raw => tokens.ids.len(),
        };
        if let Some(known) = self.cache.as_ref().and_then(|cache| cache.get(&text, used, self.width)) {
            return Ok(known.to_device(&self.device)?);
        }
        let embedding = self.encoder.get_into(encoder)?.forward(&tokens.ids[..used], &self.device)?;
        if let Some(cache) = &self.cache
            && let Err(error) = cache.put(&text, &embedding)
        {
            // The image does not need it, so a full disk is no reason to stop.
            tracing::warn!("the text embedding is not kept: {error}");
        }
        Ok(embedding)
    }

    /// How many tokens an impression has, and the byte of it from which nothing is read.
    pub(super) fn count(&self, impression: &str) -> TokenCount {
        let limit = self.max_tokens;
        let used = self.used(impression);
        let mut cut_at = None;
        if used > limit {
            // Cleaning moves bytes, so the cut is found by asking which words still fit.
            let words: Vec<usize> = word_ends(impression);
            let fits = words.partition_point(|&end| self.used(&impression[..end]) <= limit);
            cut_at = Some(fits.checked_sub(1).map_or(0, |last| words[last]));
        }
        TokenCount { used, limit, cut_at }
    }

    /// Tokens of the whole text; a text that cannot be cleaned or cut counts as its marks.
    fn used(&self, text: &str) -> usize {
        let marks = self.tokenizer.marks();
        let Ok(text) = self.text(text) else { return marks };
        self.tokenizer.pieces(&text).map_or(marks, |pieces| pieces.len() + marks)
    }
}

/// Bytes at which a word of the text ends.
fn word_ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut in_word = false;
    for (at, c) in text.char_indices() {
        if in_word && c.is_whitespace() {
            ends.push(at);
        }
        in_word = !c.is_whitespace();
    }
    if in_word {
        ends.push(text.len());
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_where_blanks_begin() {
        assert_eq!(word_ends("No acute  findings."), [2, 8, 19]);
        assert_eq!(word_ends(" ü x"), [3, 5]);
        assert!(word_ends("  ").is_empty());
    }
}
