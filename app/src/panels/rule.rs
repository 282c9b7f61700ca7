//! The rule for variants: what happens with the results of a group once they are measured.

use eframe::egui::{Checkbox, Ui};

use super::Panel;
use crate::action::{Action, QueueAction};
use crate::library::Rule;
use crate::widgets::{Push, caption, field, secondary, section_row};

/// Bound that is offered first.
const BELOW: f32 = 0.7;

/// Shows the rule in one sentence, and its fields when they are open.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let rule = panel.state.queue.rule;
    section_row(ui, "Rule for variants", |_| {});
    secondary(ui, rule.sentence(panel.state.sampling.variants));
    if rule.is_set() && nothing_measured(panel) {
        caption(ui, "No checker measured the last image: the rule waits and rejects nothing.");
    }
    if panel.state.view.rule_open {
        fields(ui, panel, rule);
    }
    let words = if panel.state.view.rule_open { "Close rule" } else { "Change rule" };
    if Push::new(words).purpose("Keep the best of a group, try other seeds below a bound").show(ui).clicked() {
        panel.out.push(Action::Queue(QueueAction::ToggleRule));
    }
}

/// Whether the newest image has layers and no measure.
fn nothing_measured(panel: &Panel<'_>) -> bool {
    let newest = panel.state.results.iter().find(|r| r.run.is_some());
    newest
        .is_some_and(|r| !r.artifact.request.annotations.is_empty() && r.run.as_ref().is_some_and(|run| run.adherence.is_none()))
}

fn fields(ui: &mut Ui, panel: &mut Panel<'_>, before: Rule) {
    let mut rule = before;
    ui.add(Checkbox::new(&mut rule.keep_best, "Keep the best, reject the others"));
    let mut bound = rule.below.is_some();
    ui.horizontal(|ui| {
        if ui.add(Checkbox::new(&mut bound, "Reject below")).changed() {
            rule.below = bound.then_some(BELOW);
        }
        if let Some(below) = &mut rule.below {
            field::number(ui, "", "Least value", below, 0.0..=1.0, 0.01, 2, 28.0);
        }
    });
    if rule.below.is_some() {
        field::number(ui, "Further seeds", "Further seeds", &mut rule.retries, 0..=64, 0.05, 0, 28.0);
    }
    if rule != before {
        panel.out.push(Action::Queue(QueueAction::SetRule(rule)));
    }
    caption(ui, "Rejected images are dimmed and kept.");
}
