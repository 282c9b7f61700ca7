//! How scores lie: one bar an arm and reader, cut by score.

use eframe::egui::{
    Align, Align2, CornerRadius, Layout, Rect, RichText, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};
use study::analysis::words::number;
use study::analysis::{Analysis, Cell, Scale, letter};

use crate::theme::{text, tokens};
use crate::widgets::{caption, section};

/// Width of names and of means, in points.
const SIDES: (f32, f32) = (116.0, 104.0);

/// Shows the bars.
pub(super) fn show(ui: &mut Ui, analysis: &Analysis, scale: &Scale) {
    let choices = analysis.template.choices();
    ui.horizontal(|ui| {
        section(ui, "Scores");
        ui.label(RichText::new("cases per score; mean ± SD at the right").font(text::secondary()).color(tokens::INK3));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            for (choice, color) in choices.iter().zip(tokens::SCORES).rev() {
                ui.label(RichText::new(choice.figure).font(text::medium()).color(tokens::INK2)).on_hover_text(choice.words);
                let (rect, _) = ui.allocate_exact_size(vec2(11.0, 11.0), Sense::hover());
                ui.painter().rect_filled(rect, CornerRadius::same(2), color);
                ui.add_space(2.0);
            }
        });
    });
    let rows = analysis.arms.len() * analysis.readers.len();
    let height = if rows <= 8 { 30.0 } else { 22.0 };
    for (arm, name) in analysis.arms.iter().enumerate() {
        ui.add_space(4.0);
        ui.label(RichText::new(format!("{}  {name}", letter(arm))).font(text::section()).color(tokens::INK));
        for cell in scale.cells.iter().filter(|cell| cell.arm == arm && cell.reader.is_some()) {
            bar(ui, analysis, cell, height);
        }
    }
    if let (Some(first), Some(last)) = (choices.first(), choices.last()) {
        caption(ui, format!("{} {}, {} {}.", first.figure, lower(first.words), last.figure, lower(last.words)));
    }
}

/// Words in the middle of a sentence.
fn lower(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn bar(ui: &mut Ui, analysis: &Analysis, cell: &Cell, height: f32) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let reader = cell.reader.and_then(|r| analysis.readers.get(r)).map_or("", String::as_str);
    let choices = analysis.template.choices();
    let told: Vec<String> = choices.iter().zip(&cell.counts).map(|(c, n)| format!("{} {n}", c.figure)).collect();
    let number_or_dash = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| number(value, 2));
    let (mean, sd) = (number_or_dash(cell.mean), number_or_dash(cell.sd));
    let name = format!("{}, {reader}: {}; mean {mean}, SD {sd}, n {}", letter(cell.arm), told.join(", "), cell.n);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
    let painter = ui.painter().with_clip_rect(rect.expand(1.0).intersect(ui.clip_rect()));
    painter.text(rect.left_center(), Align2::LEFT_CENTER, reader, text::secondary(), tokens::INK2);
    let whole =
        Rect::from_min_max(pos2(rect.left() + SIDES.0, rect.top() + 1.0), pos2(rect.right() - SIDES.1, rect.bottom() - 1.0));
    let mut x = whole.left();
    for ((count, color), choice) in cell.counts.iter().zip(tokens::SCORES).zip(choices) {
        let width = whole.width() * *count as f32 / cell.n.max(1) as f32;
        let part = Rect::from_min_size(pos2(x, whole.top()), vec2(width, whole.height()));
        x += width;
        if *count == 0 {
            continue;
        }
        painter.rect(part, CornerRadius::ZERO, color, Stroke::new(1.0, tokens::BG), StrokeKind::Inside);
        let figure = painter.layout_no_wrap(count.to_string(), text::medium(), tokens::ON_SCORE);
        if figure.size().x + 2.0 < width {
            painter.galley(part.center() - figure.size() * 0.5, figure, tokens::ON_SCORE);
        }
        let at = ui.interact(part, response.id.with(choice.value), Sense::hover());
        at.on_hover_text(format!(
            "{} {}: {count} of {} ({:.0} %)",
            choice.figure,
            choice.words,
            cell.n,
            100.0 * *count as f32 / cell.n.max(1) as f32
        ));
    }
    let deviation = painter.layout_no_wrap(format!(" ± {sd}"), text::secondary(), tokens::INK3);
    let deviation_at = pos2(rect.right() - deviation.size().x, rect.center().y - deviation.size().y * 0.5);
    painter.text(pos2(deviation_at.x, rect.center().y), Align2::RIGHT_CENTER, mean, text::medium(), tokens::INK);
    painter.galley(deviation_at, deviation, tokens::INK3);
}
