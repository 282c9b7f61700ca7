//! The list of runs at the left.

use eframe::egui::{Align2, Rect, RichText, Role, Sense, Ui, UiBuilder, WidgetInfo, pos2, vec2};

use super::action::Action;
use super::state::{Run, letter};
use super::watch::Standing;
use super::{ink, push};
use crate::panels::Panel;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, caption, entry, grouped, progress, secondary, section};

/// Height of a row.
const ROW: f32 = 56.0;
/// Widest text of the empty room.
const WIDE: f32 = 560.0;

/// What is there before a run was opened.
pub(super) fn empty(ui: &mut Ui, panel: &mut Panel<'_>) {
    ui.set_max_width(ui.available_width().min(WIDE));
    ui.label(RichText::new("Watch a training").font(text::title()).color(tokens::INK));
    ui.add_space(4.0);
    secondary(
        ui,
        "The folder that chexgen train was given with --out shows its curves, panels and checkpoints here, also while it runs. \
         Nothing in it is changed. Open it, or drop it on the window; several are drawn over each other.",
    );
    ui.add_space(10.0);
    open(ui, panel, true);
    ui.add_space(16.0);
    section(ui, "To begin one");
    let words = "chexgen train trainer/configs/practice.toml --out runs/practice";
    copied(ui, panel, words, "the command", "Copy the command that begins a training");
    caption(ui, "It trains the practice model on drawn patients, on a processor; docs/how-to/train.md tells the rest.");
}

/// The button and the field that open a folder.
fn open(ui: &mut Ui, panel: &mut Panel<'_>, primary: bool) {
    let button = Push::new("Open a run folder…").with_icon(Icon::Folder).command("train.open").without_cap();
    let button = button.purpose("Asks in the system's dialog; a folder can be dropped on the window, too");
    let button = if primary { button.primary().size(32.0, 0.0) } else { button };
    if button.show(ui).clicked() {
        push(panel, Action::Browse);
    }
    ui.add_space(2.0);
    if let Some(path) = entry::line(ui, "Run folder path", "or type its path", "") {
        push(panel, Action::Open(path.trim().into()));
    }
}

/// A command with a button that copies it.
pub(super) fn copied(ui: &mut Ui, panel: &mut Panel<'_>, words: &str, what: &'static str, name: &str) {
    let field = ui.available_width() - 34.0;
    ui.horizontal_top(|ui| {
        let galley = ui.painter().layout(words.to_owned(), text::secondary(), tokens::INK2, field - 16.0);
        let (rect, response) = ui.allocate_exact_size(vec2(field, galley.size().y + 10.0), Sense::hover());
        ui.painter().rect_filled(rect, 6.0, tokens::RAISE);
        ui.painter().galley(rect.min + vec2(8.0, 5.0), galley, tokens::INK2);
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, words));
        if Push::icon(Icon::Copy, name).purpose("Puts it into the clipboard").size(26.0, 26.0).show(ui).clicked() {
            push(panel, Action::Copy(words.to_owned(), what));
        }
    });
}

/// Shows the list.
pub(super) fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    section(ui, "Training runs");
    ui.spacing_mut().item_spacing.y = 2.0;
    for (index, run) in panel.state.train.runs.clone().iter().enumerate() {
        row(ui, panel, index, run);
    }
    ui.spacing_mut().item_spacing.y = 6.0;
    ui.add_space(8.0);
    open(ui, panel, false);
    if panel.state.train.runs.len() > 1 {
        caption(ui, "The eye draws a run's curves beside those of the chosen one, where both have the stage.");
    }
}

fn row(ui: &mut Ui, panel: &mut Panel<'_>, index: usize, run: &Run) {
    let room = &panel.state.train;
    let chosen = room.chosen.as_ref() == Some(&run.path);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    let (name, standing) = (run.name(), run.view.standing);
    let (under, color) = under(run);
    let called = format!("Run {} {name}: {under}", letter(index));
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, &called));
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    if chosen || response.hovered() {
        painter.rect_filled(rect, 6.0, if chosen { tokens::HOVER } else { tokens::RAISE });
    }
    let drawn = chosen || run.drawn;
    let mark = if drawn { ink(chosen, index) } else { tokens::INK3 };
    painter.text(rect.min + vec2(8.0, 6.0), Align2::LEFT_TOP, letter(index), text::medium(), mark);
    let words = painter.with_clip_rect(Rect::from_min_max(rect.min, pos2(rect.right() - 62.0, rect.bottom())));
    words.text(
        rect.min + vec2(26.0, 6.0),
        Align2::LEFT_TOP,
        &name,
        if chosen { text::medium() } else { text::body() },
        tokens::INK,
    );
    painter.text(rect.min + vec2(26.0, 25.0), Align2::LEFT_TOP, &under, text::secondary(), color);
    if let Some(share) = run.view.share().filter(|_| !matches!(standing, Standing::Finished | Standing::Unreadable)) {
        let bar = Rect::from_min_size(rect.min + vec2(26.0, 45.0), vec2(rect.width() - 38.0, 4.0));
        let mut here = ui.new_child(UiBuilder::new().max_rect(bar));
        progress::bar(&mut here, bar.width(), share, &format!("Progress of {name}"));
    }
    let mut right = ui
        .new_child(UiBuilder::new().max_rect(Rect::from_min_size(pos2(rect.right() - 56.0, rect.top() + 4.0), vec2(52.0, 24.0))));
    right.spacing_mut().item_spacing.x = 2.0;
    right.horizontal(|ui| {
        let icon = if drawn { Icon::Eye } else { Icon::EyeOff };
        let called = format!("Draw {name} beside the chosen run");
        let eye = Push::icon(icon, &called).purpose("Its curves, with its letter").selected(run.drawn).enabled(!chosen);
        if eye.size(24.0, 24.0).icon_size(15.0).show(ui).clicked() {
            push(panel, Action::Overlay(run.path.clone()));
        }
        let called = format!("Take {name} off the list");
        let away = Push::icon(Icon::Cross, &called).purpose("Its files stay").size(24.0, 24.0).icon_size(12.0);
        if away.show(ui).clicked() {
            push(panel, Action::Close(run.path.clone()));
        }
    });
    let response = response.on_hover_text(run.path.display().to_string());
    if response.clicked() {
        push(panel, Action::Choose(run.path.clone()));
    }
}

/// The line under a run's name.
fn under(run: &Run) -> (String, eframe::egui::Color32) {
    let view = &run.view;
    let color = match view.standing {
        Standing::Running => tokens::INK2,
        Standing::Crashed => tokens::WARN,
        Standing::Unreadable => tokens::ERR,
        _ => tokens::INK3,
    };
    if let Some(share) = view.reading {
        return (format!("reading the log, {:.0} %", 100.0 * share), tokens::INK3);
    }
    let at = view.newest().map(|stage| match view.of(stage) {
        Some(of) => format!("{} {} of {}", stage.name, grouped(stage.step as usize), grouped(of as usize)),
        None => format!("{} {}", stage.name, grouped(stage.step as usize)),
    });
    let title = view.standing.title();
    match (view.standing, at) {
        (Standing::Finished | Standing::Unreadable | Standing::Reading | Standing::NotBegun, _) | (_, None) => {
            (title.to_owned(), color)
        }
        (_, Some(at)) => (format!("{title}, {at}"), color),
    }
}
