//! Visual grading: how often one arm's image of a case gets the higher grade, as an area (Båth and Månsson 2007).

use engine::statistics::mean;
use engine::statistics::roc::area;
use serde::Serialize;

use super::frame::Grid;
use super::values::{Bootstrap, Estimate};

/// Area between the grades of two arms.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GradingArea {
    /// Places of the arms.
    pub pair: (usize, usize),
    /// Mean over readers of the area: 0.5 is no difference, above it the first arm has the higher grades; n in cases,
    /// interval by case.
    pub area: Option<Estimate>,
    /// Each reader's area.
    pub readers: Vec<Option<f64>>,
}

pub(super) fn areas(grid: &Grid, pairs: &[(usize, usize)], boot: Bootstrap) -> Vec<GradingArea> {
    pairs
        .iter()
        .map(|&pair| GradingArea {
            pair,
            area: boot.estimate(grid.cases, |units| {
                mean(&(0..grid.readers).filter_map(|r| of_reader(grid, pair, r, units)).collect::<Vec<_>>())
            }),
            readers: (0..grid.readers).map(|r| of_reader(grid, pair, r, &(0..grid.cases).collect::<Vec<_>>())).collect(),
        })
        .collect()
}

fn of_reader(grid: &Grid, (first, second): (usize, usize), reader: usize, units: &[usize]) -> Option<f64> {
    let of = |arm: usize| -> Vec<f64> { units.iter().filter_map(|&c| grid.get(arm, reader, c)).map(f64::from).collect() };
    area(&of(first), &of(second)).map(|a| a.value)
}
