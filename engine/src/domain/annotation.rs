//! What a person draws: a shape with a class.

use super::{Finding, Mask, RectPx, StepRange};

/// Where a finding lies, in pixels of the generated image or of any other size that is then scaled.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A painted region.
    Mask(Mask),
    /// A labelled box, on an image of the given size.
    Box {
        /// The rectangle in pixels.
        rect: RectPx,
        /// Width of the image it was drawn on.
        width: u32,
        /// Height of the image it was drawn on.
        height: u32,
    },
}

/// One drawn finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotation {
    /// The class.
    pub finding: Finding,
    /// The region.
    pub shape: Shape,
    /// Control strength, 0 to 2; 1 is natural.
    pub strength: f32,
    /// The part of the run in which it acts.
    pub steps: StepRange,
    /// Where it may act: within this many pixels (of the generated image) of its shape; `None` is everywhere.
    pub area_px: Option<u32>,
}

impl Annotation {
    /// A finding of natural strength that acts in the whole run and everywhere.
    pub fn new(finding: Finding, shape: Shape) -> Self {
        Self { finding, shape, strength: 1.0, steps: StepRange::ALL, area_px: None }
    }

    /// A painted finding, as [`Annotation::new`].
    pub fn mask(finding: Finding, mask: Mask) -> Self {
        Self::new(finding, Shape::Mask(mask))
    }

    /// A boxed finding, as [`Annotation::new`], on an image of the given size.
    pub fn boxed(finding: Finding, rect: RectPx, width: u32, height: u32) -> Self {
        Self::new(finding, Shape::Box { rect, width, height })
    }
}
