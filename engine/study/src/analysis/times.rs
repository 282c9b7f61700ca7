//! Active time of a trial, without pauses.

use std::collections::BTreeMap;

use engine::statistics::Summary;
use serde::Serialize;

use super::Context;
use super::frame::{Frame, Row};

/// Times of one reader, one arm or all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Time {
    /// Place of the reader; `None` of all.
    pub reader: Option<usize>,
    /// Place of the arm; `None` of all.
    pub arm: Option<usize>,
    /// Trials.
    pub n: usize,
    /// Median time in seconds.
    pub median: f64,
    /// Quartiles in seconds.
    pub quartiles: (f64, f64),
    /// Trials in an hour of active time; `None` where no time passed.
    pub per_hour: Option<f64>,
}

/// One trial: several criteria of one image are one trial.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    pub(super) order: u32,
    pub(super) arm: usize,
    pub(super) seconds: f64,
}

/// The trials whose rows `keep` takes. Time runs from the image being shown, so the last criterion's time is the trial's.
pub(super) fn trials(frame: &Frame<'_>, keep: impl Fn(&Row<'_>) -> bool) -> Vec<Trial> {
    let mut trials: BTreeMap<(usize, u32, usize, usize), Trial> = BTreeMap::new();
    for row in frame.scored.iter().filter(|row| keep(row)) {
        let r = row.reading;
        let trial = trials.entry((row.reader, r.order, row.case, row.arm)).or_insert(Trial {
            order: r.order,
            arm: row.arm,
            seconds: r.seconds,
        });
        trial.seconds = trial.seconds.max(r.seconds);
    }
    trials.into_values().collect()
}

pub(super) fn times(frame: &Frame<'_>, context: &Context) -> Vec<Time> {
    let (readers, arms) = (context.readers.len(), context.arms.len());
    let of_readers = (0..readers).map(|r| (Some(r), None));
    let of_arms = (0..arms).map(|a| (None, Some(a)));
    let all = of_readers.chain(of_arms).chain([(None, None)]);
    all.filter_map(|(reader, arm)| time(frame, reader, arm)).collect()
}

fn time(frame: &Frame<'_>, reader: Option<usize>, arm: Option<usize>) -> Option<Time> {
    let keep = |row: &Row<'_>| reader.is_none_or(|r| r == row.reader) && arm.is_none_or(|a| a == row.arm);
    let seconds: Vec<f64> = trials(frame, keep).iter().map(|t| t.seconds).collect();
    let summary = Summary::of(&seconds)?;
    let per_hour = (summary.mean > 0.0).then(|| 3600.0 / summary.mean);
    Some(Time { reader, arm, n: summary.n, median: summary.median, quartiles: summary.quartiles, per_hour })
}
