//! Sizes of the window's parts, in points.

use eframe::egui::Vec2;

use crate::settings::Settings;

/// Side of the image that panels leave free, in points at 100 %.
const SMALLEST_IMAGE: f32 = 480.0;
/// Height of the canvas' header in points.
pub const HEADER: f32 = 36.0;
/// Lowest dock in points; at large text the image comes first.
const MIN_DOCK: f32 = 48.0;
/// Narrowest panel in points.
const MIN_SIDE: f32 = 180.0;

/// Sizes for one window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metrics {
    /// Width of the rail.
    pub rail: f32,
    /// Height of the top bar.
    pub top: f32,
    /// Height of the status bar.
    pub status: f32,
    /// Width of the left panel.
    pub side: f32,
    /// Width of the right panel.
    pub right: f32,
    /// Height of the film, labels included.
    pub film: f32,
    /// Height of the results.
    pub results: f32,
    /// Width of the tool column.
    pub tools: f32,
    /// A small window: no labels in the rail, film and results behind tabs.
    pub compact: bool,
    /// No room for the right panel beside the canvas.
    pub narrow: bool,
}

impl Metrics {
    /// Sizes for a window with what the person changed; the canvas keeps its share.
    pub fn with(size: Vec2, settings: &Settings) -> Self {
        let natural = Self::for_window(size);
        // The image never gets smaller than 480 points of the screen at 100 %.
        let room = size.x - natural.rail - natural.tools - SMALLEST_IMAGE / settings.zoom().max(1.0);
        let beside = if natural.narrow { 1.0 } else { 2.0 };
        let fit = |width: f32| width.min((room / beside).max(MIN_SIDE));
        let tall = size.y - natural.top - natural.status - HEADER - SMALLEST_IMAGE / settings.zoom().max(1.0);
        let dock = settings.dock.unwrap_or(natural.dock()).min(tall.max(MIN_DOCK));
        let share = natural.film / (natural.film + natural.results);
        Self {
            side: fit(settings.left.unwrap_or(natural.side)),
            right: fit(settings.right.unwrap_or(natural.right)),
            film: if natural.compact { dock } else { dock * share },
            results: if natural.compact { 0.0 } else { dock * (1.0 - share) },
            ..natural
        }
    }

    /// Natural sizes for a window.
    pub fn for_window(size: Vec2) -> Self {
        let compact = size.x < 1440.0 || size.y < 880.0;
        let wide = size.x >= 2200.0;
        Self {
            rail: if compact { 48.0 } else { 64.0 },
            top: if compact { 44.0 } else { 52.0 },
            status: 26.0,
            side: if wide {
                360.0
            } else if compact {
                256.0
            } else {
                304.0
            },
            right: if wide {
                360.0
            } else if compact {
                256.0
            } else {
                304.0
            },
            film: if compact {
                100.0
            } else if wide {
                124.0
            } else {
                104.0
            },
            results: if compact {
                0.0
            } else if wide {
                120.0
            } else {
                108.0
            },
            tools: if compact { 36.0 } else { 44.0 },
            compact,
            narrow: size.x < 1100.0,
        }
    }

    /// Whether left and right panel fit beside the smallest image.
    pub fn fits_both(&self, width: f32, zoom: f32) -> bool {
        width - self.rail - self.tools - SMALLEST_IMAGE / zoom.max(1.0) >= self.side + self.right
    }

    /// Height of the strip below the canvas.
    pub fn dock(&self) -> f32 {
        self.film + self.results
    }
}
