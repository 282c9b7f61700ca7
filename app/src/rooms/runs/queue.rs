//! The queue, left of the wall: what runs, what waits and why, what ended today, and that nothing was lost.

use eframe::egui::{
    Align2, CornerRadius, Id, Key, Label, Modifiers, Rect, Response, RichText, Role, ScrollArea, Sense, Stroke, Ui, Vec2,
    WidgetInfo, pos2, text::LayoutJob, text::TextWrapping, vec2,
};

use super::action::Action;
use super::state::Pick;
use super::words;
use crate::action::{Action as Any, QueueAction};
use crate::library::{JobId, JobRow, JobState};
use crate::panels::Panel;
use crate::state::{Held, LibraryState, State};
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, grouped, progress, rule, section_row};

/// Height of a row with picture.
const ROW: f32 = 52.0;
/// Side of its picture.
const PICTURE: f32 = 40.0;

/// Jobs that were asked for together and wait next to each other.
pub struct Entry<'a> {
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
        let seeds = match self.jobs.as_slice() {
            [one] => format!("seed {}", one.seed),
            [a, .., b] if b.seed == a.seed + self.jobs.len() as u64 - 1 => format!("seeds {} to {}", a.seed, b.seed),
            all => format!("{} seeds", all.len()),
        };
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

/// The waiting rows, those of a group together where they stand together.
pub fn entries(jobs: &[JobRow]) -> Vec<Entry<'_>> {
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
    ScrollArea::vertical().id_salt("queue").auto_shrink([false, false]).show(ui, |ui| {
        ui.set_max_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 4.0;
        if let Some(words) = held_words(state) {
            line(ui, Icon::Warning, tokens::WARN, &words);
        }
        running(ui, panel);
        waiting(ui, panel);
        if queue.jobs.is_empty() && state.job.is_none() {
            caption(ui, "Nothing waits. Generate puts images here; they go on after a restart.");
        }
        rule(ui);
        ended(ui, panel);
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
    ui.horizontal(|ui| {
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
    });
    ui.horizontal(|ui| {
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

/// The run in progress: its newest preview, step and time, Cancel and Open.
fn running(ui: &mut Ui, panel: &mut Panel<'_>) {
    let Some(job) = &panel.state.job else { return };
    let texture = job.previews.last().map(|p| panel.thumbnails.get(ui.ctx(), p));
    let step = if job.step == 0 { "starting".to_owned() } else { format!("step {} of {}", job.step, job.of) };
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW + 8.0), Sense::hover());
    ui.painter().rect(
        rect,
        CornerRadius::same(6),
        tokens::RAISE,
        Stroke::new(1.0, tokens::LINE2),
        eframe::egui::StrokeKind::Inside,
    );
    let inner = rect.shrink2(vec2(10.0, 6.0));
    picture(ui, inner.left_top(), texture);
    let x = inner.left() + PICTURE + 10.0;
    let time = job.secs_left().map_or_else(String::new, words::secs);
    let right =
        ui.painter().text(pos2(inner.right(), inner.top() + 8.0), Align2::RIGHT_CENTER, time, text::secondary(), tokens::INK2);
    put(ui, pos2(x, inner.top() + 8.0), &job.name, right.left() - 8.0 - x, text::medium(), tokens::INK);
    put(
        ui,
        pos2(x, inner.top() + 26.0),
        &format!("{}, {step}", job.request.seed.0),
        inner.right() - x,
        text::secondary(),
        tokens::INK2,
    );
    let mut bar = ui.new_child(
        eframe::egui::UiBuilder::new().max_rect(Rect::from_min_size(pos2(x, inner.top() + 40.0), vec2(inner.right() - x, 4.0))),
    );
    progress::bar(&mut bar, inner.right() - x, job.step as f32 / job.of.max(1) as f32, "Progress of the run");
    ui.horizontal(|ui| {
        ui.add_space(x - rect.left());
        let words = if job.cancelling { "Stops after this step" } else { "Cancel" };
        let cancel = Push::new(words).name("Cancel this run").command("run.cancel").enabled(!job.cancelling);
        if cancel.show(ui).clicked() {
            panel.out.push(Any::Cancel);
        }
        if Push::new("Open").name("Open this run").purpose("Goes to the canvas, where it forms").frameless().show(ui).clicked() {
            panel.out.push(Any::Show(crate::state::Shown::Live));
            panel.out.push(Any::OpenRoom(crate::state::Room::Canvas));
        }
    });
}

/// What waits, in its order; it is dragged or moved with Alt and the arrows.
fn waiting(ui: &mut Ui, panel: &mut Panel<'_>) {
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
            ui.ctx().set_cursor_icon(eframe::egui::CursorIcon::Grabbing);
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
    let filter = eframe::egui::EventFilter { vertical_arrows: true, ..eframe::egui::EventFilter::default() };
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
    let name = format!("Waiting: {}, {}", first.task.name, entry.line());
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
        let mut child = ui.new_child(eframe::egui::UiBuilder::new().max_rect(at));
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
    let title =
        if entry.jobs.len() > 1 { format!("{} × {}", entry.jobs.len(), first.task.name) } else { first.task.name.clone() };
    put(ui, pos2(x, rect.top() + 17.0), &title, right - x, text::body(), tokens::INK);
    put(ui, pos2(x, rect.top() + 35.0), &entry.line(), right - x, text::secondary(), tokens::INK3);
    response.on_hover_text("Drag to reorder; with the keyboard Alt+Up, Alt+Down, and Del to cancel.")
}

/// What ended today, newest first.
fn ended(ui: &mut Ui, panel: &mut Panel<'_>) {
    let (now_ms, zone_ms) = panel.state.runs.wall.as_ref().map_or((0, 0), |w| (w.now_ms, w.zone_ms));
    let today: Vec<&JobRow> = panel
        .state
        .queue
        .ended
        .iter()
        .filter(|j| crate::library::query::Age::of(j.ended_ms.unwrap_or(0), now_ms, zone_ms) == crate::library::query::Age::Today)
        .collect();
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
    let name = format!("Finished: {}, {line_two}, {word}", job.task.name);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, job.run.is_some(), &name));
    if response.hovered() && job.run.is_some() {
        ui.painter().rect_filled(rect, CornerRadius::same(6), tokens::HOVER);
    }
    let texture = row.and_then(|r| panel.shelf.picture(r.id));
    picture(ui, pos2(rect.left() + 6.0, rect.top() + 6.0), texture);
    let x = rect.left() + 6.0 + PICTURE + 10.0;
    let said = ui.painter().text(pos2(rect.right() - 6.0, rect.center().y), Align2::RIGHT_CENTER, word, text::secondary(), ink);
    put(ui, pos2(x, rect.top() + 17.0), &job.task.name, said.left() - 8.0 - x, text::body(), tokens::INK);
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

fn picture(ui: &Ui, at: eframe::egui::Pos2, texture: Option<eframe::egui::TextureId>) {
    let rect = Rect::from_min_size(at, Vec2::splat(PICTURE));
    match texture {
        Some(texture) => {
            let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
            ui.painter().image(texture, rect, whole, tokens::AS_IS);
        }
        None => {
            ui.painter().rect(
                rect,
                CornerRadius::same(2),
                tokens::VIEW,
                Stroke::new(1.0, tokens::LINE),
                eframe::egui::StrokeKind::Inside,
            );
        }
    }
}

/// Six dots that say that a row can be dragged.
fn grip(ui: &Ui, at: eframe::egui::Pos2) {
    for row in [-5.0, 0.0, 5.0] {
        for column in [-2.0, 2.0] {
            ui.painter().circle_filled(at + vec2(column, row), 1.0, tokens::INK3);
        }
    }
}

fn put(ui: &Ui, at: eframe::egui::Pos2, words: &str, width: f32, font: eframe::egui::FontId, ink: eframe::egui::Color32) {
    let mut job = LayoutJob::simple_singleline(words.to_owned(), font, ink);
    job.wrap = TextWrapping::truncate_at_width(width.max(8.0));
    let galley = ui.painter().layout_job(job);
    ui.painter().galley(pos2(at.x, at.y - galley.size().y * 0.5), galley, ink);
}

/// A sentence with an icon, below the row it belongs to.
fn line(ui: &mut Ui, icon: Icon, ink: eframe::egui::Color32, words: &str) {
    ui.horizontal_top(|ui| {
        ui.add_space(10.0);
        let (rect, _) = ui.allocate_exact_size(vec2(16.0, 16.0), Sense::hover());
        icon.paint(ui.painter(), rect, 14.0, ink);
        ui.add(Label::new(RichText::new(words).font(text::secondary()).color(tokens::INK2)).wrap());
    });
}
