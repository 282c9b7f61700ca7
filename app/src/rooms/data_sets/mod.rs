//! Data sets: many images from a recipe of who, where and how.
//!
//! Left the recipe, in the middle its plan or its images, right cost, work and the chosen image.

mod action;
mod collected;
mod dialogs;
mod draw;
mod form;
mod images;
mod judge;
mod people;
mod plan;
pub mod reading;
pub mod reduce;
pub mod review;
mod side;
pub mod state;
pub mod work;

pub use action::Action;
pub use reduce::{again, hear, library_opened, opened, reduce, refused, runs_changed, runs_told};
pub use state::State;
pub use work::{Work, Works};

use eframe::egui::{CentralPanel, Frame, Margin, Panel as Side, Ui};

use crate::panels::Panel;
use crate::theme::tokens;
use crate::widgets::grouped;

/// The room's words in the status bar.
pub fn status(ui: &mut Ui, panel: &Panel<'_>) {
    let room = &panel.state.data_sets;
    let mut words = Vec::new();
    if let Some(plan) = room.ready() {
        words.push(format!("{} rows planned", grouped(plan.rows.list.len())));
    }
    if !room.items.is_empty() {
        words.push(format!("{} accepted", grouped(review::Tally::of(&room.items).accepted)));
    }
    crate::panels::status::words(ui, words);
}

/// Shows the room.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let frame = |fill| Frame::new().fill(fill).inner_margin(Margin::symmetric(12, 8));
    let width = panel.metrics.side.clamp(264.0, 328.0);
    // The recipe needs its width, cost and work less.
    let right = if panel.metrics.narrow { 216.0 } else { width };
    Side::left("data set form").exact_size(width).resizable(false).frame(frame(tokens::BG)).show(ui, |ui| form::show(ui, panel));
    Side::right("data set side").exact_size(right).resizable(false).frame(frame(tokens::BG)).show(ui, |ui| side::show(ui, panel));
    CentralPanel::default().frame(frame(tokens::VIEW)).show(ui, |ui| match panel.state.data_sets.page {
        state::Page::Plan => plan::show(ui, panel),
        state::Page::Images => images::show(ui, panel),
        state::Page::Collected => collected::show(ui, panel),
    });
}
