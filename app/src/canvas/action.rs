//! What a person can do with the tools of the canvas, besides plain strokes.

use crate::state::tools::{Handle, ShapeChoice};

/// A command to a tool.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The pointer went down for a straight line of brush or eraser, in image pixels.
    LineBegin {
        /// Where.
        at: (f32, f32),
        /// Whether Alt is held: takes away instead of adding.
        alternate: bool,
    },
    /// The pointer went down on a handle of the chosen layer's frame.
    HandleBegin {
        /// Which one.
        handle: Handle,
        /// Where, in image pixels.
        at: (f32, f32),
    },
    /// Fills the polygon in progress.
    ClosePolygon,
    /// Takes the last corner of the polygon in progress back.
    TakeBackPoint,
    /// Gives up the stroke in progress.
    DropStroke,

    /// Swaps adding and taking away.
    Swap,
    /// Whether lasso, polygon, ellipse and wand take away.
    SetSubtract(bool),
    /// Keeps brush and eraser to a range of grey, or no longer.
    ToggleLimit,
    /// Sets the range, 0 to 1.
    SetLimit(f32, f32),
    /// Swaps inside and outside of the range.
    InvertLimit,
    /// How far greys may differ for the wand, 0 to 1.
    SetTolerance(f32),
    /// How far to grow or shrink, in the unit of the tools.
    SetMargin(f32),

    /// Makes the chosen layer wider.
    Grow,
    /// Makes the chosen layer narrower.
    Shrink,
    /// Fills the holes of the chosen mask.
    FillHoles,
    /// Evens out the edge of the chosen mask.
    Smooth,
    /// Puts something in the middle of the image, so that drawing needs no mouse.
    Place,
    /// Moves the right and the lower edge of the chosen box by whole pixels.
    ResizeBox(i32, i32),

    /// Sets what the shape library is asked for.
    SetShape(ShapeChoice),
    /// Asks for the chosen shape.
    PlaceShape,
    /// Asks for another shape in place of the last.
    AnotherShape,
    /// Copies what was drawn for an earlier image: its place in the results, the place in its list.
    CopyEarlier {
        /// The image.
        result: usize,
        /// The annotation.
        annotation: usize,
    },

    /// Chooses the layer above (−1) or below (+1).
    StepLayer(i32),
    /// Chooses the layer that was chosen before.
    LastLayer,
    /// Hides overlays for as long as a key is held.
    Peek(bool),
}
