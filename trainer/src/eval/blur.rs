//! Separable Gaussian smoothing; the border repeats its last pixel.

/// Smooths a row-major picture of the given width by a Gaussian of `sigma` pixels.
pub fn gaussian(values: &[f32], width: usize, sigma: f32) -> Vec<f32> {
    let radius = (3.0 * sigma).ceil() as isize;
    let mut kernel: Vec<f32> = (-radius..=radius).map(|i| (-0.5 * (i as f32 / sigma).powi(2)).exp()).collect();
    let sum: f32 = kernel.iter().sum();
    kernel.iter_mut().for_each(|k| *k /= sum);
    let height = values.len() / width.max(1);
    let pass = |source: &[f32], horizontal: bool| -> Vec<f32> {
        (0..source.len())
            .map(|i| {
                let (x, y) = ((i % width) as isize, (i / width) as isize);
                let at = |d: isize| {
                    let (x, y) = if horizontal { (x + d, y) } else { (x, y + d) };
                    let x = x.clamp(0, width as isize - 1) as usize;
                    let y = y.clamp(0, height as isize - 1) as usize;
                    source[y * width + x]
                };
                kernel.iter().enumerate().map(|(k, w)| w * at(k as isize - radius)).sum()
            })
            .collect()
    };
    pass(&pass(values, true), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_constants_and_spreads_a_point() {
        assert!(gaussian(&[0.7; 64], 8, 1.5).iter().all(|v| (v - 0.7).abs() < 1e-5));
        let mut point = vec![0f32; 31 * 31];
        point[15 * 31 + 15] = 1.0;
        let blurred = gaussian(&point, 31, 2.0);
        assert!((blurred.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        // The centre of a two-dimensional Gaussian is 1/(2πσ²).
        assert!((blurred[15 * 31 + 15] - 1.0 / (std::f32::consts::TAU * 4.0)).abs() < 1e-3);
    }
}
