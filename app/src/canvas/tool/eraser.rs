//! Eraser: the brush, taking away.

use engine::domain::Mask;

use super::brush::capsule;

/// Removes all pixels whose centre lies within `radius` of the segment.
pub fn erase(mask: &mut Mask, from: (f32, f32), to: (f32, f32), radius: f32) {
    capsule(mask, from, to, radius, false);
}
