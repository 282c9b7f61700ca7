//! Errors that readers marked after a low score: kinds by arm, and places.

use serde::Serialize;

use super::Context;
use super::frame::{Frame, Row};
use crate::reading::ErrorKind;

/// Errors of a study.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Errors {
    /// For each arm: all readers together, then each reader.
    pub rows: Vec<ErrorRow>,
    /// Places, in the order of reading.
    pub places: Vec<Place>,
}

/// Errors of one arm.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ErrorRow {
    /// Place of the arm.
    pub arm: usize,
    /// Place of the reader; `None` of all.
    pub reader: Option<usize>,
    /// Answers.
    pub scored: usize,
    /// Answers low enough that the kind of error was asked.
    pub low: usize,
    /// Low answers without any marked error.
    pub unmarked: usize,
    /// Answers with an error of each kind, in the order of [`ErrorKind::ALL`]; one answer may have several.
    pub counts: [usize; ErrorKind::ALL.len()],
}

/// Where an error was marked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Place {
    /// Place of the arm.
    pub arm: usize,
    /// Which kind.
    pub kind: ErrorKind,
    /// Shares of width and height from the upper left corner.
    pub at: (f64, f64),
}

/// Empty where the template asks for no errors.
pub(super) fn errors(frame: &Frame<'_>, context: &Context) -> Errors {
    if !context.template.choices().iter().any(|c| c.asks_error) {
        return Errors::default();
    }
    let mut rows = Vec::new();
    for arm in 0..context.arms.len() {
        for reader in std::iter::once(None).chain((0..context.readers.len()).map(Some)) {
            rows.push(row(frame, context, arm, reader));
        }
    }
    let place = |row: &Row<'_>| {
        let arm = row.arm;
        row.reading.errors.iter().filter_map(move |e| Some(Place { arm, kind: e.kind, at: e.place? })).collect::<Vec<_>>()
    };
    Errors { rows, places: frame.scored.iter().flat_map(place).collect() }
}

fn row(frame: &Frame<'_>, context: &Context, arm: usize, reader: Option<usize>) -> ErrorRow {
    let mine: Vec<&Row<'_>> =
        frame.scored.iter().filter(|row| row.arm == arm && reader.is_none_or(|r| r == row.reader)).collect();
    let asks = |row: &Row<'_>| context.template.choices().iter().any(|c| c.asks_error && c.value == row.reading.score);
    let low: Vec<&&Row<'_>> = mine.iter().filter(|row| asks(row)).collect();
    let with = |kind: ErrorKind| mine.iter().filter(|row| row.reading.errors.iter().any(|e| e.kind == kind)).count();
    ErrorRow {
        arm,
        reader,
        scored: mine.len(),
        low: low.len(),
        unmarked: low.iter().filter(|row| row.reading.errors.is_empty()).count(),
        counts: ErrorKind::ALL.map(with),
    }
}
