//! The column left of the image: impression, patient, question, criteria.

use eframe::egui::{CornerRadius, FontFamily, FontId, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};
use eframe::egui::{Label, RichText};

use super::Scene;
use crate::reader::action::Action;
use crate::reader::state::Step;
use crate::theme::{text, tokens};

/// Text of a size with the height of its lines.
pub(super) fn set(words: &str, size: f32, line: f32) -> RichText {
    RichText::new(words).font(FontId::new(size, FontFamily::Proportional)).line_height(Some(line)).color(tokens::INK)
}

/// A small heading above something that is read.
pub(super) fn heading(ui: &mut Ui, words: &str) {
    ui.label(RichText::new(words).font(text::secondary()).color(tokens::INK2));
    ui.add_space(2.0);
}

pub(super) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let state = scene.state;
    let trial = &state.turn.trial;
    if let Some(impression) = &trial.impression {
        heading(ui, "Impression");
        ui.add(Label::new(set(impression, 17.0, 27.0)).wrap());
        ui.add_space(12.0);
    }
    if let Some(patient) = &trial.patient {
        ui.add(Label::new(RichText::new(patient).font(text::secondary()).color(tokens::INK3)).wrap());
        ui.add_space(28.0);
    } else if trial.impression.is_some() {
        ui.add_space(16.0);
    }
    if let Some(finding) = &trial.finding {
        heading(ui, "Finding");
        ui.add(Label::new(set(finding, 17.0, 27.0)).wrap());
        ui.add_space(20.0);
    }
    if matches!(state.turn.step, Step::Errors | Step::Closing) {
        return;
    }
    heading(ui, "Question");
    ui.add(Label::new(set(&state.sheet.question, 15.0, 22.0)).wrap());
    if !state.sheet.criteria.is_empty() {
        ui.add_space(20.0);
        criteria(ui, scene);
    }
}

/// The criteria with what was chosen for each; the one in hand is outlined.
fn criteria(ui: &mut Ui, scene: &mut Scene<'_>) {
    let state = scene.state;
    heading(ui, "Criteria, ↑ and ↓ go from one to the next");
    for (i, criterion) in state.sheet.criteria.iter().enumerate() {
        let chosen = state.turn.chosen.get(i).copied().flatten().and_then(|c| state.sheet.choices.get(c));
        let in_hand = i == state.turn.question && state.turn.step == Step::Score;
        let width = ui.available_width();
        let words = ui.painter().layout(criterion.clone(), text::body(), tokens::INK, width - 60.0);
        let (rect, response) = ui.allocate_exact_size(vec2(width, words.size().y + 14.0), Sense::click());
        let value = chosen.map_or("–", |c| c.figure);
        response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, in_hand, format!("{criterion}: {value}")));
        let (fill, outline) = if in_hand { (tokens::PRESS, tokens::INK3) } else { (tokens::BG, tokens::LINE2) };
        let painter = ui.painter();
        painter.rect(rect, CornerRadius::same(6), fill, Stroke::new(1.0, outline), StrokeKind::Inside);
        painter.galley(rect.min + vec2(10.0, 7.0), words, tokens::INK);
        let value = painter.layout_no_wrap(value.to_owned(), text::medium(), tokens::INK);
        painter.galley(
            eframe::egui::pos2(rect.right() - 12.0 - value.size().x, rect.center().y - value.size().y * 0.5),
            value,
            tokens::INK,
        );
        if response.clicked() {
            scene.out.push(Action::Question(i));
        }
    }
}
