//! Annotations that act alike become one condition; those that do not become several.

use std::cmp::Ordering;

use crate::domain::{Annotation, GrayImage, Mask, StepRange};

use super::raster::{picture, region};
use super::{Fit, Palette};

/// A condition picture, and how it acts.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// What the control branch sees.
    pub picture: GrayImage,
    /// How strongly, above 0.
    pub strength: f32,
    /// In which part of the run.
    pub steps: StepRange,
    /// Where, on the picture's grid; `None` is everywhere.
    pub area: Option<Mask>,
}

/// The conditions of some annotations: one for each strength, step range and reach of area among them.
///
/// The order of annotations does not matter. Annotations of strength 0 are left out.
pub fn conditions(annotations: &[Annotation], size_px: u32, palette: &Palette, fit: Fit) -> Vec<Condition> {
    let mut active: Vec<&Annotation> = annotations.iter().filter(|annotation| annotation.strength > 0.0).collect();
    active.sort_by(|a, b| order(a, b));
    let groups = active.chunk_by(|a, b| order(a, b).is_eq());
    let condition = |group: &[&Annotation]| {
        let first = group.first()?;
        let area = first.area_px.map(|reach| {
            let mut all = Mask::empty(size_px, size_px);
            for annotation in group {
                all.union_with(&region(annotation, size_px, fit));
            }
            all.grown(reach)
        });
        let picture = picture(group, size_px, palette, fit)?;
        Some(Condition { picture, strength: first.strength, steps: first.steps, area })
    };
    groups.filter_map(condition).collect()
}

/// Equal for annotations that act alike.
fn order(a: &Annotation, b: &Annotation) -> Ordering {
    let steps = a.steps.first.total_cmp(&b.steps.first).then(a.steps.last.total_cmp(&b.steps.last));
    steps.then(a.strength.total_cmp(&b.strength)).then(a.area_px.cmp(&b.area_px))
}

#[cfg(test)]
mod tests {
    use super::super::compile;
    use super::*;
    use crate::domain::{Finding, RectPx};

    fn drawn() -> [Annotation; 3] {
        let rect = RectPx { x0: 4.0, y0: 4.0, x1: 20.0, y1: 12.0 };
        let mask = |x0: u32| Mask::from_fn(32, 32, |x, y| x >= x0 && x < x0 + 6 && y > 8 && y < 20);
        [
            Annotation::boxed(Finding::Device, rect, 32, 32),
            Annotation::mask(Finding::Nodule, mask(3)),
            Annotation::mask(Finding::Edema, mask(20)),
        ]
    }

    fn conditions_of(annotations: &[Annotation]) -> Vec<Condition> {
        conditions(annotations, 32, &Palette::practice(), Fit::Stretch)
    }

    #[test]
    fn what_acts_alike_is_one_picture() {
        let mut drawn = drawn();
        let one = conditions_of(&drawn);
        assert_eq!(one.len(), 1);
        assert_eq!(Some(&one[0].picture), compile(&drawn, 32, &Palette::practice()).as_ref());
        assert_eq!((one[0].strength, one[0].steps, &one[0].area), (1.0, StepRange::ALL, &None));
        drawn[1].strength = 0.0;
        assert_eq!(Some(&conditions_of(&drawn)[0].picture), compile(&drawn, 32, &Palette::practice()).as_ref());
        assert!(conditions_of(&drawn[1..2]).is_empty() && conditions_of(&[]).is_empty());
    }

    #[test]
    fn what_differs_in_strength_steps_or_area_is_not() {
        let mut drawn = drawn();
        drawn[0].strength = 0.5;
        drawn[2].steps = StepRange { first: 0.5, last: 1.0 };
        let three = conditions_of(&drawn);
        assert_eq!(three.len(), 3);
        for condition in &three {
            let alone = drawn.iter().map(std::slice::from_ref).find(|one| conditions_of(one)[0] == *condition);
            assert!(alone.is_some(), "each picture shows one annotation");
        }
        drawn.reverse();
        assert_eq!(conditions_of(&drawn), three, "the order of drawing does not matter");
        drawn[1].area_px = Some(2);
        drawn[1].steps = StepRange::ALL;
        assert_eq!(conditions_of(&drawn).len(), 3);
        let area = conditions_of(&drawn[1..2])[0].area.clone().unwrap();
        assert_eq!(area.bounds(), Some(RectPx { x0: 1.0, y0: 7.0, x1: 11.0, y1: 22.0 }));
    }
}
