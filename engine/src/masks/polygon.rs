//! Polygons to pixels.
//!
//! A pixel belongs to a polygon when its centre, at +0.5, lies inside by the even-odd rule. A centre on
//! a left or upper edge is inside, one on a right or lower edge is outside, so polygons that share an
//! edge share no pixel. The rasteriser of the COCO tools follows the outline on a finer grid and
//! can differ by the pixels on the outline.

use crate::domain::Mask;

/// Adds the pixels of a polygon of corners `(x, y)` in pixels; fewer than three corners add nothing.
pub(super) fn fill(mask: &mut Mask, corners: &[(f64, f64)]) {
    // For each row, where the outline crosses the line of its centres; every edge is walked once.
    let mut crossings: Vec<Vec<f64>> = vec![Vec::new(); mask.height() as usize];
    for (i, &start) in corners.iter().enumerate() {
        let end = corners[(i + 1) % corners.len()];
        // From the upper end, so that both neighbours of a shared edge compute the same.
        let ((xa, ya), (xb, yb)) = if start.1 < end.1 { (start, end) } else { (end, start) };
        for y in first_centre(ya, mask.height())..first_centre(yb, mask.height()) {
            crossings[y as usize].push(xa + (f64::from(y) + 0.5 - ya) / (yb - ya) * (xb - xa));
        }
    }
    for (y, row) in (0..).zip(&mut crossings) {
        row.sort_by(f64::total_cmp);
        for pair in row.chunks_exact(2) {
            for x in first_centre(pair[0], mask.width())..first_centre(pair[1], mask.width()) {
                mask.set(x, y, true);
            }
        }
    }
}

/// The first pixel of `count` whose centre is at or behind `at`.
fn first_centre(at: f64, count: u32) -> u32 {
    (at - 0.5).ceil().clamp(0.0, f64::from(count)) as u32
}
