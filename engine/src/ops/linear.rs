//! Dense layer on the last axis, as one matrix product over all rows.

use candle_core::{Result, Tensor};

/// Multiplies the last axis by a weight and adds a bias.
///
/// `x` is `(..., in)`, `w` is `(out, in)`, `b` is `(out)`; the result is `(..., out)`.
/// Weights of another dtype than `x` are converted.
///
/// # Errors
/// Shapes that do not fit.
pub fn linear(x: &Tensor, w: &Tensor, b: Option<&Tensor>) -> Result<Tensor> {
    let (out, width) = w.dims2()?;
    let mut dims = x.dims().to_vec();
    match dims.last_mut() {
        Some(last) if *last == width => *last = out,
        _ => candle_core::bail!("linear: input {:?} does not fit weight {:?}", x.dims(), w.dims()),
    }
    let rows = x.elem_count() / width.max(1);
    // On a strided input candle would repeat the weight per batch item and sum its gradients.
    let x = x.contiguous()?.reshape((rows, width))?; // (rows, in)
    let y = x.matmul(&w.to_dtype(x.dtype())?.t()?)?; // (rows, out)
    let y = match b {
        Some(b) => y.broadcast_add(&b.to_dtype(y.dtype())?)?,
        None => y,
    };
    y.reshape(dims)
}
