//! The bar at the top: title, how far one is, and the pause. No clock is in sight: it hurries readers.

use eframe::egui::{Align, CornerRadius, Layout, Rect, RichText, Role, Sense, Ui, UiBuilder, WidgetInfo, pos2, vec2};

use super::Scene;
use crate::reader::action::Action;
use crate::reader::sheet::Trial;
use crate::reader::state::Stage;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::{Push, chip};

/// Width of the row of ticks, in points.
const TICKS: f32 = 388.0;

pub(super) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let state = scene.state;
    let all = ui.max_rect();
    let mut left = ui.new_child(UiBuilder::new().max_rect(all).layout(Layout::left_to_right(Align::Center)));
    left.label(RichText::new(state.sheet.title.as_str()).font(text::section()).color(tokens::INK));
    left.add_space(8.0);
    left.label(RichText::new(format!("Reader {}", state.sheet.reader)).font(text::secondary()).color(tokens::INK2));
    let left_end = left.min_rect().right();

    let mut right = ui.new_child(UiBuilder::new().max_rect(all).layout(Layout::right_to_left(Align::Center)));
    if state.in_turn() || state.paused {
        let (words, icon, purpose) = if state.paused {
            ("Go on", Icon::Play, "Shows the image again; the clock runs on")
        } else {
            ("Pause", Icon::Pause, "Hides the image and stops the clock; the record says so")
        };
        if Push::new(words).with_icon(icon).key("Esc").purpose(purpose).show(&mut right).clicked() {
            scene.out.push(Action::Pause(!state.paused));
        }
        right.add_space(8.0);
        let words = if state.paused { "The clock stands" } else { "Time is recorded" };
        right.label(RichText::new(words).font(text::secondary()).color(tokens::INK2));
    }
    let right_start = right.min_rect().left();

    let room = Rect::from_min_max(pos2(left_end + 20.0, all.top()), pos2(right_start - 20.0, all.bottom()));
    match &state.stage {
        Stage::Trial(at) => {
            if let Some(trial) = state.sheet.trials.get(*at) {
                progress(ui, all, room, trial, at + 1, state.sheet.trials.len(), state.sheet.blocks());
            }
        }
        Stage::Practice(at) => {
            let words = format!("{} of {}", at + 1, state.sheet.practice.len());
            let mut middle = middle(ui, all, room, 210.0);
            chip::badge(&mut middle, "PRACTICE", tokens::WARN);
            middle.label(RichText::new(words).font(text::medium()).color(tokens::INK));
            middle.label(RichText::new("Nothing is kept").font(text::secondary()).color(tokens::INK2));
        }
        _ => {
            let title = super::stage_title(state);
            let mut middle = middle(ui, all, room, 160.0);
            middle.label(RichText::new(title).font(text::secondary()).color(tokens::INK2));
        }
    }
}

/// A row in the middle of the bar where it fits, and else in the middle of the room that is left.
fn middle(ui: &mut Ui, all: Rect, room: Rect, width: f32) -> Ui {
    let x = (all.center().x - width * 0.5).max(room.left());
    let place =
        Rect::from_min_max(pos2(x, all.top()), pos2((x + width).max(room.right()).min(room.right().max(x + 1.0)), all.bottom()));
    ui.new_child(UiBuilder::new().max_rect(place).layout(Layout::left_to_right(Align::Center)))
}

fn progress(ui: &mut Ui, all: Rect, room: Rect, trial: &Trial, done: usize, of: usize, blocks: u32) {
    let words = |ui: &mut Ui, text: String, strong: bool| {
        let (font, color) = if strong { (text::medium(), tokens::INK) } else { (text::secondary(), tokens::INK2) };
        ui.label(RichText::new(text).font(font).color(color));
    };
    // Words first; the ticks take what is left.
    let ticks = (room.width() - 280.0).min(TICKS);
    let width = if ticks > 60.0 { ticks + 276.0 } else { 250.0 };
    let mut ui = middle(ui, all, room, width);
    ui.spacing_mut().item_spacing.x = 14.0;
    words(&mut ui, format!("Block {} of {blocks}", trial.block), false);
    if ticks > 60.0 {
        row_of_ticks(&mut ui, ticks, trial.in_block, trial.of_block);
    }
    words(&mut ui, format!("{} of {}", trial.in_block, trial.of_block), true);
    words(&mut ui, format!("{done} of {of} in all"), false);
}

fn row_of_ticks(ui: &mut Ui, width: f32, at: u32, of: u32) {
    let (rect, response) = ui.allocate_exact_size(vec2(width, 4.0), Sense::hover());
    let share = f64::from(at.saturating_sub(1)) / f64::from(of.max(1));
    response.widget_info(|| WidgetInfo {
        value: Some(share),
        ..WidgetInfo::labeled(Role::ProgressIndicator, true, "Progress of this block")
    });
    let pitch = width / of.max(1) as f32;
    let gap = if pitch > 6.0 {
        3.0
    } else if pitch > 3.0 {
        1.0
    } else {
        0.0
    };
    for i in 0..of {
        let from = rect.left() + pitch * i as f32;
        let tick = Rect::from_min_max(pos2(from, rect.top()), pos2(from + pitch - gap, rect.bottom()));
        let color = match (i + 1).cmp(&at) {
            std::cmp::Ordering::Less => tokens::INK3,
            std::cmp::Ordering::Equal => tokens::INK,
            std::cmp::Ordering::Greater => tokens::PRESS,
        };
        ui.painter().rect_filled(tick, CornerRadius::same(2), color);
    }
}
