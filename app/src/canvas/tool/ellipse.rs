//! Ellipse: fills the ellipse within the rectangle of two corners.

use engine::domain::{Mask, RectPx};

/// Sets all pixels whose centre lies inside the ellipse.
pub fn fill(mask: &mut Mask, from: (f32, f32), to: (f32, f32), inside: bool) {
    mask.fill_ellipse(&RectPx::from_corners(from.0, from.1, to.0, to.1), inside);
}
