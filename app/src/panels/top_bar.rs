//! Top bar: undo, the open case, the model, the sampler, and Generate or Cancel in one place.

use eframe::egui::{Align, CornerRadius, Frame, Layout, Margin, RichText, Role, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use super::Panel;
use crate::action::Action;
use crate::jobs::ModelState;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, chip, field, progress};

/// Shows the top bar.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    if panel.state.room == crate::state::Room::Runs {
        return crate::rooms::runs::top(ui, panel);
    }
    let state = panel.state;
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        if Push::icon(Icon::Undo, "Undo")
            .key("Ctrl+Z")
            .purpose("Takes back the last stroke, word or change")
            .enabled(state.history.can_undo())
            .size(32.0, 32.0)
            .icon_size(18.0)
            .show(ui)
            .clicked()
        {
            panel.out.push(Action::Undo);
        }
        if Push::icon(Icon::Redo, "Redo")
            .key("Ctrl+Shift+Z")
            .purpose("Does it again")
            .enabled(state.history.can_redo())
            .size(32.0, 32.0)
            .icon_size(18.0)
            .show(ui)
            .clicked()
        {
            panel.out.push(Action::Redo);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            run_corner(ui, panel);
            ui.add_space(6.0);
            sampler(ui, panel);
            model_chip(ui, panel);
            // What is left between the two belongs to the tabs.
            let room = ui.available_width();
            ui.allocate_ui_with_layout(vec2(room, 32.0), Layout::left_to_right(Align::Center), |ui| {
                super::tabs::show(ui, panel, room);
            });
        });
    });
}

/// Time and Generate, or step, time, bar and Cancel: laid out from the right.
fn run_corner(ui: &mut Ui, panel: &mut Panel<'_>) {
    let state = panel.state;
    match &state.job {
        None => {
            let ready = state.model.ready().is_some();
            let purpose = if ready { "Makes one image from the text and the layers" } else { "Waits for the model" };
            let generate =
                Push::new("Generate").key("Ctrl Enter").purpose(purpose).primary().enabled(ready).size(32.0, 150.0).show(ui);
            if ready && !state.has_generated {
                breathe(ui, generate.rect);
            }
            if generate.clicked() {
                panel.out.push(Action::Generate);
            }
            if !panel.metrics.compact {
                let words = match state.results.iter().find(|r| r.job > 0) {
                    Some(_) => last_time(panel),
                    None => String::new(),
                };
                ui.label(RichText::new(words).font(text::secondary()).color(tokens::INK2));
            }
        }
        Some(job) => {
            let words = if job.cancelling { "Stops after this step" } else { "Cancel" };
            let cancel = Push::new(words)
                .name("Cancel")
                .key("Shift X")
                .purpose("Stops after the step in progress; nothing is kept")
                .size(32.0, 110.0)
                .enabled(!job.cancelling);
            if cancel.show(ui).clicked() {
                panel.out.push(Action::Cancel);
            }
            let width = if panel.metrics.compact { 110.0 } else { 150.0 };
            ui.allocate_ui_with_layout(eframe::egui::vec2(width, 34.0), Layout::top_down(Align::Min), |ui| {
                ui.add_space(4.0);
                ui.spacing_mut().item_spacing.y = 4.0;
                ui.horizontal(|ui| {
                    let step = if job.step == 0 { "Starting".to_owned() } else { format!("Step {} of {}", job.step, job.of) };
                    let label = ui.label(RichText::new(step).font(text::secondary()).color(tokens::INK));
                    label.widget_info(|| WidgetInfo::labeled(Role::Status, true, format!("Step {} of {}", job.step, job.of)));
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        if let Some(secs) = job.secs_left() {
                            ui.label(RichText::new(format!("{secs:.1} s left")).font(text::secondary()).color(tokens::INK2));
                        }
                    });
                });
                progress::bar(ui, width, job.step as f32 / job.of.max(1) as f32, "Progress");
            });
        }
    }
}

fn last_time(panel: &Panel<'_>) -> String {
    panel.state.last_secs.map_or_else(String::new, |secs| format!("about {secs:.1} s"))
}

/// The ring around Generate until its first press, once in 1.2 seconds.
fn breathe(ui: &Ui, rect: eframe::egui::Rect) {
    let time = ui.input(|i| i.time);
    let still = crate::theme::is_still(ui.ctx());
    let share = if still { 1.0 } else { 0.5 - 0.5 * (time * std::f64::consts::TAU / 2.4).cos() as f32 };
    let ring = rect.expand(3.0);
    ui.painter().rect_stroke(
        ring,
        CornerRadius::same(8),
        Stroke::new(2.0, tokens::alpha(tokens::INK, 0.25 + 0.75 * share)),
        StrokeKind::Inside,
    );
    if !still {
        ui.ctx().request_repaint_after(std::time::Duration::from_millis(50));
    }
}

fn sampler(ui: &mut Ui, panel: &mut Panel<'_>) {
    let sampling = panel.state.sampling;
    let height = if panel.metrics.compact { 28.0 } else { 32.0 };
    // From the right: lock, seed, guidance, steps.
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

/// The model: name, hash, PRACTICE, state. Laid out from the right.
fn model_chip(ui: &mut Ui, panel: &mut Panel<'_>) {
    let state = panel.state;
    let frame = Frame::new().stroke(Stroke::new(1.0, tokens::LINE2)).corner_radius(6).inner_margin(Margin::symmetric(10, 6));
    let (name, detail, practice, color) = match &state.model {
        ModelState::Loading { .. } => ("Model".to_owned(), "loading model…".to_owned(), true, tokens::INK3),
        ModelState::Failed(_) => ("No model".to_owned(), "see messages".to_owned(), false, tokens::ERR),
        ModelState::Ready(model) => {
            let card = model.card();
            let hash = grouped_hash(&card.hash);
            let detail = if panel.metrics.compact { "ready".to_owned() } else { format!("{hash}  ready") };
            (card.name.clone(), detail, card.practice, tokens::INK3)
        }
    };
    let response = frame.show(ui, |ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 8.0;
            ui.set_height(18.0);
            ui.label(RichText::new(detail).font(text::secondary()).color(color));
            if practice {
                chip::badge(ui, "PRACTICE", tokens::WARN);
            }
            ui.label(RichText::new(&name).font(text::medium()).color(tokens::INK));
            let (rect, _) = ui.allocate_exact_size(eframe::egui::Vec2::splat(16.0), eframe::egui::Sense::hover());
            Icon::Model.paint(ui.painter(), rect, 16.0, tokens::INK2);
        });
    });
    let tip = match &state.model {
        ModelState::Ready(model) => {
            let card = model.card();
            let kind = if card.practice { "A practice model: it learned from drawn phantoms, not from patients. " } else { "" };
            format!("{kind}Images of {0} × {0} pixels, weights {1}.", card.size_px, grouped_hash(&card.hash))
        }
        ModelState::Loading { .. } => "The weights are being read; everything else works already.".to_owned(),
        ModelState::Failed(why) => why.clone(),
    };
    response.response.on_hover_text(tip);
}

/// The first eight digits of a hash in two groups.
fn grouped_hash(hash: &str) -> String {
    let digits: Vec<char> = hash.chars().take(8).collect();
    digits.chunks(4).map(|c| c.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}
