//! The weights of attention themselves, for looking at.

use candle_core::{D, DType, Result, Tensor};

use super::{additive_mask, kept_keys};

/// How much each query takes from each kept key, `(batch, heads, queries, keys)` in `f32`; each row sums to 1.
///
/// Arguments as [`super::attention`], which never forms these numbers and is faster.
///
/// # Errors
/// Shapes that do not fit, or a key count above the number of keys.
pub fn attention_weights(q: &Tensor, k: &Tensor, key_lens: Option<&[usize]>, scale: f64) -> Result<Tensor> {
    let key_lens = kept_keys(key_lens, q.dim(0)?, k.dim(2)?)?;
    let scores = q.contiguous()?.matmul(&k.contiguous()?.t()?)?; // (batch, heads, queries, keys)
    let mut scores = scores.to_dtype(DType::F32)?.affine(scale, 0.0)?;
    if let Some(lens) = key_lens {
        scores = scores.broadcast_add(&additive_mask(lens, k.dim(2)?, q.device())?)?;
    }
    let highest = scores.max_keepdim(D::Minus1)?.maximum(-1e30)?;
    let weights = scores.broadcast_sub(&highest)?.exp()?;
    weights.broadcast_div(&(weights.sum_keepdim(D::Minus1)? + 1e-30)?)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::super::attention;
    use super::*;

    #[test]
    fn mixing_values_by_the_weights_is_attention() {
        let tensor = |seed: f32, shape: [usize; 4]| {
            let values: Vec<f32> = (0..shape.iter().product()).map(|i| (i as f32 * 0.7 + seed).sin()).collect();
            Tensor::from_vec(values, &shape, &Device::Cpu).unwrap()
        };
        let (q, k, v) = (tensor(0.1, [2, 3, 5, 4]), tensor(1.0, [2, 3, 6, 4]), tensor(2.0, [2, 3, 6, 4]));
        let weights = attention_weights(&q, &k, Some(&[6, 2]), 0.5).unwrap();
        let mixed = weights.matmul(&v).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let want = attention(&q, &k, &v, Some(&[6, 2]), None, 0.5).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(mixed.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-5));
        let dropped = weights.get(1).unwrap().narrow(2, 2, 4).unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
        assert_eq!(dropped, 0.0, "dropped keys get nothing");
    }
}
