//! Smooth random fields: octaves of noise, built coarse to fine, each level doubled by interpolation.

use super::rng::Rng;

/// A square field of `size`² values with mean near 0 and deviation near 1.
///
/// `coarse` is the number of cells a side of the coarsest octave, `falloff` the amplitude ratio
/// from one octave to the next (2^-1.25 for the texture of lungs), `finest` the cells of the last.
pub(crate) fn octaves(rng: &mut Rng, size: usize, coarse: usize, finest: usize, falloff: f32) -> Vec<f32> {
    let mut n = coarse.max(2);
    let mut field = vec![0.0f32; n * n];
    let mut amplitude = 1.0f32;
    let mut power = 0.0f32;
    loop {
        add_noise(rng, &mut field, amplitude);
        power += amplitude * amplitude;
        amplitude *= falloff;
        if n * 2 > finest.max(coarse) {
            break;
        }
        field = doubled(&field, n);
        n *= 2;
    }
    let gain = 1.0 / power.max(1e-6).sqrt();
    for v in &mut field {
        *v *= gain;
    }
    resized(&field, n, size)
}

fn add_noise(rng: &mut Rng, field: &mut [f32], amplitude: f32) {
    // Sum of two 16-bit uniforms a value: near-triangular, deviation 1 after scaling.
    let gain = amplitude * 2.449_49 / 65536.0;
    for chunk in field.chunks_mut(4) {
        for (v, word) in chunk.iter_mut().zip(rng.words()) {
            let sum = (word & 0xffff) as f32 + (word >> 16) as f32;
            *v += (sum - 65535.0) * gain;
        }
    }
}

/// Twice as many samples a side, by the quadratic B-spline weights 3/4 and 1/4.
fn doubled(field: &[f32], n: usize) -> Vec<f32> {
    let m = n * 2;
    let mut wide = vec![0.0; m * n];
    for (row_in, row_out) in field.chunks_exact(n).zip(wide.chunks_exact_mut(m)) {
        for x in 0..n {
            let (left, here, right) = (row_in[x.saturating_sub(1)], row_in[x], row_in[(x + 1).min(n - 1)]);
            row_out[2 * x] = 0.75 * here + 0.25 * left;
            row_out[2 * x + 1] = 0.75 * here + 0.25 * right;
        }
    }
    let mut out = vec![0.0; m * m];
    for y in 0..n {
        for x in 0..m {
            let up = wide[y.saturating_sub(1) * m + x];
            let here = wide[y * m + x];
            let down = wide[(y + 1).min(n - 1) * m + x];
            out[2 * y * m + x] = 0.75 * here + 0.25 * up;
            out[(2 * y + 1) * m + x] = 0.75 * here + 0.25 * down;
        }
    }
    out
}

/// Another number of samples a side, bilinear.
pub(crate) fn resized(field: &[f32], n: usize, size: usize) -> Vec<f32> {
    if n == size {
        return field.to_vec();
    }
    if size == 2 * n {
        return doubled(field, n);
    }
    let ratio = n as f32 / size as f32;
    let place: Vec<(usize, usize, f32)> = (0..size)
        .map(|i| {
            let p = ((i as f32 + 0.5) * ratio - 0.5).clamp(0.0, (n - 1) as f32);
            let a = p as usize;
            (a, (a + 1).min(n - 1), p - a as f32)
        })
        .collect();
    let mut out = Vec::with_capacity(size * size);
    for &(y0, y1, ty) in &place {
        let (a, b) = (&field[y0 * n..(y0 + 1) * n], &field[y1 * n..(y1 + 1) * n]);
        for &(x0, x1, tx) in &place {
            let top = a[x0] + (a[x1] - a[x0]) * tx;
            let bottom = b[x0] + (b[x1] - b[x0]) * tx;
            out.push(top + (bottom - top) * ty);
        }
    }
    out
}
