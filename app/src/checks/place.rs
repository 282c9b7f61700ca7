//! Where a layer lies in a usual chest: side, height in the lung, share of the lung.

use std::sync::OnceLock;

use engine::domain::{Mask, RectPx, Side};

use crate::canvas::tool::lasso;
use crate::state::{Layer, Region};

/// Side of the grid that places are told on.
const GRID: u32 = 128;
/// Share of the smaller side from which a layer lies on both.
const BOTH: f32 = 0.2;
/// Half width of the strip around the midline, as a share of the picture.
const MIDLINE: f32 = 0.07;

/// The side of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lies {
    /// On the patient's right.
    Right,
    /// On the patient's left.
    Left,
    /// On both sides.
    Both,
    /// Along the midline.
    Midline,
}

impl Lies {
    /// The side, where it has one.
    pub(super) fn side(self) -> Option<Side> {
        match self {
            Self::Right => Some(Side::Right),
            Self::Left => Some(Side::Left),
            Self::Both => Some(Side::Both),
            Self::Midline => None,
        }
    }
}

/// Where a layer lies.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) lies: Lies,
    /// Share of the lung, or of both lungs, that it covers.
    pub(super) lung_share: f32,
    region: Mask,
}

impl Place {
    /// `None` where nothing is drawn.
    pub(super) fn of(layer: &Layer, size_px: u32) -> Option<Self> {
        let region = match &layer.region {
            Region::Mask(mask) if !mask.is_empty() => mask.resized(GRID, GRID),
            Region::Box(Some(rect)) => {
                let scale = GRID as f32 / size_px.max(1) as f32;
                // A box thinner than a cell still lies somewhere.
                let r = rect.scaled(scale, scale);
                let wide = RectPx { x1: r.x1.max(r.x0 + 1.0), y1: r.y1.max(r.y0 + 1.0), ..r };
                Mask::from_rect(GRID, GRID, &wide)
            }
            _ => return None,
        };
        let lies = lies(&region)
            .or_else(|| layer.side(size_px).map(|side| if side == Side::Right { Lies::Right } else { Lies::Left }))?;
        let lungs = lungs();
        let both = |lung: &Mask| lung.bits().iter().zip(region.bits()).filter(|(a, b)| **a != 0 && **b != 0).count() as f32;
        let on = |lung: &Mask| both(lung) / lung.area().max(1) as f32;
        let lung_share = match lies {
            Lies::Right => on(&lungs[0]),
            Lies::Left => on(&lungs[1]),
            Lies::Both | Lies::Midline => 0.5 * (on(&lungs[0]) + on(&lungs[1])),
        };
        Some(Self { lies, lung_share, region })
    }

    /// Share of the layer that lies between two heights of the lung, 0 at the apex and 1 at the base.
    pub(super) fn share_between(&self, band: (f32, f32)) -> f32 {
        let (mut inside, mut all) = (0, 0);
        for y in 0..GRID {
            for x in (0..GRID).filter(|&x| self.region.get(x, y)) {
                let height = height_in_lung(x, y);
                all += 1;
                inside += u32::from(height >= band.0 && height <= band.1);
            }
        }
        inside as f32 / all.max(1) as f32
    }

    /// Mean height in the lung, 0 at the apex and 1 at the base.
    pub(super) fn height(&self) -> f32 {
        let at = |(x, y): (f32, f32)| height_in_lung(x as u32, y as u32);
        self.region.centroid().map_or(0.5, at)
    }
}

fn lies(region: &Mask) -> Option<Lies> {
    let (mut right, mut left, mut middle) = (0usize, 0usize, 0usize);
    let half = GRID as f32 * 0.5;
    for (i, _) in region.bits().iter().enumerate().filter(|(_, bit)| **bit != 0) {
        let x = (i % GRID as usize) as f32 + 0.5;
        if x < half {
            right += 1
        } else {
            left += 1
        }
        middle += usize::from((x - half).abs() < MIDLINE * GRID as f32);
    }
    let all = right + left;
    if all == 0 {
        return None;
    }
    if middle == all {
        return Some(Lies::Midline);
    }
    Some(if right.min(left) as f32 > BOTH * all as f32 {
        Lies::Both
    } else if right > left {
        Lies::Right
    } else {
        Lies::Left
    })
}

/// The usual lungs on the grid, the patient's right first.
fn lungs() -> &'static [Mask; 2] {
    static LUNGS: OnceLock<[Mask; 2]> = OnceLock::new();
    LUNGS.get_or_init(|| {
        engine::phantom::lung_guide(GRID).map(|outline| {
            let mut mask = Mask::empty(GRID, GRID);
            lasso::fill(&mut mask, &outline, true);
            mask
        })
    })
}

fn height_in_lung(x: u32, y: u32) -> f32 {
    static HEIGHTS: OnceLock<[(f32, f32); 2]> = OnceLock::new();
    let heights =
        HEIGHTS.get_or_init(|| [0, 1].map(|side: usize| lungs()[side].bounds().map_or((0.0, GRID as f32), |b| (b.y0, b.y1))));
    let (top, bottom) = heights[usize::from(x >= GRID / 2)];
    ((y as f32 + 0.5 - top) / (bottom - top).max(1.0)).clamp(0.0, 1.0)
}

/// A region without what lies on the other side of the midline.
pub(super) fn half_of(region: &Region, keep: Side) -> Option<Region> {
    let mask = region.mask()?;
    let half = mask.width() / 2;
    let kept = Mask::from_fn(mask.width(), mask.height(), |x, y| mask.get(x, y) && (x < half) == (keep == Side::Right));
    Some(region.with_mask(std::sync::Arc::new(kept)))
}

/// A region and its mirror image.
pub(super) fn with_mirror(region: &Region) -> Option<Region> {
    let mask = region.mask()?;
    let mut both = mask.mirrored();
    both.union_with(mask);
    Some(region.with_mask(std::sync::Arc::new(both)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use engine::domain::Finding;

    use super::*;

    fn mask(inside: impl FnMut(u32, u32) -> bool) -> Layer {
        Layer::new(1, Finding::PleuralEffusion, Region::Mask(Arc::new(Mask::from_fn(256, 256, inside))))
    }

    #[test]
    fn sides_midline_and_both() {
        let lies = |layer: &Layer| Place::of(layer, 256).map(|p| p.lies);
        assert_eq!(lies(&mask(|x, y| x < 60 && y > 100)), Some(Lies::Right));
        assert_eq!(lies(&mask(|x, y| x > 190 && y > 100)), Some(Lies::Left));
        assert_eq!(lies(&mask(|x, y| !(60..=195).contains(&x) && y > 100)), Some(Lies::Both));
        assert_eq!(lies(&mask(|x, y| x.abs_diff(128) < 6 && y < 100)), Some(Lies::Midline));
        assert_eq!(lies(&mask(|_, _| false)), None);
        let boxed = |x0, x1| Layer::new(1, Finding::Nodule, Region::Box(Some(RectPx { x0, y0: 20.0, x1, y1: 60.0 })));
        assert_eq!(lies(&boxed(20.0, 60.0)), Some(Lies::Right));
        assert_eq!(lies(&boxed(60.0, 200.0)), Some(Lies::Both));
        assert_eq!(lies(&boxed(200.2, 200.4)), Some(Lies::Left));
    }

    #[test]
    fn heights_and_shares_are_of_the_usual_lung() {
        let low = Place::of(&mask(|x, y| x < 110 && (170..200).contains(&y)), 256).expect("drawn");
        assert!(low.share_between((0.6, 1.0)) > 0.9 && low.share_between((0.0, 0.35)) < 0.05 && low.height() > 0.6);
        let whole = Place::of(&mask(|x, _| x < 128), 256).expect("drawn");
        assert!((whole.lung_share - 1.0).abs() < 0.02, "{}", whole.lung_share);
    }

    #[test]
    fn halves_and_mirror_images() {
        let both = mask(|x, y| !(60..=195).contains(&x) && y > 100);
        let right = Layer { region: half_of(&both.region, Side::Right).expect("a mask"), ..both.clone() };
        assert_eq!(Place::of(&right, 256).map(|p| p.lies), Some(Lies::Right));
        assert_eq!(with_mirror(&right.region), Some(both.region.clone()));
        assert_eq!(half_of(&Region::Box(None), Side::Right), None);
    }
}
