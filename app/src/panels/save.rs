//! Path fields: a dialog may fail, a path field works everywhere.

use std::path::PathBuf;

use eframe::egui::{Align, Id, Key, TextEdit, Ui};

use super::Panel;
use crate::action::Action;
use crate::widgets::{Push, caption, section};

/// The name of the field for a file.
pub const PATH: &str = "Image path";

/// Where Save writes.
pub fn folder_field(ui: &mut Ui, panel: &mut Panel<'_>) {
    section(ui, "Save into");
    let current = panel.state.save_folder.display().to_string();
    let typed = path_field(ui, "Save folder path", &current);
    ui.horizontal(|ui| {
        if let Some(path) = typed {
            panel.out.push(Action::SetSaveFolder(PathBuf::from(path)));
        }
        if Push::new("Choose…").name("Choose save folder").purpose("Opens the system's folder dialog").show(ui).clicked() {
            panel.out.push(Action::PickFolder);
        }
    });
    caption(ui, "Each save writes the image, its mask and its record under a new name.");
}

/// A file by its path.
pub fn open_field(ui: &mut Ui, panel: &mut Panel<'_>) {
    ui.add_space(4.0);
    // Who opens the field wants to type.
    let (fresh, frame) = (Id::unique("open field"), ui.ctx().cumulative_frame_nr());
    let seen: Option<u64> = ui.data(|d| d.get_temp(fresh));
    ui.data_mut(|d| d.insert_temp(fresh, frame));
    let is_fresh = seen.is_none_or(|n| n + 1 < frame);
    if is_fresh {
        ui.data_mut(|d| d.remove_temp::<String>(field_id(PATH)));
    }
    let typed = path_field(ui, PATH, "");
    if is_fresh {
        ui.memory_mut(|m| m.request_focus(edit_id(PATH)));
        // The panel may be longer than the window.
        ui.scroll_to_cursor(Some(Align::Center));
    }
    ui.horizontal(|ui| {
        if let Some(path) = typed {
            // Enter opens, and a path that cannot be opened stays to be mended; the field goes when one is open.
            if ui.input(|i| i.key_pressed(Key::Enter)) && !path.trim().is_empty() {
                panel.out.push(Action::OpenFile(PathBuf::from(path.trim())));
                ui.memory_mut(|m| m.request_focus(edit_id(PATH)));
            }
            ui.data_mut(|d| d.insert_temp(field_id(PATH), path));
        }
        if Push::new("Choose…").name("Choose image").purpose("Opens the system's file dialog").show(ui).clicked() {
            panel.out.push(Action::PickFile);
        }
        caption(ui, "or drop files on the window: saved images, radiographs, masks");
    });
}

fn field_id(name: &str) -> Id {
    Id::unique(("path field", name))
}

fn edit_id(name: &str) -> Id {
    field_id(name).with("edit")
}

/// A field that keeps what is typed until Enter or until it loses the focus.
pub fn path_field(ui: &mut Ui, name: &str, current: &str) -> Option<String> {
    let id = field_id(name);
    let mut words: String = ui.data(|d| d.get_temp(id)).unwrap_or_else(|| current.to_owned());
    let response = ui
        .add(TextEdit::singleline(&mut words).id(edit_id(name)).desired_width(f32::INFINITY).hint_text(name))
        .accessible_name(name);
    if response.lost_focus() && words != current {
        ui.data_mut(|d| d.remove_temp::<String>(id));
        return Some(words);
    }
    if response.has_focus() {
        ui.data_mut(|d| d.insert_temp(id, words));
    }
    None
}
