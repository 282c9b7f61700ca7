//! Activations with the gradient in few passes.

use candle_core::{DType, Result, Tensor};
use candle_nn::ops::sigmoid;

use super::attach::{Last, attach};

/// `2 sqrt(2 / π)`.
const INNER: f64 = 1.595_769_121_605_730_8;
const CUBIC: f64 = 0.044_715;

/// `x σ(u)` with `u = 2 sqrt(2/π) (x + 0.044715 x³)`.
pub(in crate::ops) fn gelu_tanh(x: &Tensor) -> Result<Tensor> {
    let input = x.detach().contiguous()?;
    attach(
        &[x],
        Last::Gelu(input.clone()),
        x.shape(),
        Box::new(move |y, grad, _| {
            let (x, y) = (input.to_dtype(DType::F32)?, y.to_dtype(DType::F32)?);
            let square = x.sqr()?;
            // 1 - σ(u), and the slope σ + x u' σ (1 - σ) = 1 - (1 - σ) (1 - y u').
            let rest = sigmoid(&(x * square.affine(-INNER * CUBIC, -INNER)?)?)?;
            let falling = (y * square.affine(-3. * INNER * CUBIC, -INNER)?)?;
            let slope = (rest * (falling + 1.)?)?.affine(-1., 1.)?;
            Ok(vec![Some((grad.to_dtype(DType::F32)? * slope)?)])
        }),
    )
}

/// `x σ(x)`.
pub(in crate::ops) fn silu(x: &Tensor) -> Result<Tensor> {
    let input = x.detach().contiguous()?;
    attach(
        &[x],
        Last::Silu(input.clone()),
        x.shape(),
        Box::new(move |y, grad, _| Ok(vec![Some(silu_gradient(&input, y, grad)?)])),
    )
}

/// The gradient of `x` from that of `y = x σ(x)`: the slope is `σ (1 - y) + y`.
pub(super) fn silu_gradient(x: &Tensor, y: &Tensor, grad: &Tensor) -> Result<Tensor> {
    let (x, y) = (x.to_dtype(DType::F32)?, y.to_dtype(DType::F32)?);
    let slope = ((sigmoid(&x)? * y.affine(-1., 1.)?)? + y)?;
    grad.to_dtype(DType::F32)? * slope
}
