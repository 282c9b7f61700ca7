//! Scaled dot-product attention that keeps its weights for the backward pass.

use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::ops::softmax_last_dim;

use super::attach::{Last, attach};
use super::sums::first_sum;

/// A score that leaves no weight beside any kept key, and still gives numbers beside none.
const DROPPED: f32 = -1e30;

/// Shapes and checks are those of the public operation; there is at least one key.
pub(in crate::ops) fn attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    key_lens: Option<&[usize]>,
    bias: Option<&Tensor>,
    scale: f64,
) -> Result<Tensor> {
    let dtype = v.dtype();
    let queries = q.detach().contiguous()?.affine(scale, 0.)?;
    let (keys, values) = (k.detach().contiguous()?, v.detach().contiguous()?);
    let mut scores = queries.matmul(&keys.t()?)?.to_dtype(DType::F32)?;
    if let Some(bias) = bias {
        scores = scores.broadcast_add(&bias.detach().to_dtype(DType::F32)?)?;
    }
    if let Some(lens) = key_lens {
        scores = scores.broadcast_add(&mask(lens, k.dim(2)?, q.device())?)?;
    }
    let mut weights = softmax_last_dim(&scores)?; // (batch, heads, queries, keys)
    drop(scores);
    if let Some(lens) = key_lens.filter(|lens| lens.contains(&0)) {
        let kept: Vec<f32> = lens.iter().map(|len| (*len).min(1) as f32).collect();
        weights = weights.broadcast_mul(&Tensor::from_vec(kept, (lens.len(), 1, 1, 1), q.device())?)?;
    }

    // Gradient of the scores, f32.
    let (held, value) = (weights.clone(), values.clone());
    let score_gradient = move |result: &Tensor, grad: &Tensor| -> Result<Tensor> {
        // Σ weight · d_weight over the keys is also grad · result, far fewer numbers.
        let along = (grad.to_dtype(DType::F32)? * result.to_dtype(DType::F32)?)?.sum_keepdim(D::Minus1)?;
        let d_weights = grad.matmul(&value.t()?)?.to_dtype(DType::F32)?;
        &held * d_weights.broadcast_sub(&along)?
    };

    let weights = weights.to_dtype(dtype)?;
    let last = Last::Product(weights.clone(), values);
    let to_scores = score_gradient.clone();
    let y = attach(
        &[q, k, v],
        last,
        q.shape(),
        Box::new(move |result, grad, wanted| {
            let mut grads = vec![None, None, None];
            if wanted[0] || wanted[1] {
                let d_scores = to_scores(result, grad)?.to_dtype(dtype)?;
                grads[0] = Some(d_scores.matmul(&keys)?.affine(scale, 0.)?);
                grads[1] = Some(d_scores.transpose(2, 3)?.matmul(&queries)?);
            }
            if wanted[2] {
                grads[2] = Some(weights.transpose(2, 3)?.matmul(grad)?);
            }
            Ok(grads)
        }),
    )?;
    let Some(bias) = bias.filter(|bias| bias.track_op()) else {
        return Ok(y);
    };

    // A fourth input: the bias joins in a second step, which hands the gradient on.
    let dims = bias.dims().to_vec();
    let through = y.detach();
    attach(
        &[&y, bias],
        Last::Done(through),
        q.shape(),
        Box::new(move |result, grad, _| {
            let d_bias = score_gradient(result, grad)?;
            let d_bias = if dims.first() == Some(&1) {
                let batch = d_bias.dim(0)?;
                first_sum(&d_bias.reshape((batch, d_bias.elem_count() / batch))?)?
            } else {
                d_bias
            };
            Ok(vec![Some(grad.clone()), Some(d_bias)])
        }),
    )
}

/// `(batch, 1, 1, keys)` with 0 at kept keys.
fn mask(lens: &[usize], keys: usize, device: &Device) -> Result<Tensor> {
    let mask: Vec<f32> = lens.iter().flat_map(|len| (0..keys).map(move |key| if key < *len { 0. } else { DROPPED })).collect();
    Tensor::from_vec(mask, (lens.len(), 1, 1, keys), device)
}
