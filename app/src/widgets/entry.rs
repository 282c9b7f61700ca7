//! What is typed or ticked: a line of text that counts when it is left, a paragraph, a box.

use eframe::egui::{Checkbox, Id, RichText, TextEdit, Ui};

use crate::theme::{text, tokens};

/// A line of text that counts when it is left or Enter is pressed.
pub fn line(ui: &mut Ui, name: &str, hint: &str, current: &str) -> Option<String> {
    let id = Id::unique(("entry", name));
    let edit = |words: &mut String, ui: &mut Ui| {
        ui.add(TextEdit::singleline(words).id(id.with("edit")).desired_width(f32::INFINITY).hint_text(hint)).accessible_name(name)
    };
    typed(ui, id, current, edit)
}

/// Several lines of text that count when they are left.
pub fn paragraph(ui: &mut Ui, name: &str, hint: &str, rows: usize, current: &str) -> Option<String> {
    let id = Id::unique(("entry", name));
    let edit = |words: &mut String, ui: &mut Ui| {
        let edit = TextEdit::multiline(words).id(id.with("edit")).desired_width(f32::INFINITY).desired_rows(rows);
        ui.add(edit.hint_text(hint).font(text::secondary())).accessible_name(name)
    };
    typed(ui, id, current, edit)
}

fn typed(
    ui: &mut Ui,
    id: Id,
    current: &str,
    edit: impl FnOnce(&mut String, &mut Ui) -> eframe::egui::Response,
) -> Option<String> {
    let mut words: String = ui.data(|d| d.get_temp(id)).unwrap_or_else(|| current.to_owned());
    let response = edit(&mut words, ui);
    if response.lost_focus() {
        ui.data_mut(|d| d.remove_temp::<String>(id));
        return (words != current).then_some(words);
    }
    if response.has_focus() {
        ui.data_mut(|d| d.insert_temp(id, words));
    }
    None
}

/// A box to tick; the new value when it was ticked or emptied.
pub fn tick(ui: &mut Ui, words: &str, tip: &str, on: bool) -> Option<bool> {
    let mut value = on;
    let label = RichText::new(words).font(text::body()).color(tokens::INK);
    let response = ui.add(Checkbox::new(&mut value, label)).on_hover_text(tip);
    (response.changed() && value != on).then_some(value)
}
