//! Comparing on the canvas: modes, and which picture is A.

use std::sync::Arc;

use crate::state::sight::{Action, Mode, Picture};
use crate::state::{Level, Shown, State};

pub(super) fn reduce(state: &mut State, action: Action) {
    match action {
        Action::SetMode(mode) => set_mode(state, mode),
        Action::NextMode => set_mode(state, state.sight.mode.next()),
        Action::Toggle => {
            if state.sight.mode != Mode::Single || state.sight.difference {
                (state.sight.mode, state.sight.difference) = (Mode::Single, false);
            } else {
                set_mode(state, Mode::Swipe);
            }
        }
        Action::ToggleDifference => {
            state.sight.difference = !state.sight.difference && choose_a(state);
        }
        Action::ToggleLargeMap => state.sight.large_map = !state.sight.large_map,
        Action::SetGain(gain) => state.sight.gain = gain.map(|g| g.clamp(1, 100)),
        Action::SetA(shown) => {
            if let Some(picture) = Picture::of_shown(state, shown) {
                state.sight.a = Some(picture);
            }
        }
        Action::Swap => swap(state),
        Action::SwipeTo(share) if share.is_finite() => state.sight.swipe = share.clamp(0.0, 1.0),
        Action::SwipeTo(_) => {}
        Action::Flip => state.sight.flipped = !state.sight.flipped,
    }
}

fn set_mode(state: &mut State, mode: Mode) {
    if mode == Mode::Single || choose_a(state) {
        state.sight.mode = mode;
        state.sight.flipped = false;
    }
}

/// Makes sure that there is an A other than what is shown; says so when there is none.
fn choose_a(state: &mut State) -> bool {
    let shown = state.shown_image();
    let is_other = |picture: &Picture| shown.as_ref().is_none_or(|s| !Arc::ptr_eq(s, &picture.image));
    if state.sight.a.as_ref().is_some_and(is_other) {
        return true;
    }
    let after = match state.shown {
        Shown::Result(i) | Shown::ResultStep(i, _) => i + 1,
        _ => 0,
    };
    // The image under the layers first, then what was made just before, then anything else.
    let results = (after..state.results.len()).chain(0..after.min(state.results.len())).map(Shown::Result);
    let found = std::iter::once(Shown::Base)
        .chain(results)
        .chain([Shown::Example])
        .filter_map(|shown| Picture::of_shown(state, shown))
        .find(is_other);
    match found {
        Some(picture) => {
            state.sight.a = Some(picture);
            true
        }
        None => {
            state.messages.push(Level::Note, "There is nothing to compare with yet; generate a second image or open one.");
            false
        }
    }
}

fn swap(state: &mut State) {
    let Some(a) = state.sight.a.clone() else { return };
    let Some(b) = Picture::of_shown(state, state.shown) else { return };
    let place = state.results.iter().position(|r| Arc::ptr_eq(&r.artifact.image, &a.image)).map(Shown::Result);
    let place = place.or_else(|| {
        [Shown::Base, Shown::Example].into_iter().find(|s| state.image_of(*s).is_some_and(|i| Arc::ptr_eq(&i, &a.image)))
    });
    match place {
        Some(shown) => {
            state.shown = shown;
            state.sight.a = Some(b);
        }
        None => state.messages.push(Level::Note, "A is a step that is no longer on the film, so it cannot become B."),
    }
}
