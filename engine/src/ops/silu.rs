//! Sigmoid linear unit.

use candle_core::{Result, Tensor};

/// `x · sigmoid(x)`, element by element.
///
/// # Errors
/// Only those of the device.
pub fn silu(x: &Tensor) -> Result<Tensor> {
    x.silu()
}
