//! Gaussian error linear unit in its tanh form.
//!
//! # Source
//! Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016, section 2.

use candle_core::{Result, Tensor};

/// `0.5 x (1 + tanh(sqrt(2/π) (x + 0.044715 x³)))`, element by element.
///
/// # Errors
/// Only those of the device.
pub fn gelu_tanh(x: &Tensor) -> Result<Tensor> {
    x.gelu()
}
