//! Group normalisation of feature maps, with an optional SiLU behind it.
//!
//! # Source
//! Wu and He, "Group Normalization", 2018.

use candle_core::{DType, Result, Tensor, bail};

/// Normalises each group of channels over its channels and pixels, then weight, bias and SiLU.
///
/// `x` is `(batch, channels, height, width)`, `w` and `b` are `(channels)`; the biased variance is
/// used.
///
/// # Errors
/// Shapes that do not fit, or channels that `groups` does not divide.
pub fn group_norm(
    x: &Tensor,
    groups: usize,
    w: &Tensor,
    b: &Tensor,
    eps: f64,
    silu: bool,
) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    if groups == 0 || channels % groups != 0 {
        bail!("group_norm: {channels} channels do not form {groups} groups");
    }
    let wide = x.to_dtype(DType::F32)?;
    let wide = wide.reshape((batch, groups, channels / groups * height * width))?;
    let centred = wide.broadcast_sub(&wide.mean_keepdim(2)?)?;
    let variance = centred.sqr()?.mean_keepdim(2)?; // (batch, groups, 1)
    let y = centred.broadcast_div(&(variance + eps)?.sqrt()?)?;
    let w = w.to_dtype(DType::F32)?.reshape((1, channels, 1, 1))?;
    let b = b.to_dtype(DType::F32)?.reshape((1, channels, 1, 1))?;
    let y = y
        .reshape((batch, channels, height, width))?
        .broadcast_mul(&w)?
        .broadcast_add(&b)?;
    let y = if silu { y.silu()? } else { y };
    y.to_dtype(x.dtype())
}
