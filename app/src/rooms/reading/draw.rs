//! Small parts of the room: path fields, facts, tables, work in progress.

use std::path::Path;

use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{
    Align, Align2, FontId, Label, Layout, Rect, Response, RichText, Role, Sense, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

use super::action::Action;
use super::state::{Field, Tab};
use crate::action::Action as Any;
use crate::checks::Verdict;
use crate::panels::Panel;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, check_line, duration, grouped, path, progress, secondary};

/// Height of a line of facts.
const LINE: f32 = 16.0;
/// Height of a row of a table.
pub(super) const ROW: f32 = 28.0;

/// Sends an action of the room.
pub(super) fn push(panel: &mut Panel<'_>, action: Action) {
    panel.out.push(Any::Reading(action));
}

/// A path that is typed, or chosen in the system's dialog.
pub(super) fn path_field(ui: &mut Ui, panel: &mut Panel<'_>, field: Field, name: &str, current: &Path) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 26.0), Sense::hover());
    let button = Rect::from_min_max(pos2(rect.right() - 26.0, rect.top()), rect.max);
    let words = Rect::from_min_max(rect.min, pos2(button.left() - 4.0, rect.bottom()));
    let typed = path::line(&mut ui.new_child(UiBuilder::new().max_rect(words)), name, &current.display().to_string());
    if let Some(words) = typed {
        push(panel, Action::SetPath(field, words.trim().into()));
    }
    let called = format!("Browse: {name}");
    let browse = Push::icon(Icon::Folder, &called).purpose("Asks in the system's dialog");
    if browse.size(26.0, 26.0).icon_size(15.0).show(&mut ui.new_child(UiBuilder::new().max_rect(button))).clicked() {
        push(panel, Action::Browse(field));
    }
}

/// A name at the left, its value at the right.
pub(super) fn fact(ui: &mut Ui, name: &str, value: &str) {
    ui.allocate_ui_with_layout(vec2(ui.available_width(), LINE), Layout::left_to_right(Align::Center), |ui| {
        ui.spacing_mut().interact_size.y = LINE;
        ui.add(Label::new(RichText::new(name).font(text::secondary()).color(tokens::INK2)));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add(Label::new(RichText::new(value).font(text::secondary()).color(tokens::INK)).truncate());
        });
    });
}

/// The work in progress with its bar and a button that stops it, or what it said at last.
pub(super) fn busy(ui: &mut Ui, panel: &mut Panel<'_>, tab: Tab) {
    if let Some(busy) = panel.state.reading.busy.clone() {
        ui.add_space(4.0);
        let since = busy.since.elapsed().as_secs_f64();
        let words = match (busy.of, busy.done) {
            (0, _) => format!("{}, since {}", capital(&busy.what), duration(since)),
            (of, 0) => format!("{}: 0 of {}", capital(&busy.what), grouped(of)),
            (of, done) => {
                let left = since / done as f64 * of.saturating_sub(done) as f64;
                format!("{}: {} of {}, {} left", capital(&busy.what), grouped(done), grouped(of), duration(left))
            }
        };
        secondary(ui, words);
        if busy.of > 0 {
            progress::bar(ui, ui.available_width(), busy.done as f32 / busy.of as f32, &busy.what);
        }
        let words = if busy.stop.is_cancelled() { "Stopping…" } else { "Stop" };
        if Push::new(words).name("Stop the work").purpose("Ends it; nothing half is written").show(ui).clicked() {
            push(panel, Action::Stop);
        }
        // The time goes on without news.
        ui.ctx().request_repaint_after(std::time::Duration::from_millis(500));
    }
    match panel.state.reading.last_said(tab) {
        Some(Ok(words)) => check_line::show(ui, Verdict::Agrees, words),
        Some(Err(words)) => check_line::show(ui, Verdict::Conflict, words),
        None => {}
    }
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// One column of a table: where it ends as a share of the width, and whether it is a number.
#[derive(Clone, Copy)]
pub(super) struct Column {
    /// Its heading.
    pub title: &'static str,
    /// Its right edge as a share of the table's width.
    pub end: f32,
    /// Whether its words stand at that edge.
    pub number: bool,
}

/// A column of words, which begins where the one before ended.
pub(super) const fn words(title: &'static str, end: f32) -> Column {
    Column { title, end, number: false }
}

/// A column of numbers, at its right edge.
pub(super) const fn numbers(title: &'static str, end: f32) -> Column {
    Column { title, end, number: true }
}

/// The heading of a table.
pub(super) fn head(ui: &mut Ui, columns: &[Column]) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    let titles: Vec<&str> = columns.iter().map(|column| column.title).collect();
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("Columns: {}", titles.join(", "))));
    cells(ui, rect, columns, &titles, text::secondary(), tokens::INK2);
    ui.painter().hline(rect.x_range(), rect.bottom(), (1.0, tokens::LINE2));
}

/// A row of a table; its cells are its name.
pub(super) fn row<S: AsRef<str>>(ui: &mut Ui, columns: &[Column], values: &[S], strong: bool) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    let values: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, values.join(", ")));
    let font = if strong { text::medium() } else { text::secondary() };
    cells(ui, rect, columns, &values, font, tokens::INK);
    ui.painter().hline(rect.x_range(), rect.bottom(), (1.0, tokens::LINE));
    response
}

fn cells(ui: &Ui, rect: Rect, columns: &[Column], values: &[&str], font: FontId, ink: eframe::egui::Color32) {
    let mut from = rect.left();
    for (column, value) in columns.iter().zip(values) {
        let end = rect.left() + column.end * rect.width();
        let cell = Rect::from_x_y_ranges(from..=end, rect.y_range());
        let painter = ui.painter().with_clip_rect(cell.intersect(ui.clip_rect()));
        if column.number {
            painter.text(cell.right_center(), Align2::RIGHT_CENTER, value, font.clone(), ink);
        } else {
            // Words that do not fit end in dots; the row's name has them all.
            let mut job = LayoutJob::simple_singleline((*value).to_owned(), font.clone(), ink);
            job.wrap = TextWrapping::truncate_at_width(cell.width());
            let galley = painter.layout_job(job);
            let at = cell.left_center() - vec2(0.0, galley.size().y * 0.5);
            painter.galley(at, galley, ink);
        }
        from = end + if column.number { 12.0 } else { 6.0 };
    }
}
