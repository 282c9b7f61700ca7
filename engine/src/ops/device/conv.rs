//! Convolutions as matrix products; a 3×3 one without ever gathering its nine taps.
//!
//! Pixels lie as rows of channels, each image in a frame of zeros: one row above and below, one pixel
//! at the left of every row (which is also the right neighbour of the row before). There a shift by a
//! tap is a shift by whole rows of the matrix. Three neighbours stand side by side, so that a kernel
//! row is one product, and three products make the convolution.

use candle_core::{Result, Tensor};

use super::attach::{Last, attach};
use super::sums::first_sum;
use crate::ops::conv2d::{Shape, patches};

/// `x` is `(batch, channels, height, width)`, `w` is `(out, channels, k, k)`, `b` is `(out)`, all of
/// one dtype and checked; `s` are their sizes.
pub(in crate::ops) fn conv2d(x: &Tensor, w: &Tensor, b: Option<&Tensor>, s: Shape) -> Result<Tensor> {
    let (input, kernel) = (x.detach().contiguous()?, w.detach().contiguous()?);
    let sums = move |grad: &Tensor| {
        let rows = grad.reshape((s.batch * s.out, s.out_height * s.out_width))?;
        first_sum(&rows.sum(1)?.reshape((s.batch, s.out))?)
    };
    let (y, gradients) = match (s.kernel, s.stride, s.padding) {
        (1, 1, 0) => pointwise(input, kernel, s)?,
        (3, 1, 1) => three(input, kernel, s, w.track_op())?,
        _ => general(input, kernel, s)?,
    };
    let shape = (s.batch, s.out, s.out_height, s.out_width);
    let last = match b {
        Some(b) => Last::Sum(y, b.detach().reshape((1, s.out, 1, 1))?.broadcast_as(shape)?),
        None => Last::Done(y),
    };
    let inputs: Vec<&Tensor> = [Some(x), Some(w), b].into_iter().flatten().collect();
    attach(
        &inputs,
        last,
        shape,
        Box::new(move |_, grad, wanted| {
            let (d_x, d_w) = gradients(grad, wanted[0], wanted[1])?;
            let d_b = (wanted.get(2) == Some(&true)).then(|| sums(grad)).transpose()?;
            Ok(vec![d_x, d_w, d_b])
        }),
    )
}

/// Gradients of input and weight, each if asked for.
type Gradients = Box<dyn Fn(&Tensor, bool, bool) -> Result<(Option<Tensor>, Option<Tensor>)> + Send + Sync>;

/// A 1×1 convolution: one product for each image, with the same weights.
fn pointwise(x: Tensor, w: Tensor, s: Shape) -> Result<(Tensor, Gradients)> {
    let pixels = s.height * s.width;
    let x = x.reshape((s.batch, s.channels, pixels))?;
    let w = w.reshape((s.out, s.channels))?;
    let y = w.broadcast_as((s.batch, s.out, s.channels))?.matmul(&x)?.reshape((s.batch, s.out, s.height, s.width))?;
    let gradients = move |grad: &Tensor, for_x: bool, for_w: bool| {
        let grad = grad.reshape((s.batch, s.out, pixels))?;
        let d_x = || w.t()?.broadcast_as((s.batch, s.channels, s.out))?.matmul(&grad);
        let d_w = || {
            let each = grad.matmul(&x.transpose(1, 2)?)?; // (batch, out, channels)
            first_sum(&each.reshape((s.batch, s.out * s.channels))?)
        };
        Ok((for_x.then(d_x).transpose()?, for_w.then(d_w).transpose()?))
    };
    Ok((y, Box::new(gradients)))
}

/// A 3×3 convolution that keeps the size.
fn three(x: Tensor, w: Tensor, s: Shape, keep: bool) -> Result<(Tensor, Gradients)> {
    let framed = neighbours(&x)?;
    let y = shifted_products(&framed, &w, s.height, s.width)?;
    let framed = keep.then_some(framed);
    let gradients = move |grad: &Tensor, for_x: bool, for_w: bool| {
        let d_x = || {
            let turned = w.flip(&[2, 3])?.transpose(0, 1)?;
            shifted_products(&neighbours(grad)?, &turned, s.height, s.width)
        };
        let d_x = for_x.then(d_x).transpose()?;
        let d_w = match &framed {
            Some(framed) if for_w => Some(weight_gradient(framed, grad, s)?),
            _ => None,
        };
        Ok((d_x, d_w))
    };
    Ok((y, Box::new(gradients)))
}

/// `(batch, channels, height, width)` as `(batch, (height + 2) · (width + 1), 3 · channels)`: in its
/// frame, each pixel with the two that follow it.
fn neighbours(x: &Tensor) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    let line = width + 1;
    let pixels = batch * (height + 2) * line;
    let rows = x.permute((0, 2, 3, 1))?.contiguous()?.pad_with_zeros(2, 1, 0)?;
    let frame = Tensor::zeros((pixels + 2, channels), x.dtype(), x.device())?;
    frame.narrow(0, 0, pixels)?.reshape((batch, height + 2, line, channels))?.slice_set(&rows, 1, 1)?;
    let shifted = [0, 1, 2].map(|shift| frame.narrow(0, shift, pixels));
    let [first, second, third] = shifted;
    Tensor::cat(&[first?, second?, third?], 1)?.reshape((batch, (height + 2) * line, 3 * channels))
}

/// Applies `(out, channels, 3, 3)` to neighbours: `(batch, out, height, width)`, in memory with a gap
/// after each line.
fn shifted_products(framed: &Tensor, w: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    let (batch, _, columns) = framed.dims3()?;
    let (out, line) = (w.dim(0)?, width + 1);
    let product = |row: usize| {
        w.narrow(2, row, 1)?
            .squeeze(2)?
            .transpose(1, 2)?
            .contiguous()? // (out, 3, channels)
            .reshape((out, columns))?
            .broadcast_as((batch, out, columns))?
            .matmul(&framed.narrow(1, row * line, height * line)?.transpose(1, 2)?)
    };
    ((product(0)? + product(1)?)? + product(2)?)?.reshape((batch, out, height, line))?.narrow(3, 0, width)
}

/// The gradient `(out, channels, 3, 3)` from the input's neighbours and the result's gradient.
fn weight_gradient(framed: &Tensor, grad: &Tensor, s: Shape) -> Result<Tensor> {
    let pixels = s.height * (s.width + 1);
    let grad = grad.pad_with_zeros(3, 0, 1)?.reshape((s.batch, s.out, pixels))?;
    let row = |row: usize| {
        let each = grad.matmul(&framed.narrow(1, row * (s.width + 1), pixels)?)?;
        first_sum(&each.reshape((s.batch, s.out * 3 * s.channels))?)?.reshape((s.out, 1, 3, s.channels))
    };
    Tensor::cat(&[row(0)?, row(1)?, row(2)?], 1)?.permute((0, 3, 1, 2))?.contiguous()
}

/// Any other convolution: candle's own forward, and patches for the weight's gradient.
fn general(x: Tensor, w: Tensor, s: Shape) -> Result<(Tensor, Gradients)> {
    let y = x.conv2d(&w, s.padding, s.stride, 1, 1)?;
    let gradients = move |grad: &Tensor, for_x: bool, for_w: bool| {
        let d_x = for_x.then(|| input_gradient(grad, &w, s)).transpose()?;
        let d_w = || {
            let pixels = s.batch * s.out_height * s.out_width;
            grad.transpose(0, 1)?
                .contiguous()?
                .reshape((s.out, pixels))?
                .matmul(&patches(&x, &s)?.contiguous()?.t()?)?
                .reshape((s.out, s.kernel, s.kernel, s.channels))?
                .permute((0, 3, 1, 2))?
                .contiguous()
        };
        Ok((d_x, for_w.then(d_w).transpose()?))
    };
    Ok((y, Box::new(gradients)))
}

/// Convolves the gradient, with `stride - 1` zeros between its pixels, with the turned kernel.
fn input_gradient(grad: &Tensor, w: &Tensor, s: Shape) -> Result<Tensor> {
    let (oh, ow, gap) = (s.out_height, s.out_width, s.stride - 1);
    let spaced = if gap == 0 {
        grad.clone()
    } else {
        grad.reshape((s.batch * s.out * oh, 1, ow, 1))?.pad_with_zeros(1, 0, gap)?.pad_with_zeros(3, 0, gap)?.reshape((
            s.batch,
            s.out,
            oh * s.stride,
            ow * s.stride,
        ))?
    };
    let spaced = fitted(&fitted(&spaced, 2, s.height, s)?, 3, s.width, s)?;
    let turned = w.flip(&[2, 3])?.transpose(0, 1)?.contiguous()?;
    spaced.contiguous()?.conv2d(&turned, 0, 1, 1, 1)
}

/// Pads or cuts an axis so that the turned kernel gives `size` pixels.
fn fitted(x: &Tensor, axis: usize, size: usize, s: Shape) -> Result<Tensor> {
    let have = x.dim(axis)?;
    let (before, cut) = match (s.kernel - 1).checked_sub(s.padding) {
        Some(before) => (before, 0),
        None => (0, s.padding + 1 - s.kernel),
    };
    let want = size + s.kernel - 1;
    let kept = (have - cut).min(want - before);
    x.narrow(axis, cut, kept)?.contiguous()?.pad_with_zeros(axis, before, want - before - kept)
}
