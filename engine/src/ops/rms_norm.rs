//! Root-mean-square normalisation, as in T5.
//!
//! # Source
//! Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.

use candle_core::{CpuStorage, CustomOp2, D, DType, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::cpu::{Held, add_to, dot, numbers, plain, vectorized};
use super::device;

/// Rows per parallel task.
const BLOCK: usize = 32;

/// Divides the last axis by its root mean square and multiplies by a weight.
///
/// `x` is `(..., width)`, `weight` is `(width)`; `x / sqrt(mean(x²) + eps) * weight`.
///
/// # Errors
/// Shapes that do not fit.
pub fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
    if x.device().is_cpu() {
        plain(x)?.apply_op2(&plain(weight)?, RmsNorm { eps: eps as f32 })?.to_dtype(x.dtype())
    } else if x.elem_count() > 0 {
        device::rms_norm(x, weight, eps)
    } else {
        composed(x, weight, eps)
    }
}

pub(super) fn composed(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
    let wide = x.to_dtype(DType::F32)?;
    let mean_square = wide.sqr()?.mean_keepdim(D::Minus1)?; // (..., 1)
    wide.broadcast_div(&(mean_square + eps)?.sqrt()?)?.broadcast_mul(&weight.to_dtype(DType::F32)?)?.to_dtype(x.dtype())
}

struct RmsNorm {
    eps: f32,
}

impl RmsNorm {
    #[inline(always)]
    fn inverse_root(&self, row: &[f32]) -> f32 {
        1. / (dot(row, row) / row.len() as f32 + self.eps).sqrt()
    }

    #[inline(always)]
    fn forward(&self, y: &mut [f32], x: &[f32], weight: &[f32]) {
        let width = weight.len();
        for (y, x) in y.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
            let inverse = self.inverse_root(x);
            for ((y, x), w) in y.iter_mut().zip(x).zip(weight) {
                *y = x * inverse * w;
            }
        }
    }

    /// Turns the output's gradient in `g` into the input's, and returns that of the weight.
    #[inline(always)]
    fn backward(&self, g: &mut [f32], x: &[f32], weight: &[f32]) -> Vec<f32> {
        let width = weight.len();
        let mut d_weight = vec![0.; width];
        for (g, x) in g.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
            let inverse = self.inverse_root(x);
            for (((d, g), x), w) in d_weight.iter_mut().zip(g.iter_mut()).zip(x).zip(weight) {
                *d += *g * x * inverse;
                *g *= w;
            }
            let pull = dot(g, x) / width as f32 * inverse * inverse * inverse;
            for (g, x) in g.iter_mut().zip(x) {
                *g = *g * inverse - x * pull;
            }
        }
        d_weight
    }
}

impl CustomOp2 for RmsNorm {
    fn name(&self) -> &'static str {
        "rms_norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        if weight_layout.dims().len() != 1 || x_layout.dims().last() != weight_layout.dims().last() {
            bail!("rms_norm: input {:?}, weight {:?}", x_layout.dims(), weight_layout.dims());
        }
        let x = numbers(x, x_layout)?;
        let weight = numbers(weight, weight_layout)?;
        let mut y = vec![0.; x.len()];
        if !y.is_empty() {
            let block = BLOCK * weight.len();
            y.par_chunks_mut(block).zip(x.par_chunks(block)).for_each(|(y, x)| vectorized(|| self.forward(y, x, weight)));
        }
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, weight: &Tensor, _: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = plain(grad)?;
        let mut dx = Held::new(&grad)?.to_vec();
        let numbers = Held::new(x)?;
        let weights = Held::new(weight)?;
        let mut d_weight = vec![0.; weights.len()];
        if !dx.is_empty() {
            let block = BLOCK * weights.len();
            let parts: Vec<_> = dx
                .par_chunks_mut(block)
                .zip(numbers.par_chunks(block))
                .map(|(g, x)| vectorized(|| self.backward(g, x, &weights)))
                .collect();
            for part in parts {
                add_to(&mut d_weight, &part);
            }
        }
        Ok((Some(Tensor::from_vec(dx, x.shape(), x.device())?), Some(Tensor::from_vec(d_weight, weight.shape(), x.device())?)))
    }
}
