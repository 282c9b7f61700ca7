//! Step 3: the study's file and its key.

use eframe::egui::{Label, RichText, Ui};
use study::prepare::needs_audit;
use study::sealed::grouped;

use super::action::Action;
use super::draw::{busy, fact, path_field, push};
use super::reduce::not_sealed_because;
use super::state::{Field, Tab};
use crate::checks::Verdict;
use crate::panels::Panel;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::entry::paragraph;
use crate::widgets::{Push, caption, check_line, rule, secondary, section};

/// Where the study goes, and the button.
pub(super) fn left(ui: &mut Ui, panel: &mut Panel<'_>) {
    section(ui, "Seal");
    let path = panel.state.reading.paths.sealed.clone();
    path_field(ui, panel, Field::Sealed, "Sealed study path", &path);
    let key = path.with_extension("cxkey");
    let key = key.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    caption(ui, format!("The key is written beside it as {key}."));
    let room = &panel.state.reading;
    let leaks = room.fitting_audit().is_none_or(|audited| audited.record.after.must_equalise().next().is_some());
    if needs_audit(&room.design) && leaks {
        ui.add_space(4.0);
        caption(ui, "Without an audit, or although something leaks: say why. The reason stands in the study and in its report.");
        let reason = room.reason.clone();
        if let Some(words) = paragraph(ui, "Reason to seal without a clean audit", "Reason", 3, &reason) {
            push(panel, Action::SetReason(words));
        }
    }
    ui.add_space(4.0);
    let why_not = not_sealed_because(&panel.state.reading);
    let can = why_not.is_none() && panel.state.reading.busy.is_none();
    let seal = Push::new("Seal the study").primary().size(32.0, ui.available_width()).enabled(can);
    let purpose = "Writes the file for the readers and the key for you; neither is ever replaced";
    if seal.purpose(purpose).show(ui).clicked() {
        push(panel, Action::Seal);
    }
    if let Some(why) = why_not {
        check_line::show(ui, Verdict::Conflict, &why);
    }
    busy(ui, panel, Tab::Seal);
}

/// What was sealed, and what stands in it.
pub(super) fn middle(ui: &mut Ui, panel: &mut Panel<'_>) {
    let room = &panel.state.reading;
    if let Some(hashes) = room.sealed.clone() {
        section(ui, "Register before the first answer");
        let file = |path: &std::path::Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        hash(ui, panel, "Study", &file(&hashes.study.0), &hashes.study.1);
        ui.add_space(8.0);
        hash(ui, panel, "Key", &file(&hashes.key.0), &hashes.key.1);
        caption(ui, "Readers get the study alone. Keep the key to yourself until the last answer is locked.");
        rule(ui);
    }
    let room = &panel.state.reading;
    section(ui, "What goes into the study");
    let Some(checked) = &room.checked else { return };
    ui.set_max_width(ui.available_width().min(520.0));
    fact(ui, "Title", &room.design.title);
    fact(ui, "Template", room.design.template.name());
    fact(ui, "Cases", &format!("{}, {} for practice", checked.cases, checked.practice));
    fact(ui, "Arms, in the key alone", &room.design.arms.len().to_string());
    fact(ui, "Readers", &room.design.readers.join(", "));
    let trials: usize = checked.readers.iter().map(super::state::Planned::trials).sum();
    fact(ui, "Trials in all", &trials.to_string());
    if let Some(audited) = room.fitting_audit() {
        let best = audited.record.after.findings.iter().max_by(|a, b| a.auc.total_cmp(&b.auc));
        if let Some(best) = best {
            fact(ui, "Guessing the arm, AUC", &format!("{:.2} by {}", best.auc, best.probe.name()));
            fact(ui, "Chance interval", &format!("{:.2}–{:.2}", best.chance.0, best.chance.1));
        }
    }
    ui.add_space(6.0);
    secondary(
        ui,
        "Images go in under opaque names, of one size, without metadata. The same design, cases, images and seed give the same two files.",
    );
}

fn hash(ui: &mut Ui, panel: &mut Panel<'_>, what: &'static str, file: &str, hash: &str) {
    ui.horizontal(|ui| {
        ui.label(RichText::new(format!("{what}, {file}")).font(text::medium()).color(tokens::INK));
        let name = format!("Copy hash: {what}");
        if Push::icon(Icon::Copy, &name).purpose("Puts all 64 digits on the clipboard").size(26.0, 26.0).show(ui).clicked() {
            push(panel, Action::Copy(grouped(hash), if what == "Key" { "The hash of the key" } else { "The hash of the study" }));
        }
    });
    let words = RichText::new(grouped(hash)).font(text::body()).color(tokens::INK2);
    ui.add(Label::new(words).wrap().selectable(true));
}
