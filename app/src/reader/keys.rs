//! Keys of the reading window: one table, read before any control sees a key.

use eframe::egui::{Context, Event, Id, Key, Modifiers};
use study::reading::ErrorKind;
use study::template::Template;

use super::action::Action;
use super::state::display::{Ambient, Side};
use super::state::form::Years;
use super::state::{Stage, State, Step};

/// How far a press moves the cross, as a share of the image; with Shift ten times that.
const CROSS: f32 = 0.005;

/// One key and what it does.
pub struct Row {
    /// The key.
    pub key: Key,
    /// Whether it works while a text is being typed.
    pub typing: bool,
    /// What it does now; nothing leaves it to the control that has the focus.
    pub action: fn(&State, Modifiers) -> Option<Action>,
}

const fn row(key: Key, action: fn(&State, Modifiers) -> Option<Action>) -> Row {
    Row { key, typing: false, action }
}

/// All keys without Ctrl.
pub const KEYS: &[Row] = &[
    Row { key: Key::Enter, typing: true, action: |_, m| (!m.shift).then_some(Action::Next) },
    Row { key: Key::Escape, typing: true, action: escape },
    row(Key::Num1, |s, _| choose(s, '1')),
    row(Key::Num2, |s, _| choose(s, '2')),
    row(Key::Num3, |s, _| choose(s, '3')),
    row(Key::Num4, |s, _| choose(s, '4')),
    row(Key::Num5, |s, _| choose(s, '5')),
    row(Key::ArrowLeft, |s, m| arrow(s, Side::Left, m)),
    row(Key::ArrowRight, |s, m| arrow(s, Side::Right, m)),
    row(Key::ArrowUp, |s, m| arrow(s, Side::Up, m)),
    row(Key::ArrowDown, |s, m| arrow(s, Side::Down, m)),
    row(Key::O, |s, _| kind(s, ErrorKind::Omission)),
    row(Key::C, |s, _| kind(s, ErrorKind::Commission)),
    row(Key::D, |s, _| in_errors(s).then_some(Action::Discrepancy)),
    row(Key::P, |s, _| kind(s, ErrorKind::Place)),
    row(Key::E, |s, _| kind(s, ErrorKind::Extent)),
    row(Key::S, |s, _| kind(s, ErrorKind::Severity)),
    row(Key::A, |s, _| kind(s, ErrorKind::Artefact)),
    row(Key::X, |s, _| in_errors(s).then_some(Action::MarkCross)),
    row(Key::Z, |s, _| looks(s).then_some(Action::ZoomStep)),
    row(Key::I, |s, _| looks(s).then_some(Action::Invert)),
    row(Key::Num0, |s, _| looks(s).then_some(Action::Reset)),
    row(Key::Y, |s, _| match s.stage {
        Stage::Consent => Some(Action::Agree(!s.form.agreed)),
        Stage::Display => Some(Action::Steps(true)),
        _ => None,
    }),
    row(Key::N, |s, _| (s.stage == Stage::Display).then_some(Action::Steps(false))),
];

fn in_errors(state: &State) -> bool {
    state.in_turn() && !state.paused && state.turn.step == Step::Errors
}

fn in_score(state: &State) -> bool {
    state.in_turn() && !state.paused && state.turn.step == Step::Score
}

fn looks(state: &State) -> bool {
    state.in_turn() && !state.paused
}

fn escape(state: &State, _: Modifiers) -> Option<Action> {
    if state.slip.as_ref().is_some_and(|slip| !slip.sent) {
        return Some(Action::Slip(false));
    }
    (state.in_turn() || state.paused).then_some(Action::Pause(!state.paused))
}

fn choose(state: &State, key: char) -> Option<Action> {
    let nth = key.to_digit(10).and_then(|d| (d as usize).checked_sub(1));
    match state.stage {
        Stage::Consent => return nth.and_then(|n| Years::ALL.get(n)).copied().map(Action::Years),
        Stage::Display => return nth.and_then(|n| Ambient::ALL.get(n)).copied().map(Action::Ambient),
        _ => {}
    }
    let choice = state.sheet.choice_on(key)?;
    if state.paused && state.slip.is_some() {
        return Some(Action::SlipChoice(choice));
    }
    in_score(state).then_some(Action::Choose(choice))
}

fn kind(state: &State, kind: ErrorKind) -> Option<Action> {
    in_errors(state).then_some(Action::Kind(kind))
}

fn arrow(state: &State, side: Side, modifiers: Modifiers) -> Option<Action> {
    if state.stage == Stage::Display {
        return state.check.ring().map(|_| Action::Ring(side));
    }
    let (x, y) = match side {
        Side::Left => (-1, 0),
        Side::Right => (1, 0),
        Side::Up => (0, -1),
        Side::Down => (0, 1),
    };
    if in_errors(state) {
        let by = if modifiers.shift { 10.0 * CROSS } else { CROSS };
        return Some(Action::Cross(x as f32 * by, y as f32 * by));
    }
    if !in_score(state) {
        return None;
    }
    match state.sheet.template {
        Template::Quartet => Some(Action::Move(x + 2 * y)),
        _ if y == 0 => Some(Action::Move(x)),
        _ if state.sheet.questions() > 1 => {
            let to = (state.turn.question as i32 + y).clamp(0, state.sheet.questions() as i32 - 1);
            usize::try_from(to).ok().map(Action::Question)
        }
        _ => None,
    }
}

fn ticks_only() -> Id {
    Id::unique("ticked by Space, not by Enter")
}

/// A box that Space ticks: Enter goes on although it has the focus.
pub fn leave_enter(ctx: &Context, id: Id) {
    ctx.data_mut(|d| d.insert_temp(ticks_only(), id));
}

/// Takes the keys of this frame.
///
/// Enter goes to a button that Tab went to; with an image, digits and arrows give the keyboard back to it.
pub fn read(ctx: &Context, state: &State, out: &mut Vec<Action>) {
    let typing = ctx.text_edit_focused();
    let focused = ctx.memory(|m| m.focused());
    let ticked: Option<Id> = ctx.data(|d| d.get_temp(ticks_only()));
    let on_button = focused.is_some() && focused != ticked && !typing;
    let mut frees = false;
    ctx.input_mut(|input| {
        input.events.retain(|event| {
            let Event::Key { key, physical_key, pressed: true, modifiers, .. } = event else { return true };
            if modifiers.command {
                let by = match key {
                    Key::Plus | Key::Equals => 10,
                    Key::Minus => -10,
                    Key::Num0 => 0,
                    _ => return true,
                };
                out.push(Action::Text(by));
                return false;
            }
            let for_button = *key == Key::Enter && on_button;
            let Some(action) = action(state, typing, *modifiers, *key, *physical_key).filter(|_| !for_button) else {
                return true;
            };
            frees |= state.in_turn() && (*key != Key::Enter || typing);
            out.push(action);
            false
        });
    });
    if frees && let Some(id) = focused {
        ctx.memory_mut(|m| m.surrender_focus(id));
    }
}

/// What a key does; digits count by their place too, for keyboards that have them on Shift.
fn action(state: &State, typing: bool, modifiers: Modifiers, key: Key, place: Option<Key>) -> Option<Action> {
    let find = |key: Key| {
        let row = KEYS.iter().find(|row| row.key == key && (row.typing || !typing))?;
        (row.action)(state, modifiers)
    };
    let digit = |key: &Key| matches!(key, Key::Num0 | Key::Num1 | Key::Num2 | Key::Num3 | Key::Num4 | Key::Num5);
    find(key).or_else(|| place.filter(digit).and_then(find))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::testing;

    fn pressed(state: &State, key: Key) -> Option<Action> {
        action(state, false, Modifiers::NONE, key, Some(key))
    }

    #[test]
    fn digits_choose_and_enter_locks() {
        let mut state = testing::in_trial();
        assert_eq!(pressed(&state, Key::Num4), Some(Action::Choose(3)));
        assert_eq!(action(&state, false, Modifiers::NONE, Key::Quote, Some(Key::Num4)), Some(Action::Choose(3)), "French digits");
        assert_eq!(action(&state, true, Modifiers::NONE, Key::Num4, Some(Key::Num4)), None, "a digit belongs to the text");
        assert_eq!(pressed(&state, Key::Enter), Some(Action::Next));
        assert_eq!(pressed(&state, Key::O), None, "no error is asked for yet");
        state.turn.step = Step::Errors;
        assert_eq!(pressed(&state, Key::Num4), None, "a locked answer stays");
        assert_eq!(pressed(&state, Key::O), Some(Action::Kind(ErrorKind::Omission)));
        assert_eq!(pressed(&state, Key::ArrowLeft), Some(Action::Cross(-CROSS, 0.0)));
        state.paused = true;
        assert_eq!(pressed(&state, Key::O), None);
        assert_eq!(pressed(&state, Key::Escape), Some(Action::Pause(false)));
    }

    #[test]
    fn every_key_stands_in_the_table_once() {
        for (i, row) in KEYS.iter().enumerate() {
            assert!(KEYS[..i].iter().all(|other| other.key != row.key), "{:?}", row.key);
        }
    }
}
