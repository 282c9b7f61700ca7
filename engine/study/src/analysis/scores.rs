//! How scores lie: counts, mean, deviation and median by arm and reader.

use engine::statistics::Summary;
use serde::Serialize;

use super::frame::Grid;
use crate::template::Template;

/// Scores of one arm by one reader, or by all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// Place of the arm.
    pub arm: usize,
    /// Place of the reader; `None` of all together.
    pub reader: Option<usize>,
    /// How often each choice of the template was made, lowest first.
    pub counts: Vec<usize>,
    /// Scores.
    pub n: usize,
    /// Mean; `None` of no score.
    pub mean: Option<f64>,
    /// Sample standard deviation; `None` of fewer than two.
    pub sd: Option<f64>,
    /// Median.
    pub median: Option<f64>,
    /// Quartiles.
    pub quartiles: Option<(f64, f64)>,
}

pub(super) fn cells(grid: &Grid, template: Template) -> Vec<Cell> {
    let mut cells = Vec::new();
    for arm in 0..grid.arms {
        let of_readers: Vec<Vec<f64>> = (0..grid.readers).map(|reader| grid.scores(arm, reader)).collect();
        for (reader, scores) in of_readers.iter().enumerate() {
            cells.push(cell(arm, Some(reader), scores, template));
        }
        cells.push(cell(arm, None, &of_readers.concat(), template));
    }
    cells
}

fn cell(arm: usize, reader: Option<usize>, scores: &[f64], template: Template) -> Cell {
    let counts = template.choices().iter().map(|c| scores.iter().filter(|&&s| s == f64::from(c.value)).count()).collect();
    let summary = Summary::of(scores);
    Cell {
        arm,
        reader,
        counts,
        n: scores.len(),
        mean: summary.map(|s| s.mean),
        sd: summary.and_then(|s| s.sd),
        median: summary.map(|s| s.median),
        quartiles: summary.map(|s| s.quartiles),
    }
}
