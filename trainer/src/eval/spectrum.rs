//! Radially averaged power spectrum of a square picture.

use std::f64::consts::{PI, TAU};

/// Mean power by whole spatial frequency, 0 to `side / 2`, of a picture under a Hann window.
///
/// `None` unless the side is a power of two that fits the picture.
pub fn radial_power(values: &[f32], side: usize) -> Option<Vec<f64>> {
    if !side.is_power_of_two() || values.len() != side * side {
        return None;
    }
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
    let window: Vec<f64> = (0..side).map(|i| 0.5 - 0.5 * (TAU * (i as f64 + 0.5) / side as f64).cos()).collect();
    let mut re: Vec<f64> =
        values.iter().enumerate().map(|(i, &v)| (f64::from(v) - mean) * window[i % side] * window[i / side]).collect();
    let mut im = vec![0f64; side * side];
    for y in 0..side {
        fft(&mut re[y * side..(y + 1) * side], &mut im[y * side..(y + 1) * side]);
    }
    let (mut column_re, mut column_im) = (vec![0f64; side], vec![0f64; side]);
    let (mut power, mut count) = (vec![0f64; side / 2 + 1], vec![0usize; side / 2 + 1]);
    for x in 0..side {
        for y in 0..side {
            (column_re[y], column_im[y]) = (re[y * side + x], im[y * side + x]);
        }
        fft(&mut column_re, &mut column_im);
        for y in 0..side {
            let fold = |k: usize| k.min(side - k) as f64;
            let radius = (fold(x).powi(2) + fold(y).powi(2)).sqrt().round() as usize;
            if radius <= side / 2 {
                power[radius] += column_re[y].powi(2) + column_im[y].powi(2);
                count[radius] += 1;
            }
        }
    }
    Some(power.iter().zip(&count).map(|(p, &n)| p / n.max(1) as f64).collect())
}

/// In-place radix-2 transform; lengths are powers of two.
fn fft(re: &mut [f64], im: &mut [f64]) {
    let n = re.len();
    let bits = n.trailing_zeros();
    for i in 0..n {
        let j = i.reverse_bits() >> (usize::BITS - bits.max(1));
        if bits > 0 && i < j {
            re.swap(i, j);
            im.swap(i, j);
        }
    }
    let mut len = 2;
    while len <= n {
        for start in (0..n).step_by(len) {
            for k in 0..len / 2 {
                let angle = -2.0 * PI * k as f64 / len as f64;
                let (s, c) = angle.sin_cos();
                let (a, b) = (start + k, start + k + len / 2);
                let (tr, ti) = (re[b] * c - im[b] * s, re[b] * s + im[b] * c);
                (re[b], im[b]) = (re[a] - tr, im[a] - ti);
                re[a] += tr;
                im[a] += ti;
            }
        }
        len *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_shows_at_its_frequency() {
        let side = 64;
        let wave: Vec<f32> = (0..side * side).map(|i| (TAU * 10.0 * (i % side) as f64 / side as f64).cos() as f32).collect();
        let power = radial_power(&wave, side).unwrap_or_default();
        let peak = (0..power.len()).max_by(|&a, &b| power[a].total_cmp(&power[b]));
        assert_eq!(peak, Some(10));
        assert!(power[20] < 1e-3 * power[10]);
    }
}
