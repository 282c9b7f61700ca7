//! The tools of the canvas and their settings. Not undone.

use engine::domain::{GreyRange, Side};
use engine::phantom::{LesionSize, Zone};

/// What the left mouse button does on the canvas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Adds to the chosen mask.
    Brush,
    /// Takes from the chosen mask.
    Eraser,
    /// Fills an outlined region.
    Lasso,
    /// Fills a region outlined by clicks.
    Polygon,
    /// Draws a labelled box.
    Box,
    /// Fills an ellipse.
    Ellipse,
    /// Fills the region of like grey.
    Wand,
    /// Grows or shrinks the chosen layer.
    Margin,
    /// Moves, scales and turns the chosen layer.
    Move,
    /// Places a plausible shape of the chosen class.
    Shapes,
    /// Copies a mask from an earlier run.
    Earlier,
}

impl Tool {
    /// All tools in column order.
    pub const ALL: [Self; 11] = [
        Self::Brush,
        Self::Eraser,
        Self::Lasso,
        Self::Polygon,
        Self::Box,
        Self::Ellipse,
        Self::Wand,
        Self::Margin,
        Self::Move,
        Self::Shapes,
        Self::Earlier,
    ];

    /// The tool's name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Brush => "Brush",
            Self::Eraser => "Eraser",
            Self::Lasso => "Lasso",
            Self::Polygon => "Polygon",
            Self::Box => "Box",
            Self::Ellipse => "Ellipse",
            Self::Wand => "Wand",
            Self::Margin => "Grow or shrink",
            Self::Move => "Move",
            Self::Shapes => "Shape library",
            Self::Earlier => "Mask from an earlier run",
        }
    }

    /// The name of its command, which has the key.
    pub fn command(self) -> &'static str {
        match self {
            Self::Brush => "tool.brush",
            Self::Eraser => "tool.eraser",
            Self::Lasso => "tool.lasso",
            Self::Polygon => "tool.polygon",
            Self::Box => "tool.box",
            Self::Ellipse => "tool.ellipse",
            Self::Wand => "tool.wand",
            Self::Margin => "tool.margin",
            Self::Move => "tool.move",
            Self::Shapes => "tool.shapes",
            Self::Earlier => "tool.earlier",
        }
    }

    /// One line what it is for.
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::Brush => "Paint into the chosen mask; hold Alt to erase, Shift for a straight line",
            Self::Eraser => "Take away from the chosen mask; hold Shift for a straight line",
            Self::Lasso => "Outline a region and fill it; hold Alt to cut it out",
            Self::Polygon => "Click the corners of a region; Enter or a double-click closes it",
            Self::Box => "Drag a box for the chosen class; drag its edges and corners afterwards",
            Self::Ellipse => "Drag an ellipse and fill it; hold Alt to cut it out",
            Self::Wand => "Click to fill the region of like grey; hold Alt to cut it out",
            Self::Margin => "Make the chosen layer wider or narrower by a distance",
            Self::Move => "Move, scale and turn the mask or box under the pointer",
            Self::Shapes => "Place a plausible shape of the chosen class",
            Self::Earlier => "Copy a mask from an image made before",
        }
    }

    /// Whether it fills or cuts out an area, so that adding and taking away can be swapped.
    pub fn fills(self) -> bool {
        matches!(self, Self::Lasso | Self::Polygon | Self::Ellipse | Self::Wand)
    }
}

/// What is asked of the shape library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeChoice {
    /// How large.
    pub size: LesionSize,
    /// The patient's side.
    pub side: Side,
    /// The part of the lung.
    pub zone: Zone,
    /// Another seed gives another shape.
    pub seed: u64,
}

/// Settings of all tools.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ToolOptions {
    /// Whether lasso, polygon, ellipse and wand take away.
    pub subtract: bool,
    /// Whether brush and eraser keep to a range of grey.
    pub limited: bool,
    /// The range, once it was set.
    pub range: Option<GreyRange>,
    /// How far greys may differ for the wand, 0 to 1.
    pub tolerance: f32,
    /// How far to grow or shrink: millimetres where the spacing is known, else pixels.
    pub margin: f32,
    /// The next shape of the library.
    pub shape: ShapeChoice,
}

/// The range of grey before anybody set one.
pub const WHOLE_RANGE: GreyRange = GreyRange { low: 0.0, high: 1.0, inverted: false };
/// Half the width of the range around the grey under the pointer.
pub const RANGE_AROUND: f32 = 0.12;

impl Default for ToolOptions {
    fn default() -> Self {
        Self {
            subtract: false,
            limited: false,
            range: None,
            tolerance: 0.06,
            margin: 3.0,
            shape: ShapeChoice { size: LesionSize::Medium, side: Side::Right, zone: Zone::Mid, seed: 1 },
        }
    }
}

impl ToolOptions {
    /// The range that limits the brush, where one does.
    pub fn limit(&self) -> Option<GreyRange> {
        self.limited.then(|| self.range.unwrap_or(WHOLE_RANGE))
    }
}

/// A handle of the frame around a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handle {
    /// An edge or a corner: −1 left or upper, 0 in the middle, 1 right or lower.
    Edge(i8, i8),
    /// Turns the region about its middle.
    Turn,
}

impl Handle {
    /// All edges and corners.
    pub const EDGES: [Self; 8] = [
        Self::Edge(-1, -1),
        Self::Edge(1, -1),
        Self::Edge(-1, 1),
        Self::Edge(1, 1),
        Self::Edge(0, -1),
        Self::Edge(-1, 0),
        Self::Edge(1, 0),
        Self::Edge(0, 1),
    ];
}
