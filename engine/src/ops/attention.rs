//! Scaled dot-product attention with ragged keys and an additive bias.
//!
//! # Source
//! Vaswani et al., "Attention Is All You Need", 2017, section 3.2.1.

mod fused;
mod weights;

pub use weights::attention_weights;

use super::device;
use candle_core::{D, DType, Device, Result, Tensor, bail};

/// Attends each query to the kept keys of its image: `softmax(scale · q kᵀ + bias) v`.
///
/// `q` is `(batch, heads, queries, width)`, `k` and `v` are `(batch, heads, keys, width)`, `bias` is
/// `(1 or batch, heads, queries, keys)`. With `key_lens`, image `i` sees its first `key_lens[i]`
/// keys only; an image without any gets zeros. The result has the shape of `q`; in memory it lies as
/// `(batch, queries, heads, width)` on a CPU, so that joining the heads afterwards copies nothing.
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
    let (batch, heads, queries, width) = q.dims4()?;
    let keys = k.dim(2)?;
    if k.dims() != [batch, heads, keys, width] || v.dims() != k.dims() {
        bail!("attention: queries {:?}, keys {:?}, values {:?}", q.dims(), k.dims(), v.dims());
    }
    if let Some(bias) = bias {
        let fits = [1, batch].map(|batch| [batch, heads, queries, keys]);
        if !fits.iter().any(|dims| bias.dims() == dims) {
            bail!("attention: bias {:?} for scores {:?}", bias.dims(), fits[1]);
        }
    }
    let key_lens = kept_keys(key_lens, batch, keys)?;
    if q.device().is_cpu() {
        fused::attention(q, k, v, key_lens, bias, scale)
    } else if q.elem_count() > 0 && keys > 0 {
        device::attention(q, k, v, key_lens, bias, scale)
    } else {
        composed(q, k, v, key_lens, bias, scale)
    }
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

pub(super) fn composed(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    key_lens: Option<&[usize]>,
    bias: Option<&Tensor>,
    scale: f64,
) -> Result<Tensor> {
    // Scaling the queries is one pass over far fewer numbers than scaling the scores.
    let q = if scale == 1. { q.clone() } else { (q * scale)? };
    let scores = q.contiguous()?.matmul(&k.contiguous()?.t()?)?; // (batch, heads, queries, keys)
    let mut scores = scores.to_dtype(DType::F32)?;
    if let Some(bias) = bias {
        scores = scores.broadcast_add(&bias.to_dtype(DType::F32)?)?;
    }
    if let Some(lens) = key_lens {
        let mask = additive_mask(lens, k.dim(2)?, q.device())?;
        scores = scores.broadcast_add(&mask)?;
    }

    // The maximum only guards against overflow; its gradient is exactly zero. The finite floor
    // keeps rows without any key free of NaN.
    let highest = scores.detach().max_keepdim(D::Minus1)?.maximum(-1e30)?;
    let weights = scores.broadcast_sub(&highest)?.exp()?;
    // At least 1 unless a row has no key, so the tiny term changes no bit elsewhere.
    let total = (weights.sum_keepdim(D::Minus1)? + 1e-30)?; // (batch, heads, queries, 1)
    let mixed = weights.to_dtype(v.dtype())?.matmul(&v.contiguous()?)?;
    // Dividing after the product spares one pass over all scores.
    mixed.to_dtype(DType::F32)?.broadcast_div(&total)?.to_dtype(v.dtype())
}

/// `(batch, 1, 1, keys)` with 0 at kept and minus infinity at dropped keys.
fn additive_mask(lens: &[usize], keys: usize, device: &Device) -> Result<Tensor> {
    let mask: Vec<f32> =
        lens.iter().flat_map(|len| (0..keys).map(move |key| if key < *len { 0. } else { f32::NEG_INFINITY })).collect();
    Tensor::from_vec(mask, (lens.len(), 1, 1, keys), device)
}
