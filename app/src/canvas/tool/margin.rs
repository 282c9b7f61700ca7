//! Grow and shrink: a region with its edge moved outwards or inwards.

use std::sync::Arc;

use engine::domain::RectPx;

use super::boxed::MIN_SIDE_PX;
use crate::state::Region;

/// The region wider by a distance in pixels, narrower where it is negative; boxes stay inside the image and
/// keep their least size.
pub fn moved(region: &Region, by_px: f32, size_px: u32) -> Region {
    match region {
        Region::Box(Some(rect)) => {
            let size = size_px as f32;
            let wide = RectPx {
                x0: (rect.x0 - by_px).round().max(0.0),
                y0: (rect.y0 - by_px).round().max(0.0),
                x1: (rect.x1 + by_px).round().min(size),
                y1: (rect.y1 + by_px).round().min(size),
            };
            let fits = wide.width() >= MIN_SIDE_PX && wide.height() >= MIN_SIDE_PX;
            if fits { Region::Box(Some(wide)) } else { region.clone() }
        }
        other => match other.mask() {
            Some(mask) if by_px >= 0.0 => other.with_mask(Arc::new(mask.dilated(by_px))),
            Some(mask) => other.with_mask(Arc::new(mask.eroded(-by_px))),
            None => other.clone(),
        },
    }
}
