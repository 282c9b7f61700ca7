//! Figures of a study, drawn once and used in the report, as SVG and as PNG.
//!
//! A figure takes its numbers from the [`Analysis`](crate::analysis::Analysis) and computes none. The same input gives
//! the same bytes.

mod bars;
mod canvas;
mod curves;
mod forest;
mod kinds;
mod places;
mod png;
mod sets;
mod text;

pub use canvas::Theme;
pub use png::{FigureError, png};

use crate::analysis::{Analysis, Context};
pub(crate) use canvas::{Canvas, escape};

/// Width of all figures, in units of the picture.
pub(crate) const WIDTH: f64 = 760.0;

/// One figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Short name for files: "scores".
    pub name: String,
    /// What it shows.
    pub title: String,
    /// How to read it: units, intervals, n.
    pub caption: String,
    pub(crate) canvas: Canvas,
}

impl Figure {
    /// The figure as an SVG file of its own.
    pub fn svg(&self) -> String {
        self.canvas.standalone(&self.title)
    }

    /// The figure as it stands in a page whose style names its classes.
    pub(crate) fn inline(&self) -> String {
        self.canvas.inline(&self.title)
    }
}

/// All figures that the study gives, in the order of the report.
pub fn figures(analysis: &Analysis, context: &Context, theme: Theme) -> Vec<Figure> {
    let mut figures = Vec::new();
    let several = analysis.scales.len() > 1;
    for (i, scale) in analysis.scales.iter().enumerate() {
        let name = |stem: &str| if several { format!("{stem}-{}", i + 1) } else { stem.to_owned() };
        if analysis.assisted.is_none() {
            figures.push(bars::scores(name("scores"), analysis, context, scale, theme));
        }
        figures.extend(sets::effects(name("effects"), analysis, context, scale, theme));
    }
    figures.extend(sets::grading(analysis, theme));
    figures.extend(sets::detection(analysis, theme));
    figures.extend(sets::choices(analysis, context, theme));
    figures.extend(sets::quartet(analysis, theme));
    figures.extend(sets::assisted(analysis, theme));
    figures.extend(curves::learning(analysis, context, theme));
    figures.extend(kinds::errors(analysis, context, theme));
    figures.extend(places::places(analysis, context, theme));
    figures.extend(sets::times(analysis, theme));
    figures
}

#[cfg(test)]
mod tests;
