//! Draws annotations into one condition picture.
//!
//! Larger regions are painted first, so a small finding inside a large one stays visible and the order
//! of drawing never matters. A mask of another size is resized by an antialiased triangle filter, the
//! squared resize of the published sampler; a mask of the model's size is copied pixel by pixel.

use crate::domain::{Annotation, GrayImage, Mask, RectPx, Shape};
use crate::imageio::letterbox::Letterbox as Place;

use super::fit::Fit;
use super::{BoxStyle, Palette};

/// Width of a box frame at 256 px.
const FRAME_PX_AT_256: f32 = 3.0;

/// The condition picture of some annotations: `size_px × size_px`, grey of the palette on black.
///
/// Without annotations there is no condition (`None`: text only); an empty mask is a condition too
/// (a black picture). Annotations of strength 0 are left out.
pub fn compile(annotations: &[Annotation], size_px: u32, palette: &Palette) -> Option<GrayImage> {
    compile_fitted(annotations, size_px, palette, Fit::Stretch)
}

/// As [`compile`], with drawings of another shape fitted as told.
pub fn compile_fitted(annotations: &[Annotation], size_px: u32, palette: &Palette, fit: Fit) -> Option<GrayImage> {
    let active: Vec<&Annotation> = annotations.iter().filter(|annotation| annotation.strength > 0.0).collect();
    picture(&active, size_px, palette, fit)
}

/// The picture of these annotations, whatever their strength.
pub(super) fn picture(active: &[&Annotation], size_px: u32, palette: &Palette, fit: Fit) -> Option<GrayImage> {
    if active.is_empty() || size_px == 0 {
        return None;
    }
    let mut layers: Vec<(f64, f32, Vec<f32>)> = active
        .iter()
        .map(|annotation| {
            let coverage = coverage(annotation, size_px, palette.boxes(), fit);
            let area = coverage.iter().map(|&c| f64::from(c)).sum();
            (area, palette.grey(annotation.finding), coverage)
        })
        .collect();
    layers.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.total_cmp(&b.1)));
    let mut canvas = vec![0f32; size_px as usize * size_px as usize];
    for (_, grey, coverage) in &layers {
        for (pixel, &c) in canvas.iter_mut().zip(coverage) {
            *pixel += c * (grey - *pixel);
        }
    }
    GrayImage::from_unit(size_px, size_px, &canvas).ok()
}

/// The filled region of an annotation on the picture: every pixel it touches.
pub(super) fn region(annotation: &Annotation, size_px: u32, fit: Fit) -> Mask {
    let coverage = coverage(annotation, size_px, BoxStyle::Filled, fit);
    Mask::from_fn(size_px, size_px, |x, y| coverage[y as usize * size_px as usize + x as usize] > 0.0)
}

/// Share of each pixel that an annotation covers.
fn coverage(annotation: &Annotation, size_px: u32, boxes: BoxStyle, fit: Fit) -> Vec<f32> {
    match &annotation.shape {
        Shape::Mask(mask) => mask_coverage(mask, size_px, fit.place(mask.width(), mask.height(), size_px)),
        Shape::Box { rect, width, height } => {
            let place = fit.place(*width, *height, size_px);
            let (sx, sy) = (place.width as f32 / (*width).max(1) as f32, place.height as f32 / (*height).max(1) as f32);
            let scaled = rect.scaled(sx, sy);
            let (x, y) = (place.x as f32, place.y as f32);
            box_coverage(&RectPx { x0: scaled.x0 + x, y0: scaled.y0 + y, x1: scaled.x1 + x, y1: scaled.y1 + y }, size_px, boxes)
        }
    }
}

/// Share of each pixel that lies in the mask, `0..=1`; the mask fills `place`.
fn mask_coverage(mask: &Mask, size_px: u32, place: Place) -> Vec<f32> {
    let (w, h, n) = (mask.width() as usize, mask.height() as usize, size_px as usize);
    let source: Vec<f32> = mask.bits().iter().map(|&b| f32::from(b)).collect();
    if (w, h) == (n, n) {
        return source;
    }
    let columns = triangle_weights(w, place.width);
    let rows = triangle_weights(h, place.height);
    let mut narrow = vec![0f32; place.width * h];
    for y in 0..h {
        for (x, (first, weights)) in columns.iter().enumerate() {
            narrow[y * place.width + x] = weights.iter().enumerate().map(|(i, k)| k * source[y * w + first + i]).sum();
        }
    }
    let mut out = vec![0f32; n * n];
    for (y, (first, weights)) in rows.iter().enumerate() {
        for x in 0..place.width {
            let sum: f32 = weights.iter().enumerate().map(|(i, k)| k * narrow[(first + i) * place.width + x]).sum();
            out[(place.y + y) * n + place.x + x] = sum.clamp(0.0, 1.0);
        }
    }
    out
}

/// Weights of an antialiased linear resize: for each target pixel the first source pixel and its weights.
fn triangle_weights(from: usize, to: usize) -> Vec<(usize, Vec<f32>)> {
    let scale = from as f64 / to as f64;
    let support = scale.max(1.0);
    (0..to)
        .map(|i| {
            let center = (i as f64 + 0.5) * scale;
            let first = (center - support + 0.5).max(0.0) as usize;
            let last = ((center + support + 0.5) as usize).min(from).max(first + 1);
            let weights: Vec<f64> = (first..last).map(|j| (1.0 - ((j as f64 + 0.5 - center) / support).abs()).max(0.0)).collect();
            let total: f64 = weights.iter().sum();
            let weights = if total > 0.0 {
                weights.iter().map(|k| (k / total) as f32).collect()
            } else {
                vec![1.0 / weights.len() as f32; weights.len()]
            };
            (first.min(from - 1), weights)
        })
        .collect()
}

/// The pixels of a box whose centres lie inside it, or those of its frame.
fn box_coverage(scaled: &RectPx, size_px: u32, style: BoxStyle) -> Vec<f32> {
    let n = size_px as f32;
    let mut mask = Mask::from_rect(size_px, size_px, scaled);
    if style == BoxStyle::Outline {
        let t = (FRAME_PX_AT_256 * n / 256.0).round().max(1.0);
        let inner = RectPx { x0: scaled.x0 + t, y0: scaled.y0 + t, x1: scaled.x1 - t, y1: scaled.y1 - t };
        let hole = Mask::from_rect(size_px, size_px, &inner);
        mask = Mask::from_fn(size_px, size_px, |x, y| mask.get(x, y) && !hole.get(x, y));
    }
    mask.bits().iter().map(|&b| f32::from(b)).collect()
}

#[cfg(test)]
mod tests;
