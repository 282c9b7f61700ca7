//! Table values as tensors that broadcast over latents.

use candle_core::Tensor;

use super::{DiffusionError, Result};

/// Values `table[t]`, one for each row or a single one for all, shaped `(n, 1, 1, …)` to broadcast over
/// `like`, on its device and in its dtype.
pub(super) fn at(table: &[f64], t: &[usize], like: &Tensor) -> Result<Tensor> {
    let values = t
        .iter()
        .map(|&index| table.get(index).copied().ok_or(DiffusionError::Timestep { index, len: table.len() }))
        .collect::<Result<Vec<f64>>>()?;
    per_row(values, like)
}

/// As [`at`], with the values themselves.
pub(super) fn per_row(values: Vec<f64>, like: &Tensor) -> Result<Tensor> {
    let mut shape = vec![1; like.rank().max(1)];
    shape[0] = values.len();
    let values: Vec<f32> = values.into_iter().map(|v| v as f32).collect();
    Ok(Tensor::from_vec(values, shape, like.device())?.to_dtype(like.dtype())?)
}

/// Mean over all axes but the first: `(batch, …)` becomes `(batch)`.
pub(super) fn mean_of_rows(x: &Tensor) -> Result<Tensor> {
    Ok(x.flatten_from(1)?.mean(1)?) // (batch)
}
