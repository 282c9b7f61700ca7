//! The picture that the public x-ray classifiers see.
//!
//! Values `(2 v / max - 1) * 1024`, the middle square, smoothed and resized linearly as scikit-image
//! does with order 1, antialiasing and a constant edge of 0.

use super::resize::ByteImage;

/// First channel of a picture as `(size, size)` in `[-1024, 1024]`.
pub fn xray_square(picture: &ByteImage, size: usize) -> Vec<f32> {
    let side = picture.width().min(picture.height());
    let square = picture.cropped((picture.width() - side) / 2, (picture.height() - side) / 2, side, side);
    let values: Vec<f64> =
        square.samples().iter().step_by(square.channels()).map(|v| (2.0 * f64::from(*v) / 255.0 - 1.0) * 1024.0).collect();
    if size == side {
        return values.into_iter().map(|v| v as f32).collect();
    }
    let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
    let factor = side as f64 / size as f64;
    let smooth = gaussian((factor - 1.0).max(0.0) / 2.0);
    let rows = along_rows(&values, side, side, size, &smooth);
    let both = along_rows(&transposed(&rows, side, size), size, side, size, &smooth);
    transposed(&both, size, size).into_iter().map(|v| v.clamp(low, high) as f32).collect()
}

/// Normalised Gaussian weights out to four deviations, from the left end to the right.
fn gaussian(sigma: f64) -> Vec<f64> {
    let radius = (4.0 * sigma + 0.5) as i32;
    if radius == 0 {
        return vec![1.0];
    }
    let raw: Vec<f64> = (-radius..=radius).map(|i| (-0.5 * f64::from(i * i) / (sigma * sigma)).exp()).collect();
    let total: f64 = raw.iter().sum();
    raw.into_iter().map(|w| w / total).collect()
}

/// Smooths and resizes every row of `height` rows of `width` values to `to` values; outside is 0.
fn along_rows(values: &[f64], height: usize, width: usize, to: usize, smooth: &[f64]) -> Vec<f64> {
    let radius = smooth.len() as isize / 2;
    let mut out = Vec::with_capacity(height * to);
    for row in values.chunks_exact(width) {
        let at = |row: &[f64], i: isize| usize::try_from(i).ok().and_then(|i| row.get(i).copied()).unwrap_or(0.0);
        let smoothed: Vec<f64> =
            (0..width as isize).map(|i| smooth.iter().zip(-radius..).map(|(w, d)| w * at(row, i + d)).sum()).collect();
        for i in 0..to {
            let x = (i as f64 + 0.5) * width as f64 / to as f64 - 0.5;
            let (left, share) = (x.floor(), x - x.floor());
            let left = left as isize;
            out.push(at(&smoothed, left) * (1.0 - share) + at(&smoothed, left + 1) * share);
        }
    }
    out
}

/// `(height, width)` values as `(width, height)`.
fn transposed(values: &[f64], height: usize, width: usize) -> Vec<f64> {
    (0..width).flat_map(|x| (0..height).map(move |y| values[y * width + x])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn range_and_size() {
        let white = ByteImage::new(9, 7, 1, vec![255; 63]).expect("a picture");
        let same = xray_square(&white, 7);
        assert!(same.len() == 49 && same.iter().all(|v| *v == 1024.0));
        // A dark corner widens the picture's range, to which the result is clamped.
        let mut samples = vec![255; 63];
        samples[6 * 9 + 7] = 0;
        let small = xray_square(&ByteImage::new(9, 7, 1, samples).expect("a picture"), 3);
        assert!((small[4] - 1024.0).abs() < 1e-3, "the middle keeps its level, not {}", small[4]);
        assert!(small[0] < 1024.0, "the constant edge darkens the rim");
    }

    #[test]
    fn linear_ramps_stay_linear_inside() {
        let ramp: Vec<u8> = (0..32 * 32).map(|i| (i % 32 * 8) as u8).collect();
        let out = xray_square(&ByteImage::new(32, 32, 1, ramp).expect("a picture"), 16);
        let row = &out[16 * 8..][..16];
        let steps: Vec<f32> = row.windows(2).map(|w| w[1] - w[0]).collect();
        assert!(steps[3..12].iter().all(|s| (s - steps[5]).abs() < 1e-2), "{steps:?}");
    }
}
