//! Root-mean-square normalisation, as in T5.
//!
//! # Source
//! Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.

use candle_core::{D, DType, Result, Tensor};

/// Divides the last axis by its root mean square and multiplies by a weight.
///
/// `x` is `(..., width)`, `weight` is `(width)`; `x / sqrt(mean(x²) + eps) * weight`.
///
/// # Errors
/// Shapes that do not fit.
pub fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
    let wide = x.to_dtype(DType::F32)?;
    let mean_square = wide.sqr()?.mean_keepdim(D::Minus1)?; // (..., 1)
    wide.broadcast_div(&(mean_square + eps)?.sqrt()?)?
        .broadcast_mul(&weight.to_dtype(DType::F32)?)?
        .to_dtype(x.dtype())
}
