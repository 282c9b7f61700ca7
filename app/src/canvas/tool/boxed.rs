//! Box: a labelled rectangle between two corners, kept inside the image.

use engine::domain::RectPx;

/// Smallest side of a box in image pixels; a shorter drag makes none.
pub const MIN_SIDE_PX: f32 = 3.0;

/// The box between two corners on a square image, or `None` when it is too small.
pub fn between(from: (f32, f32), to: (f32, f32), size_px: u32) -> Option<RectPx> {
    let size = size_px as f32;
    let inside = |v: f32| v.clamp(0.0, size).round();
    let rect = RectPx::from_corners(inside(from.0), inside(from.1), inside(to.0), inside(to.1));
    (rect.width() >= MIN_SIDE_PX && rect.height() >= MIN_SIDE_PX).then_some(rect)
}
