//! The cases a newcomer finds: each shows another way to say where.

use std::sync::Arc;

use engine::domain::{Finding, GrayImage, Mask, RectPx};
use engine::phantom::{self, PhantomConfig};

use crate::canvas::guide;
use crate::canvas::tool::lasso;
use crate::state::{Demographics, Document, Group, Region, Sex, View};

/// An example case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Example {
    /// A mask along the right lung's edge.
    RightPneumothorax,
    /// A box in the left lung.
    LeftNodule,
    /// A mask at the bottom of the left lung.
    LeftEffusion,
    /// Text without anything drawn.
    EnlargedHeart,
}

impl Example {
    /// All examples in list order; the first is open at start.
    pub const ALL: [Self; 4] = [Self::RightPneumothorax, Self::LeftNodule, Self::LeftEffusion, Self::EnlargedHeart];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::RightPneumothorax => "Right pneumothorax",
            Self::LeftNodule => "Left nodule",
            Self::LeftEffusion => "Left pleural effusion",
            Self::EnlargedHeart => "Enlarged heart",
        }
    }

    /// How it says where.
    pub fn kind(self) -> &'static str {
        match self {
            Self::RightPneumothorax | Self::LeftEffusion => "mask",
            Self::LeftNodule => "box",
            Self::EnlargedHeart => "text only",
        }
    }

    fn impression(self) -> &'static str {
        match self {
            Self::RightPneumothorax => "Moderate right pneumothorax. No pleural effusion. Heart size is normal.",
            Self::LeftNodule => "Nodule in the left mid lung. No pneumothorax.",
            Self::LeftEffusion => "Moderate left pleural effusion. No pneumothorax.",
            Self::EnlargedHeart => "Heart is enlarged. The lungs are clear. No pleural effusion.",
        }
    }

    /// The case on a square canvas.
    pub fn document(self, size_px: u32) -> Document {
        let mut document = Document::empty(size_px);
        document.name = self.title().to_owned();
        document.impression = self.impression().to_owned();
        document.demographics = match self {
            Self::RightPneumothorax | Self::EnlargedHeart => {
                Demographics { sex: Sex::Male, age: Some(64), group: Group::A, view: View::Unstated }
            }
            Self::LeftNodule | Self::LeftEffusion => {
                Demographics { sex: Sex::Female, age: Some(52), group: Group::B, view: View::Unstated }
            }
        };
        let [right, left] = guide::outlines(size_px);
        match self {
            Self::RightPneumothorax => {
                document.push(Finding::Pneumothorax, Region::Mask(Arc::new(lateral_band(&right, size_px))));
            }
            Self::LeftNodule => {
                let size = size_px as f32;
                let at = |x: f32, y: f32, r: f32| RectPx {
                    x0: ((x - r) * size).round(),
                    y0: ((y - r) * size).round(),
                    x1: ((x + r) * size).round(),
                    y1: ((y + r) * size).round(),
                };
                document.push(Finding::Nodule, Region::Box(Some(at(0.72, 0.43, 0.055))));
            }
            Self::LeftEffusion => {
                document.push(Finding::PleuralEffusion, Region::Mask(Arc::new(lower_part(&left, size_px))));
            }
            Self::EnlargedHeart => {}
        }
        document
    }

    /// The picture shown before the first run: a drawn phantom without the finding.
    pub fn picture(self, size_px: u32) -> GrayImage {
        match self {
            Self::RightPneumothorax => phantom::example_case(size_px).image,
            Self::LeftNodule => patient(3, size_px),
            Self::LeftEffusion => patient(8, size_px),
            Self::EnlargedHeart => patient(12, size_px),
        }
    }
}

/// A healthy phantom.
fn patient(index: u64, size_px: u32) -> GrayImage {
    phantom::plan(&PhantomConfig::practice(), 1482, index).without_findings().draw(size_px).image
}

fn filled(outline: &[(f32, f32)], size_px: u32) -> Mask {
    let mut mask = Mask::empty(size_px, size_px);
    lasso::fill(&mut mask, outline, true);
    mask
}

/// The strip of a right lung along its outer edge, thick at the apex: where free air gathers.
fn lateral_band(outline: &[(f32, f32)], size_px: u32) -> Mask {
    let lung = filled(outline, size_px);
    let Some(bounds) = lung.bounds() else { return lung };
    // The outline begins at the apex and runs down the chest wall first.
    let outer: Vec<(f32, f32)> = outline.iter().copied().take_while(|p| p.1 < bounds.y0 + 0.8 * bounds.height()).collect();
    let size = size_px as f32;
    let inner = outer.iter().map(|&(x, y)| {
        let down = ((y - bounds.y0) / bounds.height()).clamp(0.0, 1.0);
        // Inwards and down at the apex, inwards only further below.
        (x + size * (0.07 - 0.055 * down), y + size * 0.06 * (1.0 - down / 0.45).max(0.0))
    });
    let band: Vec<(f32, f32)> = outer.iter().copied().chain(inner.rev()).collect();
    let mut mask = Mask::empty(size_px, size_px);
    lasso::fill(&mut mask, &band, true);
    Mask::from_fn(size_px, size_px, |x, y| mask.get(x, y) && lung.get(x, y))
}

/// The lower part of a left lung under a level that rises to the outer wall.
fn lower_part(outline: &[(f32, f32)], size_px: u32) -> Mask {
    let lung = filled(outline, size_px);
    let Some(bounds) = lung.bounds() else { return lung };
    Mask::from_fn(size_px, size_px, |x, y| {
        let outward = ((x as f32 - bounds.x0) / bounds.width()).clamp(0.0, 1.0);
        let level = bounds.y0 + bounds.height() * (0.76 - 0.16 * outward * outward);
        lung.get(x, y) && y as f32 > level
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{Reading, Verdict, check};
    use crate::state::Sampling;

    #[test]
    fn every_example_can_be_run_and_agrees_with_itself() {
        for example in Example::ALL {
            for size in [64, 256, 512] {
                let document = example.document(size);
                document.request(&Sampling::default()).check().expect("examples are valid requests");
                let conflicts: Vec<_> =
                    check(&document, &Reading::default()).into_iter().filter(|c| c.verdict == Verdict::Conflict).collect();
                assert!(conflicts.is_empty(), "{}: {conflicts:?}", example.title());
                let drawn = document.annotations().len();
                assert_eq!(drawn, usize::from(example != Example::EnlargedHeart));
            }
        }
    }
}
