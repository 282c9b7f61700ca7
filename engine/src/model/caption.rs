//! What cross-attention needs to know of the captions, computed once per image.
//!
//! Padding is removed, not down-weighted: kept rows move to the front, the width shrinks to the longest
//! caption of the batch, and every row attends to its own kept tokens only.

use candle_core::{DType, Tensor};

use super::attention::{AttentionWatch, KeyValue};
use super::error::{ModelError, Result};

/// Keys and values of every block for a batch of captions.
#[derive(Clone, Debug)]
pub struct CaptionContext {
    pub(super) kept: Vec<usize>,
    pub(super) blocks: Vec<KeyValue>,
    pub(super) control: Vec<KeyValue>,
}

impl CaptionContext {
    /// Number of batch rows.
    pub fn batch(&self) -> usize {
        self.kept.len()
    }

    /// Kept tokens of each row.
    pub fn kept(&self) -> &[usize] {
        &self.kept
    }

    /// The rows `start .. start + len`, for instance the conditional half of a guided batch.
    ///
    /// # Errors
    /// When the range leaves the batch.
    pub fn rows(&self, start: usize, len: usize) -> Result<Self> {
        let kept = self.kept.get(start..start + len).ok_or_else(|| ModelError::Shape {
            what: "caption context",
            got: vec![self.kept.len()],
            expected: format!("at least {} rows", start + len),
        })?;
        let rows = |all: &[KeyValue]| all.iter().map(|kv| kv.rows(start, len)).collect::<Result<Vec<_>>>();
        Ok(Self { kept: kept.to_vec(), blocks: rows(&self.blocks)?, control: rows(&self.control)? })
    }

    /// Lets `watch` note the cross-attention of the base network's blocks with these numbers; others are ignored.
    pub fn watch(&mut self, blocks: &[usize], watch: &AttentionWatch) {
        for &block in blocks {
            if let Some(caption) = self.blocks.get_mut(block) {
                caption.watch = Some(watch.clone());
            }
        }
    }

    pub(super) fn check_batch(&self, batch: usize) -> Result<()> {
        if self.kept.len() == batch {
            return Ok(());
        }
        Err(ModelError::Shape {
            what: "caption context",
            got: vec![self.kept.len()],
            expected: format!("{batch} rows, one for each row of the latent"),
        })
    }
}

/// Moves the kept rows of each caption to the front and cuts the width to the longest.
///
/// `y (B, L, De)`, `mask (B, L)` with non-zero for kept. Returns `(B, M, De)` and the kept count of each
/// row; what stands behind a row's kept tokens is arbitrary and must not be read. Differentiable in `y`.
///
/// # Errors
/// When shapes differ or a row keeps nothing.
pub fn compact_captions(y: &Tensor, mask: Option<&Tensor>) -> Result<(Tensor, Vec<usize>)> {
    let (b, length, width) = y.dims3()?;
    let Some(mask) = mask else {
        if length == 0 {
            return Err(ModelError::EmptyCaption { row: 0 });
        }
        return Ok((y.contiguous()?, vec![length; b]));
    };
    if mask.dims() != [b, length] {
        return Err(ModelError::Shape {
            what: "caption mask",
            got: mask.dims().to_vec(),
            expected: format!("({b}, {length}), as the caption"),
        });
    }
    let mask = mask.to_dtype(DType::F32)?.to_vec2::<f32>()?;
    let places: Vec<Vec<usize>> = mask
        .iter()
        .map(|row| row.iter().enumerate().filter(|(_, kept)| **kept != 0.0).map(|(place, _)| place).collect())
        .collect();
    if let Some(row) = places.iter().position(Vec::is_empty) {
        return Err(ModelError::EmptyCaption { row });
    }
    let kept: Vec<usize> = places.iter().map(Vec::len).collect();
    let longest = kept.iter().copied().max().unwrap_or(length);
    let is_prefix = places.iter().all(|row| row.iter().enumerate().all(|(i, place)| i == *place));
    if is_prefix {
        return Ok((y.narrow(1, 0, longest)?.contiguous()?, kept));
    }
    let mut index = Vec::with_capacity(b * longest);
    for (row, places) in places.iter().enumerate() {
        let first = row * length;
        index.extend((0..longest).map(|i| (first + places.get(i).copied().unwrap_or(0)) as u32));
    }
    let index = Tensor::from_vec(index, b * longest, y.device())?;
    let rows = y.contiguous()?.reshape((b * length, width))?.index_select(&index, 0)?;
    Ok((rows.reshape((b, longest, width))?, kept))
}
