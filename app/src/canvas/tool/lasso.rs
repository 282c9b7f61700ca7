//! Lasso: fills the outline that was drawn, by the even-odd rule on pixel centres.

use engine::domain::Mask;

/// Sets all pixels whose centre lies inside the closed polygon; fewer than three points set nothing.
pub fn fill(mask: &mut Mask, points: &[(f32, f32)], inside: bool) {
    mask.fill_polygon(points, inside);
}
