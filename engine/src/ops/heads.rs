//! Splitting the channels of tokens into attention heads, and joining them again.

use candle_core::{Result, Tensor, bail};

use super::device;

/// `(batch, tokens, heads · width)` as `(batch, heads, tokens, width)`: a view on a CPU,
/// whose attention takes views, a copy elsewhere.
///
/// # Errors
/// When `heads` does not divide the channels.
pub fn split_heads(x: &Tensor, heads: usize) -> Result<Tensor> {
    let (batch, tokens, channels) = x.dims3()?;
    if heads == 0 || channels % heads != 0 {
        bail!("split_heads: {channels} channels do not form {heads} heads");
    }
    if x.device().is_cpu() {
        return x.reshape((batch, tokens, heads, channels / heads))?.transpose(1, 2);
    }
    device::split_heads(x, heads)
}

/// `(batch, heads, tokens, width)` as `(batch, tokens, heads · width)`.
///
/// # Errors
/// An `x` without four axes.
pub fn join_heads(x: &Tensor) -> Result<Tensor> {
    let (batch, heads, tokens, width) = x.dims4()?;
    if x.device().is_cpu() {
        return x.transpose(1, 2)?.contiguous()?.reshape((batch, tokens, heads * width));
    }
    device::join_heads(x)
}
