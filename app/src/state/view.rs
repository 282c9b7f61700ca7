//! Zoom, window level and tool: how one looks, not what is there. Not undone.

use eframe::egui::{Pos2, Vec2};
use engine::domain::RectPx;

use super::tools::{Handle, ToolOptions};
use super::{Document, LayerId, Region, Tool};

/// A stroke in progress on the canvas, in image pixels.
#[derive(Clone, Debug, PartialEq)]
pub enum Stroke {
    /// Brush or eraser: where it was last.
    Paint {
        /// Whether it takes away.
        erase: bool,
        /// The last point.
        last: (f32, f32),
    },
    /// A straight line of brush or eraser, painted when the button goes up.
    Line {
        /// Whether it takes away.
        erase: bool,
        /// Where it begins.
        from: (f32, f32),
        /// Where it ends.
        to: (f32, f32),
    },
    /// The outline so far.
    Lasso {
        /// Whether it takes away.
        erase: bool,
        /// The points.
        points: Vec<(f32, f32)>,
    },
    /// The corners so far; goes on while no button is down.
    Polygon {
        /// Whether it takes away.
        erase: bool,
        /// The corners.
        points: Vec<(f32, f32)>,
    },
    /// An ellipse between a fixed corner and the moving one.
    Ellipse {
        /// Whether it takes away.
        erase: bool,
        /// Where the drag began.
        from: (f32, f32),
        /// Where it is.
        to: (f32, f32),
    },
    /// The fixed corner and the moving one.
    Box {
        /// Where the drag began.
        from: (f32, f32),
        /// Where it is.
        to: (f32, f32),
    },
    /// The layer as it was and where the drag began.
    Move {
        /// Where the drag began.
        from: (f32, f32),
        /// The region before.
        original: Region,
    },
    /// A handle of the frame around the layer being dragged.
    Handle {
        /// Which one.
        handle: Handle,
        /// Where the drag began.
        from: (f32, f32),
        /// The region before.
        original: Region,
    },
}

/// Smallest and largest brush radius in image pixels.
pub const BRUSH_PX: (f32, f32) = (0.5, 256.0);

/// How one looks at the case.
#[derive(Clone, Debug)]
pub struct ViewState {
    /// The tool in hand.
    pub tool: Tool,
    /// Settings of the tools.
    pub tools: ToolOptions,
    /// The layer that tools work on.
    pub chosen: Option<LayerId>,
    /// The layer that was chosen before.
    pub chosen_before: Option<LayerId>,
    /// Brush radius in image pixels.
    pub brush_px: f32,
    /// Screen points per image pixel; `None` fits the image.
    pub zoom: Option<f32>,
    /// Image point in the middle of the canvas, in image pixels; used when zoomed.
    pub center: Pos2,
    /// Window width, 1 is the whole range of grey.
    pub window: f32,
    /// Window level, 0 to 1.
    pub level: f32,
    /// Whether black and white are swapped.
    pub inverted: bool,
    /// Whether layers are drawn over the image.
    pub overlays: bool,
    /// Whether they are hidden for as long as a key is held.
    pub peeking: bool,
    /// The stroke in progress.
    pub stroke: Option<Stroke>,
    /// Pointer position in image pixels, when it is over the image.
    pub pointer: Option<(f32, f32)>,
    /// The region that the keyboard went to last.
    pub region: Option<crate::shell::Region>,
    /// Whether the right panel is beside the canvas, which it is not in a narrow window.
    pub right_there: bool,
    /// Whether the message list is open.
    pub messages_open: bool,
    /// Whether the save fields are open.
    pub save_open: bool,
    /// Whether the file field is open.
    pub open_open: bool,
    /// Whether the fields of the rule for variants are open.
    pub rule_open: bool,
    /// Whether panels and dock are hidden.
    pub panels_hidden: bool,
    /// Which tab of the dock is open in a small window.
    pub dock_tab: DockTab,
}

/// The strip below the canvas of a small window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DockTab {
    /// The steps of the shown run.
    Steps,
    /// The results of the session.
    Results,
}

impl ViewState {
    /// A fresh view on a document: its first layer chosen, the image fitted.
    pub fn for_document(document: &Document) -> Self {
        let half = document.size_px as f32 * 0.5;
        Self {
            tool: Tool::Brush,
            tools: ToolOptions::default(),
            chosen: first_drawable(document),
            chosen_before: None,
            brush_px: natural_brush_px(document.size_px),
            zoom: None,
            center: Pos2::new(half, half),
            window: 1.0,
            level: 0.5,
            inverted: false,
            overlays: true,
            peeking: false,
            stroke: None,
            pointer: None,
            region: None,
            right_there: true,
            messages_open: false,
            save_open: false,
            open_open: false,
            rule_open: false,
            panels_hidden: false,
            dock_tab: DockTab::Steps,
        }
    }

    /// Turns to another document but keeps tool, window and panels.
    pub fn turn_to(&mut self, document: &Document) {
        self.chosen = first_drawable(document);
        self.chosen_before = None;
        self.stroke = None;
        self.zoom = None;
        self.center = Pos2::ZERO + Vec2::splat(document.size_px as f32 * 0.5);
    }

    /// The document has another size now: the image is fitted, and the brush keeps its part of it.
    pub fn follow_size(&mut self, before_px: u32, document: &Document) {
        let size_px = document.size_px;
        if before_px == size_px {
            return;
        }
        self.brush_px = if self.brush_px == natural_brush_px(before_px) {
            natural_brush_px(size_px)
        } else {
            let scaled = self.brush_px * size_px as f32 / before_px.max(1) as f32;
            scaled.clamp(BRUSH_PX.0, BRUSH_PX.1.min(size_px as f32 * 0.5).max(BRUSH_PX.0))
        };
        self.zoom = None;
        self.center = Pos2::ZERO + Vec2::splat(size_px as f32 * 0.5);
        if self.chosen.is_none_or(|id| document.layer(id).is_none()) {
            self.chosen = first_drawable(document);
        }
    }

    /// Moves window and level by a drag; sideways is width, up and down is level.
    pub fn drag_window(&mut self, delta: Vec2) {
        self.window = (self.window * (1.0 + delta.x * 0.005)).clamp(0.02, 4.0);
        self.level = (self.level + delta.y * 0.002 * self.window).clamp(0.0, 1.0);
    }

    /// Whether layers are drawn over the image now.
    pub fn shows_overlays(&self) -> bool {
        self.overlays && !self.peeking
    }

    /// The box being dragged.
    pub fn dragged_box(&self) -> Option<RectPx> {
        match self.stroke {
            Some(Stroke::Box { from, to }) => Some(RectPx::from_corners(from.0, from.1, to.0, to.1)),
            _ => None,
        }
    }
}

/// Natural radius of the brush on an image of that side.
fn natural_brush_px(size_px: u32) -> f32 {
    (size_px as f32 * 0.035).max(2.0).round()
}

/// The topmost layer that tools can work on.
pub fn first_drawable(document: &Document) -> Option<LayerId> {
    document.layers.iter().find(|l| l.region != Region::Guide).map(|l| l.id)
}
