//! The results of the session, newest first, with the one that is forming before them.

use eframe::egui::{Align2, Rect, ScrollArea, Sense, Ui, Vec2, pos2, vec2};

use super::Panel;
use crate::action::Action;
use crate::reduce::shown_result;
use crate::state::Shown;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, section_row, thumbnail};

/// Heading and buttons, under the left panel.
pub fn label(ui: &mut Ui, panel: &mut Panel<'_>) {
    section_row(ui, "Results", |ui| {
        let words = match (panel.state.is_running(), panel.state.results.len()) {
            (true, _) => "1 forming".to_owned(),
            (false, 0) => String::new(),
            (false, n) => format!("{n} in this session"),
        };
        caption(ui, words);
    });
    buttons(ui, panel);
    if panel.state.results.is_empty() {
        caption(ui, "Every image is saved before it is shown as done.");
    }
}

/// Save and its folder.
pub fn buttons(ui: &mut Ui, panel: &mut Panel<'_>) {
    ui.horizontal(|ui| {
        let can_save = shown_result(panel.state).is_some();
        let save = Push::new("Save")
            .with_icon(Icon::Save)
            .key("Ctrl S")
            .purpose("Writes the shown image, its mask and its record into your folder")
            .enabled(can_save);
        if save.show(ui).clicked() {
            panel.out.push(Action::Save);
        }
        let export = Push::new("Export")
            .name("Export fields")
            .purpose("Formats, masks and how much the files tell")
            .selected(panel.state.images.export_open);
        if export.show(ui).clicked() {
            panel.out.push(Action::Images(crate::images::Action::ToggleExport));
        }
        let folder =
            Push::icon(Icon::Folder, "Save folder").purpose("Chooses where Save writes").selected(panel.state.view.save_open);
        if folder.show(ui).clicked() {
            panel.out.push(Action::ToggleSaveFields);
        }
    });
}

/// The pictures, under the canvas.
pub fn frames(ui: &mut Ui, panel: &mut Panel<'_>) {
    let room = ui.available_rect_before_wrap();
    let side = (room.height() - 18.0).clamp(24.0, 96.0);
    ScrollArea::horizontal().auto_shrink([false, false]).show(ui, |ui| {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 12.0;
            if let Some(job) = &panel.state.job {
                let live = matches!(panel.state.shown, Shown::Live | Shown::LiveStep(_));
                let texture = job.previews.last().map(|p| panel.thumbnails.get(ui.ctx(), p));
                let words = (job.request.seed.0.to_string(), format!("step {}", job.step));
                if item(ui, side, texture, live, "Forming image", &words) {
                    panel.out.push(Action::Show(Shown::Live));
                }
            }
            if panel.state.results.is_empty() && !panel.state.is_running() {
                nothing_yet(ui, panel, side);
            }
            for (index, result) in panel.state.results.iter().enumerate() {
                let chosen = shown_result(panel.state) == Some(index);
                let texture = panel.thumbnails.get(ui.ctx(), &result.artifact.image);
                let seed = result.artifact.request.seed.0;
                let name = format!("Result {} of {}: {}, seed {seed}", index + 1, panel.state.results.len(), result.name);
                let code = result.artifact.request.annotations.first().map_or("text", |a| a.finding.code());
                if item(ui, side, Some(texture), chosen, &name, &(seed.to_string(), code.to_owned())) {
                    panel.out.push(Action::Show(Shown::Result(index)));
                }
            }
        });
    });
}

fn nothing_yet(ui: &mut Ui, panel: &mut Panel<'_>, side: f32) {
    let picture =
        panel.state.pictures.iter().find(|(e, _)| Some(*e) == panel.state.example).map(|(_, p)| std::sync::Arc::clone(p));
    if let Some(picture) = picture {
        let texture = panel.thumbnails.get(ui.ctx(), &picture);
        if item(
            ui,
            side,
            Some(texture),
            panel.state.shown == Shown::Example,
            "Example image",
            &("example".to_owned(), String::new()),
        ) {
            panel.out.push(Action::Show(Shown::Example));
        }
    }
    let (rect, _) = ui.allocate_exact_size(Vec2::splat(side), Sense::hover());
    thumbnail::empty(ui, rect);
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, "first", text::secondary(), tokens::INK3);
}

/// A thumbnail with two words below; true when it was clicked.
fn item(
    ui: &mut Ui,
    side: f32,
    texture: Option<eframe::egui::TextureId>,
    chosen: bool,
    name: &str,
    words: &(String, String),
) -> bool {
    let (outer, _) = ui.allocate_exact_size(vec2(side, side + 16.0), Sense::hover());
    let rect = Rect::from_min_size(outer.min + vec2(2.0, 2.0), Vec2::splat(side - 4.0));
    let response = thumbnail::at(ui, rect, texture, chosen, name);
    let y = rect.bottom() + 4.0;
    ui.painter().text(pos2(rect.left(), y), Align2::LEFT_TOP, &words.0, text::caption(), tokens::INK2);
    ui.painter().text(pos2(rect.right(), y), Align2::RIGHT_TOP, &words.1, text::caption(), tokens::INK3);
    response.clicked()
}
