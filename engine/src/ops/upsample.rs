//! Nearest-neighbour enlargement.

use candle_core::{Result, Tensor};

/// Doubles height and width by repeating every pixel.
///
/// `x` is `(batch, channels, height, width)`; the result is `(batch, channels, 2 height, 2 width)`.
///
/// # Errors
/// An `x` without four axes.
pub fn upsample2x(x: &Tensor) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    // Repeating through a broadcast: its gradient is a plain sum, whereas the gradient of candle's
    // own enlargement is a grouped convolution.
    x.reshape((batch, channels, height, 1, width, 1))?
        .broadcast_as((batch, channels, height, 2, width, 2))?
        .reshape((batch, channels, 2 * height, 2 * width))
}
