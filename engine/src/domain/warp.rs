//! Moving, scaling and turning a mask.

use super::{Mask, PixelBlock, RectPx};

/// A map of the plane: `x' = a x + b y + c`, `y' = d x + e y + f`, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// `[a, b, c, d, e, f]`.
    pub terms: [f32; 6],
}

impl Affine {
    /// Everything stays where it is.
    pub const IDENTITY: Self = Self { terms: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0] };

    /// A shift.
    pub fn shift(dx: f32, dy: f32) -> Self {
        Self { terms: [1.0, 0.0, dx, 0.0, 1.0, dy] }
    }

    /// Scaling about a point that stays.
    pub fn scale(sx: f32, sy: f32, (x, y): (f32, f32)) -> Self {
        Self { terms: [sx, 0.0, x - sx * x, 0.0, sy, y - sy * y] }
    }

    /// A turn by radians about a point that stays; positive is clockwise on the picture.
    pub fn turn(radians: f32, (x, y): (f32, f32)) -> Self {
        let (sin, cos) = radians.sin_cos();
        Self { terms: [cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y] }
    }

    /// Where a point goes.
    pub fn apply(&self, (x, y): (f32, f32)) -> (f32, f32) {
        let [a, b, c, d, e, f] = self.terms;
        (a * x + b * y + c, d * x + e * y + f)
    }

    /// The map back, or `None` where everything falls onto a line.
    pub fn inverse(&self) -> Option<Self> {
        let [a, b, c, d, e, f] = self.terms;
        let size = a * e - b * d;
        if !size.is_finite() || size.abs() < 1e-6 {
            return None;
        }
        let (a, b, d, e) = (e / size, -b / size, -d / size, a / size);
        Some(Self { terms: [a, b, -(a * c + b * f), d, e, -(d * c + e * f)] })
    }
}

impl Mask {
    /// The mask moved by whole pixels; what leaves the image is cut off.
    #[must_use]
    pub fn shifted(&self, dx: i32, dy: i32) -> Self {
        let mut moved = Self::empty(self.width(), self.height());
        let Some(block) = self.block() else { return moved };
        let to = |at: u32, by: i32, most: u32| (i64::from(at) + i64::from(by)).clamp(0, i64::from(most)) as u32;
        let (x0, x1) = (to(block.x0, dx, self.width()), to(block.x1, dx, self.width()));
        let (y0, y1) = (to(block.y0, dy, self.height()), to(block.y1, dy, self.height()));
        let back = |at: u32, by: i32| (i64::from(at) - i64::from(by)) as u32;
        if x0 < x1 {
            for y in y0..y1 {
                let row = self.row(back(y, dy), back(x0, dx), back(x1, dx));
                moved.row_mut(y, x0, x1).copy_from_slice(row);
            }
        }
        moved
    }

    /// The mask under a map of the plane, its edge interpolated; what leaves the image is cut off. A map
    /// without a way back gives an empty mask.
    #[must_use]
    pub fn warped(&self, map: &Affine) -> Self {
        let mut moved = Self::empty(self.width(), self.height());
        let (Some(block), Some(back)) = (self.block(), map.inverse()) else { return moved };
        let rect = block.rect();
        let corners = [(rect.x0, rect.y0), (rect.x1, rect.y0), (rect.x0, rect.y1), (rect.x1, rect.y1)].map(|p| map.apply(p));
        let (xs, ys) = (corners.map(|p| p.0), corners.map(|p| p.1));
        let least = |v: [f32; 4]| v.into_iter().fold(f32::INFINITY, f32::min);
        let most = |v: [f32; 4]| v.into_iter().fold(f32::NEG_INFINITY, f32::max);
        let reach = RectPx { x0: least(xs) - 1.0, y0: least(ys) - 1.0, x1: most(xs) + 1.0, y1: most(ys) + 1.0 };
        let target = PixelBlock::touched(&reach, self.width(), self.height());
        let bit = |x: i64, y: i64| match (u32::try_from(x), u32::try_from(y)) {
            (Ok(x), Ok(y)) => f32::from(u8::from(self.get(x, y))),
            _ => 0.0,
        };
        for y in target.y0..target.y1 {
            for (x, out) in (target.x0..).zip(moved.row_mut(y, target.x0, target.x1)) {
                let (sx, sy) = back.apply((x as f32 + 0.5, y as f32 + 0.5));
                let (sx, sy) = (sx - 0.5, sy - 0.5);
                let (x0, y0) = (sx.floor(), sy.floor());
                let (u, v) = (sx - x0, sy - y0);
                let (x0, y0) = (x0 as i64, y0 as i64);
                let top = bit(x0, y0) * (1.0 - u) + bit(x0 + 1, y0) * u;
                let bottom = bit(x0, y0 + 1) * (1.0 - u) + bit(x0 + 1, y0 + 1) * u;
                *out = u8::from(top * (1.0 - v) + bottom * v >= 0.5);
            }
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use std::f32::consts::{PI, TAU};

    use proptest::prelude::*;

    use super::*;

    fn blob() -> Mask {
        let mut mask = Mask::empty(64, 64);
        mask.fill_ellipse(&RectPx { x0: 20.0, y0: 26.0, x1: 44.0, y1: 38.0 }, true);
        mask
    }

    proptest! {
        #[test]
        fn shifting_moves_every_pixel(dx in -70i32..70, dy in -70i32..70) {
            let mask = blob();
            let want = Mask::from_fn(64, 64, |x, y| {
                match (u32::try_from(x as i32 - dx), u32::try_from(y as i32 - dy)) {
                    (Ok(x), Ok(y)) => mask.get(x, y),
                    _ => false,
                }
            });
            prop_assert_eq!(mask.shifted(dx, dy), want.clone());
            prop_assert_eq!(mask.warped(&Affine::shift(dx as f32, dy as f32)), want);
        }

        #[test]
        fn maps_have_their_way_back(turn in 0.0f32..TAU, scale in 0.3f32..3.0, x in -50.0f32..50.0, y in -50.0f32..50.0) {
            for map in [Affine::turn(turn, (7.0, 3.0)), Affine::scale(scale, 1.0 / scale, (-4.0, 9.0))] {
                let (bx, by) = map.inverse().expect("it can be undone").apply(map.apply((x, y)));
                prop_assert!((bx - x).abs() < 1e-2 && (by - y).abs() < 1e-2);
                let fixed = map.apply(if map.terms[1] == 0.0 { (-4.0, 9.0) } else { (7.0, 3.0) });
                prop_assert!((fixed.0 - 7.0).abs() < 1e-3 || (fixed.0 + 4.0).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn turning_and_scaling_keep_the_shape() {
        let mask = blob();
        let centre = (32.0, 32.0);
        assert_eq!(mask.warped(&Affine::IDENTITY), mask);
        assert!(mask.warped(&Affine::turn(PI, centre)).dice(&mask) > 0.98);
        let upright = mask.warped(&Affine::turn(0.5 * PI, centre)).bounds().expect("it is still there");
        assert!((upright.width() - 12.0).abs() <= 1.0 && (upright.height() - 24.0).abs() <= 1.0, "{upright:?}");
        let large = mask.warped(&Affine::scale(1.5, 1.5, centre));
        assert!((large.area() as f32 / mask.area() as f32 - 2.25).abs() < 0.1);
        assert!(mask.warped(&Affine::scale(0.0, 1.0, centre)).is_empty());
    }
}
