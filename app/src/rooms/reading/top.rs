//! The room's top bar: its six steps, and what is done with the analysis; its words in the status bar.

use eframe::egui::{Align, Layout, RichText, ScrollArea, Ui};

use super::action::Action;
use super::draw::push;
use super::state::Tab;
use crate::panels::Panel;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, chip};

/// What marks answers of a program.
pub(super) const SIMULATED: &str = "SIMULATED READERS";

/// Shows the bar.
pub fn top(ui: &mut Ui, panel: &mut Panel<'_>) {
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        if !panel.metrics.compact {
            ui.label(RichText::new("Reading Room").font(text::title()).color(tokens::INK));
            ui.add_space(8.0);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if panel.state.reading.tab == Tab::Analysis {
                of_analysis(ui, panel);
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| steps(ui, panel));
        });
    });
}

fn steps(ui: &mut Ui, panel: &mut Panel<'_>) {
    ScrollArea::horizontal().id_salt("steps").show(ui, |ui| {
        ui.horizontal_centered(|ui| {
            for tab in Tab::ALL {
                let open = panel.state.reading.tab == tab;
                let step = Push::new(tab.title()).purpose(tab.purpose()).frameless().size(32.0, 0.0).selected(open);
                if step.show(ui).clicked() {
                    push(panel, Action::Show(tab));
                }
            }
        });
    });
}

/// Laid out from the right.
fn of_analysis(ui: &mut Ui, panel: &mut Panel<'_>) {
    let room = &panel.state.reading;
    let (there, idle) = (room.analysis.is_some(), room.busy.is_none());
    let simulated = room.analysis.as_ref().is_some_and(|analysed| analysed.joined.context.simulated);
    let report = Push::new("Export report").with_icon(Icon::Save).size(32.0, 0.0).enabled(there && idle);
    if report.purpose("Writes the page, all tables and figures into the folder of the report").show(ui).clicked() {
        push(panel, Action::Export);
    }
    let table = Push::new("CSV, long form").frameless().size(32.0, 0.0).enabled(there);
    if table.purpose("Writes one row an answer, and the dictionary that REDCap reads").show(ui).clicked() {
        push(panel, Action::WriteTable);
    }
    let methods = Push::new("Methods text").frameless().size(32.0, 0.0).enabled(there);
    if methods.purpose("Copies a paragraph on how the study was done, filled in from its plan").show(ui).clicked() {
        push(panel, Action::CopyMethods);
    }
    if simulated {
        chip::badge(ui, SIMULATED, tokens::WARN).on_hover_text("A program gave these answers; no radiologist did.");
        ui.add_space(4.0);
    }
}

/// The room's words in the status bar.
pub fn status(ui: &mut Ui, panel: &Panel<'_>) {
    let room = &panel.state.reading;
    let say = |ui: &mut Ui, words: String| {
        ui.label(RichText::new(words).font(text::secondary()).color(tokens::INK2));
    };
    match (&room.analysis, room.tab) {
        (Some(analysed), Tab::Analysis) => {
            let hash = study::sealed::short(&analysed.joined.context.hashes.study);
            say(ui, format!("Key joined, study {hash}"));
            let answers = analysed.joined.readings.len();
            say(ui, format!("{} answers, intervals from {} resamples", answers, analysed.whole.resamples));
        }
        _ => {
            let saved = if room.changed { "Design changed, not written yet" } else { "Design as in its file, or new" };
            say(ui, saved.to_owned());
            if room.kiosk {
                say(ui, "A reading window is open".to_owned());
            }
        }
    }
}
