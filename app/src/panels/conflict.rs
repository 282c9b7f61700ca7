//! The card under the text when text and layers, or text and fields, disagree.

use eframe::egui::{Frame, Label, Margin, RichText, Role, Sense, Stroke, Ui, Vec2, WidgetInfo};

use super::Panel;
use crate::action::Action;
use crate::insight;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption};

/// Width from which the key has room beside the words, in points.
const ROOM_FOR_KEY: f32 = 252.0;

/// Shows the card of the first conflict that is not kept on purpose.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let Some(check) = insight::open_conflict(panel.state) else { return };
    let frame = Frame::new()
        .fill(tokens::RAISE)
        .stroke(Stroke::new(1.0, tokens::WARN))
        .corner_radius(8)
        .inner_margin(Margin::symmetric(12, 10));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_top(|ui| {
            let (rect, _) = ui.allocate_exact_size(Vec2::splat(16.0), Sense::hover());
            Icon::Warning.paint(ui.painter(), rect, 16.0, tokens::WARN);
            let words = ui.add(Label::new(RichText::new(&check.sentence).font(text::body()).color(tokens::INK)).wrap());
            // Read out when it appears.
            words.widget_info(|| WidgetInfo::labeled(Role::Status, true, format!("Conflict: {}", check.sentence)));
        });
        ui.add_space(2.0);
        ui.horizontal_wrapped(|ui| {
            for (n, repair) in check.repairs.iter().enumerate() {
                let mut push = Push::new(&repair.label).purpose(repair.purpose);
                if let Some(icon) = icon(&repair.action) {
                    push = push.with_icon(icon);
                }
                if let Some(id) = ["check.repair-1", "check.repair-2"].get(n) {
                    push = push.command(id).without_cap();
                }
                if push.show(ui).clicked() {
                    panel.out.push(repair.action.clone());
                }
            }
        });
        let mut keep = Push::new("Keep both and say so in the record")
            .purpose("Nothing is changed; the run's record notes the conflict")
            .command("check.keep")
            .chip()
            .frameless();
        // The key goes first when room is short.
        if ui.available_width() <= ROOM_FOR_KEY {
            keep = keep.without_cap();
        }
        if keep.show(ui).clicked() {
            panel.out.push(Action::Insight(insight::Action::KeepConflict(check.sentence.clone())));
        }
    });
}

/// Pictures for the two repairs that turn sides.
fn icon(action: &Action) -> Option<Icon> {
    match action {
        Action::FlipText(_) => Some(Icon::Swap),
        Action::MirrorLayer(_) => Some(Icon::Mirror),
        _ => None,
    }
}

/// A note below the list of checks: what was kept on purpose, with the way back.
pub fn kept(ui: &mut Ui, panel: &mut Panel<'_>) {
    let document = &panel.state.document;
    let kept: Vec<String> =
        panel.insight.checks.iter().map(|c| c.sentence.clone()).filter(|s| document.kept_conflicts.contains(s)).collect();
    for sentence in kept {
        ui.horizontal_wrapped(|ui| {
            caption(ui, "Kept on purpose; the record says so.");
            let push = Push::new("Ask again").purpose("Opens the conflict again").frameless().size(24.0, 0.0);
            if push.show(ui).clicked() {
                panel.out.push(Action::Insight(insight::Action::KeepConflict(sentence.clone())));
            }
        });
    }
}
