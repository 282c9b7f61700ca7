//! The cases behind the numbers: where readers differ most, with the images as they saw them.

use std::sync::Arc;

use eframe::egui::Ui;
use study::analysis::words::case as case_named;
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
    let no_pictures = analysed.pictures.is_empty();
    // Of several criteria, the one that is looked at.
    let criterion = analysis.scales.get(analysed.scale.min(analysis.scales.len().saturating_sub(1)));
    let criterion = criterion.map_or("", |scale| scale.criterion.as_str());
    let listed: Vec<&Differing> = analysis.differing.iter().filter(|differing| differing.criterion == criterion).collect();
    let of = listed.len();
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
            "Nobody differs: all readers gave the same answers."
        };
        caption(ui, words);
        return;
    }
    if no_pictures {
        caption(ui, "For the images, name the sealed study and its key in step 5 and open the joined answers again.");
    }
    for differing in listed.iter().take(shown) {
        let impression = joined.context.impressions.get(&differing.case).map_or("", String::as_str);
        case(ui, panel, &analysis, differing, impression);
        rule(ui);
    }
    let mut ids: Vec<String> = listed.iter().map(|differing| differing.case.clone()).collect();
    ids.dedup();
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
    // Of a choice, the arms that stood beside each other.
    let seen = |arm: &usize| analysis.template.is_ordinal() || !differing.said(analysis, *arm).is_empty();
    let arms: Vec<usize> = (0..analysis.arms.len()).filter(seen).collect();
    let across = arms.len().clamp(1, 2);
    let gap = 8.0;
    let side = ((ui.available_width() - gap * (across - 1) as f32) / across as f32).clamp(48.0, 320.0);
    for row in arms.chunks(across) {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = gap;
            for &arm in row {
                ui.vertical(|ui| {
                    ui.set_width(side);
                    let found = panel.state.reading.analysis.as_ref();
                    let image = found.and_then(|a| a.pictures.get(&(differing.case.clone(), arm))).map(Arc::clone);
                    let name = format!("{}, {}", case_named("Case", &differing.case), letter(arm));
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
        let compare = format!("Compare {}", case_named("case", &differing.case));
        let push_button =
            Push::icon(crate::theme::icons::Icon::Compare, &compare).purpose("Opens its images in the Compare room");
        if push_button.size(24.0, 24.0).show(ui).clicked() {
            push(panel, Action::Compare(vec![differing.case.clone()]));
        }
        let named = case_named("Case", &differing.case);
        let words = if impression.is_empty() { format!("{named}.") } else { format!("{named}. {impression}") };
        ui.add(eframe::egui::Label::new(eframe::egui::RichText::new(words).font(text::secondary()).color(tokens::INK)).wrap());
    });
}

/// The scores of one image in the order of the readers; of a choice, who took it.
fn scores(analysis: &Analysis, differing: &Differing, arm: usize) -> String {
    let said = differing.said(analysis, arm);
    match (analysis.template.is_ordinal(), said.as_str()) {
        (true, _) => said,
        (false, "–") => "Taken by nobody".to_owned(),
        (false, readers) => format!("Taken by {readers}"),
    }
}
