//! Right panel: the start tip, the layers, and what kind of model this is.

use eframe::egui::{Frame, Margin, RichText, ScrollArea, Stroke, Ui};

use super::{Panel, adherence, layers};
use crate::action::Action;
use crate::images;
use crate::jobs::ModelState;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, chip, rule, secondary};

/// Shows the panel.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        ui.add_space(4.0);
        if !panel.state.settings.tips_hidden {
            crate::shell::tips::show(ui, panel);
            rule(ui);
        }
        if panel.state.images.offer.is_some() {
            images::panel::offer(ui, panel);
            rule(ui);
        }
        if panel.state.images.export_open {
            images::export_panel::show(ui, panel);
            rule(ui);
        }
        if panel.state.view.save_open {
            super::save::folder_field(ui, panel);
            rule(ui);
        }
        layers::show(ui, panel);
        rule(ui);
        images::panel::show(ui, panel);
        rule(ui);
        adherence::show(ui, panel);
        rule(ui);
        super::rule::show(ui, panel);
        rule(ui);
        model_card(ui, panel);
        ui.add_space(12.0);
    });
}

fn model_card(ui: &mut Ui, panel: &mut Panel<'_>) {
    let card = |ui: &mut Ui, add: &mut dyn FnMut(&mut Ui)| {
        Frame::new()
            .fill(tokens::RAISE)
            .stroke(Stroke::new(1.0, tokens::LINE2))
            .corner_radius(8)
            .inner_margin(Margin::same(12))
            .show(ui, |ui| {
                ui.set_width(ui.available_width());
                add(ui);
            });
    };
    let out = &mut *panel.out;
    match &panel.state.model {
        ModelState::Failed(why) => card(ui, &mut |ui| {
            ui.label(RichText::new("No model").font(text::medium()).color(tokens::ERR));
            secondary(ui, why.as_str());
            caption(ui, "Everything but Generate works. Choose another model in the room Train.");
        }),
        ModelState::Loading { .. } => card(ui, &mut |ui| {
            ui.label(RichText::new("Loading model…").font(text::medium()).color(tokens::INK));
            secondary(ui, "Weights are being read. Draw and type meanwhile.");
        }),
        ModelState::Unloaded(card_of) => card(ui, &mut |ui| {
            ui.label(RichText::new(format!("The memory of {} is free", card_of.name)).font(text::medium()).color(tokens::INK));
            secondary(ui, "Resume reads the model again; runs go on where they were, with the same result.");
        }),
        ModelState::Ready(model) if model.card().practice => {
            let size = model.card().size_px;
            card(ui, &mut |ui| {
                ui.horizontal_wrapped(|ui| {
                    chip::badge(ui, "PRACTICE", tokens::WARN);
                    ui.label(RichText::new("This is a practice model").font(text::medium()).color(tokens::INK));
                });
                secondary(
                    ui,
                    format!(
                        "It learned from drawn phantoms, not from patients, at {size} px. Its images show how the studio works and are no evidence about disease."
                    ),
                );
                if Push::new("Add ChexGen weights")
                    .purpose("Imports published weights, or adds a model folder")
                    .show(ui)
                    .clicked()
                {
                    out.push(Action::OpenRoom(crate::state::Room::Train));
                    out.push(Action::Train(crate::rooms::train::Action::Show(crate::rooms::train::Tab::Models)));
                }
            });
        }
        ModelState::Ready(_) => {}
    }
}
