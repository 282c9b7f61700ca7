//! Check line: an icon and one sentence.

use eframe::egui::{Label, RichText, Sense, Ui, Vec2};

use crate::checks::Verdict;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};

/// Shows one line.
pub fn show(ui: &mut Ui, verdict: Verdict, sentence: &str) {
    let (icon, color) = match verdict {
        Verdict::Agrees => (Icon::Check, tokens::OK),
        Verdict::Note => (Icon::Info, tokens::INK2),
        Verdict::Conflict => (Icon::Warning, tokens::WARN),
    };
    ui.horizontal_top(|ui| {
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(16.0), Sense::hover());
        icon.paint(ui.painter(), rect, 15.0, color);
        let ink = if verdict == Verdict::Conflict { tokens::INK } else { tokens::INK2 };
        ui.add(Label::new(RichText::new(sentence).font(text::secondary()).color(ink)).wrap());
    });
}
