//! The results of the session, newest first, with what forms and what waits before them.

use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{
    Align2, Color32, CornerRadius, Pos2, Rect, Role, ScrollArea, Sense, TextureId, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::{Panel, note};
use crate::action::{Action, QueueAction};
use crate::library::{JobRow, JobState, Mark};
use crate::reduce::shown_result;
use crate::state::{Shown, StudioResult};
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, grouped, section_row, thumbnail};

/// Waiting runs that are shown as empty places at most.
const PLACES: usize = 12;

/// Heading and buttons, under the left panel.
pub fn label(ui: &mut Ui, panel: &mut Panel<'_>) {
    section_row(ui, "Results", |ui| {
        caption(ui, summary(panel));
    });
    buttons(ui, panel);
    note::show(ui, panel);
}

fn summary(panel: &Panel<'_>) -> String {
    let state = panel.state;
    let of_group = state.job.as_ref().and_then(|job| state.queue.job(job.id)).map(|row| state.queue.place(row));
    match (&state.job, of_group, state.results.len()) {
        (Some(job), Some((at, n)), _) if n > 1 => format!("{at} of {n} {}", if job.paused { "paused" } else { "forming" }),
        (Some(job), _, _) if job.paused => "1 paused".to_owned(),
        (Some(_), ..) => "1 forming".to_owned(),
        (None, _, 0) => String::new(),
        (None, _, n) => format!("{n} in this session"),
    }
}

/// Star, Reject, Save and its folder.
pub fn buttons(ui: &mut Ui, panel: &mut Panel<'_>) {
    let mark = panel.state.shown_run().map(|run| run.mark);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let starred = mark == Some(Mark::Star);
        let star = Push::icon(if starred { Icon::StarFull } else { Icon::Star }, "Star")
            .command("run.star")
            .purpose("Marks the shown result, or takes the star away")
            .selected(starred)
            .enabled(mark.is_some());
        if star.show(ui).clicked() {
            panel.out.push(Action::Queue(QueueAction::ToggleStar));
        }
        let rejected = mark == Some(Mark::Reject);
        let reject = Push::new("Reject")
            .command("run.reject")
            .without_cap()
            .purpose("Dims the shown result; it is kept all the same")
            .selected(rejected)
            .enabled(mark.is_some());
        if reject.show(ui).clicked() {
            panel.out.push(Action::Queue(QueueAction::ToggleReject));
        }
        let can_save = shown_result(panel.state).is_some();
        let save = Push::new("Save")
            .command("case.save")
            .without_cap()
            .purpose("Writes the shown image, its mask and its record into your folder")
            .enabled(can_save);
        if save.show(ui).clicked() {
            panel.out.push(Action::Save);
        }
        let export = Push::new("Export")
            .name("Export fields")
            .purpose("Formats, masks and how much the files tell")
            .selected(panel.state.images.export_open);
        if export.show(ui).clicked() {
            panel.out.push(Action::Images(crate::images::Action::ToggleExport));
        }
        let folder =
            Push::icon(Icon::Folder, "Save folder").purpose("Chooses where Save writes").selected(panel.state.view.save_open);
        if folder.show(ui).clicked() {
            panel.out.push(Action::ToggleSaveFields);
        }
    });
}

/// The pictures, under the canvas.
pub fn frames(ui: &mut Ui, panel: &mut Panel<'_>) {
    let room = ui.available_rect_before_wrap();
    let side = (room.height() - 18.0).clamp(24.0, 96.0);
    ScrollArea::horizontal().auto_shrink([false, false]).show(ui, |ui| {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 12.0;
            coming(ui, panel, side);
            if panel.state.results.is_empty() && !panel.state.is_running() && panel.state.job.is_none() {
                nothing_yet(ui, panel, side);
            }
            for (index, result) in panel.state.results.iter().enumerate() {
                let chosen = shown_result(panel.state) == Some(index);
                let texture = panel.thumbnails.get(ui.ctx(), &result.artifact.image);
                if made(ui, side, texture, chosen, index, result, panel.state.results.len()) {
                    panel.out.push(Action::Show(Shown::Result(index)));
                }
            }
        });
    });
}

/// The run that forms and those that wait, before a line.
fn coming(ui: &mut Ui, panel: &mut Panel<'_>, side: f32) {
    let state = panel.state;
    if let Some(job) = &state.job {
        let live = matches!(state.shown, Shown::Live | Shown::LiveStep(_));
        let texture = job.previews.last().map(|p| panel.thumbnails.get(ui.ctx(), p));
        let step = if job.paused { "paused".to_owned() } else { format!("step {}", job.step) };
        if item(ui, side, texture, live, "Forming image", &(job.request.seed.0.to_string(), step)) {
            panel.out.push(Action::Show(Shown::Live));
        }
    }
    let current = state.job.as_ref().map(|job| job.id);
    let waiting = state.queue.jobs.iter().filter(|row| Some(row.id) != current && row.state != JobState::Running);
    let all = waiting.clone().count();
    for (index, row) in waiting.take(PLACES).enumerate() {
        let words = match (row.state, index) {
            (JobState::Paused, _) => "paused",
            (_, 0) if state.queue.held.is_none() => "next",
            _ => "waiting",
        };
        place(ui, side, words, row);
    }
    if all > PLACES {
        let (rect, _) = ui.allocate_exact_size(vec2(56.0, side), Sense::hover());
        let words = format!("+ {}", grouped(all - PLACES));
        ui.painter().text(rect.center(), Align2::CENTER_CENTER, words, text::secondary(), tokens::INK3);
    }
    if (state.job.is_some() || all > 0) && !state.results.is_empty() {
        let (rect, _) = ui.allocate_exact_size(vec2(1.0, side), Sense::hover());
        ui.painter().vline(rect.center().x, rect.y_range(), (1.0, tokens::LINE2));
    }
}

/// The empty place of a run that waits.
fn place(ui: &mut Ui, side: f32, words: &str, row: &JobRow) {
    let (outer, response) = ui.allocate_exact_size(vec2(side, side + 16.0), Sense::hover());
    let rect = Rect::from_min_size(outer.min + vec2(2.0, 2.0), Vec2::splat(side - 4.0));
    ui.painter().rect_filled(rect, CornerRadius::same(2), tokens::VIEW);
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, words, text::secondary(), tokens::INK3);
    number(ui, pos2(rect.left(), rect.bottom() + 4.0), rect.width(), &row.seed.to_string(), tokens::INK3);
    let name = format!("Run that waits: {}, seed {}", row.task.name, row.seed);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &name));
    response.on_hover_text(if row.reason.is_empty() { name.as_str() } else { row.reason.as_str() });
}

/// A finished image with its seed, its adherence and its mark; true when it was clicked.
fn made(ui: &mut Ui, side: f32, texture: TextureId, chosen: bool, index: usize, result: &StudioResult, of: usize) -> bool {
    let seed = result.artifact.request.seed.0;
    let run = result.run.as_deref();
    let mark = run.map_or(Mark::None, |run| run.mark);
    let value = run.and_then(|run| run.adherence);
    let mut name = format!("Result {} of {of}: {}, seed {seed}", index + 1, result.name);
    match mark {
        Mark::Star => name.push_str(", starred"),
        Mark::Reject => name.push_str(", rejected"),
        Mark::None => {}
    }
    let code = result.artifact.request.annotations.first().map_or("text", |a| a.finding.code());
    let right = value.map_or_else(|| code.to_owned(), |value| format!("{value:.2}"));
    let clicked = item(ui, side, Some(texture), chosen, &name, &(seed.to_string(), right));
    let corner = ui.min_rect().right_top();
    let rect = Rect::from_min_size(pos2(corner.x - side + 2.0, corner.y + 2.0), Vec2::splat(side - 4.0));
    match mark {
        Mark::Star => {
            let spot = Rect::from_min_size(rect.right_top() + vec2(-20.0, 2.0), Vec2::splat(18.0));
            ui.painter().rect_filled(spot, CornerRadius::same(4), tokens::alpha(tokens::VIEW, 0.8));
            Icon::StarFull.paint(ui.painter(), spot, 13.0, tokens::INK);
        }
        Mark::Reject => {
            ui.painter().rect_filled(rect, CornerRadius::same(2), tokens::alpha(tokens::BAR, 0.55));
        }
        Mark::None => {}
    }
    clicked
}

fn nothing_yet(ui: &mut Ui, panel: &mut Panel<'_>, side: f32) {
    let picture =
        panel.state.pictures.iter().find(|(e, _)| Some(*e) == panel.state.example).map(|(_, p)| std::sync::Arc::clone(p));
    if let Some(picture) = picture {
        let texture = panel.thumbnails.get(ui.ctx(), &picture);
        if item(
            ui,
            side,
            Some(texture),
            panel.state.shown == Shown::Example,
            "Example image",
            &("example".to_owned(), String::new()),
        ) {
            panel.out.push(Action::Show(Shown::Example));
        }
    }
    let (rect, _) = ui.allocate_exact_size(Vec2::splat(side), Sense::hover());
    thumbnail::empty(ui, rect);
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, "first", text::secondary(), tokens::INK3);
}

/// A thumbnail with two words below; true when it was clicked.
fn item(ui: &mut Ui, side: f32, texture: Option<TextureId>, chosen: bool, name: &str, words: &(String, String)) -> bool {
    let (outer, _) = ui.allocate_exact_size(vec2(side, side + 16.0), Sense::hover());
    let rect = Rect::from_min_size(outer.min + vec2(2.0, 2.0), Vec2::splat(side - 4.0));
    let response = thumbnail::at(ui, rect, texture, chosen, name, name);
    let y = rect.bottom() + 4.0;
    let right = ui.painter().text(pos2(rect.right(), y), Align2::RIGHT_TOP, &words.1, text::caption(), tokens::INK3);
    let room = rect.width() - if words.1.is_empty() { 0.0 } else { right.width() + 4.0 };
    number(ui, pos2(rect.left(), y), room, &words.0, tokens::INK2);
    response.clicked()
}

/// A seed below its picture; a long one, as data sets have, ends in dots, and the picture's name has all of it.
fn number(ui: &Ui, at: Pos2, room: f32, words: &str, ink: Color32) {
    let mut job = LayoutJob::simple_singleline(words.to_owned(), text::caption(), ink);
    job.wrap = TextWrapping::truncate_at_width(room.max(0.0));
    let galley = ui.painter().layout_job(job);
    ui.painter().galley(at, galley, ink);
}
