//! Brush: a round stroke between two points, without gaps.

use engine::domain::Mask;

/// Adds all pixels whose centre lies within `radius` of the segment.
pub fn paint(mask: &mut Mask, from: (f32, f32), to: (f32, f32), radius: f32) {
    capsule(mask, from, to, radius, true);
}

/// Sets all pixels whose centre lies within `radius` of the segment.
pub(super) fn capsule(mask: &mut Mask, from: (f32, f32), to: (f32, f32), radius: f32, inside: bool) {
    let radius = radius.max(0.5);
    let range = |a: f32, b: f32, size: u32| {
        let low = (a.min(b) - radius).floor().clamp(0.0, size as f32) as u32;
        let high = (a.max(b) + radius).ceil().clamp(0.0, size as f32) as u32;
        low..high
    };
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length2 = dx * dx + dy * dy;
    for y in range(from.1, to.1, mask.height()) {
        for x in range(from.0, to.0, mask.width()) {
            let (px, py) = (x as f32 + 0.5 - from.0, y as f32 + 0.5 - from.1);
            let t = if length2 > 0.0 { ((px * dx + py * dy) / length2).clamp(0.0, 1.0) } else { 0.0 };
            let (ex, ey) = (px - t * dx, py - t * dy);
            if ex * ex + ey * ey <= radius * radius {
                mask.set(x, y, inside);
            }
        }
    }
}
