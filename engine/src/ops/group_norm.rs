//! Group normalisation of feature maps, with an optional SiLU behind it.
//!
//! # Source
//! Wu and He, "Group Normalization", 2018.

use candle_core::{CpuStorage, CustomOp3, DType, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::cpu::{Held, add_to, dot, numbers, plain, sigmoid, sum, sum_square_deviations, vectorized};
use super::device;

/// Numbers added in f32 before their sum goes into an f64 total.
const BLOCK: usize = 4096;

/// Normalises each group of channels over its channels and pixels, then weight, bias and SiLU.
///
/// `x` is `(batch, channels, height, width)`, `w` and `b` are `(channels)`; the biased variance is
/// used.
///
/// # Errors
/// Shapes that do not fit, or channels that `groups` does not divide.
pub fn group_norm(x: &Tensor, groups: usize, w: &Tensor, b: &Tensor, eps: f64, silu: bool) -> Result<Tensor> {
    let (_, channels, _, _) = x.dims4()?;
    if groups == 0 || channels % groups != 0 {
        bail!("group_norm: {channels} channels do not form {groups} groups");
    }
    if w.dims() != [channels] || b.dims() != [channels] {
        bail!("group_norm: input {:?}, weight {:?}, bias {:?}", x.dims(), w.dims(), b.dims());
    }
    if x.device().is_cpu() {
        let op = GroupNorm { groups, eps, silu };
        plain(x)?.apply_op3(&plain(w)?, &plain(b)?, op)?.to_dtype(x.dtype())
    } else if x.elem_count() > 0 {
        device::group_norm(x, groups, w, b, eps, silu)
    } else {
        composed(x, groups, w, b, eps, silu)
    }
}

/// Mean and sum of squared deviations of each of `groups` groups of channels of `x (1, channels, height, width)`.
///
/// # Errors
/// More than one picture, or channels that `groups` does not divide.
pub fn group_moments(x: &Tensor, groups: usize) -> Result<Vec<(f64, f64)>> {
    let (batch, channels, height, width) = x.dims4()?;
    if batch != 1 || groups == 0 || channels % groups != 0 {
        bail!("group_moments: {:?} does not form {groups} groups of one picture", x.dims());
    }
    let values = x.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
    let moments = |x: &[f32]| {
        let total: f64 = x.chunks(BLOCK).map(|x| f64::from(sum(x))).sum();
        let mean = total / x.len() as f64;
        let squares = x.chunks(BLOCK).map(|x| f64::from(sum_square_deviations(x, mean as f32))).sum();
        (mean, squares)
    };
    Ok(values.par_chunks((channels / groups * height * width).max(1)).map(moments).collect())
}

pub(super) fn composed(x: &Tensor, groups: usize, w: &Tensor, b: &Tensor, eps: f64, silu: bool) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    let wide = x.to_dtype(DType::F32)?;
    let wide = wide.reshape((batch, groups, channels / groups * height * width))?;
    let centred = wide.broadcast_sub(&wide.mean_keepdim(2)?)?;
    let variance = centred.sqr()?.mean_keepdim(2)?; // (batch, groups, 1)
    let y = centred.broadcast_div(&(variance + eps)?.sqrt()?)?;
    let w = w.to_dtype(DType::F32)?.reshape((1, channels, 1, 1))?;
    let b = b.to_dtype(DType::F32)?.reshape((1, channels, 1, 1))?;
    let y = y.reshape((batch, channels, height, width))?.broadcast_mul(&w)?.broadcast_add(&b)?;
    let y = if silu { y.silu()? } else { y };
    y.to_dtype(x.dtype())
}

struct GroupNorm {
    groups: usize,
    eps: f64,
    silu: bool,
}

impl GroupNorm {
    /// Mean and reciprocal deviation of a group.
    #[inline(always)]
    fn statistics(&self, x: &[f32]) -> (f32, f32) {
        let count = x.len() as f64;
        let total: f64 = x.chunks(BLOCK).map(|x| f64::from(sum(x))).sum();
        let mean = (total / count) as f32;
        let square: f64 = x.chunks(BLOCK).map(|x| f64::from(sum_square_deviations(x, mean))).sum();
        (mean, (1. / (square / count + self.eps).sqrt()) as f32)
    }

    #[inline(always)]
    fn forward(&self, y: &mut [f32], x: &[f32], w: &[f32], b: &[f32], pixels: usize) {
        let (mean, inverse) = self.statistics(x);
        let channels = y.chunks_exact_mut(pixels).zip(x.chunks_exact(pixels));
        for ((y, x), (w, b)) in channels.zip(w.iter().zip(b)) {
            let gain = w * inverse;
            if self.silu {
                for (y, x) in y.iter_mut().zip(x) {
                    let z = (x - mean) * gain + b;
                    *y = z * sigmoid(z);
                }
            } else {
                for (y, x) in y.iter_mut().zip(x) {
                    *y = (x - mean) * gain + b;
                }
            }
        }
    }

    /// Turns the output's gradient in `g` into the input's, and returns those of weight and bias.
    #[inline(always)]
    fn backward(&self, g: &mut [f32], x: &[f32], w: &[f32], b: &[f32], pixels: usize) -> (Vec<f32>, Vec<f32>) {
        let (mean, inverse) = self.statistics(x);
        let (mut d_w, mut d_b) = (Vec::with_capacity(w.len()), Vec::with_capacity(w.len()));
        let channels = g.chunks_exact_mut(pixels).zip(x.chunks_exact(pixels));
        for ((g, x), (w, b)) in channels.zip(w.iter().zip(b)) {
            if self.silu {
                let gain = w * inverse;
                for (g, x) in g.iter_mut().zip(x) {
                    let z = (x - mean) * gain + b;
                    let s = sigmoid(z);
                    *g *= s * (1. + z * (1. - s));
                }
            }
            let total: f64 = g.chunks(BLOCK).map(|g| f64::from(sum(g))).sum();
            let with_x: f64 = g.chunks(BLOCK).zip(x.chunks(BLOCK)).map(|(g, x)| f64::from(dot(g, x))).sum();
            d_b.push(total as f32);
            d_w.push(((with_x - f64::from(mean) * total) * f64::from(inverse)) as f32);
        }
        let count = x.len() as f32;
        let mean_g = dot(w, &d_b) / count;
        let mean_gn = dot(w, &d_w) / count;
        let channels = g.chunks_exact_mut(pixels).zip(x.chunks_exact(pixels));
        for ((g, x), w) in channels.zip(w) {
            for (g, x) in g.iter_mut().zip(x) {
                *g = inverse * (*g * w - mean_g - (x - mean) * inverse * mean_gn);
            }
        }
        (d_w, d_b)
    }
}

impl CustomOp3 for GroupNorm {
    fn name(&self) -> &'static str {
        "group_norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, channels, height, width) = x_layout.shape().dims4()?;
        let (pixels, per_group) = (height * width, channels / self.groups);
        let x = numbers(x, x_layout)?;
        let (w, b) = (numbers(w, w_layout)?, numbers(b, b_layout)?);
        let mut y = vec![0.; x.len()];
        if !y.is_empty() {
            y.par_chunks_mut(per_group * pixels).zip(x.par_chunks(per_group * pixels)).enumerate().for_each(|(index, (y, x))| {
                let first = index % self.groups * per_group;
                let own = first..first + per_group;
                vectorized(|| self.forward(y, x, &w[own.clone()], &b[own], pixels));
            });
        }
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (_, channels, height, width) = x.dims4()?;
        let (pixels, per_group) = (height * width, channels / self.groups);
        let grad = plain(grad)?;
        let mut dx = Held::new(&grad)?.to_vec();
        let (numbers, weights, biases) = (Held::new(x)?, Held::new(w)?, Held::new(b)?);
        let (mut d_w, mut d_b) = (vec![0.; channels], vec![0.; channels]);
        if !dx.is_empty() {
            let parts: Vec<_> = dx
                .par_chunks_mut(per_group * pixels)
                .zip(numbers.par_chunks(per_group * pixels))
                .enumerate()
                .map(|(index, (g, x))| {
                    let first = index % self.groups * per_group;
                    let own = first..first + per_group;
                    vectorized(|| self.backward(g, x, &weights[own.clone()], &biases[own], pixels))
                })
                .collect();
            for (index, (part_w, part_b)) in parts.iter().enumerate() {
                let first = index % self.groups * per_group;
                add_to(&mut d_w[first..first + per_group], part_w);
                add_to(&mut d_b[first..first + per_group], part_b);
            }
        }
        Ok((
            Some(Tensor::from_vec(dx, x.shape(), x.device())?),
            Some(Tensor::from_vec(d_w, w.shape(), x.device())?),
            Some(Tensor::from_vec(d_b, b.shape(), x.device())?),
        ))
    }
}
