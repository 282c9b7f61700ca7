//! Reading: reader studies from design to report, in six steps.
//!
//! The room works with the files of `chexgen study`: what one begins the other goes on with. Everything that opens files
//! or reckons runs on threads; the reading window itself is a process of its own.

mod action;
pub mod analysis;
mod audit;
mod build;
mod draw;
mod join;
mod news;
mod plan;
mod read;
pub mod reduce;
mod seal;
pub mod state;
mod top;
pub mod work;

pub use action::{Action, Effect};
pub use news::hear;
pub use reduce::{opened, reduce};
pub use state::State;
pub use top::{status, top};
pub use work::{News, Work, Works};

use eframe::egui::{CentralPanel, Frame, Margin, Panel as Side, Ui};

use crate::panels::Panel;
use crate::theme::tokens;
use crate::widgets::scroll;
use state::Tab;

/// Below this width, or from this zoom on, columns stand below each other.
const STACKED: (f32, f32) = (1000.0, 1.5);
/// Width of the column on the left, and of that on the right, in points.
const SIDES: (f32, f32) = (264.0, 304.0);

/// Widest form or detail where columns stand below each other, in points.
const NARROW: f32 = 480.0;

/// What one part of a step draws.
type Part = fn(&mut Ui, &mut Panel<'_>);

/// Shows the room.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let room = &panel.state.reading;
    match room.tab {
        Tab::Build => columns(ui, panel, "build", Some(build::form), build::middle, Some(plan::side)),
        Tab::Audit => columns(ui, panel, "audit", Some(audit::left), audit::middle, Some(audit::pictures)),
        Tab::Seal => columns(ui, panel, "seal", Some(seal::left), seal::middle, None),
        Tab::Read => columns(ui, panel, "read", Some(read::left), read::middle, None),
        Tab::Join => columns(ui, panel, "join", Some(join::left), join::middle, None),
        Tab::Analysis if room.analysis.is_none() => columns(ui, panel, "no analysis", None, analysis::empty, None),
        Tab::Analysis => columns(ui, panel, "analysis", Some(analysis::left), analysis::middle, Some(analysis::cases)),
    }
}

/// Whether columns stand below each other.
fn stacked(ui: &Ui, panel: &Panel<'_>) -> bool {
    ui.available_width() < STACKED.0 || panel.state.settings.zoom() >= STACKED.1
}

/// A form at the left, the content, a detail at the right; below each other where there is no room.
fn columns(ui: &mut Ui, panel: &mut Panel<'_>, name: &str, left: Option<Part>, middle: Part, right: Option<Part>) {
    let frame = |fill| Frame::new().fill(fill).inner_margin(Margin::symmetric(12, 10));
    if stacked(ui, panel) {
        CentralPanel::default().frame(frame(tokens::BG)).show(ui, |ui| {
            scroll::panel(ui, name, |ui| {
                // Of the analysis the numbers come first.
                let parts = if name == "analysis" { [Some(middle), right, left] } else { [left, Some(middle), right] };
                for part in parts.into_iter().flatten() {
                    ui.scope(|ui| {
                        if !std::ptr::fn_addr_eq(part, middle) {
                            ui.set_max_width(ui.available_width().min(NARROW));
                        }
                        part(ui, panel);
                    });
                    ui.add_space(16.0);
                }
            });
        });
        return;
    }
    if let Some(left) = left {
        Side::left(format!("{name} left")).exact_size(SIDES.0).resizable(false).frame(frame(tokens::BG)).show(ui, |ui| {
            scroll::panel(ui, "left", |ui| left(ui, panel));
        });
    }
    if let Some(right) = right {
        Side::right(format!("{name} right")).exact_size(SIDES.1).resizable(false).frame(frame(tokens::BG)).show(ui, |ui| {
            scroll::panel(ui, "right", |ui| right(ui, panel));
        });
    }
    CentralPanel::default().frame(frame(tokens::BG).inner_margin(Margin::symmetric(20, 12))).show(ui, |ui| {
        scroll::panel(ui, "middle", |ui| middle(ui, panel));
    });
}
