//! The one place of Generate, Cancel, Pause and Resume, with what is left and what it costs.

use eframe::egui::{Align, CornerRadius, Layout, RichText, Role, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use super::Panel;
use crate::action::{Action, QueueAction};
use crate::state::{Held, Job, Room};
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, duration, gigabytes, progress};

/// Shows the corner, laid out from the right.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let state = panel.state;
    match &state.job {
        Some(job) if job.paused => {
            resume(ui, panel);
            cancel(ui, panel, job);
            block(ui, panel, job, format!("Paused at step {} of {}", job.step, job.of), "in the queue".to_owned());
        }
        Some(job) => {
            cancel(ui, panel, job);
            let pause = Push::icon(Icon::Pause, "Pause")
                .purpose("Stops after the step in progress; the run is kept on disk and goes on with the same result")
                .size(32.0, 32.0)
                .enabled(!job.pausing && !job.cancelling);
            if pause.show(ui).clicked() {
                panel.out.push(Action::Queue(QueueAction::Pause(false)));
            }
            let step = match job.step {
                0 => "Starting".to_owned(),
                step if job.pausing => format!("Pauses after step {}", step + 1),
                step => format!("Step {step} of {}", job.of),
            };
            let left = job.secs_left().map(|secs| format!("{} left", duration(secs))).unwrap_or_default();
            block(ui, panel, job, step, left);
        }
        None if state.is_running() => {
            let next = state.queue.waiting().next().map(|row| row.id);
            let cancel = Push::new("Cancel").command("run.cancel").purpose("Takes back what comes next").size(32.0, 110.0);
            if cancel.enabled(next.is_some()).show(ui).clicked() {
                panel.out.extend(next.map(|id| Action::Queue(QueueAction::CancelJobs(vec![id]))));
            }
            ui.label(RichText::new("Starting").font(text::secondary()).color(tokens::INK2));
        }
        None => idle(ui, panel),
    }
}

fn idle(ui: &mut Ui, panel: &mut Panel<'_>) {
    let state = panel.state;
    let ready = state.model.card().is_some();
    let n = state.sampling.variants;
    let purpose = match (ready, n) {
        (false, _) => "Waits for the model".to_owned(),
        (true, 1) => "Makes one image from the text and the layers".to_owned(),
        (true, n) => {
            format!("Makes {n} images with seeds {} to {}", state.sampling.seed, state.sampling.seed.wrapping_add(n as u64 - 1))
        }
    };
    let push = Push::new("Generate").command("run.generate").purpose(&purpose).enabled(ready);
    let push = if panel.metrics.narrow { push.without_cap().size(32.0, 96.0) } else { push.size(32.0, 150.0) };
    // A room has one primary button; the others have their own.
    let generate = if state.room == Room::Canvas { push.primary() } else { push }.show(ui);
    if ready && !state.has_generated && state.room == Room::Canvas {
        breathe(ui, generate.rect);
    }
    if generate.clicked() {
        panel.out.push(Action::Generate);
    }
    match &state.queue.held {
        Some(held) if !state.queue.is_empty() => {
            let response = Push::new("Resume")
                .name("Resume the queue")
                .with_icon(Icon::Play)
                .purpose("Lets the queue go on where it was")
                .size(32.0, 0.0);
            if response.show(ui).clicked() {
                panel.out.push(Action::Queue(QueueAction::Resume));
            }
            let color = if matches!(held, Held::Trouble(_)) { tokens::WARN } else { tokens::INK2 };
            let words = format!("Paused, {} waiting", state.queue.len());
            let label = ui.label(RichText::new(words).font(text::secondary()).color(color));
            if let Held::Trouble(why) = held {
                label.on_hover_text(why);
            }
        }
        _ => cost(ui, panel),
    }
}

/// What Generate would take.
fn cost(ui: &mut Ui, panel: &Panel<'_>) {
    let state = panel.state;
    if panel.metrics.compact {
        return;
    }
    let steps = u32::try_from(state.sampling.steps * state.sampling.variants).unwrap_or(u32::MAX);
    let secs = state.queue.cost_secs(steps).map(|secs| format!("about {}", duration(secs)));
    let memory = state.model.ready().and_then(|m| m.memory_bytes()).map(|bytes| format!("{} GB", gigabytes(bytes)));
    let words: Vec<String> = secs.into_iter().chain(memory).collect();
    if !words.is_empty() {
        ui.label(RichText::new(words.join(", ")).font(text::secondary()).color(tokens::INK2))
            .on_hover_text("Time by earlier runs of this model; memory by the plan of its parts.");
    }
}

fn resume(ui: &mut Ui, panel: &mut Panel<'_>) {
    let button = Push::new("Resume")
        .name("Resume the queue")
        .with_icon(Icon::Play)
        .purpose("Goes on where it was; the image is the same")
        .size(32.0, 110.0);
    if button.show(ui).clicked() {
        panel.out.push(Action::Queue(QueueAction::Resume));
    }
}

fn cancel(ui: &mut Ui, panel: &mut Panel<'_>, job: &Job) {
    let words = if job.cancelling { "Stops after this step" } else { "Cancel" };
    let cancel = Push::new(words)
        .name("Cancel")
        .command("run.cancel")
        .purpose("Stops after the step in progress; nothing is kept")
        .enabled(!job.cancelling);
    let cancel = if panel.metrics.narrow { cancel.without_cap().size(32.0, 72.0) } else { cancel.size(32.0, 110.0) };
    if cancel.show(ui).clicked() {
        panel.out.push(Action::Cancel);
    }
}

/// Step, time and bar.
fn block(ui: &mut Ui, panel: &Panel<'_>, job: &Job, step: String, right: String) {
    let width = if panel.metrics.compact { 148.0 } else { 170.0 };
    let named = format!("Step {} of {}", job.step, job.of);
    let block = ui.allocate_ui_with_layout(vec2(width, 34.0), Layout::top_down(Align::Min), |ui| {
        ui.add_space(5.0);
        ui.spacing_mut().item_spacing.y = 4.0;
        // A row of text, not of controls: words and bar stand together in the middle of the bar.
        ui.spacing_mut().interact_size.y = 16.0;
        ui.horizontal(|ui| {
            let label = ui.label(RichText::new(step).font(text::secondary()).color(tokens::INK));
            label.widget_info(|| WidgetInfo::labeled(Role::Status, true, &named));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if !panel.metrics.compact || !job.paused {
                    ui.label(RichText::new(right).font(text::secondary()).color(tokens::INK2));
                }
            });
        });
        progress::bar(ui, width, job.step as f32 / job.of.max(1) as f32, "Progress");
    });
    if let Some(words) = whole_queue(panel, job) {
        block.response.on_hover_text(words);
    }
}

/// The queue as a whole in one sentence.
fn whole_queue(panel: &Panel<'_>, job: &Job) -> Option<String> {
    let queue = &panel.state.queue;
    let n = queue.waiting().count();
    let all = job.secs_left().zip(queue.secs_waiting()).map(|(a, b)| a + b);
    match (n, all) {
        (0, _) => None,
        (n, Some(secs)) => Some(format!("{n} more in the queue, {} in all.", duration(secs))),
        (n, None) => Some(format!("{n} more in the queue.")),
    }
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
