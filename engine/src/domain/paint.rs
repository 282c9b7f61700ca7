//! Filling shapes into a mask: strokes, polygons, ellipses; a pixel counts by its centre.

use super::{GrayImage, Mask, PixelBlock, RectPx};

/// A range of grey values that a brush may touch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GreyRange {
    /// Least value, 0 to 1.
    pub low: f32,
    /// Greatest value, 0 to 1.
    pub high: f32,
    /// Whether what lies outside of the two may be touched instead.
    pub inverted: bool,
}

impl GreyRange {
    /// Whether a grey value, 0 to 1, may be touched.
    pub fn contains(&self, grey: f32) -> bool {
        (grey >= self.low && grey <= self.high) != self.inverted
    }
}

/// A picture that limits where a brush paints; of any size, laid over the mask.
#[derive(Clone, Copy, Debug)]
pub struct GreyLimit<'a> {
    /// The picture.
    pub image: &'a GrayImage,
    /// Its values that may be touched.
    pub range: GreyRange,
}

impl GreyLimit<'_> {
    fn allows(&self, x: u32, y: u32, mask: (u32, u32)) -> bool {
        let along = |at: u32, of: u32, to: u32| ((u64::from(at) * 2 + 1) * u64::from(to) / (2 * u64::from(of))) as u32;
        let grey = self.image.get(along(x, mask.0, self.image.width()), along(y, mask.1, self.image.height()));
        grey.is_some_and(|grey| self.range.contains(f32::from(grey) / 65535.0))
    }
}

impl Mask {
    /// Sets all pixels whose centre lies within `radius` of the segment between two points, and whose grey
    /// value a limit allows. Costs what the stroke covers, not what the mask holds.
    pub fn paint_stroke(&mut self, from: (f32, f32), to: (f32, f32), radius: f32, inside: bool, limit: Option<&GreyLimit<'_>>) {
        let radius = radius.max(0.5);
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length2 = dx * dx + dy * dy;
        if !length2.is_finite() {
            return;
        }
        let reach = RectPx::from_corners(from.0, from.1, to.0, to.1);
        let reach = RectPx { x0: reach.x0 - radius, y0: reach.y0 - radius, x1: reach.x1 + radius, y1: reach.y1 + radius };
        let size = (self.width(), self.height());
        let block = PixelBlock::touched(&reach, size.0, size.1);
        for y in block.y0..block.y1 {
            let py = y as f32 + 0.5;
            // Where along the segment this row can be near it; the row's pixels lie beside that part.
            let (mut a, mut b) = (0.0f32, 1.0f32);
            if dy.abs() > 1e-6 {
                let (s, t) = ((py - radius - from.1) / dy, (py + radius - from.1) / dy);
                (a, b) = (s.min(t).max(0.0), s.max(t).min(1.0));
            }
            if a > b {
                continue;
            }
            let (xa, xb) = (from.0 + a * dx, from.0 + b * dx);
            let x0 = (xa.min(xb) - radius - 1.0).max(block.x0 as f32) as u32;
            let x1 = (xa.max(xb) + radius + 1.0).ceil().clamp(0.0, block.x1 as f32) as u32;
            for (x, bit) in (x0..).zip(self.row_mut(y, x0, x1)) {
                let (px, py) = (x as f32 + 0.5 - from.0, py - from.1);
                let t = if length2 > 0.0 { ((px * dx + py * dy) / length2).clamp(0.0, 1.0) } else { 0.0 };
                let (ex, ey) = (px - t * dx, py - t * dy);
                if ex * ex + ey * ey <= radius * radius && limit.is_none_or(|l| l.allows(x, y, size)) {
                    *bit = u8::from(inside);
                }
            }
        }
    }

    /// Sets all pixels whose centre lies inside a closed polygon, by the even-odd rule; fewer than three
    /// points set nothing.
    pub fn fill_polygon(&mut self, points: &[(f32, f32)], inside: bool) {
        if points.len() < 3 || points.iter().any(|p| !p.0.is_finite() || !p.1.is_finite()) {
            return;
        }
        let low = points.iter().map(|p| p.1).fold(f32::INFINITY, f32::min);
        let high = points.iter().map(|p| p.1).fold(f32::NEG_INFINITY, f32::max);
        let rows = PixelBlock::touched(&RectPx { x0: 0.0, y0: low, x1: 1.0, y1: high }, self.width(), self.height());
        let width = self.width() as f32;
        let mut crossings = Vec::new();
        for y in rows.y0..rows.y1 {
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
                let from = (pair[0] - 0.5).ceil().clamp(0.0, width) as u32;
                let to = (pair[1] - 0.5).ceil().clamp(0.0, width) as u32;
                self.row_mut(y, from, to).fill(u8::from(inside));
            }
        }
    }

    /// Sets all pixels whose centre lies inside the ellipse that fills a rectangle.
    pub fn fill_ellipse(&mut self, rect: &RectPx, inside: bool) {
        let (cx, cy) = rect.center();
        let (rx, ry) = (0.5 * rect.width(), 0.5 * rect.height());
        if !rect.is_valid() {
            return;
        }
        let rows = PixelBlock::touched(rect, self.width(), self.height());
        for y in rows.y0..rows.y1 {
            let v = (y as f32 + 0.5 - cy) / ry;
            if v.abs() <= 1.0 {
                let half = rx * (1.0 - v * v).sqrt();
                let from = (cx - half - 0.5).ceil().max(0.0) as u32;
                let to = (cx + half - 0.5).floor() as i64 + 1;
                self.row_mut(y, from, to.max(0) as u32).fill(u8::from(inside));
            }
        }
    }

    /// Sets all pixels of another mask of the same size; another size changes nothing.
    pub fn combine(&mut self, other: &Self, inside: bool) {
        if inside { self.union_with(other) } else { self.subtract(other) }
    }

    /// Writes `value` into a picture of the same size, row by row, wherever the mask holds within a block.
    pub fn stamp(&self, picture: &mut [u8], block: &PixelBlock, value: u8) {
        let w = self.width() as usize;
        for y in block.y0..block.y1.min(self.height()) {
            let bits = self.row(y, block.x0, block.x1);
            let start = y as usize * w + block.x0 as usize;
            if let Some(row) = picture.get_mut(start..start + bits.len()) {
                for (out, &bit) in row.iter_mut().zip(bits) {
                    *out = if bit != 0 { value } else { *out };
                }
            }
        }
    }

    /// The smallest block around all pixels that differ from another mask of the same size; masks of other
    /// sizes differ everywhere.
    pub fn difference(&self, other: &Self) -> Option<PixelBlock> {
        if (self.width(), self.height()) != (other.width(), other.height()) {
            return Some(self.full_block());
        }
        let mut found: Option<PixelBlock> = None;
        for y in 0..self.height() {
            let (a, b) = (self.row(y, 0, self.width()), other.row(y, 0, self.width()));
            if a == b {
                continue;
            }
            let unlike = |(a, b): (&u8, &u8)| a != b;
            let first = a.iter().zip(b).position(unlike).unwrap_or(0) as u32;
            let last = a.iter().zip(b).rposition(unlike).unwrap_or(0) as u32;
            let here = PixelBlock { x0: first, y0: y, x1: last + 1, y1: y + 1 };
            found = Some(found.map_or(here, |f| f.around(&here)));
        }
        found
    }

    /// Copies a block of another mask of the same size; another size copies nothing.
    pub fn copy_block(&mut self, other: &Self, block: &PixelBlock) {
        if (self.width(), self.height()) == (other.width(), other.height()) {
            for y in block.y0..block.y1.min(self.height()) {
                let row = other.row(y, block.x0, block.x1);
                self.row_mut(y, block.x0, block.x1).copy_from_slice(row);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_stroke_is_the_pixels_near_its_segment(
            a in (-10.0f32..50.0, -10.0f32..40.0), b in (-10.0f32..50.0, -10.0f32..40.0), radius in 0.5f32..9.0,
        ) {
            let mut mask = Mask::empty(40, 30);
            mask.paint_stroke(a, b, radius, true, None);
            let near = Mask::from_fn(40, 30, |x, y| {
                let (px, py) = (x as f32 + 0.5 - a.0, y as f32 + 0.5 - a.1);
                let (dx, dy) = (b.0 - a.0, b.1 - a.1);
                let t = ((px * dx + py * dy) / (dx * dx + dy * dy).max(1e-9)).clamp(0.0, 1.0);
                (px - t * dx).powi(2) + (py - t * dy).powi(2) <= radius * radius
            });
            // A centre on the very rim may fall on either side.
            let off = mask.bits().iter().zip(near.bits()).filter(|(a, b)| a != b).count();
            prop_assert!(off <= 1, "{off} pixels differ");
            mask.paint_stroke(a, b, radius + 0.1, false, None);
            prop_assert!(mask.is_empty());
        }

        #[test]
        fn an_ellipse_is_the_pixels_within_it(a in (-5.0f32..30.0, -5.0f32..30.0), b in (-5.0f32..30.0, -5.0f32..30.0)) {
            let rect = RectPx::from_corners(a.0, a.1, b.0, b.1);
            let mut mask = Mask::empty(26, 24);
            mask.fill_ellipse(&rect, true);
            let (cx, cy) = rect.center();
            let within = Mask::from_fn(26, 24, |x, y| {
                let (u, v) = ((x as f32 + 0.5 - cx) / (0.5 * rect.width()), (y as f32 + 0.5 - cy) / (0.5 * rect.height()));
                u * u + v * v <= 1.0
            });
            let off = mask.bits().iter().zip(within.bits()).filter(|(a, b)| a != b).count();
            prop_assert!(off <= 2, "{off} pixels differ");
        }

        #[test]
        fn the_difference_covers_all_that_differs(bits in proptest::collection::vec(0u8..9, 300), other in proptest::collection::vec(0u8..9, 300)) {
            let a = Mask::from_fn(20, 15, |x, y| bits[(y * 20 + x) as usize] == 0);
            let mut b = Mask::from_fn(20, 15, |x, y| other[(y * 20 + x) as usize] == 0);
            match a.difference(&b) {
                None => prop_assert_eq!(&a, &b),
                Some(block) => {
                    prop_assert_ne!(&a, &b);
                    b.copy_block(&a, &block);
                    prop_assert_eq!(&a, &b);
                }
            }
        }
    }

    #[test]
    fn a_limit_keeps_the_brush_to_its_greys() {
        // A picture of half the size, dark on its left half.
        let image = GrayImage::new(10, 8, (0..80).map(|i| if i % 10 < 5 { 6553 } else { 52428 }).collect()).expect("80 pixels");
        let dark = GreyRange { low: 0.0, high: 0.5, inverted: false };
        let painted = |range: GreyRange| {
            let mut mask = Mask::empty(20, 16);
            mask.paint_stroke((10.0, 8.0), (10.0, 8.0), 4.0, true, Some(&GreyLimit { image: &image, range }));
            mask.halves()
        };
        let (left, right) = painted(dark);
        assert!(left > 20 && right == 0, "{left} and {right}");
        let (left, right) = painted(GreyRange { inverted: true, ..dark });
        assert!(left == 0 && right > 20, "{left} and {right}");
    }

    #[test]
    fn numbers_that_are_none_paint_nothing() {
        let mut mask = Mask::empty(9, 9);
        mask.paint_stroke((f32::NAN, 3.0), (3.0, 3.0), 2.0, true, None);
        mask.paint_stroke((f32::INFINITY, 3.0), (3.0, 3.0), 2.0, true, None);
        mask.fill_polygon(&[(0.0, 0.0), (f32::NAN, 9.0), (9.0, 9.0)], true);
        mask.fill_ellipse(&RectPx { x0: 0.0, y0: 0.0, x1: f32::NAN, y1: 4.0 }, true);
        assert!(mask.is_empty());
    }

    #[test]
    fn stamping_writes_within_its_block_only() {
        let mask = Mask::from_fn(6, 4, |x, _| x % 2 == 0);
        let mut picture = vec![7u8; 24];
        mask.stamp(&mut picture, &PixelBlock { x0: 1, y0: 1, x1: 5, y1: 3 }, 9);
        let changed: Vec<usize> = (0..24).filter(|&i| picture[i] == 9).collect();
        assert_eq!(changed, [8, 10, 14, 16]);
    }
}
