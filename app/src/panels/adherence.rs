//! Adherence: how well the shown image follows each of its layers, by the practice checker.

use eframe::egui::{
    Align, CornerRadius, Label, Layout, Rect, RichText, Role, Sense, Stroke, StrokeKind, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

use super::Panel;
use crate::action::Action;
use crate::insight::rows::{self, Row, Value};
use crate::insight::{self, Look};
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, section_row};

/// Shows the section.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let look = &panel.insight.look;
    section_row(ui, "Adherence", |ui| {
        let words = match look {
            Look::Ready(_) => "practice checker",
            Look::Busy => "looking…",
            Look::NoChecker | Look::Failed(_) => "no checker",
            Look::None | Look::Pending => "after decoding",
        };
        caption(ui, words).on_hover_text(
            "A small network that finds five findings; it was trained on drawn phantoms, so its word counts for images of the practice model only.",
        );
    });
    let Some(request) = insight::shown_request(panel.state) else {
        caption(ui, "How well an image follows each layer is measured when it is finished.");
        return;
    };
    if request.annotations.is_empty() {
        caption(ui, "Nothing was drawn for this image, so there is nothing to follow.");
        return;
    }
    for row in rows::adherence(&panel.state.document, request, look) {
        show_row(ui, &row, panel.out);
    }
    if matches!(look, Look::Ready(_)) && !rows::is_as_drawn(&panel.state.document, request) {
        caption(ui, "The layers were changed since; the numbers are about those that this image was made with.");
    }
}

fn show_row(ui: &mut Ui, row: &Row, out: &mut Vec<Action>) {
    let (value, color) = match &row.value {
        Value::Pending => ("pending".to_owned(), tokens::INK3),
        Value::None(_) => ("–".to_owned(), tokens::INK3),
        Value::Measured(m) => (format!("{:.2}", m.value), tokens::INK),
    };
    let title = row.title();
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 18.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{title}: {value}")));
    let swatch = Rect::from_center_size(pos2(rect.left() + 6.0, rect.center().y), vec2(12.0, 12.0));
    let class = tokens::class(row.finding);
    if row.is_box {
        ui.painter().rect_stroke(swatch, CornerRadius::same(2), Stroke::new(1.6, class), StrokeKind::Inside);
    } else {
        ui.painter().rect_filled(swatch, CornerRadius::same(2), class);
    }
    let mut left =
        ui.new_child(UiBuilder::new().max_rect(rect.with_min_x(rect.left() + 20.0)).layout(Layout::left_to_right(Align::Center)));
    left.label(RichText::new(&title).font(text::secondary()).color(tokens::INK));
    let mut right = ui.new_child(UiBuilder::new().max_rect(rect).layout(Layout::right_to_left(Align::Center)));
    right.label(RichText::new(value).font(text::medium()).color(color));
    if let Value::Measured(m) = &row.value {
        bar(ui, m.value as f32, m.wanted as f32, &title);
    }
    if !row.meaning.is_empty() {
        let low = matches!(&row.value, Value::Measured(m) if !m.is_followed());
        let color = if low { tokens::WARN } else { tokens::INK3 };
        ui.horizontal_top(|ui| {
            ui.add_space(20.0);
            ui.add(Label::new(RichText::new(&row.meaning).font(text::secondary()).color(color)).wrap());
        });
    }
    if let Some(remedy) = &row.remedy {
        ui.horizontal(|ui| {
            ui.add_space(20.0);
            let label = format!("Retry layer {} at {:.2}", remedy.number, remedy.strength);
            if Push::new(&label).purpose("Sets the layer's strength and makes the image again with this seed").show(ui).clicked()
            {
                out.extend([Action::SetStrength(remedy.layer, remedy.strength), Action::Settle, Action::Generate]);
            }
        });
    }
    ui.add_space(2.0);
}

/// A bar filled to the value, with a tick at the least that is wanted.
fn bar(ui: &mut Ui, value: f32, wanted: f32, title: &str) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 9.0), Sense::hover());
    let rail = Rect::from_min_size(pos2(rect.left() + 20.0, rect.center().y - 2.0), vec2(rect.width() - 20.0, 4.0));
    let color = if value < wanted { tokens::WARN } else { tokens::INK2 };
    ui.painter().rect_filled(rail, CornerRadius::same(2), tokens::PRESS);
    let done = Rect::from_min_size(rail.min, vec2(rail.width() * value.clamp(0.0, 1.0), rail.height()));
    ui.painter().rect_filled(done, CornerRadius::same(2), color);
    let x = rail.left() + rail.width() * wanted;
    ui.painter().vline(x, rail.center().y - 4.5..=rail.center().y + 4.5, (1.5, tokens::INK));
    let name = format!("{title}, wanted {wanted:.2} or more");
    response.widget_info(|| WidgetInfo { value: Some(f64::from(value)), ..WidgetInfo::labeled(Role::Meter, true, &name) });
    response.on_hover_text(format!("{value:.2}; wanted is {wanted:.2} or more."));
}
