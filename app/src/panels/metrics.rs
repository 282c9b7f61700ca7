//! Sizes of the window's parts, in points.

use eframe::egui::Vec2;

/// Sizes for one window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metrics {
    /// Width of the rail.
    pub rail: f32,
    /// Height of the top bar.
    pub top: f32,
    /// Height of the status bar.
    pub status: f32,
    /// Width of the left and the right panel.
    pub side: f32,
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
    /// Sizes for a window.
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
            film: if wide { 124.0 } else { 104.0 },
            results: if wide { 120.0 } else { 108.0 },
            tools: if compact { 36.0 } else { 44.0 },
            compact,
            narrow: size.x < 1100.0,
        }
    }

    /// Height of the strip below the canvas.
    pub fn dock(&self) -> f32 {
        if self.compact { 100.0 } else { self.film + self.results }
    }
}
