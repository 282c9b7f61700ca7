//! Choosing and locking an answer.

use study::answers::Event;
use study::template::Template;

use super::super::action::Effect;
use super::super::state::{After, Clock, LastAnswer, State, Step};
use super::{send, then, walk};

/// Whether an answer can be chosen now.
fn is_open(state: &State) -> bool {
    state.in_turn() && !state.paused && state.turn.step == Step::Score && state.turn.was_shown
}

/// Lights a tile. With `goes_on`, the next open question follows.
pub(super) fn choose(state: &mut State, choice: usize, goes_on: bool, now: f64, out: &mut Vec<Effect>) {
    if !is_open(state) || choice >= state.sheet.choices.len() {
        return;
    }
    state.notice = None;
    let question = state.turn.question;
    if let Some(chosen) = state.turn.chosen.get_mut(question) {
        *chosen = Some(choice);
    }
    if !state.turn.practice {
        let (trial, value) = (state.turn.trial.number, state.sheet.choices[choice].value);
        send(state, Event::Chosen { trial, criterion: question as u32, value, seconds: state.turn.clock.read(now) }, out);
    }
    if goes_on && let Some(open) = state.turn.open_question() {
        state.turn.question = open;
    }
}

/// Moves the choice: the arrows.
pub(super) fn step(state: &mut State, by: i32, now: f64, out: &mut Vec<Effect>) {
    let last = state.sheet.choices.len() as i32 - 1;
    let to = match (state.turn.choice(), state.sheet.template) {
        (_, Template::PairwiseChoice) => i32::from(by > 0),
        (Some(at), _) => at as i32 + by,
        (None, Template::Quartet) => 0,
        (None, _) => last / 2,
    };
    if let Ok(to) = usize::try_from(to.clamp(0, last)) {
        choose(state, to, false, now, out);
    }
}

/// Answers another question of the same image.
pub(super) fn question(state: &mut State, at: usize) {
    if is_open(state) && at < state.turn.chosen.len() {
        state.turn.question = at;
    }
}

/// The image is on the screen: the clock runs.
pub(super) fn shown(state: &mut State, now: f64, out: &mut Vec<Effect>) {
    if !state.in_turn() || state.paused || state.turn.was_shown || !state.turn.is_ready() {
        return;
    }
    state.turn.was_shown = true;
    state.turn.clock.start(now);
    if !state.turn.practice {
        let (trial, screen) = (state.turn.trial.number, state.screen);
        send(state, Event::Shown { trial, screen }, out);
    }
}

/// Locks the answer: Enter.
pub(super) fn lock(state: &mut State, now: f64, out: &mut Vec<Effect>) {
    if !is_open(state) || state.saving.then.is_some() {
        return;
    }
    if let Some(open) = state.turn.open_question() {
        state.turn.question = open;
        let on = state.sheet.criteria.get(open);
        state.notice = Some(match on {
            Some(criterion) => format!("Choose a score for “{criterion}” first."),
            None => "Choose an answer first.".to_owned(),
        });
        return;
    }
    let chosen: Vec<usize> = state.turn.chosen.iter().flatten().copied().collect();
    if state.turn.practice {
        lock_practice(state, &chosen, out);
        return;
    }
    let values = chosen.iter().filter_map(|&c| state.sheet.choices.get(c)).map(|c| c.value).collect();
    let (trial, looked) = (state.turn.trial.number, state.turn.looked);
    state.turn.clock.stop(now);
    let seconds = state.turn.clock.read(now);
    send(state, Event::Locked { trial, values, seconds, looked }, out);
    state.turn.step = Step::Locking;
    state.last = Some(LastAnswer { trial, chosen });
    state.locked_ms = state.date_ms;
    let asks = state.turn.asks_error(&state.sheet);
    if asks {
        // Time of the error step is counted for itself.
        state.turn.clock = Clock::started(now, 0.0);
    }
    then(state, if asks { After::Errors } else { After::Advance });
}

/// Nothing of practice is kept, but whether the key was the one that was asked for.
fn lock_practice(state: &mut State, chosen: &[usize], out: &mut Vec<Effect>) {
    let as_asked = state.turn.asked.map(|asked| chosen.iter().all(|&c| c == asked));
    send(state, Event::Practice { trial: state.turn.trial.number, as_asked }, out);
    if as_asked == Some(false)
        && let (Some(asked), Some(given)) =
            (state.turn.asked.and_then(|a| choices_at(state, a)), chosen.first().and_then(|&c| choices_at(state, c)))
    {
        state.notice = Some(format!(
            "That was {} on key {}. {} is on key {}: choose it, then press Enter.",
            given.0, given.1, asked.0, asked.1
        ));
        state.turn.chosen.iter_mut().for_each(|c| *c = None);
        state.turn.question = 0;
        return;
    }
    if state.turn.asks_error(&state.sheet) {
        super::errors::begin(state);
    } else {
        walk::advance(state, out);
    }
}

fn choices_at(state: &State, at: usize) -> Option<(&'static str, char)> {
    state.sheet.choices.get(at).map(|c| (c.figure, c.key))
}
