//! The queue, left of the wall: what runs, what waits and why, what ended today, and that nothing was lost.

mod ended;
mod parts;
mod running;
mod waiting;

use eframe::egui::Ui;

use self::parts::line;
use super::words;
use crate::action::{Action as Any, QueueAction};
use crate::panels::Panel;
use crate::state::{Held, LibraryState, State};
use crate::theme::icons::Icon;
use crate::theme::tokens;
use crate::widgets::{Push, caption, grouped, rule, scroll, section_row};

/// Shows the column.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let state = panel.state;
    let queue = &state.queue;
    section_row(ui, "Queue", |ui| {
        let words = match (queue.jobs.is_empty(), queue.secs_waiting()) {
            (true, _) | (_, None) => String::new(),
            (false, Some(secs)) => {
                let running = state.job.as_ref().and_then(crate::state::Job::secs_left).unwrap_or(0.0);
                format!("{} in all", words::secs(secs + running))
            }
        };
        caption(ui, words);
    });
    if let LibraryState::Unusable(why) = &queue.library {
        caption(ui, why.clone());
        return;
    }
    buttons(ui, panel);
    scroll::panel(ui, "queue", |ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        if let Some(words) = held_words(state) {
            line(ui, Icon::Warning, tokens::WARN, &words);
        }
        running::show(ui, panel);
        waiting::show(ui, panel);
        if queue.jobs.is_empty() && state.job.is_none() {
            caption(ui, "Nothing waits. Generate puts images here; they go on after a restart.");
        }
        rule(ui);
        ended::show(ui, panel);
        rule(ui);
        let counts = queue.counts;
        let accounted = counts.open + counts.done + counts.cancelled + counts.failed;
        let equal = if counts.adds_up() { "Count in equals count out" } else { "Count in differs from count out" };
        caption(ui, format!("{equal}: {} queued, {} accounted for.", grouped(counts.queued), grouped(accounted)));
        ui.add_space(8.0);
    });
}

fn held_words(state: &State) -> Option<String> {
    match state.queue.held.as_ref()? {
        Held::Person => Some("Paused. Resume goes on from the step where it stopped.".to_owned()),
        Held::Restart => Some("These are from the last session. Resume goes on with them.".to_owned()),
        Held::Trouble(why) => Some(why.clone()),
    }
}

fn buttons(ui: &mut Ui, panel: &mut Panel<'_>) {
    let queue = &panel.state.queue;
    ui.horizontal_wrapped(|ui| {
        if queue.held.is_some() {
            let resume = Push::new("Resume").purpose("Lets the queue go on").size(30.0, 0.0);
            if resume.show(ui).clicked() {
                panel.out.push(Any::Queue(QueueAction::Resume));
            }
        } else {
            let pause = Push::new("Pause and free memory")
                .with_icon(Icon::Pause)
                .purpose("Stops after the step in progress, keeps it on disk and gives the model's memory back")
                .enabled(!queue.jobs.is_empty() || panel.state.job.is_some())
                .size(30.0, 0.0);
            if pause.show(ui).clicked() {
                panel.out.push(Any::Queue(QueueAction::Pause(true)));
            }
        }
        let clear = Push::new("Clear")
            .name("Clear the queue")
            .command("queue.clear")
            .purpose("Takes back everything that waits; the message brings it back")
            .frameless()
            .enabled(!queue.is_empty())
            .size(30.0, 0.0);
        if clear.show(ui).clicked() {
            panel.out.push(Any::Queue(QueueAction::Clear));
        }
        let export = Push::new("Export…")
            .name("Export the queue")
            .with_icon(Icon::Save)
            .purpose("Writes what waits into a text file, one job a line, for another computer or another day")
            .enabled(!queue.is_empty());
        if export.frameless().size(26.0, 0.0).show(ui).clicked() {
            panel.out.push(Any::Queue(QueueAction::PickExport));
        }
        let import = Push::new("Import…")
            .name("Import a queue")
            .with_icon(Icon::Folder)
            .purpose("Puts the jobs of such a file behind what waits");
        if import.frameless().size(26.0, 0.0).show(ui).clicked() {
            panel.out.push(Any::Queue(QueueAction::PickImport));
        }
    });
}
