//! Attention on a CPU: scores exist for one head and one block of queries at a time.
//!
//! Nothing is saved for the backward pass but inputs and result; it makes the scores again.
//!
//! # Source
//! Dao et al., "FlashAttention", 2022, appendix B.2, for the gradients.

use candle_core::{CpuStorage, CustomOp3, D, Layout, Result, Shape, Storage, Tensor, bail};
use rayon::prelude::*;

use crate::ops::cpu::{Held, add_to, dot, exp_down_to_zero, largest, map_and_sum, plain, vectorized};
use crate::ops::gemm::{Matrix, Threads, Write};

/// Queries whose scores are held at a time.
const BLOCK: usize = 256;

/// See [`super::attention`]; shapes and key counts are checked already.
pub(super) fn attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    key_lens: Option<&[usize]>,
    bias: Option<&Tensor>,
    scale: f64,
) -> Result<Tensor> {
    let keys = k.dim(2)?;
    let width = k.dim(3)?;
    let lens = match key_lens {
        Some(lens) => lens.to_vec(),
        None => vec![keys; q.dim(0)?],
    };
    let bias = bias.map(plain).transpose()?;
    let (q32, k32, v32) = (as_f32(q)?, as_f32(k)?, as_f32(v)?);
    let mut op = Attention { lens, scale: scale as f32, width, bias: None };
    let joined = match bias {
        // A custom operation has three inputs, so a bias that is trained takes the place of the
        // values, which then lie beside the keys.
        Some(bias) if bias.track_op() => q32.apply_op3(&Tensor::cat(&[k32, v32], D::Minus1)?, &bias, BiasedAttention(op))?,
        bias => {
            op.bias = bias;
            q32.apply_op3(&k32, &v32, op)?
        }
    };
    joined.transpose(1, 2)?.to_dtype(q.dtype())
}

/// Heads split off a joined axis are taken as they lie; only gaps inside a row cost a copy.
fn as_f32(x: &Tensor) -> Result<Tensor> {
    let x = x.to_dtype(candle_core::DType::F32)?;
    if x.stride().last() == Some(&1) { Ok(x) } else { x.contiguous() }
}

/// `softmax(scale · q kᵀ + bias) v` as `(batch, queries, heads, width)`.
struct Attention {
    /// Kept keys of each image.
    lens: Vec<usize>,
    scale: f32,
    /// Width of a head.
    width: usize,
    /// A bias without gradient.
    bias: Option<Tensor>,
}

/// The same with keys and values side by side and a bias with gradient.
struct BiasedAttention(Attention);

/// One operand `(batch, heads, rows, width)`, any strides.
#[derive(Clone, Copy)]
struct Operand<'a> {
    /// From its first number on.
    numbers: &'a [f32],
    dims: [usize; 4],
    strides: [usize; 4],
}

impl<'a> Operand<'a> {
    fn new(storage: &'a CpuStorage, layout: &Layout) -> Result<Self> {
        let CpuStorage::F32(numbers) = storage else { bail!("attention: operand is not f32") };
        let numbers = numbers.get(layout.start_offset()..).unwrap_or(&[]);
        match (<[usize; 4]>::try_from(layout.dims()), <[usize; 4]>::try_from(layout.stride())) {
            (Ok(dims), Ok(strides)) => Ok(Self { numbers, dims, strides }),
            _ => bail!("attention: operand {:?}", layout.dims()),
        }
    }

    /// Columns `from..from + width` of every row.
    fn columns(self, from: usize, width: usize) -> Self {
        let [batch, heads, rows, _] = self.dims;
        let numbers = self.numbers.get(from * self.strides[3]..).unwrap_or(&[]);
        Self { numbers, dims: [batch, heads, rows, width], ..self }
    }

    /// Rows `from..from + rows` of one head.
    fn rows(self, image: usize, head: usize, from: usize, rows: usize) -> Result<Matrix<'a>> {
        let [image_stride, head_stride, row_stride, column_stride] = self.strides;
        let start = image * image_stride + head * head_stride + from * row_stride;
        Matrix::new(self.numbers.get(start..).unwrap_or(&[]), (rows, self.dims[3]), (row_stride, column_stride))
    }
}

/// The bias as numbers, `(1 or batch, heads, queries, keys)`.
#[derive(Clone, Copy)]
struct Bias<'a> {
    numbers: &'a [f32],
    images: usize,
}

/// What one call reads.
#[derive(Clone, Copy)]
struct Inputs<'a> {
    q: Operand<'a>,
    k: Operand<'a>,
    v: Operand<'a>,
    bias: Option<Bias<'a>>,
}

/// Gradients of one head of one image, each `(rows, width)`.
struct HeadGradients {
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    /// `(queries, keys)`; empty unless wanted.
    bias: Vec<f32>,
}

/// All gradients as plain numbers, laid out `(batch, heads, rows, width)`.
struct Gradients {
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    bias: Vec<f32>,
}

impl Attention {
    fn forward(&self, inputs: Inputs<'_>) -> Result<(CpuStorage, Shape)> {
        let [batch, heads, queries, width] = inputs.q.dims;
        let shape = Shape::from((batch, queries, heads, width));
        let mut out = vec![0.; batch * queries * heads * width];
        if out.is_empty() {
            return Ok((CpuStorage::F32(out), shape));
        }
        let blocks = queries.div_ceil(BLOCK);
        let done: Vec<Vec<f32>> = (0..batch * blocks * heads)
            .into_par_iter()
            .map(|index| {
                let (image, block) = (index / heads / blocks, index / heads % blocks);
                self.forward_block(inputs, image, index % heads, block * BLOCK)
            })
            .collect::<Result<_>>()?;
        // The heads' results lie side by side in each row.
        for image in 0..batch {
            let rows = image * queries * heads * width..(image + 1) * queries * heads * width;
            out[rows].par_chunks_mut(BLOCK * heads * width).enumerate().for_each(|(block, out)| {
                let first = (image * blocks + block) * heads;
                let parts = &done[first..first + heads];
                for (row, out) in out.chunks_exact_mut(heads * width).enumerate() {
                    for (out, part) in out.chunks_exact_mut(width).zip(parts) {
                        out.copy_from_slice(&part[row * width..(row + 1) * width]);
                    }
                }
            });
        }
        Ok((CpuStorage::F32(out), shape))
    }

    /// The result `(queries of the block, width)` of one head.
    fn forward_block(&self, inputs: Inputs<'_>, image: usize, head: usize, first: usize) -> Result<Vec<f32>> {
        let [_, _, queries, width] = inputs.q.dims;
        let (keys, rows) = (self.lens[image], BLOCK.min(queries - first));
        if keys == 0 {
            return Ok(vec![0.; rows * width]);
        }
        let (scores, inverse) = self.weights(inputs, image, head, first, rows)?;
        let values = inputs.v.rows(image, head, 0, keys)?;
        let mut mixed = Matrix::whole(&scores, rows, keys)?.times(values)?;
        scale_rows(&mut mixed, &inverse);
        Ok(mixed)
    }

    /// Unnormalised weights `(rows, kept keys)` and the reciprocal of each row's sum.
    fn weights(&self, inputs: Inputs<'_>, image: usize, head: usize, first: usize, rows: usize) -> Result<(Vec<f32>, Vec<f32>)> {
        let [_, heads, queries, _] = inputs.q.dims;
        let (all_keys, keys) = (inputs.k.dims[2], self.lens[image]);
        let q = inputs.q.rows(image, head, first, rows)?;
        let mut scores = q.times(inputs.k.rows(image, head, 0, keys)?.t())?;
        let mut inverse = Vec::with_capacity(rows);
        for (row, scores) in scores.chunks_exact_mut(keys).enumerate() {
            let bias = inputs.bias.map(|bias| {
                let start = ((image % bias.images * heads + head) * queries + first + row) * all_keys;
                &bias.numbers[start..start + keys]
            });
            inverse.push(vectorized(|| softmax_weights(scores, bias, self.scale)));
        }
        Ok((scores, inverse))
    }

    /// Gradients of every input; `grad` and `result` are `(batch, queries, heads, width)`.
    fn backward(&self, inputs: Inputs<'_>, result: &Tensor, grad: &Tensor, want_bias: bool) -> Result<Gradients> {
        let [batch, heads, queries, width] = inputs.q.dims;
        let keys = inputs.k.dims[2];
        let grad = plain(grad)?;
        let (result, grad) = (Held::new(result)?, Held::new(&grad)?);
        let heads_done: Vec<HeadGradients> = (0..batch * heads)
            .into_par_iter()
            .map(|index| {
                let (image, head) = (index / heads, index % heads);
                // The head's rows, gathered so that they follow each other.
                let own = |all: &[f32]| -> Vec<f32> {
                    all[image * queries * heads * width..(image + 1) * queries * heads * width]
                        .chunks_exact(heads * width)
                        .flat_map(|row| &row[head * width..(head + 1) * width])
                        .copied()
                        .collect()
                };
                self.backward_head(inputs, image, head, &own(&result), &own(&grad), want_bias)
            })
            .collect::<Result<_>>()?;
        let mut all = Gradients {
            q: Vec::with_capacity(batch * heads * queries * width),
            k: Vec::with_capacity(batch * heads * keys * width),
            v: Vec::with_capacity(batch * heads * keys * width),
            bias: Vec::new(),
        };
        if let (true, Some(bias)) = (want_bias, inputs.bias) {
            all.bias = vec![0.; bias.numbers.len()];
        }
        let per_head = queries * keys;
        for (index, part) in heads_done.iter().enumerate() {
            all.q.extend_from_slice(&part.q);
            all.k.extend_from_slice(&part.k);
            all.v.extend_from_slice(&part.v);
            if let (true, Some(bias)) = (want_bias, inputs.bias) {
                let slot = index % (bias.images * heads);
                add_to(&mut all.bias[slot * per_head..(slot + 1) * per_head], &part.bias);
            }
        }
        Ok(all)
    }

    /// Gradients of one head; `result` and `grad` are `(queries, width)`.
    fn backward_head(
        &self,
        inputs: Inputs<'_>,
        image: usize,
        head: usize,
        result: &[f32],
        grad: &[f32],
        want_bias: bool,
    ) -> Result<HeadGradients> {
        let [_, _, queries, width] = inputs.q.dims;
        let (all_keys, keys) = (inputs.k.dims[2], self.lens[image]);
        let mut done = HeadGradients {
            q: vec![0.; queries * width],
            k: vec![0.; all_keys * width],
            v: vec![0.; all_keys * width],
            bias: vec![0.; if want_bias { queries * all_keys } else { 0 }],
        };
        if keys == 0 || queries == 0 {
            return Ok(done);
        }
        let (k, v) = (inputs.k.rows(image, head, 0, keys)?, inputs.v.rows(image, head, 0, keys)?);
        for first in (0..queries).step_by(BLOCK) {
            let rows = BLOCK.min(queries - first);
            let (mut weights, inverse) = self.weights(inputs, image, head, first, rows)?;
            scale_rows(&mut weights, &inverse);
            let own = first * width..(first + rows) * width;
            let g = Matrix::whole(&grad[own.clone()], rows, width)?;
            let weighed = Matrix::whole(&weights, rows, keys)?;
            weighed.t().times_into(g, &mut done.v, width, Write::Add, Threads::One)?;

            // From here on the gradient of the scores, before the scale.
            let mut d_scores = g.times(v.t())?; // (rows, keys)
            vectorized(|| slopes(&mut d_scores, &weights, &result[own.clone()], &grad[own.clone()], rows));
            if want_bias {
                let bias = done.bias[first * all_keys..].chunks_exact_mut(all_keys);
                for (bias, d_scores) in bias.zip(d_scores.chunks_exact(keys)) {
                    add_to(bias, d_scores);
                }
            }
            let d_scores = Matrix::whole(&d_scores, rows, keys)?;
            d_scores.times_into(k, &mut done.q[own], width, Write::Replace, Threads::One)?;
            let q = inputs.q.rows(image, head, first, rows)?;
            d_scores.t().times_into(q, &mut done.k, width, Write::Add, Threads::One)?;
        }
        for numbers in [&mut done.q, &mut done.k] {
            numbers.iter_mut().for_each(|number| *number *= self.scale);
        }
        Ok(done)
    }

    /// The inputs' gradients as tensors `(batch, heads, rows, width)`.
    fn tensors(&self, dims: [[usize; 4]; 2], all: Gradients, like: &Tensor) -> Result<[Tensor; 3]> {
        let [q_dims, k_dims] = dims;
        Ok([
            Tensor::from_vec(all.q, q_dims.to_vec(), like.device())?,
            Tensor::from_vec(all.k, k_dims.to_vec(), like.device())?,
            Tensor::from_vec(all.v, k_dims.to_vec(), like.device())?,
        ])
    }
}

/// Turns scores into `exp(score - maximum)` and returns the reciprocal of their sum, 0 for a row
/// whose every score is minus infinity.
#[inline(always)]
fn softmax_weights(scores: &mut [f32], bias: Option<&[f32]>, scale: f32) -> f32 {
    match bias {
        Some(bias) => {
            for (score, bias) in scores.iter_mut().zip(bias) {
                *score = *score * scale + bias;
            }
        }
        None => scores.iter_mut().for_each(|score| *score *= scale),
    }
    let highest = largest(scores).max(-1e30);
    let total = map_and_sum(scores, |score| exp_down_to_zero(score - highest));
    if total == 0. { 0. } else { 1. / total }
}

/// Multiplies each row by its own factor.
fn scale_rows(numbers: &mut [f32], factors: &[f32]) {
    let width = numbers.len() / factors.len().max(1);
    vectorized(|| {
        for (row, factor) in numbers.chunks_exact_mut(width.max(1)).zip(factors) {
            row.iter_mut().for_each(|number| *number *= factor);
        }
    });
}

/// Turns gradients of weights `(rows, keys)` into those of scores: `w (d - result · g)`, with `result` and `g` `(rows, width)`.
#[inline(always)]
fn slopes(d_scores: &mut [f32], weights: &[f32], result: &[f32], g: &[f32], rows: usize) {
    let (keys, width) = (d_scores.len() / rows, g.len() / rows);
    let by_row = d_scores.chunks_exact_mut(keys).zip(weights.chunks_exact(keys));
    let pulls = result.chunks_exact(width).zip(g.chunks_exact(width)).map(|(result, g)| dot(result, g));
    for ((d_scores, weights), pull) in by_row.zip(pulls) {
        for (d, weight) in d_scores.iter_mut().zip(weights) {
            *d = weight * (*d - pull);
        }
    }
}

/// Runs `act` on the storages of CPU tensors.
fn with_operands<R>(tensors: [&Tensor; 3], act: impl FnOnce([Operand<'_>; 3]) -> Result<R>) -> Result<R> {
    let [(a, a_layout), (b, b_layout), (c, c_layout)] = tensors.map(|t| t.storage_and_layout());
    match (&*a, &*b, &*c) {
        (Storage::Cpu(a), Storage::Cpu(b), Storage::Cpu(c)) => {
            act([Operand::new(a, a_layout)?, Operand::new(b, b_layout)?, Operand::new(c, c_layout)?])
        }
        _ => bail!("attention: tensors left the CPU"),
    }
}

impl CustomOp3 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        q_layout: &Layout,
        k: &CpuStorage,
        k_layout: &Layout,
        v: &CpuStorage,
        v_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let held = self.bias.as_ref().map(Held::new).transpose()?;
        let images = self.bias.as_ref().map_or(Ok(1), |bias| bias.dim(0))?;
        self.forward(Inputs {
            q: Operand::new(q, q_layout)?,
            k: Operand::new(k, k_layout)?,
            v: Operand::new(v, v_layout)?,
            bias: held.as_deref().map(|numbers| Bias { numbers, images }),
        })
    }

    fn bwd(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let held = self.bias.as_ref().map(Held::new).transpose()?;
        let images = self.bias.as_ref().map_or(Ok(1), |bias| bias.dim(0))?;
        let bias = held.as_deref().map(|numbers| Bias { numbers, images });
        let [dq, dk, dv] = with_operands([q, k, v], |[q, k, v]| {
            let all = self.backward(Inputs { q, k, v, bias }, result, grad, false)?;
            self.tensors([q.dims, k.dims], all, grad)
        })?;
        Ok((Some(dq), Some(dk), Some(dv)))
    }
}

impl CustomOp3 for BiasedAttention {
    fn name(&self) -> &'static str {
        "attention_with_bias"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        q_layout: &Layout,
        kv: &CpuStorage,
        kv_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let kv = Operand::new(kv, kv_layout)?;
        let numbers = crate::ops::cpu::numbers(bias, bias_layout)?;
        self.0.forward(Inputs {
            q: Operand::new(q, q_layout)?,
            k: kv.columns(0, self.0.width),
            v: kv.columns(self.0.width, self.0.width),
            bias: Some(Bias { numbers, images: bias_layout.dims()[0] }),
        })
    }

    fn bwd(
        &self,
        q: &Tensor,
        kv: &Tensor,
        bias: &Tensor,
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let held = Held::new(bias)?;
        let images = bias.dim(0)?;
        let (parts, d_bias) = with_operands([q, kv, bias], |[q, kv, _]| {
            let (k, v) = (kv.columns(0, self.0.width), kv.columns(self.0.width, self.0.width));
            let bias = Some(Bias { numbers: &held, images });
            let mut all = self.0.backward(Inputs { q, k, v, bias }, result, grad, true)?;
            let d_bias = std::mem::take(&mut all.bias);
            Ok((self.0.tensors([q.dims, k.dims], all, grad)?, d_bias))
        })?;
        let [dq, dk, dv] = parts;
        let d_bias = Tensor::from_vec(d_bias, bias.shape(), grad.device())?;
        Ok((Some(dq), Some(Tensor::cat(&[dk, dv], D::Minus1)?), Some(d_bias)))
    }
}
