//! Move and mirror: shifts a region by whole pixels, or turns it to the other side.

use std::sync::Arc;

use engine::domain::{Mask, RectPx};

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
            Some(mask) => other.with_mask(Arc::new(shift_mask(mask, dx, dy))),
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

fn shift_mask(mask: &Mask, dx: i32, dy: i32) -> Mask {
    Mask::from_fn(mask.width(), mask.height(), |x, y| {
        let (sx, sy) = (i64::from(x) - i64::from(dx), i64::from(y) - i64::from(dy));
        sx >= 0 && sy >= 0 && mask.get(u32::try_from(sx).unwrap_or(u32::MAX), u32::try_from(sy).unwrap_or(u32::MAX))
    })
}
