//! Scaled dot-product attention with ragged keys and an additive bias.
//!
//! # Source
//! Vaswani et al., "Attention Is All You Need", 2017, section 3.2.1.

use candle_core::{D, DType, Result, Tensor, bail};

/// Attends each query to the kept keys of its image: `softmax(scale · q kᵀ + bias) v`.
///
/// `q` is `(batch, heads, queries, width)`, `k` and `v` are `(batch, heads, keys, width)`, `bias` is
/// `(1 or batch, heads, queries, keys)`. With `key_lens`, image `i` sees its first `key_lens[i]`
/// keys only; an image without any gets zeros. The result has the shape of `q`.
///
/// # Errors
/// Shapes that do not fit, or a key count above the number of keys.
pub fn attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    key_lens: Option<&[usize]>,
    bias: Option<&Tensor>,
    scale: f64,
) -> Result<Tensor> {
    let (batch, _, _, _) = q.dims4()?;
    let (_, _, keys, _) = k.dims4()?;
    let key_lens = kept_keys(key_lens, batch, keys)?;

    // Scaling the queries is one pass over far fewer numbers than scaling the scores.
    let q = if scale == 1. { q.clone() } else { (q * scale)? };
    let scores = q.contiguous()?.matmul(&k.contiguous()?.t()?)?; // (batch, heads, queries, keys)
    let mut scores = scores.to_dtype(DType::F32)?;
    if let Some(bias) = bias {
        scores = scores.broadcast_add(&bias.to_dtype(DType::F32)?)?;
    }
    if let Some(lens) = key_lens {
        let mask = additive_mask(lens, keys, q.device())?;
        scores = scores.broadcast_add(&mask)?;
    }

    // The maximum only guards against overflow; its gradient is exactly zero. The finite floor
    // keeps rows without any key free of NaN.
    let highest = scores.detach().max_keepdim(D::Minus1)?;
    let highest = if key_lens.is_some() {
        highest.maximum(-1e30)?
    } else {
        highest
    };
    let weights = scores.broadcast_sub(&highest)?.exp()?;
    // At least 1 unless a row has no key, so the tiny term changes no bit elsewhere.
    let total = (weights.sum_keepdim(D::Minus1)? + 1e-30)?; // (batch, heads, queries, 1)
    let mixed = weights.to_dtype(v.dtype())?.matmul(&v.contiguous()?)?;
    // Dividing after the product spares one pass over all scores.
    mixed
        .to_dtype(DType::F32)?
        .broadcast_div(&total)?
        .to_dtype(v.dtype())
}

/// Checks the key counts, and drops them where every image keeps every key.
fn kept_keys(lens: Option<&[usize]>, batch: usize, keys: usize) -> Result<Option<&[usize]>> {
    let Some(lens) = lens else { return Ok(None) };
    if lens.len() != batch {
        bail!("attention: {} key counts for a batch of {batch}", lens.len());
    }
    if let Some(len) = lens.iter().find(|len| **len > keys) {
        bail!("attention: key count {len} exceeds the {keys} keys");
    }
    Ok((!lens.iter().all(|len| *len == keys)).then_some(lens))
}

/// `(batch, 1, 1, keys)` with 0 at kept and minus infinity at dropped keys.
fn additive_mask(lens: &[usize], keys: usize, device: &candle_core::Device) -> Result<Tensor> {
    let mask: Vec<f32> = lens
        .iter()
        .flat_map(|len| (0..keys).map(move |key| if key < *len { 0. } else { f32::NEG_INFINITY }))
        .collect();
    Tensor::from_vec(mask, (lens.len(), 1, 1, keys), device)
}
