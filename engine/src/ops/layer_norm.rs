//! Layer normalisation over the last axis, with weights or with a per-image shift and scale.
//!
//! # Source
//! Ba, Kiros, Hinton, "Layer Normalization", 2016; the modulated form is adaLN of Peebles and Xie,
//! "Scalable Diffusion Models with Transformers", 2023, section 3.2.

use candle_core::{CpuStorage, CustomOp3, D, DType, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::cpu::{Held, add_to, dot, numbers, plain, sum, sum_square_deviations, vectorized};
use super::device;

/// Rows per parallel task.
const BLOCK: usize = 32;

/// Normalises the last axis: `(x - mean) / sqrt(var + eps) * weight + bias`.
///
/// `x` is `(..., width)`, `weight` and `bias` are `(width)`; the variance is the biased one.
///
/// # Errors
/// Shapes that do not fit.
pub fn layer_norm(x: &Tensor, weight: Option<&Tensor>, bias: Option<&Tensor>, eps: f64) -> Result<Tensor> {
    let width = x.dim(D::Minus1)?;
    if !x.device().is_cpu() && x.elem_count() > 0 {
        let fits = |x: Option<&Tensor>| x.is_none_or(|x| x.dims() == [width]);
        if !fits(weight) || !fits(bias) {
            bail!("layer_norm: input {:?}, weight {weight:?}, bias {bias:?}", x.dims());
        }
        return device::layer_norm(x, 1, weight.map(|weight| (weight, 0.)), bias, eps);
    }
    let rows = x.elem_count() / width.max(1);
    let gain = match weight {
        Some(weight) => weight.to_dtype(DType::F32)?.reshape((1, width))?,
        None => Tensor::ones((1, width), DType::F32, x.device())?,
    };
    let offset = match bias {
        Some(bias) => bias.to_dtype(DType::F32)?.reshape((1, width))?,
        None => Tensor::zeros((1, width), DType::F32, x.device())?,
    };
    let grouped = x.reshape((1, rows, width))?;
    let y = if x.device().is_cpu() {
        fused(&grouped, &gain, &offset, LayerNorm { eps: eps as f32, added: 0. })?
    } else {
        composed(&grouped, &gain, &offset, eps)?
    };
    y.reshape(x.shape())
}

/// Normalises the last axis without weights, then applies `* (1 + scale) + shift` of each image.
///
/// `x` is `(batch, tokens, width)`, `shift` and `scale` are `(batch, width)`.
///
/// # Errors
/// Shapes that do not fit.
pub fn layer_norm_modulate(x: &Tensor, shift: &Tensor, scale: &Tensor, eps: f64) -> Result<Tensor> {
    let (batch, _, width) = x.dims3()?;
    if !x.device().is_cpu() && x.elem_count() > 0 && [shift, scale].iter().all(|x| x.dims() == [batch, width]) {
        return device::layer_norm(x, batch, Some((scale, 1.)), Some(shift), eps);
    }
    let shift = shift.to_dtype(DType::F32)?.broadcast_as((batch, width))?;
    let scale = scale.to_dtype(DType::F32)?.broadcast_as((batch, width))?;
    if x.device().is_cpu() {
        fused(x, &scale, &shift, LayerNorm { eps: eps as f32, added: 1. })
    } else {
        composed(x, &(scale + 1.)?, &shift, eps)
    }
}

/// `x` is `(groups, rows, width)`; gain and offset of a group are `(groups, width)`.
pub(super) fn composed(x: &Tensor, gain: &Tensor, offset: &Tensor, eps: f64) -> Result<Tensor> {
    let wide = x.to_dtype(DType::F32)?;
    let centred = wide.broadcast_sub(&wide.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?; // (groups, rows, 1)
    centred
        .broadcast_div(&(variance + eps)?.sqrt()?)?
        .broadcast_mul(&gain.unsqueeze(1)?)?
        .broadcast_add(&offset.unsqueeze(1)?)?
        .to_dtype(x.dtype())
}

fn fused(x: &Tensor, gain: &Tensor, offset: &Tensor, op: LayerNorm) -> Result<Tensor> {
    plain(x)?.apply_op3(&plain(gain)?, &plain(offset)?, op)?.to_dtype(x.dtype())
}

/// Normalises rows in groups that share a gain (`added` is put on top of it) and an offset.
struct LayerNorm {
    eps: f32,
    added: f32,
}

impl LayerNorm {
    /// Mean and reciprocal deviation of a row.
    #[inline(always)]
    fn statistics(&self, row: &[f32]) -> (f32, f32) {
        let count = row.len() as f32;
        let mean = sum(row) / count;
        let variance = sum_square_deviations(row, mean) / count;
        (mean, 1. / (variance + self.eps).sqrt())
    }

    #[inline(always)]
    fn forward(&self, y: &mut [f32], x: &[f32], gain: &[f32], offset: &[f32]) {
        let width = gain.len();
        for (y, x) in y.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
            let (mean, inverse) = self.statistics(x);
            let affine = gain.iter().zip(offset);
            for ((y, x), (gain, offset)) in y.iter_mut().zip(x).zip(affine) {
                *y = (x - mean) * inverse * (gain + self.added) + offset;
            }
        }
    }

    /// Turns the output's gradient in `g` into the input's, and returns those of gain and offset.
    #[inline(always)]
    fn backward(&self, g: &mut [f32], x: &[f32], gain: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let width = gain.len();
        let (mut d_gain, mut d_offset) = (vec![0.; width], vec![0.; width]);
        let mut normalised = vec![0.; width];
        for (g, x) in g.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
            let (mean, inverse) = self.statistics(x);
            for (n, x) in normalised.iter_mut().zip(x) {
                *n = (x - mean) * inverse;
            }
            add_to(&mut d_offset, g);
            for ((d, g), n) in d_gain.iter_mut().zip(g.iter()).zip(&normalised) {
                *d += g * n;
            }
            for (g, gain) in g.iter_mut().zip(gain) {
                *g *= gain + self.added;
            }
            let mean_g = sum(g) / width as f32;
            let mean_gn = dot(g, &normalised) / width as f32;
            for (g, n) in g.iter_mut().zip(&normalised) {
                *g = inverse * (*g - mean_g - n * mean_gn);
            }
        }
        (d_gain, d_offset)
    }
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer_norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        gain: &CpuStorage,
        gain_layout: &Layout,
        offset: &CpuStorage,
        offset_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (groups, rows, width) = x_layout.shape().dims3()?;
        for affine in [gain_layout, offset_layout] {
            if affine.dims() != [groups, width] {
                bail!("layer_norm: input {:?}, weight {:?}", x_layout.dims(), affine.dims());
            }
        }
        let x = numbers(x, x_layout)?;
        let gain = numbers(gain, gain_layout)?;
        let offset = numbers(offset, offset_layout)?;
        let mut y = vec![0.; x.len()];
        if !y.is_empty() {
            y.par_chunks_mut(rows * width)
                .zip(x.par_chunks(rows * width))
                .zip(gain.par_chunks(width).zip(offset.par_chunks(width)))
                .for_each(|((y, x), (gain, offset))| {
                    y.par_chunks_mut(BLOCK * width)
                        .zip(x.par_chunks(BLOCK * width))
                        .for_each(|(y, x)| vectorized(|| self.forward(y, x, gain, offset)));
                });
        }
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gain: &Tensor,
        offset: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (_, rows, width) = x.dims3()?;
        let grad = plain(grad)?;
        let mut dx = Held::new(&grad)?.to_vec();
        let numbers = Held::new(x)?;
        let gains = Held::new(gain)?;
        let (mut d_gain, mut d_offset) = (vec![0.; gains.len()], vec![0.; gains.len()]);
        if !dx.is_empty() {
            let affine = d_gain.par_chunks_mut(width).zip(d_offset.par_chunks_mut(width));
            dx.par_chunks_mut(rows * width)
                .zip(numbers.par_chunks(rows * width))
                .zip(gains.par_chunks(width).zip(affine))
                .for_each(|((g, x), (gain, (d_gain, d_offset)))| {
                    let parts: Vec<_> = g
                        .par_chunks_mut(BLOCK * width)
                        .zip(x.par_chunks(BLOCK * width))
                        .map(|(g, x)| vectorized(|| self.backward(g, x, gain)))
                        .collect();
                    for (part_gain, part_offset) in parts {
                        add_to(d_gain, &part_gain);
                        add_to(d_offset, &part_offset);
                    }
                });
        }
        Ok((
            Some(Tensor::from_vec(dx, x.shape(), x.device())?),
            Some(Tensor::from_vec(d_gain, gain.shape(), x.device())?),
            Some(Tensor::from_vec(d_offset, offset.shape(), x.device())?),
        ))
    }
}
