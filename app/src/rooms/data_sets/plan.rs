//! Middle: coverage, examples and warnings, before anything is sampled.

use eframe::egui::{Align, Grid, Label, Layout, RichText, Role, ScrollArea, Sense, Ui, Vec2, WidgetInfo, vec2};

use super::action::Action;
use super::draw::{placement, push, tabs};
use super::state::Plan;
use crate::checks::Verdict;
use crate::dataset::coverage::{Axis, Matrix};
use crate::panels::Panel;
use crate::theme::{text, tokens};
use crate::widgets::{caption, check_line, field, grouped, section};

/// Side of an example.
const SIDE: f32 = 132.0;
/// Width of a column of numbers.
const COLUMN: f32 = 72.0;

/// Shows the page.
pub(super) fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    tabs(ui, panel);
    ui.add_space(4.0);
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        ui.set_max_width(ui.available_width());
        match panel.state.data_sets.plan.clone() {
            None => {
                if panel.state.data_sets.asked == 0 {
                    push(panel, Action::Begin);
                }
                caption(ui, "The plan is being made.");
            }
            Some(Err(why)) => check_line::show(ui, Verdict::Conflict, &format!("The recipe cannot run: {why}.")),
            Some(Ok(plan)) => {
                coverage(ui, panel, &plan);
                ui.add_space(12.0);
                warnings(ui, &plan);
                ui.add_space(12.0);
                examples(ui, &plan);
            }
        }
    });
}

fn coverage(ui: &mut Ui, panel: &mut Panel<'_>, plan: &Plan) {
    let axis = panel.state.data_sets.axis;
    ui.horizontal_wrapped(|ui| {
        section(ui, "Coverage: finding by");
        if let Some(chosen) = field::choice(ui, "Coverage by", 92.0, axis, &Axis::ALL, Axis::title) {
            push(panel, Action::SetAxis(chosen));
        }
        let several = plan.rows.list.iter().any(|row| !row.more.is_empty());
        let counted = if several { "; each finding of a row counts" } else { "" };
        caption(ui, format!("{} rows, {} images{counted}", grouped(plan.rows.list.len()), grouped(plan.cases.len())));
    });
    let matrix = Matrix::of(&plan.rows.list, axis);
    let most = matrix.most().max(1) as f32;
    // At large text the columns do not fit beside recipe and cost.
    ScrollArea::horizontal().id_salt("coverage columns").show(ui, |ui| grid(ui, axis, &matrix, most));
}

fn grid(ui: &mut Ui, axis: Axis, matrix: &Matrix, most: f32) {
    Grid::new("coverage").min_col_width(COLUMN).spacing([2.0, 2.0]).show(ui, |ui| {
        ui.label("");
        for &column in &matrix.columns {
            head(ui, axis.labels()[column]);
        }
        head(ui, "Sum");
        ui.end_row();
        for (i, class) in matrix.classes.iter().enumerate() {
            title(ui, class.title(), tokens::INK);
            for (k, &column) in matrix.columns.iter().enumerate() {
                let n = matrix.counts[i][k];
                cell(ui, n, Some(n as f32 / most), &format!("{}, {}: {n}", class.title(), axis.labels()[column].to_lowercase()));
            }
            cell(ui, matrix.row_sum(i), None, &format!("{}, sum: {}", class.title(), matrix.row_sum(i)));
            ui.end_row();
        }
        title(ui, "Sum", tokens::INK2);
        for (k, &column) in matrix.columns.iter().enumerate() {
            let n = matrix.column_sum(k);
            cell(ui, n, None, &format!("Sum, {}: {n}", axis.labels()[column].to_lowercase()));
        }
        cell(ui, matrix.total(), None, &format!("Sum of all: {}", matrix.total()));
        ui.end_row();
    });
}

/// The name of a row, at its left.
fn title(ui: &mut Ui, words: &str, color: eframe::egui::Color32) {
    let (rect, _) = ui.allocate_exact_size(vec2(150.0, 26.0), Sense::hover());
    ui.painter().text(rect.left_center(), eframe::egui::Align2::LEFT_CENTER, words, text::body(), color);
}

fn head(ui: &mut Ui, words: &str) {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.label(RichText::new(words).font(text::medium()).color(tokens::INK2));
    });
}

/// A count; the ground grows lighter with it, an empty cell is marked by a dash.
fn cell(ui: &mut Ui, n: usize, share: Option<f32>, name: &str) {
    let (rect, response) = ui.allocate_exact_size(vec2(COLUMN, 26.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, name));
    if let Some(share) = share {
        ui.painter().rect_filled(rect, 2.0, tokens::alpha(tokens::INK2, 0.04 + 0.22 * share));
    }
    let (words, color) = match (n, share) {
        (0, Some(_)) => ("–".to_owned(), tokens::INK3),
        (n, Some(_)) => (grouped(n), tokens::INK),
        (n, None) => (grouped(n), tokens::INK2),
    };
    let at = rect.right_center() - vec2(8.0, 0.0);
    ui.painter().text(at, eframe::egui::Align2::RIGHT_CENTER, words, text::body(), color);
}

fn warnings(ui: &mut Ui, plan: &Plan) {
    for why in &plan.impossible {
        check_line::show(ui, Verdict::Conflict, &format!("Cannot be placed: {why}."));
    }
    for warning in &plan.warnings {
        check_line::show(ui, Verdict::Note, warning);
    }
    if plan.impossible.is_empty() && plan.warnings.is_empty() {
        check_line::show(ui, Verdict::Agrees, "Every row can be placed, and no cell that can be filled is empty.");
    }
}

fn examples(ui: &mut Ui, plan: &Plan) {
    section(ui, "Where findings will be asked for");
    caption(ui, "Drawn without the model: the dashed lungs of the row's chest and the region, at once and at no cost.");
    let across = ((ui.available_width() + 8.0) / (SIDE + 8.0)).floor().max(1.0) as usize;
    for part in plan.examples.chunks(across) {
        ui.horizontal_top(|ui| {
            for example in part {
                ui.vertical(|ui| {
                    ui.set_width(SIDE);
                    let (rect, response) = ui.allocate_exact_size(Vec2::splat(SIDE), Sense::hover());
                    let name = format!("Example row {}: {}", example.row, example.title);
                    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
                    placement(ui, rect, example);
                    response.on_hover_text(&example.impression);
                    let words = format!("{}  {}", example.row, example.title);
                    ui.add(Label::new(RichText::new(words).font(text::caption()).color(tokens::INK2)).wrap());
                });
            }
        });
        ui.add_space(4.0);
    }
}
