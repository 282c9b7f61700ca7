//! The list of text checks: agreements, conflicts, notes.

use eframe::egui::{RichText, Ui};

use super::{Panel, conflict};
use crate::checks::{self, Verdict};
use crate::insight;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, check_line, section_row};

/// Shows the section.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let found = std::sync::Arc::clone(&panel.insight.checks);
    let kept = panel.insight.kept(&panel.state.document);
    section_row(ui, "Text checks", |ui| {
        let (words, color) = match (checks::conflicts(&found), kept) {
            (0, _) => ("No conflict".to_owned(), tokens::INK3),
            (n, kept) if n == kept => (format!("{n} kept on purpose"), tokens::WARN),
            (1, _) => ("1 conflict".to_owned(), tokens::WARN),
            (n, _) => (format!("{n} conflicts"), tokens::WARN),
        };
        ui.label(RichText::new(words).font(text::secondary()).color(color));
    });
    if found.is_empty() {
        caption(ui, "Checked while you type.");
    }
    // The sentence of the open conflict stands on its card; here is the line that names the layer.
    for check in found.iter() {
        check_line::show(ui, check.verdict, &check.line);
        if check.verdict == Verdict::Note {
            for repair in &check.repairs {
                ui.horizontal(|ui| {
                    ui.add_space(24.0);
                    if Push::new(&repair.label).purpose(repair.purpose).size(24.0, 0.0).show(ui).clicked() {
                        panel.out.push(repair.action.clone());
                    }
                });
            }
        }
    }
    conflict::kept(ui, panel);
    // Further conflicts wait for their card; one can be pressed from here meanwhile.
    if insight::open_conflict(panel.state).is_some() && checks::conflicts(&found) - kept > 1 {
        caption(ui, "The next conflict gets its card when this one is settled.");
    }
}
