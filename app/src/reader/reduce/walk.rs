//! From trial to trial: practice, blocks, breaks, rounds.

use std::sync::Arc;

use engine::domain::GrayImage;
use study::answers::Event;

use super::super::action::Effect;
use super::super::sheet::Trial;
use super::super::state::{Clock, Stage, State, Step, Turn};
use super::{send, setup};

/// Trials whose images are decoded before they are needed.
const AHEAD: usize = 2;
/// Milliseconds of an hour.
const HOUR_MS: f64 = 3_600_000.0;

/// A practice case.
pub(super) fn practise(state: &mut State, at: usize, out: &mut Vec<Effect>) {
    let Some(trial) = state.sheet.practice.get(at).cloned() else { return };
    state.stage = Stage::Practice(at);
    state.turn = Turn::new(&state.sheet, &trial, true);
    state.notice = None;
    let ahead = state.sheet.practice.iter().skip(at + 1).chain(state.sheet.trials.iter().skip(state.start));
    want(state, std::iter::once(trial.clone()).chain(ahead.take(AHEAD).cloned()).collect(), out);
}

/// A trial that counts.
pub(super) fn enter(state: &mut State, at: usize, out: &mut Vec<Effect>) {
    let Some(trial) = state.sheet.trials.get(at).cloned() else { return };
    if trial.round > state.begun.round {
        state.begun.round = trial.round;
        send(state, Event::Round { round: trial.round, reason: String::new() }, out);
    }
    state.stage = Stage::Trial(at);
    state.turn = Turn::new(&state.sheet, &trial, false);
    state.notice = None;
    if let Some(left) = state.left.take_if(|left| left.trial == trial.number) {
        let turn = &mut state.turn;
        turn.question = left.chosen.iter().position(Option::is_none).unwrap_or(0);
        (turn.chosen, turn.marks, turn.comment) = (left.chosen, left.marks, left.comment);
        turn.kind = turn.marks.last().map(|m| m.kind);
        turn.step = if left.locked { Step::Errors } else { Step::Score };
        turn.clock = Clock::earlier(left.seconds);
    }
    let ahead: Vec<Trial> = state.sheet.trials.iter().skip(at).take(1 + AHEAD).cloned().collect();
    want(state, ahead, out);
}

/// Before a trial: the break in front of it, or the wait of its round, or the end.
pub(super) fn arrive(state: &mut State, at: usize, out: &mut Vec<Effect>) {
    state.turn = Turn::default();
    state.notice = None;
    let Some(trial) = state.sheet.trials.get(at) else {
        state.stage = Stage::Done;
        want(state, Vec::new(), out);
        return;
    };
    state.stage = match begins(state, trial.round) {
        Some(from) if from > state.date_ms => Stage::Washout(at, from),
        _ => Stage::Rest(at),
    };
    let ahead: Vec<Trial> = state.sheet.trials.iter().skip(at).take(AHEAD).cloned().collect();
    want(state, ahead, out);
}

/// When a round that was not begun may begin, in milliseconds since 1970: its washout after the last answer.
fn begins(state: &State, round: u32) -> Option<i64> {
    let hours = state.sheet.rounds.iter().find(|r| r.number == round)?.washout_hours;
    let waits = round > state.begun.round && round > 1 && state.locked_ms > 0;
    waits.then(|| state.locked_ms.saturating_add((hours * HOUR_MS).ceil() as i64))
}

/// Begins a round before its time, with a reason that is listed as a deviation.
pub(super) fn begin_early(state: &mut State, out: &mut Vec<Effect>) {
    let Stage::Washout(at, _) = state.stage else { return };
    let reason = state.early.trim().to_owned();
    let Some(round) = state.sheet.trials.get(at).map(|t| t.round) else { return };
    if reason.is_empty() {
        state.notice = Some("Say why the round begins before its time.".to_owned());
        return;
    }
    send(state, Event::Round { round, reason }, out);
    state.begun.round = round;
    arrive(state, at, out);
}

/// The trial is over and on the disk.
pub(super) fn advance(state: &mut State, out: &mut Vec<Effect>) {
    match state.stage {
        Stage::Practice(at) if at + 1 < state.sheet.practice.len() => practise(state, at + 1, out),
        Stage::Practice(at) => {
            state.begun.practice = at + 1;
            setup::next_screen(state, out);
        }
        Stage::Trial(at) => {
            let block = |at: usize| state.sheet.trials.get(at).map(|t| (t.round, t.block));
            let (here, there) = (block(at), block(at + 1));
            if here == there {
                enter(state, at + 1, out);
            } else {
                if let (Some((_, block)), Some(_)) = (here, there) {
                    send(state, Event::Break { block }, out);
                }
                arrive(state, at + 1, out);
            }
        }
        _ => {}
    }
}

/// Asks for the pictures of some trials and drops all others.
fn want(state: &mut State, trials: Vec<Trial>, out: &mut Vec<Effect>) {
    let names: Vec<String> = trials.iter().flat_map(|t| t.images.iter().chain(&t.examples)).cloned().collect();
    state.pictures.retain(|(name, _)| names.contains(name));
    fill(state);
    out.push(Effect::Decode(names));
}

/// Asks once more for the pictures of this trial that could not be read.
pub(super) fn again(state: &mut State, out: &mut Vec<Effect>) {
    state.pictures.retain(|(_, picture)| picture.is_ok());
    let names: Vec<String> = state.turn.names().cloned().collect();
    // The decoder forgets what it made when nothing is wanted.
    out.push(Effect::Decode(Vec::new()));
    out.push(Effect::Decode(names));
}

/// A picture came, or the sentence why it does not.
pub(super) fn picture(state: &mut State, name: &str, picture: Result<Arc<GrayImage>, String>) {
    state.pictures.retain(|(n, _)| n != name);
    state.pictures.push((name.to_owned(), picture));
    fill(state);
}

fn fill(state: &mut State) {
    let names: Vec<String> = state.turn.names().cloned().collect();
    for (slot, name) in state.turn.images.iter_mut().zip(names) {
        match state.pictures.iter().find(|(n, _)| *n == name) {
            Some((_, Ok(picture))) if slot.is_none() => *slot = Some(Arc::clone(picture)),
            Some((_, Err(why))) => state.turn.unreadable = Some(why.clone()),
            _ => {}
        }
    }
}

/// Date and time passed: a round may begin.
pub(super) fn date(state: &mut State, date_ms: i64, out: &mut Vec<Effect>) {
    state.date_ms = date_ms;
    if let Stage::Washout(at, from) = state.stage
        && date_ms >= from
    {
        arrive(state, at, out);
    }
}
