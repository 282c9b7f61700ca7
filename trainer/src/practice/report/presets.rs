//! All presets on the same cases and seeds, side by side, with paired differences.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context as _, Result};
use engine::domain::{Preset, Seed, Stream};
use engine::noise::uniform;
use engine::store::atomic::write_atomic;
use serde::Serialize;

use super::{CaseRow, Report, Settings, Work, run};
use crate::practice::sheet;

/// What is compared.
pub const PRESETS: [Preset; 3] = [Preset::Release, Preset::Paper, Preset::Ours];
/// Resamples of the bootstrap.
const RESAMPLES: usize = 2000;

/// A number of each case; `None` where it does not apply.
type Measure = (&'static str, fn(&CaseRow) -> Option<f64>);

/// The measures that are paired; more is better in each.
const MEASURES: [Measure; 5] = [
    ("AUROC", |case| case.masked.auroc),
    ("sign right", |case| Some(f64::from(u8::from(case.masked.sign_right)))),
    ("Dice", |case| Some(case.masked.dice)),
    ("mirrored mask followed", |case| Some(f64::from(u8::from(case.masked.moved)))),
    ("side right by text", |case| case.side_right.map(|right| f64::from(u8::from(right)))),
];

/// One measure of two presets on the same cases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Paired {
    /// The measure.
    pub measure: &'static str,
    /// Cases to which it applies.
    pub cases: usize,
    /// Mean of the first minus mean of the second.
    pub difference: f64,
    /// 95 % interval of the difference, by resampling the cases within each finding.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Cases in which the first is the greater.
    pub better: usize,
    /// Cases in which it is the smaller.
    pub worse: usize,
}

impl Paired {
    /// Whether the interval lies above zero (1), below (-1) or around it (0).
    fn sign(&self) -> i8 {
        i8::from(self.low > 0.0) - i8::from(self.high < 0.0)
    }
}

/// A preset against another.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Contest {
    first: &'static str,
    second: &'static str,
    /// Whether all their pictures are the same bits.
    same_pictures: bool,
    measures: Vec<Paired>,
}

/// Measures every preset into a folder of its name and writes `presets.json`, `presets.md` and `presets.png`.
///
/// # Errors
/// When the device fails, a file cannot be written, or the person asks to stop.
pub fn compare(work: &Work<'_>, settings: Settings, out: &Path) -> Result<()> {
    let mut reports = Vec::new();
    for preset in PRESETS {
        let name = preset.name();
        let settings = Settings { preset: Some(preset), ..settings };
        reports.push((name, run(work, settings, &out.join(name))?));
    }
    let [release, paper, ours] = &reports[..] else { return Ok(()) };
    let contests = [contest(paper, release), contest(ours, paper)];
    let write = |name: &str, bytes: &[u8]| {
        let path = out.join(name);
        write_atomic(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
    };
    write("presets.json", &serde_json::to_vec_pretty(&contests)?)?;
    write("presets.md", markdown(&reports, &contests).as_bytes())?;
    let conditions = release.1.examples.iter().map(|example| example.condition.clone());
    let pictures = reports.iter().flat_map(|(_, report)| report.examples.iter().map(|example| example.picture.clone()));
    let tiles: Vec<_> = conditions.chain(pictures).collect();
    sheet::write(&out.join("presets.png"), &tiles, release.1.examples.len())
}

fn contest(first: &(&'static str, Report), second: &(&'static str, Report)) -> Contest {
    let measures = MEASURES.iter().enumerate().map(|(i, measure)| paired(i as u32, *measure, &first.1.cases, &second.1.cases));
    Contest {
        first: first.0,
        second: second.0,
        same_pictures: first.1.pictures_blake3 == second.1.pictures_blake3,
        measures: measures.collect(),
    }
}

/// Compares a measure case by case; `block` keeps the resamples of measures apart.
fn paired(block: u32, (measure, value): Measure, first: &[CaseRow], second: &[CaseRow]) -> Paired {
    let mut findings: Vec<(&str, Vec<f64>)> = Vec::new();
    for (a, b) in first.iter().zip(second) {
        let (Some(x), Some(y)) = (value(a), value(b)) else { continue };
        match findings.iter_mut().find(|(name, _)| *name == a.finding) {
            Some((_, differences)) => differences.push(x - y),
            None => findings.push((a.finding, vec![x - y])),
        }
    }
    let all: Vec<f64> = findings.iter().flat_map(|(_, differences)| differences.iter().copied()).collect();
    let mean = |sum: f64| sum / all.len().max(1) as f64;
    let draws = uniform(Seed(RESAMPLES as u64), Stream::Resample, block, RESAMPLES * all.len());
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|resample| {
            let mut draws = draws[resample * all.len()..].iter();
            let of_finding = |differences: &Vec<f64>| -> f64 {
                let count = differences.len();
                let pick = |draw: &f64| differences[((draw * count as f64) as usize).min(count - 1)];
                draws.by_ref().take(count).map(pick).sum()
            };
            mean(findings.iter().map(|(_, differences)| differences).map(of_finding).sum())
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let quantile = |share: f64| means.get((share * (RESAMPLES - 1) as f64).round() as usize).copied().unwrap_or(f64::NAN);
    Paired {
        measure,
        cases: all.len(),
        difference: mean(all.iter().sum()),
        low: quantile(0.025),
        high: quantile(0.975),
        better: all.iter().filter(|d| **d > 0.0).count(),
        worse: all.iter().filter(|d| **d < 0.0).count(),
    }
}

/// Means of each preset, the same by finding, and the contests.
fn markdown(reports: &[(&str, Report)], contests: &[Contest]) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let mut line = |text: std::fmt::Arguments<'_>| {
        out.write_fmt(text).ok();
        out.push('\n');
    };
    let Some((_, first)) = reports.first() else { return out };
    let s = &first.settings;
    line(format_args!(
        "Model {}, {} phantom cases a finding, seed {} (never used in training), {} steps, guidance {}; the same cases and seeds for each preset.\n",
        first.model, s.per_finding, s.seed, s.num_steps, s.guidance_scale
    ));
    let names: Vec<&str> = MEASURES.iter().map(|(name, _)| *name).collect();
    line(format_args!("| preset | {} | checker AUROC by text | SSIM of four seeds | spectrum, worst |", names.join(" | ")));
    line(format_args!("| --- |{}", " ---: |".repeat(MEASURES.len() + 3)));
    for (name, report) in reports {
        let means: Vec<String> = MEASURES.iter().map(|(_, value)| format!("{:.3}", mean_of(&report.cases, *value))).collect();
        let presence = report.text_only.iter().map(|row| row.presence_auroc).sum::<f64>() / report.text_only.len().max(1) as f64;
        let d = &report.diversity;
        line(format_args!("| {name} | {} | {presence:.3} | {:.3} | {:+.1} dB |", means.join(" | "), d.ssim, d.spectrum_worst_db));
    }
    line(format_args!("\nAUROC and Dice by finding, means:\n"));
    let columns: Vec<String> = reports.iter().map(|(name, _)| format!("AUROC {name} | Dice {name}")).collect();
    line(format_args!("| finding | {} |", columns.join(" | ")));
    line(format_args!("| --- |{}", " ---: |".repeat(2 * reports.len())));
    for row in &first.masked {
        let cells = reports.iter().map(|(_, report)| {
            let own: Vec<CaseRow> = report.cases.iter().filter(|case| case.finding == row.finding).copied().collect();
            format!("{:.3} | {:.3}", mean_of(&own, MEASURES[0].1), mean_of(&own, MEASURES[2].1))
        });
        line(format_args!("| {} | {} |", row.finding, cells.collect::<Vec<_>>().join(" | ")));
    }
    for contest in contests {
        line(format_args!("\n`{}` minus `{}`, case by case:\n", contest.first, contest.second));
        if contest.same_pictures {
            line(format_args!("All pictures are the same, bit for bit."));
            continue;
        }
        line(format_args!("| measure | cases | difference | 95 % interval | better in | worse in |"));
        line(format_args!("| --- | ---: | ---: | ---: | ---: | ---: |"));
        for p in &contest.measures {
            let mark = ["below zero", "around zero", "above zero"][(p.sign() + 1) as usize];
            line(format_args!(
                "| {} | {} | {:+.3} | {:+.3} to {:+.3} ({mark}) | {} | {} |",
                p.measure, p.cases, p.difference, p.low, p.high, p.better, p.worse
            ));
        }
    }
    out
}

fn mean_of(cases: &[CaseRow], value: fn(&CaseRow) -> Option<f64>) -> f64 {
    let values: Vec<f64> = cases.iter().filter_map(value).collect();
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::super::pairs::MaskedValues;
    use super::*;

    fn cases(dice: impl Fn(usize) -> f64) -> Vec<CaseRow> {
        let row = |i: usize| CaseRow {
            finding: if i < 30 { "nodule" } else { "device" },
            masked: MaskedValues { auroc: (i != 3).then_some(0.5), sign_right: true, dice: dice(i), moved: i.is_multiple_of(2) },
            side_right: (i < 10).then_some(true),
        };
        (0..60).map(row).collect()
    }

    #[test]
    fn a_clear_difference_lies_above_zero_and_none_around_it() {
        let base = cases(|i| i as f64 / 100.0);
        let better = cases(|i| i as f64 / 100.0 + 0.05 + 0.01 * (i % 3) as f64);
        let dice = paired(2, MEASURES[2], &better, &base);
        assert!((dice.difference - 0.06).abs() < 1e-9 && dice.sign() == 1, "{dice:?}");
        assert!(dice.low < dice.difference && dice.difference < dice.high && dice.better == 60 && dice.worse == 0);
        assert_eq!(paired(2, MEASURES[2], &base, &better).sign(), -1);
        assert_eq!(paired(2, MEASURES[2], &base, &base).sign(), 0);
        let mixed = cases(|i| i as f64 / 100.0 + if i % 2 == 0 { 0.05 } else { -0.05 });
        assert_eq!(paired(2, MEASURES[2], &mixed, &base).sign(), 0);
    }

    #[test]
    fn cases_to_which_a_measure_does_not_apply_are_left_out() {
        let base = cases(|_| 0.0);
        assert_eq!(paired(0, MEASURES[0], &base, &base).cases, 59);
        assert_eq!(paired(4, MEASURES[4], &base, &base).cases, 10);
        assert_eq!(mean_of(&base, MEASURES[3].1), 0.5);
    }
}
