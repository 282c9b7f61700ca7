//! Group normalisation with an optional SiLU, on rows of pixels.

use candle_core::{DType, Result, Tensor};

use super::activation::silu_gradient;
use super::attach::{Last, attach};
use super::sums::first_sum;

/// `x` is `(batch, channels, height, width)`, `w` and `b` are `(channels)`; shapes are checked.
pub(in crate::ops) fn group_norm(x: &Tensor, groups: usize, w: &Tensor, b: &Tensor, eps: f64, silu: bool) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    let pixels = height * width;
    let per_group = channels / groups;
    let group_rows = (batch * groups, per_group * pixels);
    let channel_rows = (batch * channels, pixels);
    let count = (per_group * pixels) as f64;
    // A number of each group, for each of its channels: (batch · channels, 1).
    let spread = move |x: &Tensor| {
        x.reshape((batch * groups, 1))?.broadcast_as((batch * groups, per_group))?.reshape((batch * channels, 1))
    };
    let affine = |x: &Tensor| {
        x.detach().to_dtype(DType::F32)?.reshape((1, channels))?.broadcast_as((batch, channels))?.reshape((batch * channels, 1))
    };

    let flat = x.detach().to_dtype(DType::F32)?.contiguous()?.reshape(group_rows)?;
    let centred = flat.broadcast_sub(&(flat.sum_keepdim(1)? / count)?)?;
    let variance = (centred.sqr()?.sum_keepdim(1)? / count)?;
    let inverse = spread(&(variance + eps)?.sqrt()?.recip()?)?;
    let centred = centred.reshape(channel_rows)?;
    let gain = affine(w)?;
    let scaled = centred.broadcast_mul(&(&gain * &inverse)?)?;
    let offset = affine(b)?.broadcast_as(channel_rows)?;
    let half = x.dtype() != DType::F32;
    let (last, before) = if silu {
        let z = (scaled + offset)?;
        (Last::Silu(z.clone()), Some(z))
    } else {
        (Last::Sum(scaled, offset), None)
    };
    let last = if half {
        let y = attach(&[], last, channel_rows, Box::new(|_, _, _| Ok(vec![])))?;
        Last::Done(y.to_dtype(x.dtype())?)
    } else {
        last
    };
    attach(
        &[x, w, b],
        last,
        x.shape(),
        Box::new(move |y, grad, wanted| {
            let grad = grad.to_dtype(DType::F32)?.reshape(channel_rows)?;
            let grad = match &before {
                Some(z) => silu_gradient(z, &y.reshape(channel_rows)?, &grad)?,
                None => grad,
            };
            let total = grad.sum_keepdim(1)?; // (batch · channels, 1)
            let with_normed = ((&grad * &centred)?.sum_keepdim(1)? * &inverse)?;
            let over_batch = |x: &Tensor| first_sum(&x.reshape((batch, channels))?);
            let d_w = over_batch(&with_normed)?;
            let d_b = over_batch(&total)?;
            let mut d_x = None;
            if wanted.first() == Some(&true) {
                let group_mean = |x: &Tensor| {
                    let x = (x * &gain)?.reshape((batch * groups, per_group))?;
                    spread(&(x.sum_keepdim(1)? / count)?)
                };
                let along = (group_mean(&with_normed)? * inverse.sqr()?)?;
                let mean = (group_mean(&total)? * &inverse)?;
                let scaled = grad.broadcast_mul(&(&gain * &inverse)?)?;
                let rest = centred.broadcast_mul(&along)?.broadcast_add(&mean)?;
                d_x = Some((scaled - rest)?);
            }
            Ok(vec![d_x, Some(d_w), Some(d_b)])
        }),
    )
}
