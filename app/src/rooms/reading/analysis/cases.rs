//! The cases behind the numbers: where readers differ most, with the images as they saw them.

use std::sync::Arc;

use eframe::egui::Ui;
use study::analysis::{Analysis, Differing, letter};

use super::super::action::Action;
use super::super::audit::picture;
use super::super::draw::push;
use crate::panels::Panel;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, rule, secondary, section_row, thumbnail};

/// Cases that are shown at first.
const FIRST: usize = 3;

/// Shows the column.
pub(in crate::rooms::reading) fn cases(ui: &mut Ui, panel: &mut Panel<'_>) {
    let Some(analysed) = &panel.state.reading.analysis else { return };
    let (analysis, joined, all) = (Arc::clone(analysed.shown()), Arc::clone(&analysed.joined), analysed.all_cases);
    let of = analysis.differing.len();
    let shown = if all { of } else { of.min(FIRST) };
    section_row(ui, "Where readers differ", |ui| {
        if of > 0 {
            secondary(ui, format!("1–{shown} of {of}"));
        }
    });
    ui.add_space(4.0);
    if of == 0 {
        let words = if analysis.readers.len() < 2 {
            "One reader has nobody to differ from."
        } else {
            "Cases appear here where readers gave different scores on one scale."
        };
        caption(ui, words);
        return;
    }
    for differing in analysis.differing.iter().take(shown) {
        let impression = joined.context.impressions.get(&differing.case).map_or("", String::as_str);
        case(ui, panel, &analysis, differing, impression);
        rule(ui);
    }
    let ids: Vec<String> = analysis.differing.iter().map(|differing| differing.case.clone()).collect();
    let words = format!("Open all {of} in Compare");
    let open = Push::new(&words).name("Open all in Compare").size(28.0, ui.available_width());
    if open.purpose("Puts the images beside each other, as many as the Compare room holds").show(ui).clicked() {
        push(panel, Action::Compare(ids));
    }
    if of > FIRST {
        let words = if all { "Show the first three" } else { "Show all cases" };
        if Push::new(words)
            .purpose("Lists more or fewer of these cases")
            .frameless()
            .size(28.0, ui.available_width())
            .show(ui)
            .clicked()
        {
            push(panel, Action::ShowAllCases(!all));
        }
    }
}

fn case(ui: &mut Ui, panel: &mut Panel<'_>, analysis: &Analysis, differing: &Differing, impression: &str) {
    let arms = analysis.arms.len();
    let across = arms.clamp(1, 2);
    let gap = 8.0;
    let side = ((ui.available_width() - gap * (across - 1) as f32) / across as f32).clamp(48.0, 320.0);
    for row in 0..arms.div_ceil(across) {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = gap;
            for arm in row * across..((row + 1) * across).min(arms) {
                ui.vertical(|ui| {
                    ui.set_width(side);
                    let found = panel.state.reading.analysis.as_ref();
                    let image = found.and_then(|a| a.pictures.get(&(differing.case.clone(), arm))).map(Arc::clone);
                    let name = format!("Case {}, {}", differing.case, letter(arm));
                    match image {
                        Some(image) => picture(ui, panel, &image, side, &letter(arm), &name),
                        None => {
                            let (rect, _) = ui.allocate_exact_size(eframe::egui::Vec2::splat(side), eframe::egui::Sense::hover());
                            thumbnail::empty(ui, rect);
                            ui.painter().text(
                                rect.center(),
                                eframe::egui::Align2::CENTER_CENTER,
                                letter(arm),
                                text::tag(),
                                tokens::INK3,
                            );
                        }
                    }
                    secondary(ui, scores(analysis, differing, arm));
                });
            }
        });
    }
    ui.horizontal_top(|ui| {
        let compare = format!("Compare case {}", differing.case);
        let push_button =
            Push::icon(crate::theme::icons::Icon::Compare, &compare).purpose("Opens its images in the Compare room");
        if push_button.size(24.0, 24.0).show(ui).clicked() {
            push(panel, Action::Compare(vec![differing.case.clone()]));
        }
        let words = if impression.is_empty() {
            format!("Case {}.", differing.case)
        } else {
            format!("Case {}. {impression}", differing.case)
        };
        ui.add(eframe::egui::Label::new(eframe::egui::RichText::new(words).font(text::secondary()).color(tokens::INK)).wrap());
    });
}

/// The scores of one image, in the order of the readers.
fn scores(analysis: &Analysis, differing: &Differing, arm: usize) -> String {
    let figure = |value: &Option<i32>| {
        let choice = value.and_then(|value| analysis.template.choices().iter().find(|choice| choice.value == value));
        choice.map_or("–", |choice| choice.figure).to_owned()
    };
    differing.scores.get(arm).map_or_else(String::new, |list| list.iter().map(figure).collect::<Vec<_>>().join(", "))
}
