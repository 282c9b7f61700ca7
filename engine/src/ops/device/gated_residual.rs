//! Residual connection with a gate per image and channel.

use candle_core::{DType, Result, Tensor};

use super::attach::{Last, attach};
use super::sums::group_sums;

/// `x + gate · y`; `x` and `y` are `(batch, tokens, width)`, `gate` has `batch · width` numbers.
pub(in crate::ops) fn gated_residual(x: &Tensor, gate: &Tensor, y: &Tensor) -> Result<Tensor> {
    let (batch, _, width) = x.dims3()?;
    let gates = gate.detach().to_dtype(y.dtype())?.reshape((batch, 1, width))?;
    let branch = y.detach().contiguous()?;
    let last = Last::Sum(x.detach().contiguous()?, branch.broadcast_mul(&gates)?);
    attach(
        &[x, gate, y],
        last,
        x.shape(),
        Box::new(move |_, grad, wanted| {
            let products = || group_sums(&(grad * &branch)?.to_dtype(DType::F32)?);
            Ok(vec![
                Some(grad.clone()),
                (wanted.get(1) == Some(&true)).then(products).transpose()?,
                (wanted.get(2) == Some(&true)).then(|| grad.broadcast_mul(&gates)).transpose()?,
            ])
        }),
    )
}
