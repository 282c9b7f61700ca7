//! Locked answers to rows of the long table.

use std::collections::BTreeMap;

use crate::answers::Progress;
use crate::key::{Key, KeyCase};
use crate::plan::{ImageId, ReaderPlan, Trial};
use crate::reading::Reading;
use crate::sealed::Sheet;

/// Adds the rows of a reader, in the order of the plan.
pub(super) fn add(sheet: &Sheet, plan: &ReaderPlan, key: &Key, progress: &Progress, out: &mut Vec<Reading>) {
    let cases: BTreeMap<&str, &KeyCase> = key.cases.iter().map(|case| (case.id.as_str(), case)).collect();
    let meanings = key.trials.get(&plan.reader).into_iter().flatten();
    for ((round, block, trial), meaning) in numbered(plan).zip(meanings) {
        let Some(state) = progress.trials.get(&trial.index) else { continue };
        let Some(values) = &state.current else { continue };
        for (place, value) in values.iter().enumerate() {
            let (arm, against) = arms(sheet, key, trial, *value);
            out.push(Reading {
                reader: plan.reader.clone(),
                case: meaning.case.clone(),
                arm,
                against,
                criterion: sheet.criteria.get(place).cloned().unwrap_or_default(),
                purpose: meaning.purpose,
                round,
                block,
                order: trial.index,
                score: *value,
                truth: meaning.truth,
                seconds: state.seconds,
                errors: if place == 0 { state.marks.clone() } else { Vec::new() },
                findings: cases.get(meaning.case.as_str()).map(|case| case.findings.clone()).unwrap_or_default(),
                comment: if place == 0 { state.comment.clone() } else { String::new() },
            });
        }
    }
}

/// All trials with their round and block.
fn numbered(plan: &ReaderPlan) -> impl Iterator<Item = (u32, u32, &Trial)> {
    plan.rounds.iter().flat_map(|round| {
        round.blocks.iter().flat_map(|block| block.trials.iter().map(|trial| (round.number, block.number, trial)))
    })
}

/// The arm of the image that was scored or chosen, and those beside it in the order shown.
fn arms(sheet: &Sheet, key: &Key, trial: &Trial, value: i32) -> (String, Vec<String>) {
    let arm = |id: &ImageId| key.images.get(id).and_then(|image| image.arm.clone()).unwrap_or_default();
    let mut shown: Vec<String> = trial.images.iter().map(arm).collect();
    let chosen = if sheet.template.images() > 1 { usize::try_from(value).unwrap_or(0) } else { 0 };
    let arm = if chosen < shown.len() { shown.remove(chosen) } else { String::new() };
    (arm, shown)
}
