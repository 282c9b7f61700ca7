//! A note on the shown result, written into the library when the field is left.

use eframe::egui::{Id, TextEdit, Ui};

use super::Panel;
use crate::action::{Action, QueueAction};
use crate::theme::text;
use crate::widgets::caption;

/// Longest note in bytes.
const MOST: usize = 2000;

/// Shows the field, or what will be there.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let Some(run) = panel.state.shown_run() else {
        if panel.state.results.is_empty() {
            caption(ui, "Every image is saved before it is shown as done.");
        }
        return;
    };
    let id = Id::unique(("note", run.id));
    let mut words: String = ui.data(|d| d.get_temp(id)).unwrap_or_else(|| run.note.clone());
    let field = TextEdit::singleline(&mut words)
        .id(id.with("field"))
        .char_limit(MOST)
        .font(text::secondary())
        .desired_width(f32::INFINITY)
        .hint_text("Note on this result");
    let response = ui.add(field).accessible_name("Note");
    if response.has_focus() {
        ui.data_mut(|d| d.insert_temp(id, words));
    } else if response.lost_focus() {
        ui.data_mut(|d| d.remove_temp::<String>(id));
        if words != run.note {
            panel.out.push(Action::Queue(QueueAction::SetNote(run.id, words)));
        }
    }
}
