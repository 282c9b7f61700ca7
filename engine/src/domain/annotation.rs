//! What a person draws: a shape with a class.

use super::{Finding, Mask, RectPx};

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
}

impl Annotation {
    /// A painted finding of natural strength.
    pub fn mask(finding: Finding, mask: Mask) -> Self {
        Self { finding, shape: Shape::Mask(mask), strength: 1.0 }
    }

    /// A boxed finding of natural strength, on an image of the given size.
    pub fn boxed(finding: Finding, rect: RectPx, width: u32, height: u32) -> Self {
        Self { finding, shape: Shape::Box { rect, width, height }, strength: 1.0 }
    }
}
