//! Checking, planning and writing a design; its power.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::cancel::Cancel;
use engine::store::atomic::write_atomic;
use study::cases::CaseTable;
use study::design::Design;
use study::plan::Plan;
use study::power::{Options, Power, cases_for, power};
use study::reading::Purpose;

use super::super::state::{Checked, Planned};
use super::{Tick, sentence};

/// Cases that are listed.
const LISTED: usize = 200;
/// Power that is usually aimed at.
const TARGET: f64 = 0.8;

/// Checks a design with its cases and plans it; `None` where a newer change came.
pub(super) fn check(design: &Design, folder: &Path, asked: u64, newest: &AtomicU64) -> Option<Checked> {
    let stale = || newest.load(Ordering::Relaxed) != asked;
    let mut checked = Checked::default();
    let faulty = match design.check() {
        Ok(()) => false,
        Err(what) => {
            checked.faults.push(sentence(&what));
            true
        }
    };
    if stale() {
        return None;
    }
    if !design.cases.as_os_str().is_empty() && !design.arms.is_empty() {
        match CaseTable::read(design, folder) {
            Ok(table) => {
                checked.cases = table.cases.len();
                checked.practice = table.practice.len();
                let row = |case: &study::cases::Case| (case.id.clone(), case.impression.clone(), case.images.len());
                checked.first = table.cases.iter().take(LISTED).map(row).collect();
                if !faulty {
                    match Plan::build(design, &table) {
                        Ok(plan) => checked.readers = planned(&plan),
                        Err(error) => checked.faults.push(sentence(error)),
                    }
                }
            }
            Err(error) => checked.faults.push(sentence(error)),
        }
    }
    (!stale()).then_some(checked)
}

fn planned(plan: &Plan) -> Vec<Planned> {
    let of = |scheme: &study::plan::Scheme| {
        let count = |purpose| scheme.trials.iter().filter(|trial| trial.purpose == purpose).count();
        let last = scheme.trials.last();
        Planned {
            code: scheme.reader.clone(),
            scored: count(Purpose::Scored),
            repeats: count(Purpose::Repeat),
            catches: count(Purpose::Catch),
            blocks: last.map_or(0, |trial| trial.block),
            rounds: last.map_or(0, |trial| trial.round),
        }
    };
    plan.readers.iter().map(of).collect()
}

/// Largest file whose comments are kept.
const MOST_BYTES: u64 = 1 << 20;

/// Writes `study.toml`, with the comments of the file that is there; its folder is made when missing.
pub(super) fn save(path: &Path, design: &Design) -> Result<(), String> {
    let small = std::fs::metadata(path).is_ok_and(|file| file.len() <= MOST_BYTES);
    let before = if small { std::fs::read_to_string(path).unwrap_or_default() } else { String::new() };
    let text = design.to_toml_over(&before).map_err(sentence)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| format!("{} cannot be made: {error}.", folder.display()))?;
    }
    write_atomic(path, text.as_bytes()).map_err(sentence)
}

/// Power with the cases of the study, and the least number of cases with a power of 80 %.
pub(super) fn estimate(design: &Design, cases: usize, cancel: &Cancel, tick: Tick<'_>) -> Result<(Power, Option<Power>), String> {
    let assumed = design.assumptions();
    let options = Options { seed: design.seed, ..Options::default() };
    tick("power of this study", 0, 0);
    let own = power(&assumed, cases, &options, cancel).map_err(sentence)?;
    let fewer = Options { studies: 1000, ..options };
    let needed = cases_for(TARGET, &assumed, &fewer, cancel, &mut |tried| {
        tick(&format!("cases for a power of 80 %: tried {}", tried.cases), 0, 0);
    });
    Ok((own, needed.map_err(sentence)?))
}
