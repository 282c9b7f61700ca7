//! Two-dimensional convolution of feature maps.
//!
//! Candle's gradient of a convolution with respect to its weight is far too slow to train with on a
//! GPU, so there the convolution is composed of gathered patches and one matrix product.
//! On a CPU it is one operation with its own gradients.

mod fused;
mod winograd;

use super::device;
use candle_core::{Result, Tensor, bail};

/// Convolves (correlates, as every framework does) with zero padding on all four sides.
///
/// `x` is `(batch, channels, height, width)`, `w` is `(out, channels, k, k)`, `b` is `(out)`; the
/// result is `(batch, out, (height + 2 padding - k) / stride + 1, likewise)`.
///
/// # Errors
/// Shapes that do not fit.
pub fn conv2d(x: &Tensor, w: &Tensor, b: Option<&Tensor>, stride: usize, padding: usize) -> Result<Tensor> {
    let shape = Shape::new(x, w, stride, padding)?;
    if let Some(b) = b
        && b.dims() != [shape.out]
    {
        bail!("conv2d: weight {:?}, bias {:?}", w.dims(), b.dims());
    }
    if x.device().is_cpu() {
        return fused::conv2d(x, w, b, shape);
    }
    let w = w.to_dtype(x.dtype())?;
    let b = b.map(|b| b.to_dtype(x.dtype())).transpose()?;
    let trained = [Some(x), Some(&w), b.as_ref()].into_iter().flatten().any(Tensor::track_op);
    if trained && x.elem_count() > 0 {
        return device::conv2d(x, &w, b.as_ref(), shape);
    }
    let y = x.conv2d(&w, padding, stride, 1, 1)?;
    match b {
        Some(b) => y.broadcast_add(&b.reshape((1, shape.out, 1, 1))?),
        None => Ok(y),
    }
}

/// The sizes of one convolution.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) batch: usize,
    pub(super) channels: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) out: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
    pub(super) out_height: usize,
    pub(super) out_width: usize,
}

impl Shape {
    pub(super) fn new(x: &Tensor, w: &Tensor, stride: usize, padding: usize) -> Result<Self> {
        let (batch, channels, height, width) = x.dims4()?;
        let (out, w_channels, kernel, kernel_w) = w.dims4()?;
        let fits = w_channels == channels
            && kernel == kernel_w
            && [kernel, stride, height, width].iter().all(|size| *size > 0)
            && height + 2 * padding >= kernel
            && width + 2 * padding >= kernel;
        if !fits {
            bail!("conv2d: input {:?} does not fit weight {:?} with stride {stride}, padding {padding}", x.dims(), w.dims());
        }
        Ok(Self {
            batch,
            channels,
            height,
            width,
            out,
            kernel,
            stride,
            padding,
            out_height: (height + 2 * padding - kernel) / stride + 1,
            out_width: (width + 2 * padding - kernel) / stride + 1,
        })
    }
}

#[cfg(test)]
/// The convolution from plain operations: patches, one product, one transpose.
pub(super) fn composed(x: &Tensor, w: &Tensor, s: &Shape) -> Result<Tensor> {
    let patches = patches(x, s)?; // (kernel² · channels, batch · out pixels)
    let w = w.permute((0, 2, 3, 1))?.reshape((s.out, s.kernel * s.kernel * s.channels))?;
    w.matmul(&patches)?.reshape((s.out, s.batch, s.out_height, s.out_width))?.transpose(0, 1)?.contiguous()
}

/// Gathers what each output pixel sees: rows `(tap row, tap column, channel)`, columns
/// `(batch, out row, out column)`.
pub(super) fn patches(x: &Tensor, s: &Shape) -> Result<Tensor> {
    let pixels = s.batch * s.out_height * s.out_width;
    let x = x.transpose(0, 1)?; // (channels, batch, height, width)
    if s.kernel == 1 && s.stride == 1 && s.padding == 0 {
        return x.reshape((s.channels, pixels));
    }
    if s.kernel == s.stride && s.padding == 0 {
        // Patches that touch but do not overlap are a mere change of axes.
        return x
            .narrow(2, 0, s.out_height * s.kernel)?
            .narrow(3, 0, s.out_width * s.kernel)?
            .reshape(vec![s.channels, s.batch, s.out_height, s.kernel, s.out_width, s.kernel])?
            .permute(vec![3, 5, 0, 1, 2, 4])?
            .reshape((s.kernel * s.kernel * s.channels, pixels));
    }
    // Padded so that both sides are multiples of the stride and reach beyond the last tap.
    let (rows, columns) = (padded(s.out_height, s), padded(s.out_width, s));
    let x = framed(&x, 2, s.height, rows, s.padding)?;
    let x = framed(&x, 3, s.width, columns, s.padding)?.contiguous()?;
    let x = x.reshape(vec![s.channels, s.batch, rows / s.stride, s.stride, columns / s.stride, s.stride])?;
    let mut taps = Vec::with_capacity(s.kernel * s.kernel);
    for row in 0..s.kernel {
        let x = x.narrow(2, row / s.stride, s.out_height)?.narrow(3, row % s.stride, 1)?;
        for column in 0..s.kernel {
            taps.push(x.narrow(4, column / s.stride, s.out_width)?.narrow(5, column % s.stride, 1)?);
        }
    }
    Tensor::cat(&taps, 0)?.reshape((s.kernel * s.kernel * s.channels, pixels))
}

/// Rows (or columns) needed by `out` output rows, as a multiple of the stride.
fn padded(out: usize, s: &Shape) -> usize {
    (out + (s.kernel - 1) / s.stride) * s.stride
}

/// Puts `size` entries of an axis, after `before` zeros, into a frame of `framed` entries.
fn framed(x: &Tensor, axis: usize, size: usize, framed: usize, before: usize) -> Result<Tensor> {
    let kept = size.min(framed - before.min(framed));
    x.narrow(axis, 0, kept)?.pad_with_zeros(axis, before, framed - before - kept)
}
