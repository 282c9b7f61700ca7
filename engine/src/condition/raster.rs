//! Draws annotations into one condition picture.
//!
//! Larger regions are painted first, so a small finding inside a large one stays visible and the order
//! of drawing never matters. A mask of another size is resized by an antialiased triangle filter, the
//! squared resize of the published sampler; a mask of the model's size is copied pixel by pixel.

use crate::domain::{Annotation, GrayImage, Mask, RectPx, Shape};

use super::{BoxStyle, Palette};

/// Width of a box frame at 256 px.
const FRAME_PX_AT_256: f32 = 3.0;

/// The condition picture of some annotations: `size_px × size_px`, grey of the palette on black.
///
/// Without annotations there is no condition (`None`: text only); an empty mask is a condition too
/// (a black picture). Annotations of strength 0 are left out.
pub fn compile(annotations: &[Annotation], size_px: u32, palette: &Palette) -> Option<GrayImage> {
    let active: Vec<&Annotation> = annotations.iter().filter(|annotation| annotation.strength > 0.0).collect();
    if active.is_empty() || size_px == 0 {
        return None;
    }
    let mut layers: Vec<(f64, f32, Vec<f32>)> = active
        .iter()
        .map(|annotation| {
            let coverage = match &annotation.shape {
                Shape::Mask(mask) => mask_coverage(mask, size_px),
                Shape::Box { rect, width, height } => box_coverage(rect, *width, *height, size_px, palette.boxes()),
            };
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

/// The control strength of a set of annotations: the mean over those above 0, or 1 without any.
///
/// A control model has one strength for the whole condition picture.
pub fn control_strength(annotations: &[Annotation]) -> f64 {
    let active: Vec<f64> =
        annotations.iter().map(|annotation| f64::from(annotation.strength)).filter(|&s| s > 0.0).collect();
    if active.is_empty() { 1.0 } else { active.iter().sum::<f64>() / active.len() as f64 }
}

/// Share of each pixel that lies in the mask, `0..=1`.
fn mask_coverage(mask: &Mask, size_px: u32) -> Vec<f32> {
    let (w, h, n) = (mask.width() as usize, mask.height() as usize, size_px as usize);
    let source: Vec<f32> = mask.bits().iter().map(|&b| f32::from(b)).collect();
    if (w, h) == (n, n) {
        return source;
    }
    let columns = triangle_weights(w, n);
    let rows = triangle_weights(h, n);
    let mut narrow = vec![0f32; n * h];
    for y in 0..h {
        for (x, (first, weights)) in columns.iter().enumerate() {
            narrow[y * n + x] = weights.iter().enumerate().map(|(i, k)| k * source[y * w + first + i]).sum();
        }
    }
    let mut out = vec![0f32; n * n];
    for (y, (first, weights)) in rows.iter().enumerate() {
        for x in 0..n {
            let sum: f32 = weights.iter().enumerate().map(|(i, k)| k * narrow[(first + i) * n + x]).sum();
            out[y * n + x] = sum.clamp(0.0, 1.0);
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
            let weights: Vec<f64> = (first..last)
                .map(|j| (1.0 - ((j as f64 + 0.5 - center) / support).abs()).max(0.0))
                .collect();
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
fn box_coverage(rect: &RectPx, width: u32, height: u32, size_px: u32, style: BoxStyle) -> Vec<f32> {
    let n = size_px as f32;
    let scaled = rect.scaled(n / width.max(1) as f32, n / height.max(1) as f32);
    let mut mask = Mask::from_rect(size_px, size_px, &scaled);
    if style == BoxStyle::Outline {
        let t = (FRAME_PX_AT_256 * n / 256.0).round().max(1.0);
        let inner =
            RectPx { x0: scaled.x0 + t, y0: scaled.y0 + t, x1: scaled.x1 - t, y1: scaled.y1 - t };
        let hole = Mask::from_rect(size_px, size_px, &inner);
        mask = Mask::from_fn(size_px, size_px, |x, y| mask.get(x, y) && !hole.get(x, y));
    }
    mask.bits().iter().map(|&b| f32::from(b)).collect()
}

#[cfg(test)]
mod tests;
