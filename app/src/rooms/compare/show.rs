//! The room on the screen: header, list of pictures left, the pictures or the grid.

use eframe::egui::{Align, Frame, Layout, Margin, Panel as Side, Popup, RichText, Ui};

use super::{Action, MOST, Mode, Part, grid, list, tiles};
use crate::action;
use crate::panels::{Panel, status};
use crate::theme::icons::Icon;
use crate::theme::{self, text, tokens};
use crate::widgets::{Push, caption, field};

/// Named windows: width and level.
const WINDOWS: [(&str, f32, f32); 4] =
    [("Full range", 1.0, 0.5), ("Lung window", 0.6, 0.35), ("Bone window", 0.5, 0.7), ("High contrast", 0.35, 0.5)];

/// Says what was done in the room.
pub(super) fn push(panel: &mut Panel<'_>, action: Action) {
    panel.out.push(action::Action::Compare(action));
}

/// Shows the room.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let bar = Frame::new().fill(tokens::BAR).inner_margin(Margin::symmetric(12, 0));
    Side::top("compare header").exact_size(36.0).frame(bar).show(ui, |ui| header(ui, panel));
    match panel.state.compare.part {
        Part::Views => {
            let side = Frame::new().fill(tokens::BG).inner_margin(Margin::symmetric(12, 8));
            let width = if panel.metrics.compact { 232.0 } else { 264.0 };
            Side::left("compare list").exact_size(width).resizable(false).frame(side).show(ui, |ui| list::show(ui, panel));
            tiles::show(ui, panel);
        }
        Part::Grid => grid::show(ui, panel),
    }
}

fn header(ui: &mut Ui, panel: &mut Panel<'_>) {
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for (part, words, purpose) in [
            (Part::Views, "Pictures", "Up to nine pictures with one zoom and one window"),
            (Part::Grid, "Grid", "One image for every pair of values of two parameters"),
        ] {
            let open = panel.state.compare.part == part;
            if Push::new(words).frameless().selected(open).purpose(purpose).show(ui).clicked() {
                push(panel, Action::SetPart(part));
            }
        }
        ui.add_space(12.0);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            let sheet = Push::new("Save sheet").with_icon(Icon::Save).frameless();
            let purpose = "Saves all pictures as one PNG with their labels, marked as synthetic";
            match panel.state.compare.part {
                Part::Views => {
                    let any = !panel.state.compare.entries.is_empty();
                    if sheet.purpose(purpose).enabled(any).show(ui).clicked() {
                        push(panel, Action::SaveSheet);
                    }
                    views_header(ui, panel);
                }
                Part::Grid => grid::header(ui, panel),
            }
        });
    });
}

fn views_header(ui: &mut Ui, panel: &mut Panel<'_>) {
    let fit = Push::new("Fit").command("look.fit").without_cap().frameless();
    if fit.purpose("Fits all pictures; a double click does it too").show(ui).clicked() {
        push(panel, Action::Look(crate::canvas::look::Look::Fit));
    }
    let window = panel.state.compare.linked.window;
    let current = WINDOWS.iter().position(|w| (w.1, w.2) == (window.width, window.level));
    let all: Vec<usize> = (0..WINDOWS.len()).chain(current.is_none().then_some(WINDOWS.len())).collect();
    let title = |i: usize| WINDOWS.get(i).map_or("Own window", |w| w.0);
    if let Some(i) = field::choice(ui, "Window of all", 112.0, current.unwrap_or(WINDOWS.len()), &all, title)
        && let Some(&(_, width, level)) = WINDOWS.get(i)
    {
        push(panel, Action::SetWindow(width, level));
    }
    let invert = Push::icon(Icon::Invert, "Invert all").command("look.invert").purpose("Swaps black and white in every picture");
    if invert.selected(window.inverted).show(ui).clicked() {
        push(panel, Action::ToggleInvert);
    }
    ui.add_space(12.0);
    let mode = panel.state.compare.mode;
    if ui.available_width() < 320.0 {
        let menu = Push::new(mode.title()).with_icon(Icon::Down).name("Ways to compare").frameless().show(ui);
        Popup::menu(&menu).show(|ui| {
            for choice in Mode::ALL {
                if ui.selectable_label(mode == choice, choice.title()).on_hover_text(choice.purpose()).clicked() {
                    push(panel, Action::SetMode(choice));
                    ui.close();
                }
            }
        });
    } else {
        for choice in Mode::ALL.into_iter().rev() {
            let button = Push::new(choice.title()).frameless().selected(mode == choice).purpose(choice.purpose());
            let button = match choice {
                Mode::Swipe => button.command("compare.toggle").without_cap(),
                Mode::Difference => button.command("compare.difference").without_cap(),
                Mode::All | Mode::Blink => button,
            };
            if button.show(ui).clicked() {
                push(panel, Action::SetMode(choice));
            }
        }
    }
    if mode == Mode::Blink && theme::is_still(ui.ctx()) {
        let words = if panel.state.compare.flipped { "Show chosen" } else { "Show reference" };
        if Push::new(words).purpose("Motion is reduced, so pictures change by hand").show(ui).clicked() {
            push(panel, Action::Flip);
        }
    }
}

/// The room's words in the status bar: its own window and zoom, not the canvas'.
pub fn status(ui: &mut Ui, panel: &Panel<'_>) {
    let room = &panel.state.compare;
    let mut words = vec![format!("{} of {MOST} pictures", room.entries.len())];
    if room.part == Part::Views && !room.entries.is_empty() {
        let window = room.linked.window;
        words.push(format!(
            "Window {:.2} / {:.2}{}",
            window.width,
            window.level,
            if window.inverted { ", inverted" } else { "" }
        ));
        words.push(room.linked.zoom.map_or_else(|| "Fitted".to_owned(), |zoom| format!("Zoom {:.0} %", zoom * 100.0)));
    }
    status::words(ui, words);
}

/// A heading with a sentence in the middle of an empty room.
pub(super) fn empty(ui: &mut Ui, heading: &str, sentence: &str) {
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.4);
        ui.label(RichText::new(heading).font(text::title()).color(tokens::INK));
        ui.set_max_width(420.0);
        caption(ui, sentence);
    });
}
