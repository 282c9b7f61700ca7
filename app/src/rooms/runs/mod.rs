//! Runs: the queue and every image made before, to search, compare and restore.

pub mod action;
pub mod cell;
pub mod changes;
pub mod command;
pub mod facet_list;
pub mod family;
pub mod filter_bar;
pub mod inspector;
pub mod queue;
pub mod reduce;
pub mod shelf;
pub mod state;
pub mod top;
pub mod wall;
pub mod words;
pub mod work;

use eframe::egui::{CentralPanel, Frame, Margin, Panel as Side, Ui};

pub use action::{Action, Effect};
pub use reduce::{answer, reduce, work as worked};
pub use shelf::Shelf;
pub use state::State;
pub use top::{status, top};

use crate::action::Action as Any;
use crate::panels::Panel;
use crate::theme::tokens;
use crate::widgets::{Push, caption};

/// Sizes of the room's columns for this window: facets and inspector.
fn columns(panel: &Panel<'_>, width: f32) -> (f32, f32) {
    match width {
        w if w >= 2200.0 => (200.0, 440.0),
        _ if panel.metrics.narrow => (0.0, 224.0),
        _ if panel.metrics.compact => (160.0, 300.0),
        _ => (176.0, 372.0),
    }
}

/// Queue and facets in one column, where there is no room for the wall beside both.
fn in_turn(ui: &mut Ui, panel: &mut Panel<'_>) {
    let open = panel.state.runs.facets_open;
    ui.horizontal(|ui| {
        for (words, name, facets, purpose) in [
            ("Queue", "Show the queue", false, "What runs and what waits"),
            ("Filters", "Show the filters", true, "Narrows the wall by finding, side, adherence, state, model and age"),
        ] {
            if Push::new(words).name(name).frameless().selected(open == facets).purpose(purpose).show(ui).clicked() {
                panel.out.push(Any::Runs(Action::ShowFacets(facets)));
            }
        }
    });
    if open {
        facet_list::show(ui, panel);
    } else {
        queue::show(ui, panel);
    }
}

/// Shows the room.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    if !panel.state.runs.asked {
        panel.out.push(Any::Runs(Action::Refresh));
    }
    let (facets, inspector) = columns(panel, ui.max_rect().width());
    let side = |fill| Frame::new().fill(fill).inner_margin(Margin::symmetric(12, 8));
    let narrow = panel.metrics.narrow;
    let queue = match panel.metrics.compact {
        _ if narrow => 200.0,
        true => 264.0,
        false => 328.0,
    };
    Side::left("queue").exact_size(queue).resizable(false).frame(side(tokens::BG)).show(ui, |ui| {
        if narrow {
            in_turn(ui, panel);
        } else {
            queue::show(ui, panel);
        }
    });
    Side::right("run").exact_size(inspector).resizable(false).frame(side(tokens::BG)).show(ui, |ui| inspector::show(ui, panel));
    CentralPanel::default().frame(Frame::new().fill(tokens::VIEW)).show(ui, |ui| {
        Side::top("filters")
            .exact_size(44.0)
            .resizable(false)
            .frame(Frame::new().fill(tokens::BG).inner_margin(Margin::symmetric(12, 0)))
            .show(ui, |ui| filter_bar::show(ui, panel));
        if !narrow {
            Side::left("facets")
                .exact_size(facets)
                .resizable(false)
                .frame(side(tokens::BG))
                .show(ui, |ui| facet_list::show(ui, panel));
        }
        Frame::new().inner_margin(Margin { left: 12, right: 4, top: 10, bottom: 0 }).show(ui, |ui| {
            if let Some(why) = &panel.state.runs.failed {
                caption(ui, why);
                if Push::new("Try again").purpose("Reads the library again").show(ui).clicked() {
                    panel.out.push(Any::Runs(Action::Refresh));
                }
            } else {
                wall::show(ui, panel);
            }
        });
    });
}
