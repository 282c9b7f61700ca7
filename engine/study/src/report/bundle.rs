//! All files of a report, so that the studio and the headless program write the same ones.

use engine::cancel::Cancel;

use super::{TableError, csv, dictionary, html, methods};
use crate::analysis::{Analysis, Context};
use crate::figures::{FigureError, Theme, figures, png};
use crate::reading::Reading;

/// One file of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFile {
    /// Name inside the report's folder, parts joined by "/": "figures/scores.svg".
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Why a report has no files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The long table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A figure.
    #[error(transparent)]
    Figure(#[from] FigureError),
    /// A person asked to stop.
    #[error("stopped; nothing was written")]
    Stopped,
    /// The figures as data.
    #[error("the analysis cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// `report.html`, `methods.txt`, `readings.csv` with its `dictionary.csv`, `analysis.json`, and each figure as SVG and,
/// with `scale` dots a unit, as PNG. `fonts` are the bytes of IBM Plex Sans, regular, medium and semibold. `progress` gets
/// the number of figures that are drawn and that of all.
///
/// # Errors
/// When a table or a picture cannot be packed, and when it was cancelled, which is heard between two figures.
pub fn files(
    readings: &[Reading],
    analysis: &Analysis,
    context: &Context,
    fonts: &[&[u8]],
    scale: f32,
    cancel: &Cancel,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<ReportFile>, ReportError> {
    let file = |name: &str, bytes: Vec<u8>| ReportFile { name: name.to_owned(), bytes };
    let mut json = serde_json::to_vec_pretty(analysis)?;
    json.push(b'\n');
    let mut out = vec![
        file("report.html", html(analysis, context).into_bytes()),
        file("methods.txt", format!("{}\n", methods(analysis, context).join("\n\n")).into_bytes()),
        file("readings.csv", csv(readings, context)?),
        file("dictionary.csv", dictionary(context)?),
        file("analysis.json", json),
    ];
    let figures = figures(analysis, context, Theme::Light);
    for (done, figure) in figures.iter().enumerate() {
        if cancel.is_cancelled() {
            return Err(ReportError::Stopped);
        }
        progress(done, figures.len());
        out.push(file(&format!("figures/{}.svg", figure.name), figure.svg().into_bytes()));
        out.push(file(&format!("figures/{}.png", figure.name), png(figure, fonts, scale)?));
    }
    Ok(out)
}
