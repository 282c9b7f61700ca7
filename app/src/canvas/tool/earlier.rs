//! Mask from an earlier run: what was drawn for an image, on the grid of the open case.

use engine::domain::{Annotation, Mask, RectPx, Shape};

/// The annotation as a mask of a square document.
pub fn mask(annotation: &Annotation, size_px: u32) -> Mask {
    match &annotation.shape {
        Shape::Mask(mask) if (mask.width(), mask.height()) == (size_px, size_px) => mask.clone(),
        Shape::Mask(mask) => mask.resized(size_px, size_px),
        Shape::Box { .. } => {
            rect(annotation, size_px).map_or_else(|| Mask::empty(size_px, size_px), |r| Mask::from_rect(size_px, size_px, &r))
        }
    }
}

/// The annotation as a box of a square document, or `None` when nothing was drawn.
pub fn rect(annotation: &Annotation, size_px: u32) -> Option<RectPx> {
    let scale = |side: u32| size_px as f32 / side.max(1) as f32;
    match &annotation.shape {
        Shape::Mask(mask) => Some(mask.bounds()?.scaled(scale(mask.width()), scale(mask.height()))),
        Shape::Box { rect, width, height } => Some(rect.scaled(scale(*width), scale(*height))),
    }
}
