//! A drawn layer against what the checker sees.

use super::seen::{Seen, half_grid};
use crate::domain::{Annotation, Mask, RectPx, Shape, patient_side};

/// Overlap from which a mask counts as followed.
pub const MASK_WANTED: f64 = 0.70;
/// Overlap of the frames from which a box counts as hit.
pub const BOX_WANTED: f64 = 0.50;
/// What was measured of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Dice overlap of a mask with the outline that the checker sees.
    MaskOverlap,
    /// Overlap (intersection over union) of a box with the frame around what the checker sees in and at it.
    BoxHit,
}

/// A layer's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// What [`Measured::value`] is.
    pub measure: Measure,
    /// 0 to 1.
    pub value: f64,
    /// The least that counts as followed.
    pub wanted: f64,
    /// How sure the checker is that the finding is on the layer's side, 0 to 1.
    pub score: f32,
}

impl Measured {
    /// Whether the image follows the layer.
    pub fn is_followed(&self) -> bool {
        self.value >= self.wanted
    }
}

/// Measures every layer; `None` for a class that the checker does not know, or an empty mask.
///
/// What the checker sees inside another layer of the same class belongs to that one.
pub fn measure(annotations: &[Annotation], seen: &Seen) -> Vec<Option<Measured>> {
    let regions: Vec<Mask> = annotations.iter().map(|annotation| region(annotation, seen.size_px)).collect();
    let one = |(i, annotation): (usize, &Annotation)| {
        let outline = seen.outline(annotation.finding)?;
        let of_others = |x: u32, y: u32| {
            let others = annotations
                .iter()
                .zip(&regions)
                .enumerate()
                .filter(|(j, (other, _))| *j != i && other.finding == annotation.finding);
            others.into_iter().any(|(_, (_, region))| region.get(x, y))
        };
        let own = &regions[i];
        let outline =
            Mask::from_fn(outline.width(), outline.height(), |x, y| outline.get(x, y) && (own.get(x, y) || !of_others(x, y)));
        measure_one(annotation, own, &outline, seen)
    };
    annotations.iter().enumerate().map(one).collect()
}

/// The place of a layer on the half grid, boxes filled.
fn region(annotation: &Annotation, size_px: u32) -> Mask {
    match &annotation.shape {
        Shape::Mask(mask) => half_grid(mask, size_px),
        Shape::Box { rect, width, height } => {
            Mask::from_rect(size_px / 2, size_px / 2, &on_half_grid(rect, *width, *height, size_px))
        }
    }
}

fn on_half_grid(rect: &RectPx, width: u32, height: u32, size_px: u32) -> RectPx {
    let half = (size_px / 2) as f32;
    rect.scaled(half / width.max(1) as f32, half / height.max(1) as f32)
}

fn measure_one(annotation: &Annotation, own: &Mask, outline: &Mask, seen: &Seen) -> Option<Measured> {
    let side = |x: f32| patient_side(x, seen.size_px / 2);
    let score = |x: f32| seen.score_on(annotation.finding, side(x));
    match &annotation.shape {
        Shape::Mask(_) => {
            let (x, _) = own.centroid()?;
            let value = outline.dice(own);
            Some(Measured { measure: Measure::MaskOverlap, value, wanted: MASK_WANTED, score: score(x)? })
        }
        Shape::Box { rect, width, height } => {
            let rect = on_half_grid(rect, *width, *height, seen.size_px);
            let value = box_hit(outline, &rect);
            Some(Measured { measure: Measure::BoxHit, value, wanted: BOX_WANTED, score: score(rect.center().0)? })
        }
    }
}

/// Overlap of a box with the frame around the patches that touch it; 0 where none does.
fn box_hit(outline: &Mask, rect: &RectPx) -> f64 {
    let mut touching: Option<RectPx> = None;
    for patch in patches(outline) {
        if overlap(&patch, rect) > 0.0 {
            touching = Some(touching.map_or(patch, |all| RectPx {
                x0: all.x0.min(patch.x0),
                y0: all.y0.min(patch.y0),
                x1: all.x1.max(patch.x1),
                y1: all.y1.max(patch.y1),
            }));
        }
    }
    touching.map_or(0.0, |frame| {
        let both = overlap(&frame, rect);
        let area = |r: &RectPx| f64::from(r.width()) * f64::from(r.height());
        both / (area(&frame) + area(rect) - both).max(f64::MIN_POSITIVE)
    })
}

fn overlap(a: &RectPx, b: &RectPx) -> f64 {
    let width = f64::from(a.x1.min(b.x1) - a.x0.max(b.x0)).max(0.0);
    let height = f64::from(a.y1.min(b.y1) - a.y0.max(b.y0)).max(0.0);
    width * height
}

/// Frames around the connected patches of a mask (neighbours above, below, left and right).
fn patches(mask: &Mask) -> Vec<RectPx> {
    let (width, height) = (mask.width() as usize, mask.height() as usize);
    let mut left: Vec<bool> = mask.bits().iter().map(|&bit| bit != 0).collect();
    let mut frames = Vec::new();
    let mut open = Vec::new();
    for start in 0..left.len() {
        if !std::mem::take(&mut left[start]) {
            continue;
        }
        let (mut x0, mut y0, mut x1, mut y1) = (width, height, 0, 0);
        open.push(start);
        while let Some(i) = open.pop() {
            let (x, y) = (i % width, i / width);
            (x0, y0, x1, y1) = (x0.min(x), y0.min(y), x1.max(x + 1), y1.max(y + 1));
            let neighbours = [
                (x > 0).then(|| i - 1),
                (x + 1 < width).then_some(i + 1),
                (y > 0).then(|| i - width),
                (y + 1 < height).then_some(i + width),
            ];
            for n in neighbours.into_iter().flatten() {
                if std::mem::take(&mut left[n]) {
                    open.push(n);
                }
            }
        }
        frames.push(RectPx { x0: x0 as f32, y0: y0 as f32, x1: x1 as f32, y1: y1 as f32 });
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Finding, Side};
    use crate::model::checker::CLASSES;

    /// A checker that sees `finding` in a rectangle of the half grid of a 64-pixel image.
    fn seen(finding: Finding, rect: RectPx) -> Seen {
        let inside = Mask::from_rect(32, 32, &rect);
        let plane = |class: Finding| {
            let at = |&bit: &u8| if class == finding && bit != 0 { 6.0 } else { -6.0 };
            inside.bits().iter().map(at).collect()
        };
        let presence = CLASSES.map(|class| if class == finding { 4.0 } else { -4.0 }).to_vec();
        Seen { size_px: 64, regions: CLASSES.map(plane).to_vec(), presence }
    }

    fn one(annotation: Annotation, seen: &Seen) -> Option<Measured> {
        measure(&[annotation], seen).remove(0)
    }

    fn rect(x0: f32, y0: f32, x1: f32, y1: f32) -> RectPx {
        RectPx { x0, y0, x1, y1 }
    }

    #[test]
    fn masks_are_measured_by_their_overlap() {
        let there = seen(Finding::Pneumothorax, rect(4.0, 4.0, 12.0, 20.0));
        let mask = |r: RectPx| Annotation::mask(Finding::Pneumothorax, Mask::from_rect(64, 64, &r));
        let same = one(mask(rect(8.0, 8.0, 24.0, 40.0)), &there).unwrap();
        assert!((same.value - 1.0).abs() < 1e-9 && same.is_followed() && same.score > 0.9, "{same:?}");
        let half = one(mask(rect(8.0, 8.0, 24.0, 24.0)), &there).unwrap();
        assert!((half.value - 2.0 / 3.0).abs() < 1e-9 && !half.is_followed());
        let mirrored = one(mask(rect(40.0, 8.0, 56.0, 40.0)), &there).unwrap();
        assert!(mirrored.value == 0.0 && mirrored.score < 0.1, "{mirrored:?}");
        // A mask drawn at another size is brought to the image's.
        let large = Annotation::mask(Finding::Pneumothorax, Mask::from_rect(128, 128, &rect(16.0, 16.0, 48.0, 80.0)));
        assert!((one(large, &there).unwrap().value - 1.0).abs() < 1e-9);
    }

    #[test]
    fn boxes_are_hit_by_the_patches_that_touch_them() {
        let there = seen(Finding::Nodule, rect(20.0, 10.0, 26.0, 16.0));
        let boxed = |r: RectPx| Annotation::boxed(Finding::Nodule, r, 64, 64);
        assert!((one(boxed(rect(40.0, 20.0, 52.0, 32.0)), &there).unwrap().value - 1.0).abs() < 1e-9);
        let beside = one(boxed(rect(4.0, 20.0, 16.0, 32.0)), &there).unwrap();
        assert_eq!((beside.value, beside.measure), (0.0, Measure::BoxHit));
        let quarter = one(boxed(rect(40.0, 20.0, 64.0, 44.0)), &there).unwrap();
        assert!((quarter.value - 0.25).abs() < 1e-9, "{quarter:?}");
    }

    #[test]
    fn what_cannot_be_judged_has_no_number() {
        let there = seen(Finding::Nodule, rect(20.0, 10.0, 26.0, 16.0));
        assert_eq!(one(Annotation::boxed(Finding::Fracture, rect(0.0, 0.0, 9.0, 9.0), 64, 64), &there), None);
        assert_eq!(one(Annotation::mask(Finding::Nodule, Mask::empty(64, 64)), &there), None);
    }

    #[test]
    fn sides_have_scores_of_their_own() {
        let there = seen(Finding::PleuralEffusion, rect(20.0, 20.0, 30.0, 30.0));
        let on = |side| there.score_on(Finding::PleuralEffusion, side).unwrap();
        assert!(on(Side::Left) > 0.9 && on(Side::Right) < 0.1 && on(Side::Both) > 0.9);
        assert_eq!(there.score_on(Finding::Edema, Side::Left), None);
    }

    #[test]
    fn two_layers_of_one_class_do_not_count_against_each_other() {
        let both = seen(Finding::PleuralEffusion, rect(0.0, 20.0, 32.0, 28.0));
        let mask = |r: RectPx| Annotation::mask(Finding::PleuralEffusion, Mask::from_rect(64, 64, &r));
        let (right, left) = (mask(rect(0.0, 40.0, 32.0, 56.0)), mask(rect(32.0, 40.0, 64.0, 56.0)));
        let values: Vec<f64> = measure(&[right.clone(), left], &both).iter().map(|m| m.unwrap().value).collect();
        assert_eq!(values, [1.0, 1.0]);
        assert!(one(right, &both).unwrap().value < 0.7);
    }
}
