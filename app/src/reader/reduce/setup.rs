//! The beginning: consent, display check, practice.

use study::answers::Event;

use super::super::action::{Action, Effect};
use super::super::state::{After, Stage, State};
use super::{send, then, walk};

pub(super) fn form(state: &mut State, action: Action) {
    if state.stage != Stage::Consent {
        return;
    }
    state.notice = None;
    match action {
        Action::Agree(on) => state.form.agreed = on,
        Action::Years(years) => state.form.years = Some(years),
        Action::Training(words) => state.form.training = words,
        _ => {}
    }
}

pub(super) fn display(state: &mut State, action: Action) {
    if state.stage != Stage::Display {
        return;
    }
    state.notice = None;
    match action {
        Action::Ring(side) => {
            if let Some(at) = state.check.ring() {
                state.check.seen[at] = Some(side);
            }
        }
        Action::Steps(all) => state.check.steps = Some(all),
        Action::Ambient(ambient) => state.check.ambient = Some(ambient),
        Action::Surroundings(words) => state.check.surroundings = words,
        _ => {}
    }
}

/// Answers the rings once more.
pub(super) fn again(state: &mut State) {
    if state.stage == Stage::Display && state.saving.then.is_none() {
        state.check.seen = [None; 4];
    }
}

pub(super) fn consent_given(state: &mut State, out: &mut Vec<Effect>) {
    if let Some(missing) = state.form.missing() {
        state.notice = Some(missing.to_owned());
        return;
    }
    let Some(years) = state.form.years.filter(|_| state.saving.then.is_none()) else { return };
    send(state, Event::Consent, out);
    send(state, Event::Experience { years: years.name().to_owned(), training: state.form.training.trim().to_owned() }, out);
    state.begun.consent = true;
    then(state, After::Screen);
}

pub(super) fn display_checked(state: &mut State, out: &mut Vec<Effect>) {
    if let Some(missing) = state.check.missing() {
        state.notice = Some(missing.to_owned());
        return;
    }
    let Some(ambient) = state.check.ambient.filter(|_| state.saving.then.is_none()) else { return };
    let check = &state.check;
    let event = Event::Display {
        screen: state.screen,
        steps: check.steps == Some(true),
        rings: check.right(),
        ambient: ambient.code().to_owned(),
        words: check.surroundings.trim().to_owned(),
    };
    send(state, event, out);
    state.begun.display = true;
    then(state, After::Screen);
}

/// A sitting begins.
pub(super) fn begin(state: &mut State, out: &mut Vec<Effect>) {
    let program = concat!("chexgen-studio ", env!("CARGO_PKG_VERSION")).to_owned();
    send(state, Event::Opened { program, screen: state.screen, simulated: false }, out);
    next_screen(state, out);
}

/// The first screen that is still to come.
pub(super) fn next_screen(state: &mut State, out: &mut Vec<Effect>) {
    state.notice = None;
    if state.start >= state.sheet.trials.len() {
        state.stage = Stage::Done;
    } else if !state.begun.consent {
        state.stage = Stage::Consent;
    } else if !state.begun.display {
        state.stage = Stage::Display;
    } else if state.begun.practice < state.sheet.practice.len() && state.start == 0 {
        walk::practise(state, state.begun.practice, out);
    } else {
        walk::arrive(state, state.start, out);
    }
}
