//! Facts of the study: counts, integrity, leak audit, and which cases are shown.

use std::sync::Arc;

use eframe::egui::{RadioButton, RichText, Ui};
use study::analysis::words::{number, p as p_words, percent};
use study::analysis::{Test, letter};

use super::super::action::Action;
use super::super::draw::{fact, path_field, push};
use super::super::join::{checks, told};
use super::super::state::{Field, Tab};
use crate::checks::Verdict;
use crate::panels::Panel;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, check_line, grouped, rule, section};

/// Deviations that are named here; all stand in step 5 and in the report.
const NAMED: usize = 4;

/// Height of a line that can be chosen.
const TARGET: f32 = 24.0;

/// Shows the column.
pub(in crate::rooms::reading) fn left(ui: &mut Ui, panel: &mut Panel<'_>) {
    let Some(analysed) = &panel.state.reading.analysis else { return };
    let (joined, whole) = (Arc::clone(&analysed.joined), Arc::clone(&analysed.whole));
    let context = &joined.context;
    section(ui, context.template.name());
    caption(ui, context.title.as_str());
    fact(ui, "Cases", &grouped(whole.counts.cases));
    fact(ui, "Arms", &whole.arms.len().to_string());
    fact(ui, "Readers", &whole.readers.len().to_string());
    fact(ui, "Scores locked", &format!("{} of {}", grouped(whole.counts.scored), grouped(whole.counts.planned)));
    fact(ui, "Hidden repeats", &grouped(whole.counts.repeats));
    rule(ui);

    section(ui, "Integrity");
    checks(ui, context);
    for deviation in context.deviations.iter().take(NAMED) {
        check_line::show(ui, Verdict::Conflict, &format!("{} Listed as a deviation.", ended(&told(deviation))));
    }
    if context.deviations.len() > NAMED {
        let words = format!("{} more deviations", context.deviations.len() - NAMED);
        if Push::new(&words).purpose("All are listed in step 5 and in the report").frameless().show(ui).clicked() {
            push(panel, Action::Show(Tab::Join));
        }
    }
    rule(ui);

    section(ui, "Leak audit before sealing");
    match &context.audit {
        Some(audit) => {
            fact(ui, "Guessing the arm, AUC", &number(audit.guess, 2));
            fact(ui, "Chance interval", &format!("{}–{}", number(audit.chance.0, 2), number(audit.chance.1, 2)));
            fact(ui, "Best probe", &audit.probe);
        }
        None if whole.template == study::template::Template::AssistedReading => {
            caption(ui, "None was needed: both conditions show the same images.");
        }
        None => {
            caption(ui, "None was made; the report says why.");
        }
    }
    rule(ui);

    filter(ui, panel, &whole);
    section(ui, "Report folder");
    let path = panel.state.reading.paths.report.clone();
    path_field(ui, panel, Field::Report, "Report folder path", &path);
    caption(ui, "For “Export report” and “CSV, long form”.");
}

fn filter(ui: &mut Ui, panel: &mut Panel<'_>, whole: &study::analysis::Analysis) {
    if whole.findings.is_empty() {
        return;
    }
    section(ui, "Show cases with");
    let between = std::mem::replace(&mut ui.spacing_mut().item_spacing.y, 0.0);
    let chosen = panel.state.reading.analysis.as_ref().and_then(|analysed| analysed.finding.clone());
    let all = [(None, "All findings".to_owned(), whole.counts.cases)];
    let rows = whole.findings.iter().map(|row| (Some(row.code.clone()), row.name.clone(), row.cases));
    for (code, name, cases) in all.into_iter().chain(rows) {
        let selected = chosen == code;
        ui.horizontal(|ui| {
            ui.spacing_mut().interact_size.y = TARGET;
            let ink = if selected { tokens::INK } else { tokens::INK2 };
            let label = RichText::new(&name).font(text::secondary()).color(ink);
            let radio = ui.add(RadioButton::new(selected, label)).accessible_name(format!("Cases with: {name}"));
            if radio.on_hover_text("Analyses these cases alone; exploratory").clicked() {
                push(panel, Action::SetFinding(code.clone()));
            }
            ui.with_layout(eframe::egui::Layout::right_to_left(eframe::egui::Align::Center), |ui| {
                ui.label(RichText::new(grouped(cases)).font(text::secondary()).color(tokens::INK3));
            });
        });
    }
    ui.spacing_mut().item_spacing.y = between;
    ui.add_space(4.0);
    let row = chosen.and_then(|code| whole.findings.iter().find(|row| row.code == code));
    let tested = |test: Option<Test>| {
        let p = test.map(|t| match t.family {
            1 => format!("p {}, the only split that is tested", p_words(t.holm)),
            family => format!("Holm p {} over {family} splits", p_words(t.holm)),
        });
        p.unwrap_or_else(|| "too few cases for a test".to_owned())
    };
    if let Some((effect, difference)) = row.and_then(|row| row.effects.first()).and_then(|e| Some((e, e.difference?))) {
        caption(ui, format!("Effect in this split {}, {}.", number(difference.value, 2), tested(effect.test)));
    }
    for (of, share) in row.iter().flat_map(|row| &row.shares).filter_map(|of| Some((of, of.share?))) {
        let what = of
            .pair
            .map_or_else(|| "Real radiograph found".to_owned(), |(a, b)| format!("{} chosen over {}", letter(a), letter(b)));
        caption(ui, format!("{what} in {} of this split, {}.", percent(share.value, 0), tested(of.test)));
    }
    caption(ui, "Splits are exploratory; p is Holm-corrected over all of them.");
    rule(ui);
}

/// What a person wrote ends a sentence with or without its stop.
fn ended(words: &str) -> String {
    if words.ends_with(['.', '!', '?']) { words.to_owned() } else { format!("{words}.") }
}
