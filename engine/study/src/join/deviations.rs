//! What went otherwise than planned, in sentences; nothing of it takes an answer away.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{count, time, trials, value, were};
use super::{Bounds, Log};
use crate::analysis::Deviation;
use crate::answers::{Entry, Event, Screen};
use crate::key::Key;
use crate::plan::ReaderPlan;
use crate::prepare::SAME_IMAGES;
use crate::reading::Purpose;
use crate::sealed::{AuditNote, Sheet, Study};
use crate::template::Template;

/// A clock may go back this far when it is set by the network, in milliseconds.
const CLOCK_SLACK_MS: i64 = 60_000;

/// All deviations: of the study first, then of each reader in the order of the design.
pub(super) fn all(study: &Study, key: &Key, logs: &BTreeMap<&str, Log<'_>>, bounds: &Bounds) -> Vec<Deviation> {
    let sheet = study.sheet();
    let mut out = Vec::new();
    // Nothing was left out where there was nothing to find.
    if let AuditNote::LeftOut { reason } = &sheet.audit
        && reason != SAME_IMAGES
    {
        out.push(Deviation { reader: None, text: format!("No leak audit was made. Reason given: {reason}") });
    }
    if let AuditNote::Made { accepted, .. } = &sheet.audit
        && !accepted.is_empty()
    {
        out.push(Deviation {
            reader: None,
            text: format!("Sealed although the leak audit found a leak. Reason given: {accepted}"),
        });
    }
    for plan in &sheet.readers {
        let Some(log) = logs.get(plan.reader.as_str()) else {
            out.push(Deviation { reader: Some(plan.reader.clone()), text: "No answers were handed in.".to_owned() });
            continue;
        };
        let mut sentences = Vec::new();
        beginning(sheet, log, &mut sentences);
        unread(plan, log, &mut sentences);
        order(log, &mut sentences);
        washout(plan, log, &mut sentences);
        pauses(log, bounds, &mut sentences);
        clock(log, &mut sentences);
        display(sheet, log, &mut sentences);
        changes(sheet.template, log, &mut sentences);
        catches(sheet, key, plan, log, &mut sentences);
        hasty(log, bounds, &mut sentences);
        let own = sentences.into_iter().map(|text| Deviation { reader: Some(plan.reader.clone()), text });
        out.extend(own);
    }
    out
}

/// Consent, display check and practice.
fn beginning(sheet: &Sheet, log: &Log<'_>, out: &mut Vec<String>) {
    if !log.progress.consent {
        out.push("Consent is not on record.".to_owned());
    }
    let practice = sheet.practice.len();
    if (log.progress.practice as usize) < practice {
        out.push(format!("{} of {practice} practice cases were read.", log.progress.practice));
    }
    if log.file.entries.last().is_some_and(|entry| entry.event != Event::Closed) {
        out.push("The log does not end with a closed window: it was killed, or its end was cut off.".to_owned());
    }
}

fn unread(plan: &ReaderPlan, log: &Log<'_>, out: &mut Vec<String>) {
    let open = |index: &u32| log.progress.trials.get(index).is_none_or(|state| state.locked.is_none());
    let unread: Vec<u32> = plan.trials().map(|trial| trial.index).filter(open).collect();
    if !unread.is_empty() {
        let verb = if unread.len() == 1 { "was" } else { "were" };
        out.push(format!("{} of {} trials {verb} not answered ({}).", unread.len(), plan.len(), trials(&unread)));
    }
}

/// Answers that were locked before an earlier one.
fn order(log: &Log<'_>, out: &mut Vec<String>) {
    let locks = log.file.entries.iter().filter_map(|entry| match entry.event {
        Event::Locked { trial, .. } => Some(trial),
        _ => None,
    });
    let (mut highest, mut early) = (0, Vec::new());
    for trial in locks {
        if trial < highest {
            early.push(trial);
        }
        highest = highest.max(trial);
    }
    match early.as_slice() {
        [] => {}
        [one] => out.push(format!("Trial {one} was answered after a later one.")),
        several => out.push(format!("{} were answered after later ones.", trials(several).replacen('t', "T", 1))),
    }
}

/// Rounds that began before their time.
fn washout(plan: &ReaderPlan, log: &Log<'_>, out: &mut Vec<String>) {
    for round in plan.rounds.iter().filter(|round| round.number > 1) {
        let own = || round.blocks.iter().flat_map(|block| &block.trials);
        let begun = own().filter_map(|trial| log.progress.trials.get(&trial.index)?.begun_ms()).min();
        let ready = log.progress.ready_ms(plan, round.number);
        let Some(begun) = begun.filter(|begun| *begun < ready) else { continue };
        let planned = round.washout_hours * 3600.0;
        let waited = planned - (ready - begun) as f64 / 1000.0;
        let reason = match log.progress.rounds.get(&round.number).map(String::as_str) {
            None | Some("") => String::new(),
            Some(reason) => format!(" Reason given: {reason}"),
        };
        out.push(format!("Round {} was begun after {}; the plan says {}.{reason}", round.number, time(waited), time(planned)));
    }
}

/// Long pauses within a trial, and trials during which the window was closed.
fn pauses(log: &Log<'_>, bounds: &Bounds, out: &mut Vec<String>) {
    let mut paused: Option<(u32, &Entry)> = None;
    let mut current: Option<u32> = None;
    let mut broken = BTreeSet::new();
    let mut longer = Vec::new();
    for entry in &log.file.entries {
        match &entry.event {
            Event::Paused { trial: Some(trial), .. } => paused = Some((*trial, entry)),
            Event::Resumed { .. } => {
                if let Some((trial, from)) = paused.take() {
                    let secs = (entry.mono_secs - from.mono_secs).max(0.0);
                    if secs > bounds.pause_minutes * 60.0 {
                        longer.push(format!("{} in trial {trial}", time(secs)));
                    }
                }
            }
            Event::Opened { .. } => {
                paused = None;
                broken.extend(current);
            }
            Event::Shown { trial, .. } => current = Some(*trial),
            Event::Locked { .. } => current = None,
            _ => {}
        }
    }
    if !longer.is_empty() {
        let limit = time(bounds.pause_minutes * 60.0);
        out.push(format!("Pauses of more than {limit} with an image in hand: {}.", longer.join(", ")));
    }
    if !broken.is_empty() {
        let broken: Vec<u32> = broken.into_iter().collect();
        out.push(format!("The window was closed during {} and opened again.", trials(&broken)));
    }
}

/// Dates that go back.
fn clock(log: &Log<'_>, out: &mut Vec<String>) {
    let mut latest = i64::MIN;
    let mut trial = 0;
    for entry in &log.file.entries {
        trial = entry.event.trial().unwrap_or(trial);
        if entry.wall_ms < latest.saturating_sub(CLOCK_SLACK_MS) {
            let back = time((latest - entry.wall_ms) as f64 / 1000.0);
            out.push(format!(
                "The clock of the computer was set back by {back} at trial {trial}; times between rounds are not certain."
            ));
        }
        // From here on the new date is the one that counts.
        latest = if entry.wall_ms < latest.saturating_sub(CLOCK_SLACK_MS) { entry.wall_ms } else { latest.max(entry.wall_ms) };
    }
}

/// Other sizes than sealed, other screens, a display check that was not passed.
fn display(sheet: &Sheet, log: &Log<'_>, out: &mut Vec<String>) {
    let mut other = Vec::new();
    let mut screens: BTreeSet<(u32, u32, u64)> = BTreeSet::new();
    for entry in &log.file.entries {
        match &entry.event {
            Event::Shown { trial, screen } => {
                screens.insert(identity(screen));
                if screen.scale != (sheet.magnification, 1) {
                    other.push(*trial);
                }
            }
            Event::Display { steps, rings, .. } if !steps || rings.0 < rings.1 => out.push(format!(
                "In the display check {} grey steps could be told apart, and {} of {} rings were seen.",
                if *steps { "all" } else { "not all" },
                rings.0,
                rings.1
            )),
            _ => {}
        }
    }
    if !other.is_empty() {
        out.push(format!(
            "{} first shown at another size than {} per image pixel ({}).",
            were(other.len(), "image"),
            count(sheet.magnification as usize, "device pixel"),
            trials(&other)
        ));
    }
    if screens.len() > 1 {
        out.push(format!("Window or screen changed during the study: {} different ones.", screens.len()));
    }
}

fn identity(screen: &Screen) -> (u32, u32, u64) {
    (screen.window_px.0, screen.window_px.1, (screen.pixels_per_point * 100.0).round() as u64)
}

/// Answers that were changed after the lock, and slips that were told.
fn changes(template: Template, log: &Log<'_>, out: &mut Vec<String>) {
    let mut current: BTreeMap<u32, Vec<i32>> = BTreeMap::new();
    let words = |values: &[i32]| values.iter().map(|v| value(template, *v)).collect::<Vec<_>>().join(", ");
    for entry in &log.file.entries {
        match &entry.event {
            Event::Locked { trial, values, .. } => drop(current.insert(*trial, values.clone())),
            Event::Changed { trial, values, reason } => {
                let before = current.insert(*trial, values.clone()).unwrap_or_default();
                out.push(format!(
                    "Trial {trial} was changed from {} to {}. Reason given: {reason}",
                    words(&before),
                    words(values)
                ));
            }
            Event::Slip { trial, reason } => out.push(format!("A slip was told at trial {trial}; the answer stands. {reason}")),
            _ => {}
        }
    }
}

/// Catch trials whose answer was wrong.
fn catches(sheet: &Sheet, key: &Key, plan: &ReaderPlan, log: &Log<'_>, out: &mut Vec<String>) {
    let meanings = key.trials.get(&plan.reader).into_iter().flatten();
    let (mut all, mut failed) = (0, Vec::new());
    for (trial, meaning) in plan.trials().zip(meanings).filter(|(_, meaning)| meaning.purpose == Purpose::Catch) {
        all += 1;
        let (Some(truth), Some(state)) = (meaning.truth, log.progress.trials.get(&trial.index)) else { continue };
        let Some(values) = &state.current else { continue };
        // A neighbour on the scale passes: the reader was awake.
        let slack = if sheet.template.is_ordinal() { 1 } else { 0 };
        if values.iter().any(|value| (value - truth).abs() > slack) {
            failed.push(trial.index);
        }
    }
    if !failed.is_empty() {
        let verb = if failed.len() == 1 { "was" } else { "were" };
        out.push(format!("{} of {all} catch trials {verb} failed ({}).", failed.len(), trials(&failed)));
    }
}

fn hasty(log: &Log<'_>, bounds: &Bounds, out: &mut Vec<String>) {
    let quick = log.progress.trials.iter().filter(|(_, state)| state.locked.is_some() && state.seconds < bounds.hasty_secs);
    let quick: Vec<u32> = quick.map(|(trial, _)| *trial).collect();
    if !quick.is_empty() {
        let limit = bounds.hasty_secs;
        out.push(format!("{} took less than {limit} s ({}).", count(quick.len(), "answer"), trials(&quick)));
    }
}
