//! Structural similarity of two grey pictures.
//!
//! # Source
//! Wang, Bovik, Sheikh, Simoncelli: Image quality assessment (2004), with an 11×11 Gaussian window
//! of 1.5 px; the border that the window does not fill is left out.

use super::blur::gaussian;

/// Mean structural similarity of pictures with values in `0..=1`; `None` when sizes differ or are
/// smaller than the window.
pub fn ssim(a: &[f32], b: &[f32], width: usize) -> Option<f64> {
    const BORDER: usize = 5;
    let height = a.len() / width.max(1);
    if a.len() != b.len() || width <= 2 * BORDER || height <= 2 * BORDER {
        return None;
    }
    let (c1, c2) = (0.01f64.powi(2), 0.03f64.powi(2));
    let blur = |f: &dyn Fn(f32, f32) -> f32| {
        let product: Vec<f32> = a.iter().zip(b).map(|(&x, &y)| f(x, y)).collect();
        gaussian(&product, width, 1.5)
    };
    let (ma, mb) = (gaussian(a, width, 1.5), gaussian(b, width, 1.5));
    let (aa, bb, ab) = (blur(&|x, _| x * x), blur(&|_, y| y * y), blur(&|x, y| x * y));
    let (mut sum, mut count) = (0f64, 0usize);
    for y in BORDER..height - BORDER {
        for x in BORDER..width - BORDER {
            let i = y * width + x;
            let (ma, mb) = (f64::from(ma[i]), f64::from(mb[i]));
            let va = f64::from(aa[i]) - ma * ma;
            let vb = f64::from(bb[i]) - mb * mb;
            let cov = f64::from(ab[i]) - ma * mb;
            sum += (2.0 * ma * mb + c1) * (2.0 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
            count += 1;
        }
    }
    Some(sum / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_for_equal_pictures_and_less_for_others() {
        let a: Vec<f32> = (0..32 * 32).map(|i| ((i * 37) % 101) as f32 / 101.0).collect();
        let inverted: Vec<f32> = a.iter().map(|v| 1.0 - v).collect();
        assert!(ssim(&a, &a, 32).is_some_and(|v| (v - 1.0).abs() < 1e-6));
        assert!(ssim(&a, &inverted, 32).is_some_and(|v| v < 0.0));
        assert_eq!(ssim(&a, &a[..100], 32), None);
    }
}
