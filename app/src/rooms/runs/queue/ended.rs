//! What ended today.

use eframe::egui::{Align2, CornerRadius, Id, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::super::action::Action;
use super::super::state::Pick;
use super::super::words;
use super::parts::{PICTURE, ROW, line, picture, put};
use crate::action::{Action as Any, QueueAction};
use crate::library::query::Age;
use crate::library::{JobRow, JobState};
use crate::panels::Panel;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, section_row};

/// What ended today, newest first.
pub(super) fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let (now_ms, zone_ms) = panel.state.runs.wall.as_ref().map_or((0, 0), |w| (w.now_ms, w.zone_ms));
    let today: Vec<&JobRow> =
        panel.state.queue.ended.iter().filter(|j| Age::of(j.ended_ms.unwrap_or(0), now_ms, zone_ms) == Age::Today).collect();
    let n = |wanted: JobState| today.iter().filter(|j| j.state == wanted).count();
    section_row(ui, "Finished today", |ui| {
        let mut parts = vec![format!("{} kept", n(JobState::Done))];
        for (count, words) in [(n(JobState::Cancelled), "cancelled"), (n(JobState::Failed), "failed")] {
            if count > 0 {
                parts.push(format!("{count} {words}"));
            }
        }
        caption(ui, parts.join(", "));
    });
    if today.is_empty() {
        caption(ui, "Nothing yet.");
    }
    for job in today {
        ended_row(ui, panel, job);
    }
}

fn ended_row(ui: &mut Ui, panel: &mut Panel<'_>, job: &JobRow) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    let response = ui.interact(rect, Id::unique(("ended job", job.id)), Sense::click());
    let (word, ink) = match job.state {
        JobState::Done => ("done", tokens::OK),
        JobState::Failed => ("failed", tokens::ERR),
        _ => ("cancelled", tokens::INK3),
    };
    let row = job.run.and_then(|run| panel.state.runs.wall.as_ref().and_then(|w| w.index.row(run).copied()));
    let secs = job.started_ms.zip(job.ended_ms).map(|(a, b)| (b - a) as f64 / 1000.0).filter(|s| *s > 0.0);
    let line_two = match (job.state, job.run) {
        (JobState::Done, Some(run)) => match secs {
            Some(secs) => format!("run {run}, {}", words::secs(secs)),
            None => format!("run {run}"),
        },
        (JobState::Cancelled, _) if job.steps_done > 0 => {
            format!("seed {}, {} of {} steps ran", job.seed, job.steps_done, job.steps)
        }
        _ => format!("seed {}, no image", job.seed),
    };
    let title = job.task.title();
    let name = format!("Finished: {title}, {line_two}, {word}");
    response.widget_info(|| WidgetInfo::labeled(Role::Button, job.run.is_some(), &name));
    if response.hovered() && job.run.is_some() {
        ui.painter().rect_filled(rect, CornerRadius::same(6), tokens::HOVER);
    }
    let texture = row.and_then(|r| panel.shelf.picture(r.id));
    picture(ui, pos2(rect.left() + 6.0, rect.top() + 6.0), texture);
    let x = rect.left() + 6.0 + PICTURE + 10.0;
    let said = ui.painter().text(pos2(rect.right() - 6.0, rect.center().y), Align2::RIGHT_CENTER, word, text::secondary(), ink);
    put(ui, pos2(x, rect.top() + 17.0), &title, said.left() - 8.0 - x, text::body(), tokens::INK);
    put(ui, pos2(x, rect.top() + 35.0), &line_two, said.left() - 8.0 - x, text::secondary(), tokens::INK3);
    if response.clicked()
        && let Some(run) = job.run
    {
        panel.out.push(Any::Runs(Action::Choose(run, Pick::Only)));
    }
    if job.state == JobState::Failed {
        line(ui, Icon::Cross, tokens::ERR, &job.reason);
    }
    if job.state != JobState::Done {
        ui.horizontal(|ui| {
            ui.add_space(x - rect.left());
            let (words, purpose) = match job.state {
                JobState::Failed => ("Try again", "Lets it wait once more"),
                _ => ("Put back", "Puts it back into the queue where it was"),
            };
            let again = Push::new(words).name(words).purpose(purpose).chip();
            if again.show(ui).clicked() {
                let ids = vec![job.id];
                let action = if job.state == JobState::Failed { QueueAction::Again(ids) } else { QueueAction::PutBack(ids) };
                panel.out.push(Any::Queue(action));
            }
        });
    }
}
