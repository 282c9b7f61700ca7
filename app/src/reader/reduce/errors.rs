//! What is wrong, told after a low score was locked: kinds, places and words.

use study::answers::Event;
use study::reading::{ErrorKind, MarkedError};

use super::super::action::Effect;
use super::super::state::{After, State, Step};
use super::{send, then, walk};

/// Most places of one image.
const PLACES: usize = 50;

/// The answer is on the disk; the error step opens.
pub(super) fn begin(state: &mut State) {
    state.turn.step = Step::Errors;
    state.notice = None;
}

fn is_open(state: &State) -> bool {
    state.in_turn() && !state.paused && state.turn.step == Step::Errors
}

/// Chooses the kind that the next place is for.
///
/// A kind counts as soon as it is chosen; one that was chosen without a place gives way to the next choice.
pub(super) fn kind(state: &mut State, kind: ErrorKind, out: &mut Vec<Effect>) {
    if !is_open(state) || state.turn.kind == Some(kind) {
        return;
    }
    state.notice = None;
    let turn = &mut state.turn;
    if let Some(before) = turn.kind {
        turn.marks.retain(|m| m.kind != before || m.place.is_some());
    }
    turn.kind = Some(kind);
    if turn.marks.iter().all(|m| m.kind != kind) {
        turn.marks.push(MarkedError { kind, place: None });
    }
    tell(state, out);
}

/// Place, then extent, then severity, then place again.
pub(super) fn discrepancy(state: &mut State, out: &mut Vec<Effect>) {
    let to = match state.turn.kind {
        Some(ErrorKind::Place) => ErrorKind::Extent,
        Some(ErrorKind::Extent) => ErrorKind::Severity,
        _ => ErrorKind::Place,
    };
    kind(state, to, out);
}

/// A place of the chosen kind.
pub(super) fn mark(state: &mut State, x: f32, y: f32, out: &mut Vec<Effect>) {
    if !is_open(state) {
        return;
    }
    if state.turn.placed().count() >= PLACES {
        state.notice = Some(format!("{PLACES} places are enough; clear one first."));
        return;
    }
    let Some(kind) = state.turn.kind else {
        state.notice = Some("Choose what is wrong first, then click the place.".to_owned());
        return;
    };
    state.notice = None;
    let share = |v: f32| (f64::from(v.clamp(0.0, 1.0)) * 1e4).round() / 1e4;
    let place = Some((share(x), share(y)));
    let marks = &mut state.turn.marks;
    match marks.iter_mut().find(|m| m.kind == kind && m.place.is_none()) {
        Some(open) => open.place = place,
        None => marks.push(MarkedError { kind, place }),
    }
    tell(state, out);
}

/// Moves the cross of the keyboard; at first it stands in the middle.
pub(super) fn move_cross(state: &mut State, x: f32, y: f32) {
    if is_open(state) {
        let (at_x, at_y) = state.turn.cross.unwrap_or((0.5 - x, 0.5 - y));
        state.turn.cross = Some(((at_x + x).clamp(0.0, 1.0), (at_y + y).clamp(0.0, 1.0)));
    }
}

/// Marks where the cross is.
pub(super) fn mark_cross(state: &mut State, out: &mut Vec<Effect>) {
    match state.turn.cross {
        Some((x, y)) => mark(state, x, y, out),
        None => move_cross(state, 0.0, 0.0),
    }
}

/// Takes a mark back; its kind stays chosen.
pub(super) fn clear(state: &mut State, at: usize, out: &mut Vec<Effect>) {
    if !is_open(state) || at >= state.turn.marks.len() {
        return;
    }
    let turn = &mut state.turn;
    let gone = turn.marks.remove(at);
    if turn.kind == Some(gone.kind) && turn.marks.iter().all(|m| m.kind != gone.kind) {
        turn.marks.push(MarkedError { kind: gone.kind, place: None });
    }
    tell(state, out);
}

/// The reader's words.
pub(super) fn comment(state: &mut State, text: String, out: &mut Vec<Effect>) {
    if !state.in_turn() || state.paused || state.turn.comment == text {
        return;
    }
    state.turn.comment.clone_from(&text);
    if !state.turn.practice {
        send(state, Event::Comment { trial: state.turn.trial.number, text }, out);
    }
}

/// Everything was told.
pub(super) fn finish(state: &mut State, now: f64, out: &mut Vec<Effect>) {
    if !is_open(state) || state.saving.then.is_some() {
        return;
    }
    if state.turn.marks.is_empty() {
        state.notice = Some("Choose what is wrong first.".to_owned());
        return;
    }
    if state.turn.practice {
        walk::advance(state, out);
        return;
    }
    state.turn.clock.stop(now);
    let (trial, seconds) = (state.turn.trial.number, state.turn.clock.read(now));
    send(state, Event::Finished { trial, seconds }, out);
    state.turn.step = Step::Closing;
    then(state, After::Advance);
}

/// Writes all marks as they stand, so that a killed window comes back with them.
fn tell(state: &mut State, out: &mut Vec<Effect>) {
    if !state.turn.practice {
        let (trial, marks) = (state.turn.trial.number, state.turn.marks.clone());
        send(state, Event::Marks { trial, marks }, out);
    }
}
