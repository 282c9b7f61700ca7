//! Layer normalisation over the last axis, with weights or with a per-image shift and scale.
//!
//! # Source
//! Ba, Kiros, Hinton, "Layer Normalization", 2016; the modulated form is adaLN of Peebles and Xie,
//! "Scalable Diffusion Models with Transformers", 2023, section 3.2.

use candle_core::{D, DType, Result, Tensor};

/// Normalises the last axis: `(x - mean) / sqrt(var + eps) * weight + bias`.
///
/// `x` is `(..., width)`, `weight` and `bias` are `(width)`; the variance is the biased one.
///
/// # Errors
/// Shapes that do not fit.
pub fn layer_norm(
    x: &Tensor,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<Tensor> {
    let mut y = normalised(x, eps)?;
    if let Some(weight) = weight {
        y = y.broadcast_mul(&weight.to_dtype(DType::F32)?)?;
    }
    if let Some(bias) = bias {
        y = y.broadcast_add(&bias.to_dtype(DType::F32)?)?;
    }
    y.to_dtype(x.dtype())
}

/// Normalises the last axis without weights, then applies `* (1 + scale) + shift` of each image.
///
/// `x` is `(batch, tokens, width)`, `shift` and `scale` are `(batch, width)`.
///
/// # Errors
/// Shapes that do not fit.
pub fn layer_norm_modulate(
    x: &Tensor,
    shift: &Tensor,
    scale: &Tensor,
    eps: f64,
) -> Result<Tensor> {
    x.dims3()?;
    let shift = shift.to_dtype(DType::F32)?.unsqueeze(1)?; // (batch, 1, width)
    let scale = (scale.to_dtype(DType::F32)? + 1.)?.unsqueeze(1)?; // (batch, 1, width)
    normalised(x, eps)?
        .broadcast_mul(&scale)?
        .broadcast_add(&shift)?
        .to_dtype(x.dtype())
}

/// `(x - mean) / sqrt(var + eps)` over the last axis, in f32.
fn normalised(x: &Tensor, eps: f64) -> Result<Tensor> {
    let x = x.to_dtype(DType::F32)?;
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?; // (..., 1)
    centred.broadcast_div(&(variance + eps)?.sqrt()?)
}
