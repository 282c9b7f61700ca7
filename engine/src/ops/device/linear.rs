//! Dense layer: two matrix products and a sum, with three matrix products for the gradients.

use candle_core::{Result, Tensor};

use super::attach::{Last, attach};
use super::sums::{column_sums, left_product};

/// `x` is `(..., in)`, `w` is `(out, in)`, `b` is `(out)`; all of one dtype.
pub(in crate::ops) fn linear(x: &Tensor, w: &Tensor, b: Option<&Tensor>) -> Result<Tensor> {
    let (out, width) = w.dims2()?;
    let rows = x.elem_count() / width.max(1);
    let mut shape = x.dims().to_vec();
    if let Some(last) = shape.last_mut() {
        *last = out;
    }
    let flat = x.detach().contiguous()?.reshape((rows, width))?;
    let weight = w.detach().contiguous()?;
    let last = match b {
        Some(b) => {
            let b = b.detach().reshape((1, out))?.broadcast_as((rows, out))?;
            Last::Sum(flat.matmul(&weight.t()?)?, b)
        }
        None => Last::Product(flat.clone(), weight.t()?),
    };
    let inputs: Vec<&Tensor> = [Some(x), Some(w), b].into_iter().flatten().collect();
    attach(
        &inputs,
        last,
        shape,
        Box::new(move |_, grad, wanted| {
            let grad = grad.reshape((rows, out))?;
            let wants = |index: usize| wanted.get(index) == Some(&true);
            Ok(vec![
                wants(0).then(|| grad.matmul(&weight)).transpose()?,
                wants(1).then(|| left_product(&grad, &flat)).transpose()?,
                wants(2).then(|| column_sums(&grad)).transpose()?,
            ])
        }),
    )
}
