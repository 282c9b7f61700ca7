//! An edited region: proof that the rest stayed, and the same edit on the image as it was opened.
//!
//! A model works on a square of its own size. What it changed there is laid over the opened image at that
//! image's size, inside the region only; every other pixel is the opened image's, bit for bit.

use super::letterbox::{Letterbox, unfit_mask};
use crate::domain::{GrayImage, ImageError, Mask};

/// What lies outside of a region, and how much of it is another than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Pixels outside of the region.
    pub outside: usize,
    /// Those of them that differ.
    pub changed: usize,
}

/// Compares an image with what it was made of, outside of the region that could change; `None` when sizes differ.
pub fn kept_outside(before: &GrayImage, after: &GrayImage, may_change: &Mask) -> Option<Kept> {
    let size = (before.width(), before.height());
    if size != (after.width(), after.height()) || size != (may_change.width(), may_change.height()) {
        return None;
    }
    let pairs = before.pixels().iter().zip(after.pixels()).zip(may_change.bits());
    let outside = pairs.filter(|(_, inside)| **inside == 0);
    let (mut kept, mut changed) = (0, 0);
    for ((before, after), _) in outside {
        kept += 1;
        changed += usize::from(before != after);
    }
    Some(Kept { outside: kept, changed })
}

/// Where structure finer than the model's pixels comes from, inside the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// From the opened image: what the model changed is added to it, so the region is as sharp as its surroundings.
    Opened,
    /// From nowhere: the model's pixels are enlarged, so nothing of the opened image is left behind the seam.
    Model,
}

/// An edit on the model's square.
#[derive(Clone, Copy, Debug)]
pub struct SquareEdit<'a> {
    /// The opened image on the square.
    pub before: &'a GrayImage,
    /// What the model made of it.
    pub after: &'a GrayImage,
    /// The pixels that could change.
    pub may_change: &'a Mask,
    /// Width of the seam inside the region, in pixels of the square.
    pub feather_px: u32,
}

/// The edit on the opened image, at its own size; cubic interpolation between the square's pixels.
///
/// # Errors
/// When the square's parts differ in size, or are no square.
pub fn at_full_size(opened: &GrayImage, edit: SquareEdit<'_>, detail: Detail) -> Result<GrayImage, ImageError> {
    let side = edit.before.width();
    for (width, height) in [
        (edit.before.width(), edit.before.height()),
        (edit.after.width(), edit.after.height()),
        (edit.may_change.width(), edit.may_change.height()),
    ] {
        if (width, height) != (side, side) {
            let actual = width as usize * height as usize;
            return Err(ImageError::PixelCount { width: side, height: side, expected: side as usize * side as usize, actual });
        }
    }
    let (width, height) = (opened.width(), opened.height());
    let place = Letterbox::new(width, height, side);
    let region = unfit_mask(edit.may_change, place, width, height);
    let mut pixels = opened.pixels().to_vec();
    let Some(bounds) = region.bounds() else { return GrayImage::new(width, height, pixels) };
    let window = Window {
        x: bounds.x0 as usize..bounds.x1 as usize,
        y: bounds.y0 as usize..bounds.y1 as usize,
        of: (width as usize, height as usize),
    };
    let part = |value: &dyn Fn(usize) -> f32| enlarged(&cut(value, place, side as usize), place, &window);
    let (before, after) = (edit.before.pixels(), edit.after.pixels());
    let layer = match detail {
        Detail::Opened => part(&|i| f32::from(after[i]) - f32::from(before[i])),
        Detail::Model => part(&|i| f32::from(after[i])),
    };
    let shares = match detail {
        Detail::Opened => Vec::new(),
        Detail::Model => {
            let distance = edit.may_change.inverted().distance_squared();
            let seam = edit.feather_px as f32 + 1.0;
            part(&|i| (distance[i].sqrt() / seam).min(1.0))
        }
    };
    let columns = window.x.len();
    for (row, y) in window.y.clone().enumerate() {
        for (column, x) in window.x.clone().enumerate() {
            if region.get(x as u32, y as u32) {
                let (at, from) = (y * width as usize + x, row * columns + column);
                let old = f32::from(pixels[at]);
                let new = match detail {
                    Detail::Opened => old + layer[from],
                    Detail::Model => old + shares[from].clamp(0.0, 1.0) * (layer[from] - old),
                };
                pixels[at] = (new + 0.5).clamp(0.0, 65535.0) as u16;
            }
        }
    }
    GrayImage::new(width, height, pixels)
}

/// A part of the opened image.
struct Window {
    x: std::ops::Range<usize>,
    y: std::ops::Range<usize>,
    /// Width and height of the whole image.
    of: (usize, usize),
}

/// Values of the picture's place on the square, row by row; the bars around it stay out.
fn cut(value: &dyn Fn(usize) -> f32, place: Letterbox, side: usize) -> Vec<f32> {
    let rows = place.y..place.y + place.height;
    rows.flat_map(|y| (place.x..place.x + place.width).map(move |x| value(y * side + x))).collect()
}

/// A part of a plane of the place's size, enlarged to the whole image's size; rows of the window.
fn enlarged(plane: &[f32], place: Letterbox, window: &Window) -> Vec<f32> {
    let columns = runs(place.width, window.of.0, window.x.clone());
    let rows = runs(place.height, window.of.1, window.y.clone());
    let wide: Vec<f32> = plane
        .chunks_exact(place.width)
        .flat_map(|row| {
            columns.iter().map(|(first, weights)| weights.iter().zip(&row[*first..]).map(|(k, v)| k * v).sum::<f32>())
        })
        .collect();
    let mut out = Vec::with_capacity(rows.len() * columns.len());
    for (first, weights) in &rows {
        for x in 0..columns.len() {
            out.push(weights.iter().enumerate().map(|(i, k)| k * wide[(first + i) * columns.len() + x]).sum());
        }
    }
    out
}

/// For each wanted one of `to` pixels, the first of `from` source pixels and the weights from there on: Keys' cubic
/// with a = -0.5, widened where the picture shrinks.
fn runs(from: usize, to: usize, wanted: std::ops::Range<usize>) -> Vec<(usize, Vec<f32>)> {
    let scale = from as f64 / to as f64;
    let stretch = scale.max(1.0);
    let kernel = |d: f64| match d.abs() {
        d if d < 1.0 => (1.5 * d - 2.5) * d * d + 1.0,
        d if d < 2.0 => ((2.5 - 0.5 * d) * d - 4.0) * d + 2.0,
        _ => 0.0,
    };
    let run = |target: usize| {
        let centre = (target as f64 + 0.5) * scale;
        let first = (centre - 2.0 * stretch).floor().max(0.0) as usize;
        let first = first.min(from.saturating_sub(1));
        let end = ((centre + 2.0 * stretch).ceil() as usize).clamp(first + 1, from.max(first + 1));
        let raw: Vec<f64> = (first..end).map(|i| kernel((i as f64 + 0.5 - centre) / stretch)).collect();
        let total: f64 = raw.iter().sum();
        (first, raw.into_iter().map(|k| (k / total) as f32).collect())
    };
    wanted.map(run).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::imageio::letterbox::fit_image;

    fn picture(width: u32, height: u32, seed: u32) -> GrayImage {
        let pixels = (0..width * height).map(|i| (i.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 16) as u16).collect();
        GrayImage::new(width, height, pixels).unwrap()
    }

    #[test]
    fn a_changed_pixel_outside_is_counted() {
        let before = picture(8, 8, 1);
        let region = Mask::from_fn(8, 8, |x, _| x < 3);
        assert_eq!(kept_outside(&before, &before, &region), Some(Kept { outside: 40, changed: 0 }));
        let mut pixels = before.pixels().to_vec();
        pixels[0] ^= 1;
        pixels[7] ^= 1;
        let after = GrayImage::new(8, 8, pixels).unwrap();
        assert_eq!(kept_outside(&before, &after, &region), Some(Kept { outside: 40, changed: 1 }));
        assert_eq!(kept_outside(&before, &picture(4, 8, 1), &region), None);
    }

    #[test]
    fn an_image_of_the_models_size_gets_the_models_pixels() {
        let (before, after) = (picture(16, 16, 1), picture(16, 16, 9));
        let may_change = Mask::from_fn(16, 16, |x, y| x > 4 && y < 9);
        let edit = SquareEdit { before: &before, after: &after, may_change: &may_change, feather_px: 0 };
        for detail in [Detail::Opened, Detail::Model] {
            let full = at_full_size(&before, edit, detail).unwrap();
            for (i, &inside) in may_change.bits().iter().enumerate() {
                let wanted = if inside == 1 { after.pixels()[i] } else { before.pixels()[i] };
                assert_eq!(full.pixels()[i], wanted, "{detail:?}");
            }
        }
        assert!(at_full_size(&before, SquareEdit { after: &picture(8, 8, 1), ..edit }, Detail::Model).is_err());
    }

    #[test]
    fn a_flat_change_is_flat_and_keeps_the_fine_detail() {
        let opened = GrayImage::new(64, 32, (0..64 * 32).map(|i| 20_000 + (i % 7) * 300).map(|v| v as u16).collect()).unwrap();
        let before = fit_image(&opened, 16).unwrap();
        let may_change = Mask::from_fn(16, 16, |x, y| (4..12).contains(&x) && (6..10).contains(&y));
        let lifted = before.pixels().iter().zip(may_change.bits()).map(|(v, m)| v + 4000 * u16::from(*m)).collect();
        let after = GrayImage::new(16, 16, lifted).unwrap();
        let edit = SquareEdit { before: &before, after: &after, may_change: &may_change, feather_px: 0 };
        let full = at_full_size(&opened, edit, Detail::Opened).unwrap();
        // Far from the seam everything is lifted by the same amount, texture kept.
        for x in 26..38 {
            assert_eq!(full.get(x, 16).unwrap() - opened.get(x, 16).unwrap(), 4000);
        }
        let soft = at_full_size(&opened, edit, Detail::Model).unwrap();
        let range = |image: &GrayImage| {
            let row: Vec<u16> = (28..36).map(|x| image.get(x, 16).unwrap()).collect();
            row.iter().max().unwrap() - row.iter().min().unwrap()
        };
        assert!(range(&soft) < range(&full) / 2, "the model's pixels are smooth: {} and {}", range(&soft), range(&full));
    }

    proptest! {
        #[test]
        fn outside_the_region_every_pixel_is_the_opened_ones(
            w in 1u32..60, h in 1u32..60, bits in proptest::collection::vec(any::<bool>(), 256), feather in 0u32..5, fine in any::<bool>(),
        ) {
            let opened = picture(w, h, 5);
            let (before, after) = (fit_image(&opened, 16).unwrap(), picture(16, 16, 77));
            let may_change = Mask::from_fn(16, 16, |x, y| bits[(y * 16 + x) as usize]);
            let edit = SquareEdit { before: &before, after: &after, may_change: &may_change, feather_px: feather };
            let full = at_full_size(&opened, edit, if fine { Detail::Opened } else { Detail::Model }).unwrap();
            let region = unfit_mask(&may_change, Letterbox::new(w, h, 16), w, h);
            prop_assert_eq!(kept_outside(&opened, &full, &region).unwrap().changed, 0);
        }
    }
}
