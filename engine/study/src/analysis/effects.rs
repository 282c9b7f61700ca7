//! Differences between two arms: mean difference, signed-rank test, and the paired t test as the paper gives it.

use engine::statistics::{Method, Zeros, mean, paired_t, signed_rank};
use serde::Serialize;

use super::frame::Grid;
use super::values::{Bootstrap, Estimate};

/// Most pairs for which the signed-rank test counts all signs.
const MAX_EXACT: usize = 25;

/// A p with its place in a family.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Test {
    /// Two-sided p.
    pub p: f64,
    /// p after Holm's correction.
    pub holm: f64,
    /// Tests in the family.
    pub family: usize,
}

impl Test {
    pub(crate) fn alone(p: f64) -> Self {
        Self { p, holm: p, family: 1 }
    }
}

/// The difference between two arms.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// Places of the arms: first less second.
    pub pair: (usize, usize),
    /// Place of the reader; `None` of all together, where each case counts with the mean of its readers.
    pub reader: Option<usize>,
    /// Mean difference in score points; n in cases with both scores, interval by case.
    pub difference: Option<Estimate>,
    /// Paired Wilcoxon signed-rank test; `None` where no pair differs.
    pub test: Option<Test>,
    /// Pairs that differ, which are those that the signed-rank test counts.
    pub differing: usize,
    /// Matched-pairs rank-biserial correlation.
    pub rank_biserial: Option<f64>,
    /// Paired t: 95 % interval of the mean difference and p, uncorrected as in the paper.
    pub paired_t: Option<PairedTest>,
}

/// A paired t test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PairedTest {
    /// Mean difference.
    pub difference: f64,
    /// 95 % interval.
    pub interval: (f64, f64),
    /// The statistic.
    pub t: f64,
    /// Degrees of freedom.
    pub df: usize,
    /// Two-sided p.
    pub p: f64,
}

pub(super) fn effects(grid: &Grid, pairs: &[(usize, usize)], boot: Bootstrap) -> Vec<Effect> {
    let mut effects = Vec::new();
    for &pair in pairs {
        for reader in 0..grid.readers {
            let differences: Vec<f64> = (0..grid.cases).filter_map(|case| difference(grid, pair, reader, case)).collect();
            effects.push(effect(pair, Some(reader), &differences, boot));
        }
        effects.push(effect(pair, None, &of_cases(grid, pair, |_| true), boot));
    }
    effects
}

fn difference(grid: &Grid, (first, second): (usize, usize), reader: usize, case: usize) -> Option<f64> {
    Some(f64::from(grid.get(first, reader, case)? - grid.get(second, reader, case)?))
}

/// Mean difference over the readers who scored both images, of each case that `keep` takes.
pub(super) fn of_cases(grid: &Grid, pair: (usize, usize), keep: impl Fn(usize) -> bool) -> Vec<f64> {
    let of_case = |case: usize| {
        let both: Vec<f64> = (0..grid.readers).filter_map(|reader| difference(grid, pair, reader, case)).collect();
        mean(&both)
    };
    (0..grid.cases).filter(|&case| keep(case)).filter_map(of_case).collect()
}

pub(super) fn effect(pair: (usize, usize), reader: Option<usize>, differences: &[f64], boot: Bootstrap) -> Effect {
    let zeros = vec![0.0; differences.len()];
    // Means of thirds that cancel leave a rounding error, which is no difference.
    let clean: Vec<f64> = differences.iter().map(|d| if d.abs() < 1e-9 { 0.0 } else { (d * 1e9).round() / 1e9 }).collect();
    let differing = clean.iter().filter(|d| **d != 0.0).count();
    let method = if differing <= MAX_EXACT { Method::Exact } else { Method::Normal { correction: true } };
    let ranks = signed_rank(&clean, &zeros, Zeros::Drop, method);
    Effect {
        pair,
        reader,
        difference: boot.mean(differences),
        test: ranks.map(|r| Test::alone(r.p)),
        differing,
        rank_biserial: ranks.map(|r| r.effect),
        paired_t: paired_t(differences, &zeros).map(|t| PairedTest {
            difference: t.difference,
            interval: t.ci95,
            t: t.t,
            df: t.df,
            p: t.p,
        }),
    }
}
