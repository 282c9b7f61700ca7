//! What waits: jobs that were asked for together are one row.

use std::collections::BTreeSet;

use eframe::egui::{
    Align2, CornerRadius, CursorIcon, EventFilter, Id, Key, Modifiers, Pos2, Rect, Response, Role, Sense, Ui, UiBuilder, Vec2,
    WidgetInfo, pos2, vec2,
};

use super::super::words;
use super::parts::{PICTURE, ROW, line, picture, put};
use crate::action::{Action as Any, QueueAction};
use crate::library::{JobId, JobRow, JobState};
use crate::panels::Panel;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::Push;

/// Jobs that were asked for together and wait next to each other.
struct Entry<'a> {
    jobs: Vec<&'a JobRow>,
}

impl Entry<'_> {
    fn ids(&self) -> Vec<JobId> {
        self.jobs.iter().map(|j| j.id).collect()
    }

    fn first(&self) -> &JobRow {
        self.jobs[0]
    }

    /// Seeds, and the place in a grid or data set.
    fn line(&self) -> String {
        let first = self.first();
        let seeds = seeds(self.jobs.iter().map(|j| j.seed));
        let what = match (first.task.recipe.as_str(), first.task.relation.word()) {
            ("", "") => String::new(),
            ("", relation) => match first.task.parent_run {
                Some(run) => format!(", {relation} of run {run}"),
                None => format!(", {relation}"),
            },
            (recipe, _) => format!(", {recipe}"),
        };
        let kept = if first.state == JobState::Paused { format!(", paused at step {}", first.steps_done) } else { String::new() };
        format!("{seeds}{what}{kept}")
    }
}

/// Which seeds there are; images of a grid may share them.
fn seeds(all: impl Iterator<Item = u64>) -> String {
    let all: BTreeSet<u64> = all.collect();
    match (all.first(), all.last()) {
        (Some(a), Some(b)) if a == b => format!("seed {a}"),
        (Some(a), Some(b)) if b - a == all.len() as u64 - 1 => format!("seeds {a} to {b}"),
        _ => format!("{} seeds", all.len()),
    }
}

/// The waiting rows, those of a group together where they stand together.
fn entries(jobs: &[JobRow]) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for job in jobs.iter().filter(|j| j.state != JobState::Running) {
        match entries.last_mut() {
            Some(last)
                if last.first().group == job.group && last.first().state == job.state && last.first().reason == job.reason =>
            {
                last.jobs.push(job);
            }
            _ => entries.push(Entry { jobs: vec![job] }),
        }
    }
    entries
}

/// What waits, in its order; it is dragged or moved with Alt and the arrows.
pub(super) fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let entries = entries(&panel.state.queue.jobs);
    let mut rects: Vec<(Rect, JobId)> = Vec::new();
    let mut dropped: Option<(usize, f32)> = None;
    for (i, entry) in entries.iter().enumerate() {
        let response = waiting_row(ui, panel, entry);
        rects.push((response.rect, entry.first().id));
        if response.drag_stopped()
            && let Some(p) = response.interact_pointer_pos()
        {
            dropped = Some((i, p.y));
        }
        if response.dragged()
            && let Some(p) = response.interact_pointer_pos()
        {
            ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
            let line = rects.iter().find(|(r, _)| r.center().y > p.y).map_or(p.y, |(r, _)| r.top() - 2.0);
            ui.painter().hline(response.rect.x_range(), line, (2.0, tokens::INK2));
        }
        if response.has_focus() {
            row_keys(ui, panel, &entries, i, response.id);
        }
        if let Some(why) = reason(entry) {
            line(ui, Icon::Warning, tokens::WARN, &why);
        }
    }
    if let Some((from, y)) = dropped {
        let before = rects.iter().find(|(r, _)| r.center().y > y).map(|(_, id)| *id);
        let ids = entries[from].ids();
        if before.is_none_or(|b| !ids.contains(&b)) {
            panel.out.push(Any::Queue(QueueAction::Move(ids, before)));
        }
    }
}

fn reason(entry: &Entry<'_>) -> Option<String> {
    let why = entry.first().reason.as_str();
    (!why.is_empty()).then(|| why.to_owned())
}

fn row_keys(ui: &Ui, panel: &mut Panel<'_>, entries: &[Entry<'_>], i: usize, id: Id) {
    let filter = EventFilter { vertical_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|m| m.set_focus_lock_filter(id, filter));
    let pressed = |modifiers, key| ui.input_mut(|input| input.consume_key(modifiers, key));
    let ids = entries[i].ids();
    if pressed(Modifiers::ALT, Key::ArrowUp) && i > 0 {
        panel.out.push(Any::Queue(QueueAction::Move(ids, Some(entries[i - 1].first().id))));
    } else if pressed(Modifiers::ALT, Key::ArrowDown) && i + 1 < entries.len() {
        panel.out.push(Any::Queue(QueueAction::Move(ids, entries.get(i + 2).map(|e| e.first().id))));
    } else if pressed(Modifiers::NONE, Key::Delete) {
        panel.out.push(Any::Queue(QueueAction::CancelJobs(ids)));
    } else if pressed(Modifiers::NONE, Key::ArrowUp) && i > 0 {
        ui.memory_mut(|m| m.request_focus(row_id(entries[i - 1].first().id)));
    } else if pressed(Modifiers::NONE, Key::ArrowDown) && i + 1 < entries.len() {
        ui.memory_mut(|m| m.request_focus(row_id(entries[i + 1].first().id)));
    }
}

fn row_id(job: JobId) -> Id {
    Id::unique(("waiting job", job))
}

fn waiting_row(ui: &mut Ui, panel: &mut Panel<'_>, entry: &Entry<'_>) -> Response {
    let first = entry.first();
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    let response = ui.interact(rect, row_id(first.id), Sense::click_and_drag());
    let cost = panel.state.queue.cost_secs(first.steps).map(|s| s * entry.jobs.len() as f64);
    let name = format!("Waiting: {}, {}", first.task.title(), entry.line());
    response.widget_info(|| WidgetInfo::labeled(Role::ListItem, true, &name));
    if response.hovered() || response.dragged() {
        ui.painter().rect_filled(rect, CornerRadius::same(6), tokens::HOVER);
    }
    grip(ui, pos2(rect.left() + 6.0, rect.center().y));
    let texture = first.task.parent_run.and_then(|run| panel.shelf.picture(run));
    picture(ui, pos2(rect.left() + 18.0, rect.top() + 6.0), texture);
    let x = rect.left() + 18.0 + PICTURE + 10.0;
    let mut right = rect.right() - 6.0;
    if response.hovered() || response.has_focus() {
        let at = Rect::from_center_size(pos2(right - 12.0, rect.center().y), Vec2::splat(24.0));
        let mut child = ui.new_child(UiBuilder::new().max_rect(at));
        let cancel = Push::icon(Icon::Cross, "Cancel these").key("Del").purpose("Takes them back; the list below keeps them");
        if cancel.size(24.0, 24.0).icon_size(13.0).show(&mut child).clicked() {
            panel.out.push(Any::Queue(QueueAction::CancelJobs(entry.ids())));
        }
        right = at.left() - 6.0;
    } else {
        let (words, ink) = match (reason(entry), cost) {
            (Some(_), _) => ("waiting".to_owned(), tokens::WARN),
            (None, Some(secs)) => (words::secs(secs), tokens::INK2),
            (None, None) => (String::new(), tokens::INK2),
        };
        let said = ui.painter().text(pos2(right, rect.top() + 17.0), Align2::RIGHT_CENTER, words, text::secondary(), ink);
        right = said.left() - 8.0;
    }
    let title = if entry.jobs.len() > 1 { format!("{} × {}", entry.jobs.len(), first.task.title()) } else { first.task.title() };
    put(ui, pos2(x, rect.top() + 17.0), &title, right - x, text::body(), tokens::INK);
    put(ui, pos2(x, rect.top() + 35.0), &entry.line(), right - x, text::secondary(), tokens::INK3);
    response.on_hover_text("Drag to reorder; with the keyboard Alt+Up, Alt+Down, and Del to cancel.")
}

/// Six dots that say that a row can be dragged.
fn grip(ui: &Ui, at: Pos2) {
    for row in [-5.0, 0.0, 5.0] {
        for column in [-2.0, 2.0] {
            ui.painter().circle_filled(at + vec2(column, row), 1.0, tokens::INK3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_that_several_images_share_counts_once() {
        assert_eq!(seeds([7, 7].into_iter()), "seed 7");
        assert_eq!(seeds([8, 7, 8].into_iter()), "seeds 7 to 8");
        assert_eq!(seeds([7, 20, 9].into_iter()), "3 seeds");
        assert_eq!(seeds([0, u64::MAX].into_iter()), "2 seeds");
    }
}
