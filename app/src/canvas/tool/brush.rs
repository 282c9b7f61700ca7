//! Brush: a round stroke between two points, without gaps, where wished only on a range of grey.

use engine::domain::{GreyLimit, Mask};

/// Adds all pixels whose centre lies within `radius` of the segment and whose grey the limit allows.
pub fn paint(mask: &mut Mask, from: (f32, f32), to: (f32, f32), radius: f32, limit: Option<&GreyLimit<'_>>) {
    mask.paint_stroke(from, to, radius, true, limit);
}
