//! Polygon: corners by clicks; filled like a lasso when it is closed.

/// Distance in image pixels below which a second click is the same corner.
const SAME_PX: f32 = 0.5;

/// Adds a corner, unless it is the last one again, as in a double-click.
pub fn add(points: &mut Vec<(f32, f32)>, at: (f32, f32)) {
    if points.last().is_none_or(|p| (p.0 - at.0).hypot(p.1 - at.1) > SAME_PX) {
        points.push(at);
    }
}

/// Whether the corners enclose anything.
pub fn encloses(points: &[(f32, f32)]) -> bool {
    points.len() >= 3
}
