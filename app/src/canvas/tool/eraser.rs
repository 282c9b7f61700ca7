//! Eraser: the brush, taking away.

use engine::domain::{GreyLimit, Mask};

/// Removes all pixels whose centre lies within `radius` of the segment and whose grey the limit allows.
pub fn erase(mask: &mut Mask, from: (f32, f32), to: (f32, f32), radius: f32, limit: Option<&GreyLimit<'_>>) {
    mask.paint_stroke(from, to, radius, false, limit);
}
