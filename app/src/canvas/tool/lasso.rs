//! Lasso: fills the outline that was drawn, by the even-odd rule on pixel centres.

use engine::domain::Mask;

/// Sets all pixels whose centre lies inside the closed polygon; fewer than three points set nothing.
pub fn fill(mask: &mut Mask, points: &[(f32, f32)], inside: bool) {
    if points.len() < 3 {
        return;
    }
    let mut crossings = Vec::new();
    for y in 0..mask.height() {
        let cy = y as f32 + 0.5;
        crossings.clear();
        for (i, &(ax, ay)) in points.iter().enumerate() {
            let (bx, by) = points[(i + 1) % points.len()];
            if (ay <= cy) != (by <= cy) {
                crossings.push(ax + (cy - ay) / (by - ay) * (bx - ax));
            }
        }
        crossings.sort_by(f32::total_cmp);
        for pair in crossings.chunks_exact(2) {
            let from = (pair[0] - 0.5).ceil().clamp(0.0, mask.width() as f32) as u32;
            let to = (pair[1] - 0.5).ceil().clamp(0.0, mask.width() as f32) as u32;
            for x in from..to {
                mask.set(x, y, inside);
            }
        }
    }
}
