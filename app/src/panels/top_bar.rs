//! Top bar: undo, the open case, the model; sampler and Generate stand beside in files of their own.

use eframe::egui::{Align, Frame, Layout, Margin, RichText, Role, Stroke, Ui, WidgetInfo, vec2};

use super::{Panel, run_corner, sampler};
use crate::action::Action;
use crate::command::find;
use crate::jobs::ModelState;
use crate::rooms::models;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, chip};

/// Shows the top bar.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    if panel.state.room == crate::state::Room::Runs {
        return crate::rooms::runs::top(ui, panel);
    }
    if panel.state.room == crate::state::Room::Reading {
        return crate::rooms::reading::top(ui, panel);
    }
    if panel.state.room == crate::state::Room::Train {
        return crate::rooms::train::top(ui, panel);
    }
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        // What they take back depends on the room, as with their keys.
        for (icon, name, id) in [(Icon::Undo, "Undo", "case.undo"), (Icon::Redo, "Redo", "case.redo")] {
            let Some(command) = find(id) else { continue };
            let action = (command.action)(panel.state);
            let push = Push::icon(icon, name).command(id).purpose(command.purpose).enabled(action.is_some());
            if push.size(32.0, 32.0).icon_size(18.0).show(ui).clicked() {
                panel.out.extend(action);
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            run_corner::show(ui, panel);
            ui.add_space(6.0);
            // In a narrow window the running image takes the place of the next one's settings.
            if !panel.metrics.narrow || panel.state.job.is_none() {
                sampler::show(ui, panel);
            }
            model_chip(ui, panel);
            // What is left between the two belongs to the tabs.
            let room = ui.available_width();
            ui.allocate_ui_with_layout(vec2(room, 32.0), Layout::left_to_right(Align::Center), |ui| {
                super::tabs::show(ui, panel, room);
            });
        });
    });
}

/// The model: name, hash, PRACTICE, state. Laid out from the right.
pub(crate) fn model_chip(ui: &mut Ui, panel: &mut Panel<'_>) {
    let state = panel.state;
    let frame = Frame::new().stroke(Stroke::new(1.0, tokens::LINE2)).corner_radius(6).inner_margin(Margin::symmetric(10, 6));
    let (name, detail, practice, color) = match &state.model {
        ModelState::Loading { .. } => ("Model".to_owned(), "loading model…".to_owned(), true, tokens::INK3),
        ModelState::Unloaded(card) => (card.name.clone(), "memory free".to_owned(), card.practice, tokens::INK3),
        ModelState::Failed(_) => ("No model".to_owned(), "see messages".to_owned(), false, tokens::ERR),
        ModelState::Ready(model) => {
            let card = model.card();
            let hash = grouped_hash(&card.hash);
            let detail = match panel.metrics.compact {
                _ if panel.metrics.narrow => String::new(),
                true => "ready".to_owned(),
                false => format!("{hash}  ready"),
            };
            (card.name.clone(), detail, card.practice, tokens::INK3)
        }
    };
    let response = frame.show(ui, |ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 8.0;
            ui.set_height(18.0);
            if !detail.is_empty() {
                ui.label(RichText::new(detail).font(text::secondary()).color(color));
            }
            if practice {
                chip::badge(ui, "PRACTICE", tokens::WARN);
            }
            ui.label(RichText::new(&name).font(text::medium()).color(tokens::INK));
            if !panel.metrics.narrow {
                let (rect, _) = ui.allocate_exact_size(eframe::egui::Vec2::splat(16.0), eframe::egui::Sense::hover());
                Icon::Model.paint(ui.painter(), rect, 16.0, tokens::INK2);
            }
        });
    });
    let tip = match &state.model {
        ModelState::Ready(model) => {
            let card = model.card();
            let kind = if card.practice { "A practice model: it learned from drawn phantoms, not from patients. " } else { "" };
            format!("{kind}Images of {0} × {0} pixels, weights {1}.", card.size_px, grouped_hash(&card.hash))
        }
        ModelState::Loading { .. } => "The weights are being read; everything else works already.".to_owned(),
        ModelState::Unloaded(_) => "Its memory was given back; it is read again when the queue goes on.".to_owned(),
        ModelState::Failed(why) => why.clone(),
    };
    let chip = ui.interact(response.response.rect, ui.scope_id().with("model chip"), eframe::egui::Sense::click());
    chip.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Model: {name}")));
    if chip.on_hover_text(format!("{tip}\nClick for the list of models.")).clicked() {
        panel.out.push(Action::Models(models::Action::ToggleMenu));
    }
}

/// The first eight digits of a hash in two groups.
fn grouped_hash(hash: &str) -> String {
    let digits: Vec<char> = hash.chars().take(8).collect();
    digits.chunks(4).map(|c| c.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}
