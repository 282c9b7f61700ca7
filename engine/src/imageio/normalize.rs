//! Pictures to the model's range `[-1, 1]` and back.

use super::resize::{ByteImage, Filter};

/// The square that training and encoding see of a picture, `size` pixels wide.
///
/// Halved by a box filter while the short side is at least twice `size`, then bicubic to the target
/// short side, then cropped in the middle. The released data preparation.
pub fn centre_square(picture: &ByteImage, size: usize) -> ByteImage {
    let size = size.max(1);
    let mut current = picture.clone();
    while current.width().min(current.height()) >= 2 * size {
        current = current.resized(current.width() / 2, current.height() / 2, Filter::Box);
    }
    let scale = size as f64 / current.width().min(current.height()) as f64;
    let side = |length: usize| (length as f64 * scale).round_ties_even() as usize;
    let scaled = current.resized(side(current.width()), side(current.height()), Filter::Bicubic);
    scaled.cropped(scaled.width().saturating_sub(size) / 2, scaled.height().saturating_sub(size) / 2, size, size)
}

/// A mask picture as the control encoder sees it: `(3, size, size)` in `[-1, 1]`.
///
/// Squared by an antialiased bilinear resize that does not keep the aspect; a grey mask fills three channels.
pub fn condition_square(mask: &ByteImage, size: usize) -> Vec<f32> {
    let planes = model_from_bytes(&mask.resized(size, size, Filter::Bilinear));
    if mask.channels() == 1 { planes.repeat(3) } else { planes }
}

/// Samples as `(channels, height, width)` in `[-1, 1]`: `(v / 255 - 0.5) / 0.5` in `f32`.
pub fn model_from_bytes(picture: &ByteImage) -> Vec<f32> {
    let channels = picture.channels();
    let plane = |c: usize| picture.samples().iter().skip(c).step_by(channels).map(|v| (f32::from(*v) / 255.0 - 0.5) / 0.5);
    (0..channels).flat_map(plane).collect()
}

/// Decoder output `(channels, height, width)` as interleaved 8-bit samples.
///
/// Clamped to `[-1, 1]`, moved to `[0, 1]`, times 255 plus 0.5, cut to a whole number; NaN becomes 0.
pub fn bytes_from_model(values: &[f32], channels: usize) -> Vec<u8> {
    let channels = channels.max(1);
    let plane = values.len() / channels;
    let level = |v: f32| ((v.clamp(-1.0, 1.0) + 1.0) / 2.0 * 255.0 + 0.5) as u8;
    (0..plane).flat_map(|i| (0..channels).map(move |c| level(values[c * plane + i]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(width: usize, height: usize) -> ByteImage {
        let samples = (0..width * height).map(|i| (i % width * 255 / width) as u8).collect();
        ByteImage::new(width, height, 1, samples).expect("a picture")
    }

    #[test]
    fn squares_have_the_asked_size() {
        for (w, h, size) in [(97, 131, 32), (31, 400, 32), (10, 9, 64), (64, 64, 32), (1, 1, 8), (65, 33, 32)] {
            let square = centre_square(&ramp(w, h), size);
            assert_eq!((square.width(), square.height()), (size, size), "{w}×{h}");
        }
    }

    #[test]
    fn the_middle_is_kept() {
        let square = centre_square(&ramp(96, 32), 32);
        let expected = ramp(96, 32).cropped(32, 0, 32, 32);
        assert_eq!(square, expected);
    }

    #[test]
    fn levels_survive_the_round_trip() {
        let all = ByteImage::new(16, 16, 1, (0..=255).collect()).expect("a picture");
        assert_eq!(bytes_from_model(&model_from_bytes(&all), 1), all.samples());
        assert_eq!(bytes_from_model(&[-3.0, 3.0, f32::NAN, 0.0], 1), [0, 255, 0, 128]);
        assert_eq!(bytes_from_model(&[-1.0, 1.0, 1.0, -1.0], 2), [0, 255, 255, 0]);
    }

    #[test]
    fn masks_fill_three_channels() {
        let planes = condition_square(&ramp(40, 20), 8);
        assert_eq!(planes.len(), 3 * 64);
        assert_eq!(planes[..64], planes[128..]);
    }
}
