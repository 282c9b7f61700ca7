//! How each action changes the state. Pure: no window, no thread, no file, no clock.

mod errors;
pub(super) mod pause;
mod score;
mod setup;
mod walk;

use study::answers::Event;

use super::action::{Action, Effect};
use super::state::{After, Handed, Look, Scale, Stage, State, Step};

/// Applies an action and names what the window must do. `now` is seconds of a clock that only goes forward.
pub fn reduce(state: &mut State, action: Action, now: f64) -> Vec<Effect> {
    let mut out = Vec::new();
    apply(state, action, now, &mut out);
    out
}

fn apply(state: &mut State, action: Action, now: f64, out: &mut Vec<Effect>) {
    match action {
        Action::Begin => setup::begin(state, out),
        Action::Next => {
            // What could not be saved goes first.
            if state.saving.trouble.take().is_some() {
                out.push(Effect::Retry);
            }
            next(state, now, out);
        }
        Action::Agree(_) | Action::Years(_) | Action::Training(_) => setup::form(state, action),
        Action::Ring(_) | Action::Steps(_) | Action::Ambient(_) | Action::Surroundings(_) => setup::display(state, action),
        Action::Again => setup::again(state),

        Action::Choose(choice) => score::choose(state, choice, true, now, out),
        Action::Move(by) => score::step(state, by, now, out),
        Action::Question(at) => score::question(state, at),

        Action::Kind(kind) => errors::kind(state, kind, out),
        Action::Discrepancy => errors::discrepancy(state, out),
        Action::Mark(x, y) => errors::mark(state, x, y, out),
        Action::Cross(x, y) => errors::move_cross(state, x, y),
        Action::MarkCross => errors::mark_cross(state, out),
        Action::Clear(at) => errors::clear(state, at, out),
        Action::Comment(text) => errors::comment(state, text, out),

        Action::Pause(on) => pause::pause(state, on, now, out),
        Action::Slip(_) | Action::SlipChoice(_) | Action::SlipReason(_) | Action::SlipSave => pause::slip(state, action, out),
        Action::EarlyReason(reason) => state.early = reason,
        Action::Early => walk::begin_early(state, out),
        Action::TryAgain => {
            if state.turn.unreadable.take().is_some() {
                walk::again(state, out);
            }
            if state.saving.trouble.take().is_some() {
                out.push(Effect::Retry);
            }
        }
        Action::HandOver => pause::hand_over(state, out),
        Action::HandedOver(made) => {
            state.handed = Some(match made {
                Ok((name, hash)) => Handed::Over(name, hash),
                Err(why) => Handed::Failed(why),
            });
        }
        Action::Leave => pause::leave(state, now, out),

        Action::ZoomStep | Action::ZoomAt(..) | Action::Pan(_) | Action::Window(_) | Action::Invert | Action::Reset => {
            look(state, &action);
        }
        Action::Text(by) => {
            let to = if by == 0 { 100 } else { i32::from(state.text_percent) + by };
            state.text_percent = u16::try_from(to.clamp(80, 200)).unwrap_or(100);
        }
        Action::Screen(screen) => state.screen = screen,

        Action::Shown => score::shown(state, now, out),
        Action::Picture(name, picture) => walk::picture(state, &name, picture),
        Action::Saved(upto) => saved(state, upto, out),
        Action::NotSaved(why) => state.saving.trouble = Some(why),
        Action::Date(date) => walk::date(state, date, out),
    }
}

/// Enter, or the one bright button of a screen.
fn next(state: &mut State, now: f64, out: &mut Vec<Effect>) {
    if state.paused {
        if state.slip.as_ref().is_none_or(|s| s.sent) {
            pause::pause(state, false, now, out);
        } else {
            pause::slip(state, Action::SlipSave, out);
        }
        return;
    }
    match state.stage {
        Stage::Consent => setup::consent_given(state, out),
        Stage::Display => setup::display_checked(state, out),
        Stage::Rest(at) => walk::enter(state, at, out),
        Stage::Practice(_) | Stage::Trial(_) => match state.turn.step {
            Step::Score => score::lock(state, now, out),
            Step::Errors => errors::finish(state, now, out),
            Step::Locking | Step::Closing => {}
        },
        Stage::Washout(..) => walk::begin_early(state, out),
        Stage::Done => {
            if state.all_saved() && state.handed.is_none() {
                apply(state, Action::HandOver, now, out);
            }
        }
    }
}

/// Sends something to the answers and returns its number.
fn send(state: &mut State, event: Event, out: &mut Vec<Effect>) {
    state.saving.sent += 1;
    out.push(Effect::Write(state.saving.sent, event));
}

/// Does something when everything that was sent is on the disk.
fn then(state: &mut State, after: After) {
    state.saving.then = Some((state.saving.sent, after));
}

fn saved(state: &mut State, upto: u64, out: &mut Vec<Effect>) {
    state.saving.saved = state.saving.saved.max(upto);
    if state.all_saved() {
        state.saving.trouble = None;
    }
    let Some((number, after)) = state.saving.then.filter(|(number, _)| *number <= state.saving.saved) else { return };
    debug_assert!(number <= state.saving.sent);
    state.saving.then = None;
    match after {
        After::Errors => errors::begin(state),
        After::Advance => walk::advance(state, out),
        After::Screen => setup::next_screen(state, out),
        After::Close => out.push(Effect::Close),
    }
}

fn look(state: &mut State, action: &Action) {
    if !state.in_turn() || state.paused || !state.turn.is_ready() {
        return;
    }
    let scale = state.scale();
    let (look, looked) = (&mut state.turn.look, &mut state.turn.looked);
    match *action {
        Action::ZoomStep => {
            let up = scale.up().factor() / scale.factor();
            let at_first = (look.zoom - 1.0).abs() < 1e-3;
            *look = Look {
                zoom: if at_first { up } else { 1.0 },
                shift: if at_first { look.shift } else { eframe::egui::Vec2::ZERO },
                ..*look
            };
            looked.zooms += 1;
        }
        Action::ZoomAt(factor, from_middle, size) => {
            look.zoom_at(factor, from_middle, size);
            looked.zooms += 1;
        }
        Action::Pan(by) => look.pan(by),
        Action::Window(by) => {
            look.drag_window(by);
            looked.windows += 1;
        }
        Action::Invert => {
            look.inverted = !look.inverted;
            looked.inverted |= look.inverted;
        }
        Action::Reset => *look = Look::default(),
        _ => {}
    }
    looked.largest_zoom = looked.largest_zoom.max(f64::from(look.zoom * scale.factor()));
}

/// The size at which the images are shown now, in words: "1 : 1" while a whole multiple is shown.
pub fn size_words(scale: Scale, look: &Look) -> String {
    if (look.zoom - 1.0).abs() < 1e-3 {
        return scale.words();
    }
    let up = scale.up();
    if (look.zoom * scale.factor() - up.factor()).abs() < 1e-3 {
        up.words()
    } else {
        format!("{:.2} : 1", look.zoom * scale.factor())
    }
}

#[cfg(test)]
mod tests;
