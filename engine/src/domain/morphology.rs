//! Repairs of a mask: holes filled, edges smoothed, grown and shrunk. Each works on the block around the mask.

use super::{Mask, PixelBlock};

impl Mask {
    /// A block of the mask as a mask of its own.
    fn cut(&self, block: &PixelBlock) -> Self {
        let mut part = Self::empty(block.width(), block.height());
        for y in 0..block.height() {
            let row = self.row(block.y0 + y, block.x0, block.x1);
            part.row_mut(y, 0, row.len() as u32).copy_from_slice(row);
        }
        part
    }

    /// An empty mask of this size with a part laid in at a place.
    fn with_part(&self, part: &Self, at: (u32, u32)) -> Self {
        let mut whole = Self::empty(self.width(), self.height());
        for y in 0..part.height() {
            let row = part.row(y, 0, part.width());
            whole.row_mut(at.1 + y, at.0, at.0 + row.len() as u32).copy_from_slice(row);
        }
        whole
    }

    /// Works on the block around the mask, wider by a margin; an empty mask stays empty.
    fn around(&self, margin: u32, work: impl FnOnce(&Self) -> Self) -> Self {
        match self.block() {
            None => self.clone(),
            Some(block) => {
                let block = block.wider(margin, self.width(), self.height());
                self.with_part(&work(&self.cut(&block)), (block.x0, block.y0))
            }
        }
    }

    /// The mask with every hole filled: pixels from which no path over edges leads out of it.
    #[must_use]
    pub fn without_holes(&self) -> Self {
        self.around(0, |part| {
            let (w, h) = (part.width(), part.height());
            let mut outside = Self::empty(w, h);
            let mut open = Vec::new();
            let rim = (0..w).flat_map(|x| [(x, 0), (x, h - 1)]).chain((0..h).flat_map(|y| [(0, y), (w - 1, y)]));
            let visit = |x: u32, y: u32, outside: &mut Self, open: &mut Vec<(u32, u32)>| {
                if x < w && y < h && !part.get(x, y) && !outside.get(x, y) {
                    outside.set(x, y, true);
                    open.push((x, y));
                }
            };
            for (x, y) in rim {
                visit(x, y, &mut outside, &mut open);
            }
            while let Some((x, y)) = open.pop() {
                for (x, y) in [(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)] {
                    visit(x, y, &mut outside, &mut open);
                }
            }
            outside.inverted()
        })
    }

    /// The mask with its edge evened out: a pixel stays where at least half of the square of side
    /// `2 radius_px + 1` around it, twice averaged, belongs to the mask.
    #[must_use]
    pub fn smoothed(&self, radius_px: u32) -> Self {
        let radius = radius_px.clamp(1, 256);
        // Beyond the image the mask goes on as at its edge, so that shapes cut by the edge keep it.
        self.around(2 * radius + 1, |part| {
            let (w, h) = (part.width() as usize, part.height() as usize);
            let mut field: Vec<f32> = part.bits().iter().map(|&b| f32::from(b)).collect();
            let mut line = vec![0.0; w.max(h)];
            for _ in 0..2 {
                for row in field.chunks_exact_mut(w) {
                    line[..w].copy_from_slice(row);
                    average(&line[..w], row, radius as usize);
                }
                let mut column = vec![0.0; h];
                for x in 0..w {
                    for y in 0..h {
                        line[y] = field[y * w + x];
                    }
                    average(&line[..h], &mut column, radius as usize);
                    for y in 0..h {
                        field[y * w + x] = column[y];
                    }
                }
            }
            Self::from_fn(w as u32, h as u32, |x, y| field[y as usize * w + x as usize] >= 0.4999)
        })
    }

    /// The mask and all pixels within a distance of it, in pixels.
    #[must_use]
    pub fn dilated(&self, radius_px: f32) -> Self {
        if radius_px.is_nan() || radius_px <= 0.0 {
            return self.clone();
        }
        self.around(radius_px.ceil().min(65_536.0) as u32, |part| {
            let distance = part.distance_squared();
            let w = part.width() as usize;
            Self::from_fn(part.width(), part.height(), |x, y| distance[y as usize * w + x as usize] <= radius_px * radius_px)
        })
    }

    /// The pixels of the mask that are farther than a distance, in pixels, from everything outside of it;
    /// beyond the image the mask is taken to go on.
    #[must_use]
    pub fn eroded(&self, radius_px: f32) -> Self {
        if radius_px.is_nan() || radius_px <= 0.0 {
            return self.clone();
        }
        self.around(1, |part| {
            let distance = part.inverted().distance_squared();
            let w = part.width() as usize;
            Self::from_fn(part.width(), part.height(), |x, y| distance[y as usize * w + x as usize] > radius_px * radius_px)
        })
    }
}

/// Running averages over `2 radius + 1` values; the ends are repeated.
fn average(from: &[f32], to: &mut [f32], radius: usize) {
    let n = from.len();
    let at = |i: isize| from[i.clamp(0, n as isize - 1) as usize];
    let r = radius as isize;
    let mut sum: f32 = (-r..=r).map(at).sum();
    let share = 1.0 / (2 * radius + 1) as f32;
    for (i, out) in (0..).zip(to) {
        *out = sum * share;
        sum += at(i + r + 1) - at(i - r);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn disc(size: u32, cx: f32, cy: f32, r: f32) -> Mask {
        Mask::from_fn(size, size, |x, y| (x as f32 + 0.5 - cx).hypot(y as f32 + 0.5 - cy) < r)
    }

    #[test]
    fn holes_are_filled_and_bays_are_not() {
        let ring = Mask::from_fn(40, 40, |x, y| (6.0..12.0).contains(&(x as f32 - 20.0).hypot(y as f32 - 20.0)));
        let full = ring.without_holes();
        assert!(full.get(20, 20) && !full.get(2, 2));
        let mut open = ring;
        open.paint_stroke((20.0, 20.0), (39.0, 20.0), 1.5, false, None);
        assert!(!open.without_holes().get(20, 20), "a ring with a gap has no hole");
        assert!(Mask::empty(5, 5).without_holes().is_empty());
    }

    #[test]
    fn smoothing_takes_specks_and_keeps_the_shape() {
        let mut rough = disc(80, 40.0, 40.0, 20.0);
        for i in 0..30u32 {
            rough.set((i * 37) % 80, (i * 53) % 80, i % 2 == 0);
        }
        let even = rough.smoothed(2);
        assert!(even.dice(&disc(80, 40.0, 40.0, 20.0)) > 0.98, "dice {}", even.dice(&disc(80, 40.0, 40.0, 20.0)));
        assert!(!even.get(0, 0) && even.get(40, 40));
        let half = Mask::from_fn(30, 30, |x, _| x < 15);
        assert_eq!(half.smoothed(3), half, "a straight edge stays, also at the image's edge");
    }

    proptest! {
        #[test]
        fn growing_and_shrinking_are_exact(bits in proptest::collection::vec(0u8..7, 400), radius in 0.5f32..4.0) {
            let mask = Mask::from_fn(20, 20, |x, y| bits[(y * 20 + x) as usize] == 0);
            let near = |mask: &Mask, x: u32, y: u32| {
                (0..20u32).any(|b| (0..20u32).any(|a| {
                    let (dx, dy) = (a as f32 - x as f32, b as f32 - y as f32);
                    mask.get(a, b) && dx * dx + dy * dy <= radius * radius
                }))
            };
            prop_assert_eq!(mask.dilated(radius), Mask::from_fn(20, 20, |x, y| near(&mask, x, y)));
            let outside = mask.inverted();
            prop_assert_eq!(mask.eroded(radius), Mask::from_fn(20, 20, |x, y| !near(&outside, x, y)));
        }

        #[test]
        fn a_filled_mask_has_no_holes_left(bits in proptest::collection::vec(0u8..3, 300)) {
            let mask = Mask::from_fn(20, 15, |x, y| bits[(y * 20 + x) as usize] > 0);
            let full = mask.without_holes();
            prop_assert_eq!(&full.without_holes(), &full);
            prop_assert!(mask.bits().iter().zip(full.bits()).all(|(a, b)| a <= b));
        }
    }
}
