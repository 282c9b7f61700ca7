//! Residual connection with a gate per image and channel, as in adaLN-zero.

use candle_core::{Result, Tensor};

/// `x + gate · y`.
///
/// `x` and `y` are `(batch, tokens, width)`, `gate` is `(batch, width)`.
///
/// # Errors
/// Shapes that do not fit.
pub fn gated_residual(x: &Tensor, gate: &Tensor, y: &Tensor) -> Result<Tensor> {
    x.dims3()?;
    let gate = gate.to_dtype(y.dtype())?.unsqueeze(1)?; // (batch, 1, width)
    x + y.broadcast_mul(&gate)?
}
