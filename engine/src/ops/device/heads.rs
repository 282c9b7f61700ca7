//! Changes of the order of axes, each one copy forward and one backward.

use candle_core::{Result, Tensor};

use super::attach::{Last, attach};

/// `(batch, tokens, heads · width)` as `(batch, heads, tokens, width)`.
pub(in crate::ops) fn split_heads(x: &Tensor, heads: usize) -> Result<Tensor> {
    let (batch, tokens, channels) = x.dims3()?;
    let width = channels / heads;
    let view = x.detach().reshape((batch, tokens, heads, width))?.transpose(1, 2)?;
    attach(
        &[x],
        Last::Done(view),
        (batch, heads, tokens, width),
        Box::new(|_, grad, _| Ok(vec![Some(grad.transpose(1, 2)?.contiguous()?)])),
    )
}

/// `(batch, heads, tokens, width)` as `(batch, tokens, heads · width)`.
pub(in crate::ops) fn join_heads(x: &Tensor) -> Result<Tensor> {
    let (batch, heads, tokens, width) = x.dims4()?;
    attach(
        &[x],
        Last::Done(x.detach().transpose(1, 2)?),
        (batch, tokens, heads * width),
        Box::new(move |_, grad, _| {
            let grad = grad.reshape((batch, tokens, heads, width))?.transpose(1, 2)?;
            Ok(vec![Some(grad.contiguous()?)])
        }),
    )
}
