//! Left panel: what the image should show, whether text and layers agree, what the model sees, examples.

use eframe::egui::{Sense, Ui, Vec2, vec2};

use super::{Panel, image_shows, impression, model_sees, text_checks, word_map};
use crate::action::Action;
use crate::examples::Example;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, rule, scroll, section, thumbnail};

/// Shows the panel.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    scroll::panel(ui, "left", |ui| {
        ui.add_space(4.0);
        // At the top, where it is seen however long the panel is.
        if panel.state.view.open_open {
            super::save::open_field(ui, panel);
            rule(ui);
        }
        impression::show(ui, panel);
        rule(ui);
        text_checks::show(ui, panel);
        rule(ui);
        if image_shows::show(ui, panel) {
            rule(ui);
        }
        model_sees::show(ui, panel);
        rule(ui);
        word_map::show(ui, panel);
        rule(ui);
        examples(ui, panel);
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
    ui.add_space(12.0);
}
