//! All probes tried on all samples.

use std::collections::BTreeMap;

use engine::cancel::Cancel;
use engine::statistics::holm;
use engine::statistics::summary::quantile;

use super::file_probes::{Name, Table, table};
use super::learn::Guesser;
use super::probe::{Kind, Probe};
use super::{Audit, AuditError, Finding, Options, Sample, Verdict, go_on, words};
use crate::draw::{Draw, Use};

/// Folds of the cross-validation.
const FOLDS: usize = 5;
/// Permutations after which a probe that is clearly at chance is left.
const FIRST_LOOK: usize = 199;
/// What is clearly at chance.
const CLEARLY: f64 = 0.25;

/// Who is who among the samples.
pub(super) struct Labels {
    pub(super) arms: Vec<String>,
    /// Arm of each sample.
    pub(super) arm: Vec<usize>,
    /// Samples of each case.
    cases: Vec<Vec<usize>>,
    fold: Vec<usize>,
}

/// Tries every probe. `progress` is told how many of how many probes are done.
///
/// The order of the samples does not matter; cases that have images of one arm only are left out.
///
/// # Errors
/// When there are fewer than two arms or cases, or it was cancelled.
pub fn audit(
    samples: &[Sample],
    options: &Options,
    cancel: &Cancel,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Audit, AuditError> {
    let (samples, labels) = prepare(samples, options.seed)?;
    let tables = tables(&samples);
    let count = tables.len();
    let permutations = options.permutations.max((count as f64 / options.level).ceil() as usize);
    let mut tried = Vec::with_capacity(count);
    for (i, (_, table)) in tables.iter().enumerate() {
        go_on(cancel)?;
        progress(i, count);
        tried.push(labels.try_probe(table, options.seed, permutations, cancel)?);
    }
    progress(count, count);
    let adjusted = holm(&tried.iter().map(|t| t.p).collect::<Vec<_>>());
    let decidable = labels.least_p() * count as f64 <= options.level;
    let findings = tables
        .iter()
        .zip(tried.iter().zip(adjusted))
        .map(|((probe, table), (trial, p))| {
            let verdict = match (p <= options.level, decidable) {
                (true, _) => Verdict::Leaks,
                (false, true) => Verdict::NotFound,
                (false, false) => Verdict::TooFewCases,
            };
            let leaks = verdict == Verdict::Leaks;
            Finding {
                probe: *probe,
                kind: probe.kind(),
                arm: if labels.arms.len() > 2 { labels.arms[trial.arm].clone() } else { String::new() },
                auc: rounded(trial.auc),
                chance: (rounded(trial.chance.0), rounded(trial.chance.1)),
                p: rounded(p),
                verdict,
                saw: words::saw(table, &labels, trial, verdict),
                remedy: if leaks { probe.advice().to_owned() } else { String::new() },
                removed_by: if leaks { probe.remedy() } else { None },
            }
        })
        .collect();
    let mut images: Vec<String> = samples.iter().map(|sample| sample.hash.clone()).collect();
    images.sort();
    let files = tables.iter().any(|(probe, _)| probe.kind() == Kind::File);
    Ok(Audit { findings, arms: labels.arms, cases: labels.cases.len(), files, images, seed: options.seed })
}

/// Six digits, which survive being written and read.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// The samples of cases with several arms in a fixed order, and their labels.
fn prepare(samples: &[Sample], seed: u64) -> Result<(Vec<Sample>, Labels), AuditError> {
    let mut arms: Vec<String> = samples.iter().map(|sample| sample.arm.clone()).collect();
    arms.sort();
    arms.dedup();
    if arms.len() < 2 {
        return Err(AuditError::OneArm { found: arms.len() });
    }
    let mut by_case: BTreeMap<&str, Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        by_case.entry(&sample.case).or_default().push(sample);
    }
    by_case.retain(|_, list| list.iter().any(|sample| sample.arm != list[0].arm));
    if by_case.len() < 2 {
        return Err(AuditError::FewCases { found: by_case.len() });
    }
    let mut order: Vec<usize> = (0..by_case.len()).collect();
    Draw::new(seed, Use::Folds, 0).shuffle(&mut order);
    let folds = FOLDS.min(by_case.len());
    let (mut kept, mut arm, mut cases, mut fold) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (i, mut list) in by_case.into_values().enumerate() {
        list.sort_by(|a, b| (&a.arm, &a.hash).cmp(&(&b.arm, &b.hash)));
        cases.push((kept.len()..kept.len() + list.len()).collect());
        for sample in list {
            arm.push(arms.binary_search(&sample.arm).unwrap_or_default());
            fold.push(order[i] % folds);
            kept.push(sample.clone());
        }
    }
    Ok((kept, Labels { arms, arm, cases, fold }))
}

/// The figures of each probe that the samples allow.
fn tables(samples: &[Sample]) -> Vec<(Probe, Table)> {
    let mut tables = Vec::new();
    for probe in Probe::ALL {
        let found = if let Some(place) = Probe::PIXELS.iter().position(|p| *p == probe) {
            let names = probe.figures().iter().map(|words| Name::figure(words)).collect();
            Some(Table { names, rows: samples.iter().map(|sample| sample.figures[place].clone()).collect() })
        } else if probe == Probe::Joint {
            Some(joint(&tables))
        } else {
            table(probe, samples)
        };
        tables.extend(found.map(|table| (probe, table)));
    }
    tables
}

/// The figures of all probes beside each other.
fn joint(tables: &[(Probe, Table)]) -> Table {
    let names = tables.iter().flat_map(|(_, table)| table.names.clone()).collect();
    let count = tables.first().map_or(0, |(_, table)| table.rows.len());
    let rows = (0..count).map(|row| tables.iter().flat_map(|(_, table)| table.rows[row].clone()).collect()).collect();
    Table { names, rows }
}

/// What one probe reached.
pub(super) struct Trial {
    pub(super) auc: f64,
    pub(super) arm: usize,
    pub(super) chance: (f64, f64),
    pub(super) p: f64,
    /// Whether all images are the same to the probe.
    pub(super) constant: bool,
}

impl Labels {
    pub(super) fn case_count(&self) -> usize {
        self.cases.len()
    }

    /// The least p that exchanging labels can give.
    fn least_p(&self) -> f64 {
        let ways: f64 = self
            .cases
            .iter()
            .map(|rows| {
                let factorial = |n: usize| (1..=n).map(|i| i as f64).product::<f64>();
                let same = |arm: usize| rows.iter().filter(|&&row| self.arm[row] == arm).count();
                factorial(rows.len()) / (0..self.arms.len()).map(|arm| factorial(same(arm))).product::<f64>()
            })
            .map(f64::ln)
            .sum();
        // Naming both arms the other way round changes nothing.
        let symmetric = if self.arms.len() == 2 { 2f64.ln() } else { 0.0 };
        (symmetric - ways).exp()
    }

    fn try_probe(&self, table: &Table, seed: u64, permutations: usize, cancel: &Cancel) -> Result<Trial, AuditError> {
        let Some(guesser) = Guesser::new(&table.rows, &self.fold) else {
            return Ok(Trial { auc: 0.5, arm: 0, chance: (0.5, 0.5), p: 1.0, constant: true });
        };
        let (auc, arm) = self.best(&guesser, &self.arm);
        let mut areas = Vec::with_capacity(permutations);
        let mut reached = 0;
        while areas.len() < permutations {
            if areas.len() % 16 == 0 {
                go_on(cancel)?;
            }
            if areas.len() == FIRST_LOOK && reached as f64 > CLEARLY * FIRST_LOOK as f64 {
                break;
            }
            let (area, _) = self.best(&guesser, &self.exchanged(seed, areas.len() as u32));
            reached += usize::from(area >= auc - 1e-12);
            areas.push(area);
        }
        let p = (reached + 1) as f64 / (areas.len() + 1) as f64;
        let at = |share| quantile(&areas, share).unwrap_or(0.5);
        Ok(Trial { auc, arm, chance: (at(0.025), at(0.975)), p, constant: false })
    }

    /// The largest area by which one arm is told from the others, and that arm.
    fn best(&self, guesser: &Guesser, arm: &[usize]) -> (f64, usize) {
        let area = |which: usize| guesser.auc(&arm.iter().map(|&a| a == which).collect::<Vec<_>>());
        // Of two arms, telling one is telling the other.
        let first = if self.arms.len() == 2 { 1 } else { 0 };
        (first..self.arms.len())
            .map(|which| (area(which), which))
            .fold((0.0, first), |best, new| if new.0 > best.0 { new } else { best })
    }

    /// The arms exchanged within each case.
    fn exchanged(&self, seed: u64, permutation: u32) -> Vec<usize> {
        let mut chance = Draw::new(seed, Use::Labels, permutation);
        let mut out = self.arm.clone();
        for rows in &self.cases {
            let mut own: Vec<usize> = rows.iter().map(|&row| self.arm[row]).collect();
            chance.shuffle(&mut own);
            rows.iter().zip(own).for_each(|(&row, arm)| out[row] = arm);
        }
        out
    }
}
