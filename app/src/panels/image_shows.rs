//! What the image shows, by the practice checker: findings by side, and who won where text and layers disagreed.

use eframe::egui::{Align, Label, Layout, RichText, Role, Ui, UiBuilder, WidgetInfo, vec2};

use super::Panel;
use crate::insight::Look;
use crate::theme::{text, tokens};
use crate::widgets::{caption, section_row};

/// Shows the section where a finished image is on the canvas; says whether it did.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) -> bool {
    let look = &panel.insight.look;
    let right = match look {
        Look::None | Look::Pending => return false,
        Look::Busy => "looking…",
        Look::NoChecker => "no checker",
        Look::Failed(_) | Look::Ready(_) => "practice checker",
    };
    section_row(ui, "What the image shows", |ui| {
        caption(ui, right);
    });
    match look {
        Look::Ready(looked) => {
            let shows = &looked.shows;
            if shows.scores.is_empty() {
                caption(ui, "Nothing was asked for that the checker knows, and it sees nothing.");
            }
            for (name, score) in &shows.scores {
                row(ui, name, *score);
            }
            if !shows.verdict.is_empty() {
                ui.add(Label::new(RichText::new(&shows.verdict).font(text::secondary()).color(tokens::INK2)).wrap());
            }
            caption(ui, "Scores come from a checker trained on drawn phantoms.");
        }
        Look::NoChecker => {
            caption(ui, "Needs a checker; none fits this model.");
        }
        Look::Failed(why) => {
            caption(ui, why.as_str());
        }
        Look::None | Look::Pending | Look::Busy => {}
    }
    true
}

fn row(ui: &mut Ui, name: &str, score: Option<f32>) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 20.0), eframe::egui::Sense::hover());
    let value = score.map_or_else(|| "–".to_owned(), |s| format!("{s:.2}"));
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{name}: {value}")));
    let mut left = ui.new_child(UiBuilder::new().max_rect(rect).layout(Layout::left_to_right(Align::Center)));
    left.label(RichText::new(name).font(text::secondary()).color(tokens::INK2));
    let mut right = ui.new_child(UiBuilder::new().max_rect(rect).layout(Layout::right_to_left(Align::Center)));
    right.label(RichText::new(value).font(text::secondary()).color(if score.is_some() { tokens::INK } else { tokens::INK3 }));
    if score.is_none() {
        response.on_hover_text("Needs a checker; this one does not know the class.");
    }
}
