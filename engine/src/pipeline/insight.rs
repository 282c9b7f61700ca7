//! What the network looks at: cross-attention of image tokens to the words of the impression.

use candle_core::{DType, Tensor};

use super::{Error, Pipeline};
use crate::store::model_dir::ModelKind;

/// How the image attended to each token of one impression in one step, mean over heads and the chosen blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct AttentionMap {
    /// Tokens of the impression that are read, end mark included.
    pub tokens: usize,
    /// Side of the square grid of image tokens.
    pub grid: usize,
    /// Shares `(tokens, grid, grid)`, row by row; over the tokens of a place they sum to 1.
    pub shares: Vec<f32>,
}

impl AttentionMap {
    /// From weights `(N, M)` of `N = grid²` image tokens over `M` words.
    pub(super) fn from_weights(weights: &Tensor, grid: usize) -> candle_core::Result<Self> {
        let (places, tokens) = weights.dims2()?;
        if places != grid * grid {
            candle_core::bail!("attention of {places} image tokens is no grid of {grid}×{grid}");
        }
        let shares = weights.to_dtype(DType::F32)?.t()?.contiguous()?.flatten_all()?.to_vec1()?;
        Ok(Self { tokens, grid, shares })
    }

    /// The map of one token, row by row; `None` beyond the last.
    pub fn of_token(&self, token: usize) -> Option<&[f32]> {
        let places = self.grid * self.grid;
        self.shares.get(token * places..(token + 1) * places)
    }
}

impl Pipeline {
    /// Blocks of the network of which each can be asked for its attention.
    ///
    /// # Errors
    /// When the network does not tell its attention.
    pub fn block_count(&self) -> Result<usize, Error> {
        match self.card.kind {
            ModelKind::DiffusionTransformer => Ok(self.sizes.blocks),
            kind => Err(Error::NoAttention { model: self.card.name.clone(), kind }),
        }
    }

    /// Refuses attention that the network does not have.
    pub(super) fn check_attention(&self, blocks: &[usize]) -> Result<(), Error> {
        if blocks.is_empty() {
            return Ok(());
        }
        let count = self.block_count()?;
        match blocks.iter().find(|&&block| block >= count) {
            Some(&block) => Err(Error::NoBlock { block, last: count.saturating_sub(1) }),
            None => Ok(()),
        }
    }

    /// The text behind each token of an [`AttentionMap`]: a word or a part of one; the end mark is empty.
    ///
    /// # Errors
    /// When the impression cannot be cleaned or cut.
    pub fn token_texts(&self, impression: &str) -> Result<Vec<String>, Error> {
        let read = self.prompt.text(impression)?;
        let room = self.prompt.max_tokens.saturating_sub(self.prompt.tokenizer.marks());
        let pieces = self.prompt.tokenizer.pieces(&read)?;
        let text = |start: usize, end: usize| read.get(start..end).unwrap_or_default().trim().to_owned();
        let mut texts: Vec<String> = pieces.iter().take(room).map(|piece| text(piece.start, piece.end)).collect();
        texts.push(String::new());
        Ok(texts)
    }
}
