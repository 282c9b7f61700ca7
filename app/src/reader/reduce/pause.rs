//! Pausing, telling a slip, leaving.

use study::answers::Event;

use super::super::action::{Action, Effect};
use super::super::state::{After, Handed, LastAnswer, Slip, Stage, State};
use super::{send, then};

/// Hides the image and stops the clock, or brings it back.
pub(super) fn pause(state: &mut State, on: bool, now: f64, out: &mut Vec<Effect>) {
    let can = matches!(state.stage, Stage::Practice(_) | Stage::Trial(_) | Stage::Rest(_));
    if !can || on == state.paused {
        return;
    }
    state.paused = on;
    state.slip = None;
    state.notice = None;
    let trial = state.trial();
    if on {
        state.turn.clock.stop(now);
        send(state, Event::Paused { trial, seconds: state.turn.clock.read(now) }, out);
    } else {
        if state.turn.was_shown {
            state.turn.clock.start(now);
        }
        send(state, Event::Resumed { trial }, out);
    }
}

/// A slip in the last locked answer: told with a reason, and changed where the study allows it.
pub(super) fn slip(state: &mut State, action: Action, out: &mut Vec<Effect>) {
    if !state.paused || state.last.is_none() {
        return;
    }
    match action {
        Action::Slip(true) => state.slip = Some(Slip::default()),
        Action::Slip(false) => state.slip = None,
        Action::SlipChoice(choice) => {
            let may = may_change(state) && choice < state.sheet.choices.len();
            if let Some(slip) = state.slip.as_mut().filter(|s| may && !s.sent) {
                slip.choice = Some(choice);
            }
        }
        Action::SlipReason(reason) => {
            if let Some(slip) = state.slip.as_mut().filter(|s| !s.sent) {
                slip.reason = reason;
            }
        }
        Action::SlipSave => save(state, out),
        _ => {}
    }
}

/// Whether the last answer may get another value; of several criteria the reason alone is told.
pub(in crate::reader) fn may_change(state: &State) -> bool {
    state.sheet.may_change && state.sheet.questions() == 1
}

fn save(state: &mut State, out: &mut Vec<Effect>) {
    let (Some(slip), Some(last)) = (state.slip.clone().filter(|s| !s.sent), state.last.clone()) else { return };
    let reason = slip.reason.trim().to_owned();
    if reason.is_empty() {
        state.notice = Some("Say in a few words what went wrong.".to_owned());
        return;
    }
    let trial = last.trial;
    let value = slip.choice.filter(|_| may_change(state)).and_then(|c| Some((c, state.sheet.choices.get(c)?.value)));
    let event = match value {
        Some((choice, value)) => {
            state.last = Some(LastAnswer { trial, chosen: vec![choice] });
            Event::Changed { trial, values: vec![value], reason }
        }
        None => Event::Slip { trial, reason },
    };
    send(state, event, out);
    state.notice = None;
    if let Some(slip) = &mut state.slip {
        slip.sent = true;
    }
}

/// Writes the file that is handed over; its last event says that nothing comes after it.
pub(super) fn hand_over(state: &mut State, out: &mut Vec<Effect>) {
    if state.stage != Stage::Done || matches!(state.handed, Some(Handed::Writing)) {
        return;
    }
    if state.handed.is_none() {
        send(state, Event::Closed, out);
    }
    state.handed = Some(Handed::Writing);
    out.push(Effect::HandOver);
}

/// Closes the window when everything is on the disk; asked a second time, closes it whatever is.
pub(super) fn leave(state: &mut State, now: f64, out: &mut Vec<Effect>) {
    if let Some((_, After::Close)) = state.saving.then {
        if state.saving.trouble.is_some() {
            out.push(Effect::Close);
        }
        return;
    }
    if matches!(state.handed, Some(Handed::Over(..))) && state.all_saved() {
        // The closing event is in the file already.
        out.push(Effect::Close);
        return;
    }
    if state.in_turn() && !state.paused {
        pause(state, true, now, out);
    }
    send(state, Event::Closed, out);
    then(state, After::Close);
}
