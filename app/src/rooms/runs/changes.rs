//! What changed between two runs: the fields that differ, and how many do not.

use eframe::egui::{Align2, FontId, Rect, Role, Sense, Ui, WidgetInfo, pos2, text::LayoutJob, text::TextWrapping, vec2};

use super::action::Action;
use crate::action::Action as Any;
use crate::library::diff::Field;
use crate::library::reader::Inspected;
use crate::panels::Panel;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, section_row};

/// Height of a row.
const ROW: f32 = 28.0;

/// Shows the table.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>, run: &Inspected) {
    let Some((a, diff)) = &run.diff else {
        section_row(ui, "What changed", |_| {});
        let chosen = panel.state.runs.chosen.other().is_some();
        caption(
            ui,
            if chosen {
                "The record of one of the two cannot be read, so they cannot be compared."
            } else {
                "Choose a second run with Ctrl, and what differs is listed here."
            },
        );
        return;
    };
    let b = run.details.row.id;
    section_row(ui, "What changed", |ui| {
        caption(ui, format!("A run {a} → B run {b}"));
    });
    ui.spacing_mut().item_spacing.y = 0.0;
    if !diff.changed.is_empty() {
        row(ui, "Field", "A", "B", true);
    }
    for Field { name, a, b } in &diff.changed {
        row(ui, name, a, b, false);
    }
    ui.add_space(6.0);
    let n = diff.same.len();
    let words = match (diff.changed.is_empty(), diff.same_text()) {
        (true, true) => format!("Nothing: all {n} fields and the text are the same."),
        (true, false) => format!("Only the text; all {n} fields are the same."),
        _ => format!("{n} other fields are the same."),
    };
    let open = panel.state.runs.show_same;
    ui.horizontal(|ui| {
        caption(ui, words);
        let toggle = Push::new(if open { "Hide them" } else { "Show all" }).frameless().size(24.0, 0.0);
        if toggle.show(ui).clicked() {
            panel.out.push(Any::Runs(Action::ShowSame(!open)));
        }
    });
    if open {
        for Field { name, a, .. } in &diff.same {
            row(ui, name, a, "same", false);
        }
    }
}

fn row(ui: &mut Ui, name: &str, a: &str, b: &str, head: bool) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Row, true, format!("{name}: {a}, {b}")));
    let (font, ink) = if head { (text::medium(), tokens::INK2) } else { (text::secondary(), tokens::INK) };
    // Two fifths for the name, the rest for the values; long ones end with an ellipsis and stand in the tip.
    let w = rect.width();
    let (name_at, a_at, b_at) = (rect.left(), rect.left() + 0.70 * w, rect.right());
    let name_font = if head { text::medium() } else { text::secondary() };
    let name_ink = if head { tokens::INK2 } else { tokens::INK };
    put(ui, rect, pos2(name_at, rect.center().y), Align2::LEFT_CENTER, name, 0.40 * w, name_font, name_ink);
    put(ui, rect, pos2(a_at, rect.center().y), Align2::RIGHT_CENTER, a, 0.30 * w, font.clone(), ink);
    put(ui, rect, pos2(b_at, rect.center().y), Align2::RIGHT_CENTER, b, 0.28 * w, font, ink);
    ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, (1.0, tokens::LINE));
    if !head {
        response.on_hover_text(format!("{name}\nA: {a}\nB: {b}"));
    }
}

fn put(
    ui: &Ui,
    row: Rect,
    at: eframe::egui::Pos2,
    align: Align2,
    words: &str,
    width: f32,
    font: FontId,
    ink: eframe::egui::Color32,
) {
    let mut job = LayoutJob::simple_singleline(words.to_owned(), font, ink);
    job.wrap = TextWrapping::truncate_at_width(width);
    let galley = ui.painter().layout_job(job);
    let rect = align.anchor_size(at, galley.size());
    ui.painter().with_clip_rect(row).galley(rect.min, galley, ink);
}
