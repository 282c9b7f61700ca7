//! One table of keys: the window reads it, the key sheet shows it, a test looks for conflicts.

use eframe::egui::{Context, Key, Modifiers};
use engine::domain::Finding;

use crate::action::Action;
use crate::state::{Room, State, Tool};

/// A key with what it does.
struct Binding {
    modifiers: Modifiers,
    key: Key,
    /// Works while text is being typed too.
    always: bool,
    action: fn() -> Action,
}

const fn plain(key: Key, action: fn() -> Action) -> Binding {
    Binding { modifiers: Modifiers::NONE, key, always: false, action }
}

const fn always(modifiers: Modifiers, key: Key, action: fn() -> Action) -> Binding {
    Binding { modifiers, key, always: true, action }
}

const CTRL_SHIFT: Modifiers = Modifiers { shift: true, ..Modifiers::COMMAND };

/// Longer modifiers come first, so that they win.
const BINDINGS: &[Binding] = &[
    always(CTRL_SHIFT, Key::Z, || Action::Redo),
    always(Modifiers::COMMAND, Key::Z, || Action::Undo),
    always(Modifiers::COMMAND, Key::Y, || Action::Redo),
    always(Modifiers::COMMAND, Key::Enter, || Action::Generate),
    always(Modifiers::COMMAND, Key::S, || Action::Save),
    always(Modifiers::COMMAND, Key::O, || Action::ToggleOpenField),
    always(Modifiers::COMMAND, Key::Num1, || Action::OpenRoom(Room::Canvas)),
    always(Modifiers::COMMAND, Key::Num2, || Action::OpenRoom(Room::Runs)),
    always(Modifiers::COMMAND, Key::Num3, || Action::OpenRoom(Room::Compare)),
    always(Modifiers::COMMAND, Key::Num4, || Action::OpenRoom(Room::DataSets)),
    always(Modifiers::COMMAND, Key::Num5, || Action::OpenRoom(Room::Reading)),
    always(Modifiers::COMMAND, Key::Num6, || Action::OpenRoom(Room::Evaluate)),
    always(Modifiers::COMMAND, Key::Num7, || Action::OpenRoom(Room::Train)),
    always(Modifiers::NONE, Key::F1, || Action::ToggleKeys),
    Binding { modifiers: Modifiers::SHIFT, key: Key::X, always: false, action: || Action::Cancel },
    Binding { modifiers: Modifiers::SHIFT, key: Key::F, always: false, action: || Action::TogglePanels },
    plain(Key::B, || Action::SetTool(Tool::Brush)),
    plain(Key::E, || Action::SetTool(Tool::Eraser)),
    plain(Key::L, || Action::SetTool(Tool::Lasso)),
    plain(Key::U, || Action::SetTool(Tool::Box)),
    plain(Key::V, || Action::SetTool(Tool::Move)),
    plain(Key::OpenBracket, || Action::ScaleBrush(1.0 / 1.15)),
    plain(Key::CloseBracket, || Action::ScaleBrush(1.15)),
    plain(Key::Minus, || Action::ScaleBrush(1.0 / 1.15)),
    plain(Key::Plus, || Action::ScaleBrush(1.15)),
    plain(Key::Equals, || Action::ScaleBrush(1.15)),
    plain(Key::H, || Action::ToggleOverlays),
    plain(Key::I, || Action::ToggleInvert),
    plain(Key::Num0, || Action::ResetWindow),
    plain(Key::F, || Action::Fit),
    plain(Key::Comma, || Action::StepFilm(-1)),
    plain(Key::Period, || Action::StepFilm(1)),
    plain(Key::Home, || Action::StepFilm(-10_000)),
    plain(Key::End, || Action::StepFilm(10_000)),
];

const DIGITS: [Key; 9] = [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6, Key::Num7, Key::Num8, Key::Num9];

/// Takes the keys of this frame before any widget sees them.
pub fn read(ctx: &Context, state: &State, out: &mut Vec<Action>) {
    let typing = ctx.text_edit_focused();
    ctx.input_mut(|input| {
        for binding in BINDINGS.iter().filter(|b| b.always || !typing) {
            if input.consume_key(binding.modifiers, binding.key) {
                out.push((binding.action)());
            }
        }
        if (state.view.keys_open || state.view.messages_open) && input.consume_key(Modifiers::NONE, Key::Escape) {
            out.push(Action::Escape);
        }
        if !typing && let Some(id) = state.view.chosen {
            for (key, finding) in DIGITS.into_iter().zip(Finding::ALL) {
                if input.consume_key(Modifiers::NONE, key) {
                    out.push(Action::SetFinding(id, finding));
                }
            }
        }
    });
}

/// Keys and what they do, for the sheet.
pub fn sheet() -> &'static [(&'static str, &'static str)] {
    &[
        ("Ctrl Enter", "Generate"),
        ("Shift X", "Cancel after this step"),
        ("Ctrl Z", "Undo"),
        ("Ctrl Shift Z", "Redo"),
        ("Ctrl S", "Save image, mask and record"),
        ("Ctrl O", "Open a saved image"),
        ("B", "Brush"),
        ("E", "Eraser; or hold Alt"),
        ("L", "Lasso"),
        ("U", "Box"),
        ("V", "Move the chosen layer"),
        ("[ ]", "Brush size; also − + and Shift-wheel"),
        ("1 … 9", "Class of the chosen layer"),
        ("H", "Show or hide overlays"),
        ("I", "Invert"),
        ("0", "Reset window and level"),
        ("F", "Fit the image"),
        ("Shift F", "Image only: hide panels and dock"),
        (", .", "One step back or on along the film"),
        ("Home End", "First or last step"),
        ("Arrows", "Move the chosen layer by 1 px; Shift 10"),
        ("Enter", "Box in the middle, when the canvas has the focus"),
        ("Wheel", "Zoom at the pointer"),
        ("Space", "Hold and drag to pan; or the middle button"),
        ("Right-drag", "Window and level"),
        ("F1", "This sheet"),
        ("Esc", "Close what is open"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_taken_twice() {
        for (i, a) in BINDINGS.iter().enumerate() {
            for b in &BINDINGS[i + 1..] {
                assert!(a.key != b.key || a.modifiers != b.modifiers, "{:?} with {:?} is bound twice", a.key, a.modifiers);
            }
            assert!(!DIGITS.contains(&a.key) || !a.modifiers.is_none(), "{:?} is a class key", a.key);
        }
    }
}
