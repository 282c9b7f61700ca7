//! Sizes in millimetres, where the image under the layers tells them.

use super::Document;

/// Side in millimetres that a square without known spacing is taken to show: a usual chest field.
pub const ASSUMED_FIELD_MM: f32 = 340.0;

/// Millimetres per pixel across and down, where the opened image tells.
pub fn spacing_mm(document: &Document) -> Option<(f32, f32)> {
    document.base.as_ref().and_then(|b| b.spacing_mm).filter(|s| s.0 > 0.0 && s.1 > 0.0 && s.0.is_finite() && s.1.is_finite())
}

/// Millimetres per pixel as one number, where the opened image tells.
pub fn mm_per_px(document: &Document) -> Option<f32> {
    spacing_mm(document).map(|(x, y)| (x * y).sqrt())
}

/// Millimetres per pixel of a square of which nothing is known.
pub fn assumed_mm_per_px(size_px: u32) -> f32 {
    ASSUMED_FIELD_MM / size_px.max(1) as f32
}

/// Square centimetres of a number of pixels, where the opened image tells.
pub fn area_cm2(document: &Document, pixels: usize) -> Option<f32> {
    spacing_mm(document).map(|(x, y)| pixels as f32 * x * y * 0.01)
}

/// A length given in the unit of the tools, as pixels: millimetres where the spacing is known.
pub fn tool_px(document: &Document, length: f32) -> f32 {
    mm_per_px(document).map_or(length, |mm| length / mm)
}
