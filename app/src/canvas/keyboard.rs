//! Keys of the canvas itself, while it has the focus: move, place and resize without a mouse.

use eframe::egui::{EventFilter, Key, Response, Ui};

use super::action::Action as Act;
use crate::action::Action;

/// Turns arrows and Enter into actions.
pub(super) fn read(ui: &Ui, response: &Response, out: &mut Vec<Action>) {
    if !response.has_focus() {
        return;
    }
    ui.memory_mut(|m| {
        m.set_focus_lock_filter(response.id, EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() })
    });
    ui.input(|i| {
        let step = if i.modifiers.shift { 10 } else { 1 };
        for (key, (dx, dy)) in
            [(Key::ArrowLeft, (-1, 0)), (Key::ArrowRight, (1, 0)), (Key::ArrowUp, (0, -1)), (Key::ArrowDown, (0, 1))]
        {
            if i.key_pressed(key) {
                let (dx, dy) = (dx * step, dy * step);
                out.push(if i.modifiers.alt { Action::Canvas(Act::ResizeBox(dx, dy)) } else { Action::Nudge(dx, dy) });
            }
        }
        // Enter puts a box or a disc in the middle, and closes a polygon.
        if i.key_pressed(Key::Enter) && i.modifiers.is_none() {
            out.push(Action::Canvas(Act::Place));
        }
    });
}
