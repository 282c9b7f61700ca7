//! Turns pressed keys into actions, by the table of commands and the person's key map.

use eframe::egui::{Context, Event, Key, Modifiers};

use crate::action::Action;
use crate::canvas;
use crate::command::{Chord, Command, all, place};
use crate::shell;
use crate::state::State;

/// Takes the keys of this frame before any widget sees them.
///
/// A key whose command has nothing to do now is left to the widgets.
pub fn read(ctx: &Context, state: &State, out: &mut Vec<Action>) {
    let typing = ctx.text_edit_focused();
    ctx.input_mut(|input| {
        if state.shell.waiting.is_some() {
            // The next key is an answer, whatever it does otherwise.
            input.events.retain(|event| match event {
                Event::Key { key, pressed: true, modifiers, .. } if !is_modifier(*key) => {
                    out.push(Action::Shell(shell::Action::Press(Chord::of(*modifiers, *key))));
                    false
                }
                Event::Text(_) => false,
                _ => true,
            });
            return;
        }
        let held = |c: &Command| bound(state, c).iter().any(|k| input.key_down(k.key));
        if state.view.peeking && !crate::command::find("look.peek").is_some_and(held) {
            out.push(Action::Canvas(canvas::action::Action::Peek(false)));
        }
        input.events.retain(|event| match event {
            Event::Key { key, physical_key, pressed: true, modifiers, .. } => {
                let actions = actions(state, typing, *modifiers, *key, *physical_key);
                let is_left = actions.is_empty();
                out.extend(actions);
                is_left
            }
            _ => true,
        });
    });
}

/// Keys that are only held.
fn is_modifier(key: Key) -> bool {
    use Key::{AltLeft, AltRight, CapsLock, ControlLeft, ControlRight, Fn, ShiftLeft, ShiftRight, SuperLeft, SuperRight};
    matches!(
        key,
        AltLeft | AltRight | CapsLock | ControlLeft | ControlRight | Fn | ShiftLeft | ShiftRight | SuperLeft | SuperRight
    )
}

/// What a pressed key does now, where the person is.
fn actions(state: &State, typing: bool, modifiers: Modifiers, key: Key, spot: Option<Key>) -> Vec<Action> {
    let find = |is_it: &dyn Fn(&Chord) -> bool| {
        all().find(|c| bound(state, c).iter().any(|k| (!typing || k.works_while_typing()) && is_it(k)))
    };
    let exact = Chord::of(modifiers, key);
    let command = find(&|k| *k == exact)
        .or_else(|| find(&|k| k.is_pressed(modifiers, key)))
        .or_else(|| find(&|k| k.is_at(modifiers, spot)));
    command.map(|c| place::by_key(c, state)).unwrap_or_default()
}

fn bound<'a>(state: &'a State, command: &'a Command) -> &'a [Chord] {
    state.settings.keys.keys(command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::find;
    use crate::state::{Document, Tool};

    fn at(state: &State, modifiers: Modifiers, key: Key, place: Key) -> Option<Action> {
        actions(state, false, modifiers, key, Some(place)).pop()
    }

    fn pressed(state: &State, typing: bool, modifiers: Modifiers, key: Key) -> Option<Action> {
        actions(state, typing, modifiers, key, Some(key)).pop()
    }

    #[test]
    fn keys_do_what_the_table_says() {
        let state = State::new(Document::empty(64), "saved".into());
        let none = Modifiers::NONE;
        assert_eq!(pressed(&state, false, none, Key::B), Some(Action::SetTool(Tool::Brush)));
        assert_eq!(pressed(&state, true, none, Key::B), None, "a letter belongs to the text");
        assert_eq!(pressed(&state, true, Modifiers::COMMAND, Key::Enter), Some(Action::Generate));
        assert_eq!(pressed(&state, false, Modifiers::SHIFT, Key::F), Some(Action::TogglePanels));
        assert_eq!(pressed(&state, false, none, Key::F), Some(Action::Fit));
        assert_eq!(pressed(&state, false, Modifiers::COMMAND, Key::Z), None, "nothing to undo: the key is left alone");
        assert_eq!(pressed(&state, false, none, Key::Escape), None, "nothing is open");
    }

    #[test]
    fn signs_and_digits_go_by_their_place_too() {
        let mut state = State::new(Document::empty(64), "saved".into());
        crate::reduce::reduce(&mut state, Action::AddMask);
        // The key right of P says something else on a German keyboard.
        let smaller = at(&state, Modifiers::NONE, Key::Quote, Key::OpenBracket);
        assert_eq!(smaller, Some(Action::ScaleBrush(1.0 / 1.15)));
        // The digit row of a French keyboard.
        let class = at(&state, Modifiers::NONE, Key::Quote, Key::Num4);
        assert!(matches!(class, Some(Action::SetFinding(_, engine::domain::Finding::Nodule))), "{class:?}");
        let sheet = at(&state, Modifiers::SHIFT, Key::Questionmark, Key::Slash);
        assert_eq!(sheet, Some(Action::ToggleKeys));
    }

    #[test]
    fn a_bound_key_moves() {
        let mut state = State::new(Document::empty(64), "saved".into());
        let fit = find("look.fit").expect("fit");
        state.settings.keys.free(Chord::plain(Key::B));
        state.settings.keys.bind(fit, vec![Chord::plain(Key::B)]);
        assert_eq!(pressed(&state, false, Modifiers::NONE, Key::B), Some(Action::Fit));
        assert_eq!(pressed(&state, false, Modifiers::NONE, Key::F), None);
    }
}
