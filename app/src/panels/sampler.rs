//! Steps, guidance, seed and variants: fields in a row, or one field where room is short.

use eframe::egui::{Popup, PopupCloseBehavior, Ui};

use super::Panel;
use crate::action::{Action, QueueAction};
use crate::state::queue::VARIANTS;
use crate::theme::icons::Icon;
use crate::widgets::{Push, field};

/// Shows the fields, laid out from the right.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    if panel.metrics.compact { folded(ui, panel) } else { fields(ui, panel) }
}

/// One button that says what is set; the fields are behind it.
fn folded(ui: &mut Ui, panel: &mut Panel<'_>) {
    let s = panel.state.sampling;
    let words = format!("{} steps · {:.1} · seed {} · ×{}", s.steps, s.guidance, s.seed, s.variants);
    let button = Push::new(&words).name("Sampling").purpose("Steps, guidance, seed and variants").size(28.0, 0.0).show(ui);
    Popup::menu(&button).close_behavior(PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
        ui.set_width(200.0);
        fields(ui, panel);
    });
}

/// The fields, laid out from the right.
fn fields(ui: &mut Ui, panel: &mut Panel<'_>) {
    let sampling = panel.state.sampling;
    let height = if panel.metrics.compact { 28.0 } else { 32.0 };
    let mut variants = sampling.variants;
    let response = field::number(ui, "Variants", "Variants", &mut variants, VARIANTS, 0.05, 0, height);
    if response.on_hover_text("Variants\nImages at once, with seeds that count up from the one set here.").changed() {
        panel.out.push(Action::Queue(QueueAction::SetVariants(variants)));
    }
    let (icon, name) = if sampling.seed_locked { (Icon::Lock, "Free the seed") } else { (Icon::Unlock, "Lock the seed") };
    let lock = Push::icon(icon, name)
        .purpose("Locked: the same seed again. Free: the next run takes the next seed")
        .selected(sampling.seed_locked);
    if lock.size(height, 28.0).show(ui).clicked() {
        panel.out.push(Action::ToggleSeedLock);
    }
    if Push::icon(Icon::Dice, "New seed").purpose("Another patient").size(height, 28.0).show(ui).clicked() {
        panel.out.push(Action::NewSeed);
    }
    let mut seed = sampling.seed;
    if field::number(ui, "Seed", "Seed", &mut seed, 0..=u64::MAX, 0.2, 0, height).changed() {
        panel.out.push(Action::SetSeed(seed));
    }
    let mut guidance = sampling.guidance;
    if field::number(ui, "Guidance", "Guidance", &mut guidance, 0.0..=30.0, 0.02, 1, height).changed() {
        panel.out.push(Action::SetGuidance(guidance));
    }
    let mut steps = sampling.steps;
    if field::number(ui, "Steps", "Steps", &mut steps, 1..=1000, 0.1, 0, height).changed() {
        panel.out.push(Action::SetSteps(steps));
    }
}
