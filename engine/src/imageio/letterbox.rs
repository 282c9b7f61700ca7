//! Pictures of any shape on the square grid of a model, with proportions kept.

use crate::domain::{GrayImage, ImageError, Mask};

/// Where a picture lies on a square one, in its pixels; what is left over is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Letterbox {
    /// Left edge.
    pub x: usize,
    /// Upper edge.
    pub y: usize,
    /// Width, at least 1.
    pub width: usize,
    /// Height, at least 1.
    pub height: usize,
}

impl Letterbox {
    /// The place of a picture of `width × height` on a square of `size_px`: as large as fits, centred.
    pub fn new(width: u32, height: u32, size_px: u32) -> Self {
        let n = size_px as usize;
        let longer = f64::from(width.max(height).max(1));
        let side = |length: u32| ((f64::from(length) / longer * n as f64).round() as usize).clamp(1, n.max(1));
        let (width, height) = (side(width), side(height));
        Self { x: n.saturating_sub(width) / 2, y: n.saturating_sub(height) / 2, width, height }
    }

    /// The pixels of the square that belong to the picture.
    pub fn region(&self, size_px: u32) -> Mask {
        let inside = |at: u32, from: usize, length: usize| (from..from + length).contains(&(at as usize));
        Mask::from_fn(size_px, size_px, |x, y| inside(x, self.x, self.width) && inside(y, self.y, self.height))
    }
}

/// A grey image on a square of `size_px`, black around it; a pixel is the mean of what it covers, and an enlarged
/// one is interpolated. An image of that size stays as it is.
///
/// # Errors
/// When `size_px` is zero.
pub fn fit_image(image: &GrayImage, size_px: u32) -> Result<GrayImage, ImageError> {
    if (image.width(), image.height()) == (size_px, size_px) {
        return Ok(image.clone());
    }
    let place = Letterbox::new(image.width(), image.height(), size_px);
    let (w, h, n) = (image.width() as usize, image.height() as usize, size_px as usize);
    let (columns, rows) = (weights(w, place.width), weights(h, place.height));
    let mut narrow = vec![0f64; place.width * h];
    for (line, row) in narrow.chunks_exact_mut(place.width).zip(image.pixels().chunks_exact(w)) {
        for (value, (first, run)) in line.iter_mut().zip(&columns) {
            *value = run.iter().zip(&row[*first..]).map(|(k, &v)| k * f64::from(v)).sum();
        }
    }
    let mut pixels = vec![0u16; n * n];
    for (y, (first, run)) in rows.iter().enumerate() {
        for x in 0..place.width {
            let sum: f64 = run.iter().enumerate().map(|(i, k)| k * narrow[(first + i) * place.width + x]).sum();
            pixels[(place.y + y) * n + place.x + x] = (sum + 0.5).clamp(0.0, 65535.0) as u16;
        }
    }
    GrayImage::new(size_px, size_px, pixels)
}

/// A mask that fills `place` on a square of `size_px`: every pixel that it touches.
pub fn fit_mask(mask: &Mask, place: Letterbox, size_px: u32) -> Mask {
    let (w, h) = (mask.width() as usize, mask.height() as usize);
    // The source pixels that a target pixel overlaps, in whole numbers.
    let span = |at: usize, from: usize, to: usize| at * from / to..((at + 1) * from).div_ceil(to).min(from);
    Mask::from_fn(size_px, size_px, |x, y| {
        let (x, y) = (x as usize, y as usize);
        if !(place.x..place.x + place.width).contains(&x) || !(place.y..place.y + place.height).contains(&y) {
            return false;
        }
        let columns = span(x - place.x, w, place.width);
        span(y - place.y, h, place.height).any(|row| mask.bits()[row * w..][columns.clone()].contains(&1))
    })
}

/// A mask of the square on the grid of the picture that lies there: a pixel is inside when its centre is.
pub fn unfit_mask(mask: &Mask, place: Letterbox, width: u32, height: u32) -> Mask {
    // The pixel of the place that holds the centre of a pixel of the picture, in whole numbers.
    let at = |i: u32, of: u32, length: usize| (2 * i as usize + 1) * length / (2 * of.max(1) as usize);
    Mask::from_fn(width, height, |x, y| {
        let (x, y) = (place.x + at(x, width, place.width), place.y + at(y, height, place.height));
        mask.get(x as u32, y as u32)
    })
}

/// For each of `to` pixels, the first source pixel and the weights from there on: a triangle as wide as a source
/// or a target pixel, whichever is wider.
fn weights(from: usize, to: usize) -> Vec<(usize, Vec<f64>)> {
    let scale = from as f64 / to as f64;
    let support = scale.max(1.0);
    let run = |target: usize| {
        let centre = (target as f64 + 0.5) * scale;
        let first = (centre - support).floor().max(0.0) as usize;
        let end = ((centre + support).ceil() as usize).clamp(first + 1, from.max(first + 1));
        let raw: Vec<f64> = (first..end).map(|i| (1.0 - ((i as f64 + 0.5 - centre) / support).abs()).max(0.0)).collect();
        let total: f64 = raw.iter().sum();
        (first, raw.into_iter().map(|k| k / total).collect())
    };
    (0..to).map(run).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn proportions_stay_and_the_rest_is_black() {
        let wide = GrayImage::new(4, 2, vec![1000, 1000, 3000, 3000, 1000, 1000, 3000, 3000]).unwrap();
        let square = fit_image(&wide, 8).unwrap();
        let place = Letterbox::new(4, 2, 8);
        assert_eq!(place, Letterbox { x: 0, y: 2, width: 8, height: 4 });
        let row = |y: u32| (0..8).map(|x| square.get(x, y).unwrap()).collect::<Vec<_>>();
        assert_eq!((row(1), row(6)), (vec![0; 8], vec![0; 8]));
        assert_eq!((row(2)[0], row(5)[7], row(3)[3], row(3)[4]), (1000, 3000, 1500, 2500));
        assert_eq!(place.region(8).area(), 32);
        let same = GrayImage::new(2, 2, vec![1, 2, 3, 65535]).unwrap();
        assert_eq!(fit_image(&same, 2).unwrap(), same);
    }

    #[test]
    fn a_mask_covers_what_it_touches() {
        let dot = Mask::from_fn(64, 32, |x, y| (x, y) == (21, 9));
        let small = fit_mask(&dot, Letterbox::new(64, 32, 16), 16);
        assert_eq!((small.area(), small.get(5, 4 + 2)), (1, true));
        assert_eq!(fit_mask(&dot, Letterbox::new(64, 32, 64), 64).area(), 1);
    }

    #[test]
    fn masks_come_back_to_the_pictures_grid() {
        let place = Letterbox::new(64, 32, 16);
        let small = Mask::from_fn(16, 16, |x, y| (4..8).contains(&x) && (6..9).contains(&y));
        let full = unfit_mask(&small, place, 64, 32);
        assert_eq!(full, Mask::from_fn(64, 32, |x, y| (16..32).contains(&x) && (8..20).contains(&y)));
        assert_eq!(fit_mask(&full, place, 16), small);
        assert_eq!(unfit_mask(&small, Letterbox::new(16, 16, 16), 16, 16), small);
    }

    proptest! {
        #[test]
        fn any_size_is_fitted_and_flat_pictures_stay_flat(w in 1u32..70, h in 1u32..70, size in 1u32..70, grey in any::<u16>()) {
            let flat = GrayImage::new(w, h, vec![grey; (w * h) as usize]).unwrap();
            let square = fit_image(&flat, size).unwrap();
            let region = if (w, h) == (size, size) { Mask::empty(1, 1).inverted().resized(size, size) }
                else { Letterbox::new(w, h, size).region(size) };
            for (value, inside) in square.pixels().iter().zip(region.bits()) {
                prop_assert_eq!(*value, if *inside == 1 { grey } else { 0 });
            }
            let full = Mask::from_fn(w, h, |_, _| true);
            let place = Letterbox::new(w, h, size);
            prop_assert_eq!(fit_mask(&full, place, size), place.region(size));
        }
    }
}
