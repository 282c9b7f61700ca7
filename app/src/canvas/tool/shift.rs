//! Move and mirror: shifts a region by whole pixels, or turns it to the other side.

use std::sync::Arc;

use engine::domain::RectPx;

use crate::state::Region;

/// The region shifted by whole pixels; what leaves the image is cut off, boxes stop at its edge.
pub fn shifted(region: &Region, dx: i32, dy: i32, size_px: u32) -> Region {
    match region {
        Region::Box(Some(rect)) => {
            let size = size_px as f32;
            let dx = (dx as f32).clamp(-rect.x0, size - rect.x1);
            let dy = (dy as f32).clamp(-rect.y0, size - rect.y1);
            Region::Box(Some(RectPx { x0: rect.x0 + dx, y0: rect.y0 + dy, x1: rect.x1 + dx, y1: rect.y1 + dy }))
        }
        other => match other.mask() {
            Some(mask) => other.with_mask(Arc::new(mask.shifted(dx, dy))),
            None => other.clone(),
        },
    }
}

/// The region on the other side of the midline.
pub fn mirrored(region: &Region, size_px: u32) -> Region {
    match region {
        Region::Box(Some(rect)) => {
            let size = size_px as f32;
            Region::Box(Some(RectPx { x0: size - rect.x1, x1: size - rect.x0, ..*rect }))
        }
        other => match other.mask() {
            Some(mask) => other.with_mask(Arc::new(mask.mirrored())),
            None => other.clone(),
        },
    }
}
