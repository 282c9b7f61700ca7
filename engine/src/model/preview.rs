//! A linear guess of the picture behind a latent, fitted to pairs of both.
//!
//! Least squares over all positions: the `p·p` grey values under a latent position are an affine function of its
//! channels. Coarse, and nearly free.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};

use super::error::{ModelError, Result};
use super::practice_ae::space_to_depth;

/// The best linear map from latents `[n, C, h, w]`, as the network sees them, to `block`×`block` grey values each of
/// pictures `[n, 1, h·block, w·block]`: `weight` `[block², C]` and `bias` `[block²]`, pictures in `-1..=1`.
///
/// # Errors
/// When the shapes do not fit each other.
pub fn fit_preview(latents: &Tensor, pictures: &Tensor, block: usize) -> Result<BTreeMap<String, Tensor>> {
    let cpu = &Device::Cpu;
    let (n, channels, h, w) = latents.dims4()?;
    if pictures.dims() != [n, 1, h * block, w * block] {
        return Err(ModelError::Shape {
            what: "pictures",
            got: pictures.dims().to_vec(),
            expected: format!("({n}, 1, {}, {})", h * block, w * block),
        });
    }
    let pixels = block * block;
    let blocks = space_to_depth(pictures, block)?; // (n, block², h, w)
    let rows = |t: &Tensor| -> Result<Vec<Vec<f32>>> {
        Ok(t.permute((0, 2, 3, 1))?.flatten(0, 2)?.contiguous()?.to_device(cpu)?.to_vec2::<f32>()?)
    };
    let (z, y) = (rows(latents)?, rows(&blocks)?);
    let dim = channels + 1;
    let (mut gram, mut cross) = (vec![0f64; dim * dim], vec![0f64; dim * pixels]);
    for (z, y) in z.iter().zip(&y) {
        let row: Vec<f64> = z.iter().map(|&v| f64::from(v)).chain([1.0]).collect();
        for i in 0..dim {
            for j in 0..dim {
                gram[i * dim + j] += row[i] * row[j];
            }
            for (k, &v) in y.iter().enumerate() {
                cross[i * pixels + k] += row[i] * f64::from(v);
            }
        }
    }
    for i in 0..dim {
        gram[i * dim + i] += 1e-6 * z.len() as f64;
    }
    let solution = solve(&mut gram, &mut cross, dim, pixels);
    let at = |channel: usize, pixel: usize| solution[channel * pixels + pixel] as f32;
    let weight: Vec<f32> = (0..pixels).flat_map(|k| (0..channels).map(move |i| (i, k))).map(|(i, k)| at(i, k)).collect();
    let bias: Vec<f32> = (0..pixels).map(|k| at(channels, k)).collect();
    Ok([
        ("weight".to_owned(), Tensor::from_vec(weight, (pixels, channels), cpu)?),
        ("bias".to_owned(), Tensor::from_vec(bias, pixels, cpu)?),
    ]
    .into())
}

/// Solves `A X = B` for a symmetric positive definite `A` by elimination with pivots on the diagonal.
fn solve(a: &mut [f64], b: &mut [f64], n: usize, columns: usize) -> Vec<f64> {
    for p in 0..n {
        let pivot = a[p * n + p];
        for r in 0..n {
            if r == p {
                continue;
            }
            let factor = a[r * n + p] / pivot;
            for k in p..n {
                a[r * n + k] -= factor * a[p * n + k];
            }
            for k in 0..columns {
                b[r * columns + k] -= factor * b[p * columns + k];
            }
        }
    }
    (0..n * columns).map(|i| b[i] / a[i / columns * n + i / columns]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_picture_is_found_again() {
        let latents = Tensor::randn(0f32, 1.0, (2, 3, 4, 4), &Device::Cpu).unwrap();
        // Each of the four grey values is a channel sum times its number, plus a constant.
        let factors = Tensor::new(&[1f32, 2., 3., 4.], &Device::Cpu).unwrap().reshape((1, 4, 1, 1)).unwrap();
        let blocks = latents.sum_keepdim(1).unwrap().broadcast_mul(&factors).unwrap().affine(1.0, 0.25).unwrap();
        let pictures = crate::model::practice_ae::depth_to_space(&blocks, 2).unwrap();
        let map = fit_preview(&latents, &pictures, 2).unwrap();
        let weight = map["weight"].to_vec2::<f32>().unwrap();
        for (pixel, row) in weight.iter().enumerate() {
            assert!(row.iter().all(|w| (w - (pixel + 1) as f32).abs() < 1e-3), "{weight:?}");
        }
        assert!(map["bias"].to_vec1::<f32>().unwrap().iter().all(|b| (b - 0.25).abs() < 1e-3));
        assert!(fit_preview(&latents, &pictures, 4).is_err());
    }
}
