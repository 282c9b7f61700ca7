//! Layer and root-mean-square normalisation of rows, forward by candle's fused kernels.

use candle_core::{D, DType, Result, Tensor};
use candle_nn::ops;

use super::attach::{Last, attach};
use super::sums::{column_sums, group_sums};

/// Normalises the last axis of `x`, whose rows form `groups` of equal size one after the other; each
/// has `gain + added` and `offset`, `(groups, width)` or as many numbers.
pub(in crate::ops) fn layer_norm(
    x: &Tensor,
    groups: usize,
    gain: Option<(&Tensor, f64)>,
    offset: Option<&Tensor>,
    eps: f64,
) -> Result<Tensor> {
    let width = x.dim(D::Minus1)?;
    let rows = x.elem_count() / width.max(1);
    let grouped = (groups, rows / groups.max(1), width);
    let affine = |x: &Tensor| x.detach().to_dtype(DType::F32)?.contiguous()?.reshape((groups, 1, width));
    let flat = x.detach().to_dtype(DType::F32)?.contiguous()?.reshape((rows, width))?;
    let ones = Tensor::ones(width, DType::F32, x.device())?;
    let normed = ops::layer_norm(&flat, &ones, &ones.zeros_like()?, eps as f32)?;
    let gains = gain.map(|(gain, added)| affine(gain)? + added).transpose()?;

    let y = normed.reshape(grouped)?;
    let y = match &gains {
        Some(gains) => y.broadcast_mul(gains)?,
        None => y,
    };
    let last = match offset {
        Some(offset) => Last::Sum(y, affine(offset)?.broadcast_as(grouped)?),
        None => Last::Done(y),
    };
    let inputs: Vec<&Tensor> = [Some(x), gain.map(|(gain, _)| gain), offset].into_iter().flatten().collect();
    let backward = move |_: &Tensor, grad: &Tensor, wanted: &[bool]| {
        let wants = |index: usize| wanted.get(index) == Some(&true);
        let grad = grad.to_dtype(DType::F32)?.reshape(grouped)?;
        let mut grads = vec![None];
        if gains.is_some() {
            let with_normed = || group_sums(&(&grad * normed.reshape(grouped)?)?);
            grads.push(wants(1).then(with_normed).transpose()?);
        }
        grads.push(wants(grads.len()).then(|| group_sums(&grad)).transpose()?);
        if wants(0) {
            let grad = match &gains {
                Some(gains) => grad.broadcast_mul(gains)?,
                None => grad,
            };
            let mean = |x: Tensor| x.sum_keepdim(1)? / width as f64; // (rows, 1)
            let grad = grad.reshape((rows, width))?;
            // mean(normed · x) is var / sqrt(var + eps), from which the divisor follows.
            let spread = mean((&normed * &flat)?)?;
            let divisor = ((spread.sqr()? + 4. * eps)?.sqrt()? + spread)?.affine(0.5, 0.)?;
            let along = mean((&grad * &normed)?)?;
            let dx = (grad.broadcast_sub(&mean(grad.clone())?)? - normed.broadcast_mul(&along)?)?;
            grads[0] = Some(dx.broadcast_div(&divisor)?);
        }
        Ok(grads)
    };
    if x.dtype() == DType::F32 {
        attach(&inputs, last, x.shape(), Box::new(backward))
    } else {
        let (dtype, y) = (x.dtype(), attach(&[], last, grouped, Box::new(|_, _, _| Ok(vec![])))?);
        attach(&inputs, Last::Done(y.to_dtype(dtype)?), x.shape(), Box::new(backward))
    }
}

/// `x / sqrt(mean(x²) + eps) * weight` over the last axis; `weight` is `(width)`.
pub(in crate::ops) fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
    let width = weight.dims1()?;
    let rows = x.elem_count() / width.max(1);
    let flat = x.detach().to_dtype(DType::F32)?.contiguous()?.reshape((rows, width))?;
    let gain = weight.detach().to_dtype(DType::F32)?.contiguous()?;
    let y = ops::rms_norm(&flat, &gain, eps as f32)?.to_dtype(x.dtype())?;
    attach(
        &[x, weight],
        Last::Done(y),
        x.shape(),
        Box::new(move |_, grad, wanted| {
            let grad = grad.to_dtype(DType::F32)?.reshape((rows, width))?;
            let mean = |x: Tensor| x.sum_keepdim(1)? / width as f64; // (rows, 1)
            let root = (mean(flat.sqr()?)? + eps)?.sqrt()?;
            let normed = flat.broadcast_div(&root)?;
            let weighted = (&grad * &normed)?;
            let d_weight = match wanted {
                [_, true] => Some(column_sums(&weighted)?),
                _ => None,
            };
            let along = mean(weighted.broadcast_mul(&gain)?)?;
            let dx = (grad.broadcast_mul(&gain)? - normed.broadcast_mul(&along)?)?;
            Ok(vec![Some(dx.broadcast_div(&root)?), d_weight])
        }),
    )
}
