//! Train: trainings while they run, read from their folders, and the models that the studio knows.
//!
//! The room never writes into a run folder. Each run is watched by a thread of its own, which reads what is new in the
//! log and thins it; the window draws what it was handed last.

mod action;
pub mod command;
mod list;
mod middle;
mod panel;
pub mod plot;
mod reduce;
mod side;
pub mod state;
mod top;
pub mod watch;
mod words;
mod works;

pub use action::{Action, Effect};
pub use middle::last_tenth;
pub use reduce::reduce;
pub use state::{State, Tab};
pub use top::{status, top};
pub use works::Works;

use eframe::egui::{CentralPanel, Color32, Frame, Margin, Panel as Side, ScrollArea, Ui};

use crate::action::Action as Any;
use crate::panels::Panel;
use crate::theme::tokens;

/// Below this width columns stand below each other.
const STACKED: f32 = 900.0;
/// Width of the list and of the facts, in points; narrower in a small window.
const SIDES: (f32, f32) = (264.0, 304.0);
const NARROW: (f32, f32) = (208.0, 256.0);

/// Shows the room.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    if panel.state.train.tab == Tab::Models {
        return super::models::show(ui, panel);
    }
    if !panel.state.train.began {
        push(panel, Action::Begin);
    }
    let frame = |x, y| Frame::new().fill(tokens::BG).inner_margin(Margin::symmetric(x, y));
    let whole = || ScrollArea::vertical().auto_shrink([false, false]);
    if panel.state.train.runs.is_empty() {
        CentralPanel::default().frame(frame(20, 16)).show(ui, |ui| whole().show(ui, |ui| list::empty(ui, panel)));
        return;
    }
    if panel.state.train.large {
        CentralPanel::default().frame(frame(20, 12)).show(ui, |ui| panel::large(ui, panel));
        return;
    }
    if ui.available_width() < STACKED {
        CentralPanel::default().frame(frame(16, 10)).show(ui, |ui| {
            whole().id_salt("train").show(ui, |ui| {
                list::show(ui, panel);
                ui.add_space(16.0);
                middle::show(ui, panel);
                ui.add_space(16.0);
                side::show(ui, panel);
            });
        });
        return;
    }
    let sides = if panel.metrics.compact { NARROW } else { SIDES };
    Side::left("train list").exact_size(sides.0).resizable(false).frame(frame(12, 10)).show(ui, |ui| {
        whole().id_salt("list").show(ui, |ui| list::show(ui, panel));
    });
    Side::right("train facts").exact_size(sides.1).resizable(false).frame(frame(12, 10)).show(ui, |ui| {
        whole().id_salt("facts").show(ui, |ui| side::show(ui, panel));
    });
    CentralPanel::default().frame(frame(20, 12)).show(ui, |ui| {
        whole().id_salt("curves").show(ui, |ui| middle::show(ui, panel));
    });
}

/// Sends an action of the room.
fn push(panel: &mut Panel<'_>, action: Action) {
    panel.out.push(Any::Train(action));
}

/// The colour of a run's curves: ink for the one that is shown, its own for each of the others.
fn ink(shown: bool, index: usize) -> Color32 {
    if shown { tokens::INK } else { tokens::series(index) }
}
