//! Effects within the cases of each finding. Exploratory: groups are small and overlap.

use std::collections::{BTreeMap, BTreeSet};

use engine::domain::Finding;
use engine::statistics::mean;
use serde::Serialize;

use super::effects::{Effect, effect, of_cases};
use super::frame::{Frame, Grid};
use super::values::{Bootstrap, Estimate, holm_over};

/// Fewest cases that are tested.
const LEAST: usize = 6;

/// Cases with one finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingRow {
    /// The class code, "PTX"; empty of cases without finding.
    pub code: String,
    /// In words.
    pub name: String,
    /// Cases.
    pub cases: usize,
    /// Mean score by arm, each case with the mean of its readers.
    pub means: Vec<Option<f64>>,
    /// One for each pair of arms.
    pub effects: Vec<FindingEffect>,
}

/// Difference between two arms within a finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingEffect {
    /// Places of the arms.
    pub pair: (usize, usize),
    /// Mean difference in points; n in cases with both. No interval below six cases.
    pub difference: Option<Estimate>,
    /// Signed-rank test over cases, Holm's correction over findings and pairs; `None` below six cases.
    pub test: Option<super::Test>,
}

pub(super) fn rows(frame: &Frame<'_>, grid: &Grid, pairs: &[(usize, usize)], boot: Bootstrap) -> Vec<FindingRow> {
    let mut of_case: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    for row in &frame.scored {
        let codes = of_case.entry(row.case).or_default();
        codes.extend(row.reading.findings.iter().map(String::as_str));
    }
    let codes: BTreeSet<&str> = of_case.values().flatten().copied().collect();
    if codes.is_empty() {
        return Vec::new();
    }
    // In the order of the classes' keys, then other codes, then cases without any.
    let key = |code: &str| Finding::ALL.iter().position(|f| f.code() == code).unwrap_or(Finding::ALL.len());
    let mut ordered: Vec<&str> = codes.into_iter().collect();
    ordered.sort_by_key(|code| (key(code), *code));
    ordered.push("");
    let mut rows: Vec<FindingRow> = ordered
        .into_iter()
        .map(|code| {
            let has = |case: usize| {
                of_case.get(&case).is_some_and(|codes| if code.is_empty() { codes.is_empty() } else { codes.contains(code) })
            };
            row(code, &has, grid, pairs, boot)
        })
        .filter(|row| row.cases > 0)
        .collect();
    holm_over(rows.iter_mut().flat_map(|r| &mut r.effects).filter_map(|e| e.test.as_mut()));
    rows
}

fn row(code: &str, has: &impl Fn(usize) -> bool, grid: &Grid, pairs: &[(usize, usize)], boot: Bootstrap) -> FindingRow {
    let title = Finding::ALL.iter().find(|f| f.code() == code).map(|f| f.title());
    let means = |arm: usize| {
        let of_cases: Vec<f64> = (0..grid.cases).filter(|&c| has(c)).filter_map(|c| grid.mean_of_readers(arm, c)).collect();
        mean(&of_cases)
    };
    let effects = pairs.iter().map(|&pair| {
        let differences = of_cases(grid, pair, has);
        let Effect { difference, test, .. } = effect(pair, None, &differences, boot);
        let enough = differences.len() >= LEAST;
        FindingEffect {
            pair,
            difference: difference.map(|d| Estimate { interval: d.interval.filter(|_| enough), ..d }),
            test: test.filter(|_| enough),
        }
    });
    let name = if code.is_empty() { "No finding" } else { title.unwrap_or(code) };
    FindingRow {
        code: code.to_owned(),
        name: name.to_owned(),
        cases: (0..grid.cases).filter(|&c| has(c)).count(),
        means: (0..grid.arms).map(means).collect(),
        effects: effects.collect(),
    }
}
