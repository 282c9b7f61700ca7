//! What the window shows: it draws the state and changes nothing.

mod display;
pub mod door;
mod foot;
mod head;
mod help;
pub mod image;
mod impression;
mod pause;
mod score;
mod screens;
mod tile;
mod wrong;

use eframe::egui::{CentralPanel, Frame, Margin, Panel, Pos2, Rect, ScrollArea, Ui, vec2};

use study::answers::Screen;

use super::action::Action;
use super::state::{Scale, Stage, State, Step};
use crate::canvas::picture::Pictures;
use crate::theme::tokens;

/// Heights of the bars, in points.
const HEAD: f32 = 44.0;
const SCORE: f32 = 132.0;
const FOOT: f32 = 26.0;
/// Most and least width of a side column, in points.
const SIDE: f32 = 380.0;
const LEAST_SIDE: f32 = 190.0;

/// What drawing needs.
pub struct Scene<'a> {
    /// The state.
    pub state: &'a State,
    /// What painting pictures keeps between frames.
    pub pictures: &'a mut Pictures,
    /// What the reader did.
    pub out: &'a mut Vec<Action>,
}

/// Draws the whole window.
pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let bar = |x: i8| Frame::new().fill(tokens::BAR).inner_margin(Margin::symmetric(x, 0));
    Panel::top("head").exact_size(HEAD).frame(bar(20)).show(ui, |ui| head::show(ui, scene));
    Panel::bottom("foot").exact_size(FOOT).frame(bar(20)).show(ui, |ui| foot::show(ui, scene));
    let state = scene.state;
    if !state.in_turn() || state.paused {
        let view = Frame::new().fill(tokens::VIEW).inner_margin(Margin::symmetric(28, 0));
        CentralPanel::default().frame(view).show(ui, |ui| {
            if state.paused {
                pause::show(ui, scene);
            } else {
                screens::show(ui, scene);
            }
        });
        return;
    }
    Panel::bottom("score").exact_size(SCORE).frame(bar(28)).show(ui, |ui| score::show(ui, scene));
    let [left, right] = sides(state, ui.available_size_before_wrap().x, ui.available_size_before_wrap().y);
    let side = Frame::new().fill(tokens::VIEW).inner_margin(Margin { left: 28, right: 16, top: 20, bottom: 8 });
    Panel::left("impression").exact_size(left).resizable(false).show_separator_line(false).frame(side).show(ui, |ui| {
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| impression::show(ui, scene));
    });
    let side = Frame::new().fill(tokens::VIEW).inner_margin(Margin { left: 16, right: 28, top: 20, bottom: 8 });
    Panel::right("form").exact_size(right).resizable(false).show_separator_line(false).frame(side).show(ui, |ui| {
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            if matches!(state.turn.step, Step::Errors | Step::Closing) {
                wrong::show(ui, scene);
            } else {
                help::show(ui, scene);
            }
        });
    });
    CentralPanel::default().frame(Frame::new().fill(tokens::VIEW)).show(ui, |ui| image::show(ui, scene));
}

/// Widths of the two side columns: the images come first, several of them need the room.
fn sides(state: &State, width: f32, height: f32) -> [f32; 2] {
    let across = if state.sheet.template.images() == 2 { 2.0 } else { 1.0 };
    let images = height * across + 2.0 * image::MARGIN;
    let side = ((width - images) * 0.5).clamp(LEAST_SIDE, SIDE);
    [side, side]
}

/// What the screen is like, and the size at which images have room in it, whatever is shown now.
pub fn measure(ui: &Ui, state: &State) -> Screen {
    let ppp = ui.pixels_per_point();
    let window = ui.max_rect().size();
    let height = window.y - HEAD - SCORE - FOOT;
    let [left, right] = sides(state, window.x, height);
    let middle = Rect::from_min_size(Pos2::ZERO, vec2((window.x - left - right).max(1.0), height.max(1.0)));
    let room = image::cells(middle, state.sheet.template.images()).first().map_or(middle.size(), Rect::size) * ppp;
    let scale = Scale::that_fits(state.sheet.multiple, state.sheet.image_px.map(|v| v as f32), [room.x, room.y]);
    let device = |v: f32| (v * ppp).round().max(0.0) as u32;
    Screen {
        window_px: (device(window.x), device(window.y)),
        pixels_per_point: f64::from(ppp),
        scale: (scale.device, scale.image),
    }
}

/// The title of the screen that is there.
pub(super) fn stage_title(state: &State) -> String {
    match &state.stage {
        Stage::Consent => "Consent and experience".to_owned(),
        Stage::Display => "Display check".to_owned(),
        Stage::Practice(at) => format!("Practice {} of {}", at + 1, state.sheet.practice.len()),
        Stage::Rest(_) | Stage::Washout(..) => "Break".to_owned(),
        Stage::Trial(_) => String::new(),
        Stage::Done => "Finished".to_owned(),
    }
}
