//! What was checked when the files were joined, in sentences for people.

use std::collections::BTreeMap;

use super::Log;
use super::words::thin;
use crate::analysis::Check;
use crate::key::Key;
use crate::sealed::{Study, short};

pub(super) fn checks(study: &Study, key: &Key, logs: &BTreeMap<&str, Log<'_>>) -> Vec<Check> {
    let passed = |text: String| Check { passed: true, text };
    let events: u64 = logs.values().map(|log| log.progress.events).sum();
    let mut checks = vec![
        passed(format!("Study file unchanged, {}", short(study.hash()))),
        passed(format!("Key fits the study, {}", short(&key.hash))),
        passed(match logs.len() {
            1 => format!("Event chain whole, {} entries", thin(events)),
            n => format!("{n} event chains whole, {} entries", thin(events)),
        }),
    ];
    let readers: Vec<&str> = study.sheet().readers.iter().map(|plan| plan.reader.as_str()).collect();
    let missing: Vec<&str> = readers.iter().copied().filter(|reader| !logs.contains_key(reader)).collect();
    checks.push(match missing.as_slice() {
        [] => passed(format!("Answers of all {} readers are there", readers.len())),
        missing => Check { passed: false, text: format!("No answers of {}", missing.join(", ")) },
    });
    let planned: usize = study.sheet().readers.iter().map(crate::plan::ReaderPlan::len).sum();
    let locked: usize = logs.values().map(|log| log.progress.locked()).sum();
    let text = format!("{} of {} answers locked", thin(locked as u64), thin(planned as u64));
    checks.push(Check { passed: locked == planned, text });
    checks
}
