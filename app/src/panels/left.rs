//! Left panel: what the image should show, whether text and layers agree, what the model sees, examples.

use eframe::egui::{RichText, ScrollArea, Sense, Ui, Vec2, vec2};

use super::{Panel, impression};
use crate::action::Action;
use crate::checks::{self, Verdict};
use crate::examples::Example;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, check_line, rule, section, section_row, thumbnail};

/// Shows the panel.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        ui.set_max_width(ui.available_width());
        ui.add_space(4.0);
        impression::show(ui, panel);
        rule(ui);
        text_checks(ui, panel);
        rule(ui);
        model_sees(ui, panel);
        rule(ui);
        examples(ui, panel);
    });
}

fn text_checks(ui: &mut Ui, panel: &mut Panel<'_>) {
    let cut_at = panel.tokens.and_then(|t| t.cut_at);
    let found = checks::check(&panel.state.document, cut_at);
    let conflicts = found.iter().filter(|c| c.verdict == Verdict::Conflict).count();
    section_row(ui, "Text checks", |ui| {
        let (words, color) = match conflicts {
            0 => ("No conflict".to_owned(), tokens::INK3),
            1 => ("1 conflict".to_owned(), tokens::WARN),
            n => (format!("{n} conflicts"), tokens::WARN),
        };
        ui.label(RichText::new(words).font(text::secondary()).color(color));
    });
    if found.is_empty() {
        caption(ui, "Checked while you type.");
    }
    for check in found {
        check_line::show(ui, check.verdict, &check.sentence);
        if let Some((layer, finding)) = check.repair {
            ui.horizontal(|ui| {
                ui.add_space(24.0);
                if Push::new("Flip text").purpose("Swaps right and left in this sentence").show(ui).clicked() {
                    panel.out.push(Action::FlipText(finding));
                }
                let words = match panel.state.document.layer(layer).map(|l| l.kind()) {
                    Some("Box") => "Flip box",
                    _ => "Flip mask",
                };
                if Push::new(words).purpose("Mirrors the layer to the other side").show(ui).clicked() {
                    panel.out.push(Action::MirrorLayer(layer));
                }
            });
        }
    }
}

fn model_sees(ui: &mut Ui, panel: &mut Panel<'_>) {
    section_row(ui, "What the model sees", |ui| {
        let size = panel.state.model.ready().map_or(panel.state.document.size_px, |m| m.card().size_px);
        caption(ui, format!("{size} × {size}"));
    });
    let side = 104.0;
    let condition = panel.condition.clone();
    if condition.is_none() && panel.state.document.annotations().is_empty() {
        caption(ui, "Nothing is drawn: the text alone decides.");
        return;
    }
    ui.horizontal_top(|ui| {
        let (rect, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::hover());
        ui.painter().rect_filled(rect, 2.0, tokens::VIEW);
        if let Some(condition) = &condition {
            let texture = panel.thumbnails.get(ui.ctx(), condition);
            let uv = eframe::egui::Rect::from_min_max(eframe::egui::pos2(0.0, 0.0), eframe::egui::pos2(1.0, 1.0));
            ui.painter().image(texture, rect, uv, tokens::AS_IS);
        }
        response.on_hover_text("The condition picture: each class has its grey, compiled from the visible layers.");
        ui.vertical(|ui| {
            ui.set_width(ui.available_width());
            let words = if condition.is_some() {
                "Compiled from the visible layers. The guide is for you; the model never gets it."
            } else {
                "Shown as soon as the model is ready."
            };
            caption(ui, words);
        });
    });
}

fn examples(ui: &mut Ui, panel: &mut Panel<'_>) {
    section(ui, "Examples");
    for example in Example::ALL {
        let open = panel.state.example == Some(example);
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 44.0), Sense::hover());
        let id = ui.scope_id().with(("example", example.title()));
        let response = ui.interact(rect, id, Sense::click());
        let name = format!("Open example: {}", example.title());
        response.widget_info(|| eframe::egui::WidgetInfo::selected(eframe::egui::Role::Button, true, open, &name));
        if open || response.hovered() {
            ui.painter().rect_filled(rect.expand2(vec2(6.0, 0.0)), 6.0, tokens::RAISE);
        }
        let picture = eframe::egui::Rect::from_min_size(rect.min + vec2(0.0, 4.0), Vec2::splat(36.0));
        let image = panel.state.pictures.iter().find(|(e, _)| *e == example).map(|(_, i)| std::sync::Arc::clone(i));
        match image {
            Some(image) => {
                let texture = panel.thumbnails.get(ui.ctx(), &image);
                let uv = eframe::egui::Rect::from_min_max(eframe::egui::pos2(0.0, 0.0), eframe::egui::pos2(1.0, 1.0));
                ui.painter().image(texture, picture, uv, tokens::AS_IS);
            }
            None => thumbnail::empty(ui, picture),
        }
        let at = picture.right_top() + vec2(10.0, 2.0);
        ui.painter().text(at, eframe::egui::Align2::LEFT_TOP, example.title(), text::body(), tokens::INK);
        ui.painter().text(at + vec2(0.0, 18.0), eframe::egui::Align2::LEFT_TOP, example.kind(), text::secondary(), tokens::INK3);
        if response.clicked() {
            panel.out.push(Action::OpenExample(example));
        }
    }
    ui.add_space(4.0);
    ui.horizontal_wrapped(|ui| {
        if Push::new("New, empty").purpose("Starts a case without text and layers").show(ui).clicked() {
            panel.out.push(Action::NewDocument);
        }
        let open = Push::new("Open a file")
            .with_icon(Icon::Folder)
            .purpose("A saved image restores everything; a radiograph goes under the layers; masks become layers");
        if open.selected(panel.state.view.open_open).show(ui).clicked() {
            panel.out.push(Action::ToggleOpenField);
        }
    });
    if panel.state.view.open_open {
        super::save::open_field(ui, panel);
    }
    ui.add_space(12.0);
}
