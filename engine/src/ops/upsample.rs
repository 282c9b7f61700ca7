//! Nearest-neighbour enlargement.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::cpu::{Held, numbers, plain};

/// Doubles height and width by repeating every pixel.
///
/// `x` is `(batch, channels, height, width)`; the result is `(batch, channels, 2 height, 2 width)`.
///
/// # Errors
/// An `x` without four axes.
pub fn upsample2x(x: &Tensor) -> Result<Tensor> {
    x.dims4()?;
    if x.device().is_cpu() { plain(x)?.apply_op1(Upsample)?.to_dtype(x.dtype()) } else { composed(x) }
}

/// Repeats through a broadcast: its gradient is a plain sum, whereas the gradient of candle's own
/// enlargement is a grouped convolution.
pub(super) fn composed(x: &Tensor) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    x.reshape((batch, channels, height, 1, width, 1))?.broadcast_as((batch, channels, height, 2, width, 2))?.reshape((
        batch,
        channels,
        2 * height,
        2 * width,
    ))
}

struct Upsample;

impl CustomOp1 for Upsample {
    fn name(&self) -> &'static str {
        "upsample2x"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, height, width) = layout.shape().dims4()?;
        let x = numbers(x, layout)?;
        let mut y = vec![0.; 4 * x.len()];
        if !y.is_empty() {
            y.par_chunks_mut(4 * height * width).zip(x.par_chunks(height * width)).for_each(|(y, x)| {
                for (y, x) in y.chunks_exact_mut(4 * width).zip(x.chunks_exact(width)) {
                    let (upper, lower) = y.split_at_mut(2 * width);
                    for (pair, x) in upper.as_chunks_mut::<2>().0.iter_mut().zip(x) {
                        *pair = [*x; 2];
                    }
                    lower.copy_from_slice(upper);
                }
            });
        }
        Ok((CpuStorage::F32(y), Shape::from((batch, channels, 2 * height, 2 * width))))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (_, _, height, width) = x.dims4()?;
        let grad = plain(grad)?;
        let grad = Held::new(&grad)?;
        let mut dx = vec![0.; x.elem_count()];
        if !dx.is_empty() {
            dx.par_chunks_mut(height * width).zip(grad.par_chunks(4 * height * width)).for_each(|(dx, g)| {
                for (dx, g) in dx.chunks_exact_mut(width).zip(g.chunks_exact(4 * width)) {
                    let (upper, lower) = g.split_at(2 * width);
                    let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
                    for (dx, (u, l)) in dx.iter_mut().zip(pairs) {
                        *dx = (u[0] + u[1]) + (l[0] + l[1]);
                    }
                }
            });
        }
        Ok(Some(Tensor::from_vec(dx, x.shape(), x.device())?))
    }
}
