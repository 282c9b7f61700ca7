//! Wand: the region of like grey around a click on the shown picture.

use engine::domain::{GrayImage, Mask};

/// The region on the grid of a square document; empty where the picture has no such place.
///
/// `tolerance` is how far greys may differ, 0 to 1.
pub fn region(image: &GrayImage, at: (f32, f32), tolerance: f32, size_px: u32) -> Mask {
    let size = size_px.max(1) as f32;
    let inside = at.0 >= 0.0 && at.1 >= 0.0 && at.0 < size && at.1 < size;
    if !inside {
        return Mask::empty(size_px, size_px);
    }
    let on_image = |v: f32, side: u32| ((v * side as f32 / size) as u32).min(side - 1);
    let start = (on_image(at.0, image.width()), on_image(at.1, image.height()));
    let region = image.alike_around(start, tolerance);
    if (region.width(), region.height()) == (size_px, size_px) { region } else { region.resized(size_px, size_px) }
}
