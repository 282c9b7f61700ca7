//! A path in a narrow field: its end is shown, where names differ, and the whole of it while it is typed or hovered.

use eframe::egui::{Id, TextEdit, TextStyle, Ui};

use crate::theme::tokens;

/// What a field takes left and right of its text.
const MARGIN: f32 = 26.0;

/// A path that counts when the field is left or Enter is pressed.
pub fn line(ui: &mut Ui, name: &str, current: &str) -> Option<String> {
    let id = Id::unique(("path", name));
    let kept: Option<String> = ui.data(|d| d.get_temp(id));
    let typing = kept.is_some();
    let end = if typing { String::new() } else { end_of(ui, current, ui.available_width() - MARGIN) };
    let mut words = kept.unwrap_or_else(|| end.clone());
    let edit = TextEdit::singleline(&mut words).id(id.with("edit")).desired_width(f32::INFINITY).hint_text(name);
    let response = ui.add(edit).accessible_name(name);
    if !typing {
        // Who cannot see the field hears all of it.
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_value(current));
    }
    if response.lost_focus() {
        ui.data_mut(|d| d.remove_temp::<String>(id));
        return (typing && words != current).then_some(words);
    }
    if response.has_focus() {
        // What was typed in the frame in which it was entered went into the short form; it goes to the whole one.
        let whole = if typing || words == end { None } else { Some(words.clone()) };
        let next = if typing { words } else { whole.unwrap_or_else(|| current.to_owned()) };
        ui.data_mut(|d| d.insert_temp(id, next));
    } else if !current.is_empty() {
        response.on_hover_text(current);
    }
    None
}

/// The longest end of a path that has room, from a folder on where that is possible.
fn end_of(ui: &Ui, path: &str, room: f32) -> String {
    let font = TextStyle::Body.resolve(ui.style());
    let fits = |words: &str| ui.painter().layout_no_wrap(words.to_owned(), font.clone(), tokens::INK).size().x <= room;
    shortened(path, fits)
}

fn shortened(path: &str, fits: impl Fn(&str) -> bool) -> String {
    if fits(path) {
        return path.to_owned();
    }
    let from = |at: usize| format!("…{}", path.get(at..).unwrap_or_default());
    let folders = path.match_indices(['/', '\\']).map(|(at, _)| at).skip(1);
    let letters = path.char_indices().map(|(at, _)| at).skip(1);
    folders.chain(letters).map(from).find(|words| fits(words)).unwrap_or_else(|| "…".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_path_is_what_is_left() {
        let in_letters = |most: usize| shortened("/data/studies/pneumothorax/cases.csv", |words| words.chars().count() <= most);
        assert_eq!(in_letters(36), "/data/studies/pneumothorax/cases.csv");
        assert_eq!(in_letters(35), "…/studies/pneumothorax/cases.csv");
        assert_eq!(in_letters(30), "…/pneumothorax/cases.csv");
        assert_eq!(in_letters(12), "…/cases.csv");
        assert_eq!(in_letters(8), "…ses.csv");
        assert_eq!(in_letters(0), "…");
        assert_eq!(shortened("", |_| false), "…");
    }
}
