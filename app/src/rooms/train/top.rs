//! The room's top bar and its words in the status bar.

use eframe::egui::{Align, Layout, RichText, Ui};

use super::action::Action;
use super::push;
use super::state::Tab;
use super::watch::Standing;
use crate::panels::Panel;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, duration};

/// Shows the bar.
pub fn top(ui: &mut Ui, panel: &mut Panel<'_>) {
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        if !panel.metrics.compact {
            ui.label(RichText::new("Train").font(text::title()).color(tokens::INK));
            ui.add_space(8.0);
        }
        for tab in Tab::ALL {
            let open = panel.state.train.tab == tab;
            let name = if tab == Tab::Models { "Show the models" } else { "Show the training runs" };
            let step = Push::new(tab.title()).name(name).purpose(tab.purpose()).frameless().size(32.0, 0.0).selected(open);
            if step.show(ui).clicked() {
                push(panel, Action::Show(tab));
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            crate::panels::top_bar::model_chip(ui, panel);
            if panel.state.train.tab == Tab::Runs && !panel.state.train.runs.is_empty() {
                let open =
                    Push::new("Open…").name("Open another run").with_icon(Icon::Folder).command("train.open").without_cap();
                if open.purpose("A run folder of chexgen train").size(32.0, 0.0).show(ui).clicked() {
                    push(panel, Action::Browse);
                }
            }
        });
    });
}

/// The room's words in the status bar.
pub fn status(ui: &mut Ui, panel: &Panel<'_>) {
    let room = &panel.state.train;
    let say = |ui: &mut Ui, words: String| {
        ui.label(RichText::new(words).font(text::secondary()).color(tokens::INK2));
    };
    let running = room.runs.iter().filter(|run| run.view.standing == Standing::Running).count();
    match room.runs.len() {
        0 => say(ui, "No training is watched".to_owned()),
        1 => say(ui, format!("1 training, {running} running")),
        n => say(ui, format!("{n} trainings, {running} running")),
    }
    if let Some((_, run)) = room.shown().filter(|(_, run)| run.view.standing == Standing::Running)
        && let Some(left) = run.view.left()
    {
        say(ui, format!("{}: {} left of this stage", run.name(), duration(left)));
    }
    say(ui, "Run folders are only read".to_owned());
}
