//! The cosine transform of 8×8 pixels, and cleaning by it.
//!
//! # Source
//! Yaroslavsky, Local adaptive image restoration and enhancement with the use of DFT and DCT (1996): small
//! coefficients of a sliding window are set to zero and the overlapping results averaged, which knows no block grid.

use std::sync::OnceLock;

/// Side of a block.
pub(crate) const SIDE: usize = 8;
/// Distance of neighbouring windows.
const STRIDE: usize = 2;

/// A block, row by row.
pub(crate) type Block = [f32; SIDE * SIDE];

/// The orthonormal basis: row k holds the k-th cosine.
fn basis() -> &'static Block {
    static BASIS: OnceLock<Block> = OnceLock::new();
    BASIS.get_or_init(|| {
        let mut out = [0.0; SIDE * SIDE];
        for k in 0..SIDE {
            let scale = if k == 0 { (1.0 / SIDE as f64).sqrt() } else { (2.0 / SIDE as f64).sqrt() };
            for n in 0..SIDE {
                let angle = std::f64::consts::PI * (n as f64 + 0.5) * k as f64 / SIDE as f64;
                out[k * SIDE + n] = (scale * angle.cos()) as f32;
            }
        }
        out
    })
}

/// `basis · block` along rows, transposed; twice gives the whole transform.
fn along(block: &Block, inverse: bool) -> Block {
    let basis = basis();
    let mut out = [0.0; SIDE * SIDE];
    for (y, row) in block.chunks_exact(SIDE).enumerate() {
        for k in 0..SIDE {
            let sum: f32 = (0..SIDE).map(|n| row[n] * if inverse { basis[n * SIDE + k] } else { basis[k * SIDE + n] }).sum();
            out[k * SIDE + y] = sum;
        }
    }
    out
}

/// Coefficients of a block; the first is eight times its mean.
pub(crate) fn forward(block: &Block) -> Block {
    along(&along(block, false), false)
}

/// The block of coefficients.
pub(crate) fn inverse(coefficients: &Block) -> Block {
    along(&along(coefficients, true), true)
}

/// Sets coefficients below `threshold` to zero in windows all over a picture of `width` pixels a row; a picture
/// smaller than a window stays as it is.
pub(crate) fn clean(values: &[f32], width: usize, threshold: f32) -> Vec<f32> {
    let height = values.len() / width.max(1);
    if width < SIDE || height < SIDE {
        return values.to_vec();
    }
    let starts = |length: usize| {
        let last = length - SIDE;
        (0..last).step_by(STRIDE).chain([last]).collect::<Vec<_>>()
    };
    let (columns, rows) = (starts(width), starts(height));
    let mut sum = vec![0f32; values.len()];
    let mut weight = vec![0f32; values.len()];
    for &top in &rows {
        for &left in &columns {
            let mut block = [0.0; SIDE * SIDE];
            for (y, row) in block.chunks_exact_mut(SIDE).enumerate() {
                let at = (top + y) * width + left;
                row.copy_from_slice(&values[at..at + SIDE]);
            }
            let mut coefficients = forward(&block);
            coefficients[1..].iter_mut().filter(|c| c.abs() < threshold).for_each(|c| *c = 0.0);
            let block = inverse(&coefficients);
            for (y, row) in block.chunks_exact(SIDE).enumerate() {
                let at = (top + y) * width + left;
                sum[at..at + SIDE].iter_mut().zip(row).for_each(|(s, v)| *s += v);
                weight[at..at + SIDE].iter_mut().for_each(|w| *w += 1.0);
            }
        }
    }
    sum.iter().zip(&weight).map(|(s, w)| s / w).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_keeps_energy_and_comes_back() {
        let mut block = [0.0; 64];
        block.iter_mut().enumerate().for_each(|(i, v)| *v = ((i * 37) % 64) as f32);
        let coefficients = forward(&block);
        let energy = |b: &Block| b.iter().map(|v| v * v).sum::<f32>();
        assert!((energy(&block) / energy(&coefficients) - 1.0).abs() < 1e-5);
        assert!((coefficients[0] - block.iter().sum::<f32>() / 8.0).abs() < 1e-3);
        assert!(inverse(&coefficients).iter().zip(&block).all(|(a, b)| (a - b).abs() < 1e-3));
    }

    #[test]
    fn small_ripples_go_and_edges_stay() {
        let width = 32;
        let clean_edge: Vec<f32> = (0..width * 24).map(|i| if i % width < 13 { 100.0 } else { 900.0 }).collect();
        let noisy: Vec<f32> = clean_edge.iter().enumerate().map(|(i, v)| v + if i * 7 % 3 == 0 { 4.0 } else { -2.0 }).collect();
        let cleaned = clean(&noisy, width, 40.0);
        let error = |a: &[f32]| a.iter().zip(&clean_edge).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
        assert!(error(&cleaned) < 0.2 * error(&noisy), "{} of {}", error(&cleaned), error(&noisy));
        assert_eq!(clean(&noisy[..12], 4, 40.0), &noisy[..12]);
    }
}
