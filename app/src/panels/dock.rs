//! The dock below canvas and panels: the film of steps, the results of the session.

use eframe::egui::{Rect, Ui, UiBuilder, pos2, vec2};

use super::{Panel, film, results};
use crate::action::Action;
use crate::shell::regions::{Region, begin};
use crate::state::view::DockTab;
use crate::theme::tokens;
use crate::widgets::Push;

/// Shows the dock: labels stand under the left panel, frames under the canvas.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let rect = ui.max_rect();
    let split = rect.left() + panel.metrics.side;
    ui.painter().vline(split, rect.y_range(), (1.0, tokens::LINE));
    if panel.metrics.compact {
        let (label, frames) = halves(rect, split);
        inside(ui, label, |ui| {
            begin(ui, panel.state, Region::Film, panel.out);
            begin(ui, panel.state, Region::Results, panel.out);
            tabs(ui, panel);
        });
        inside(ui, frames, |ui| match panel.state.view.dock_tab {
            DockTab::Steps => film::frames(ui, panel),
            DockTab::Results => results::frames(ui, panel),
        });
    } else {
        let middle = rect.top() + panel.metrics.film;
        ui.painter().hline(rect.x_range(), middle, (1.0, tokens::LINE));
        let (label, frames) = halves(Rect::from_min_max(rect.min, pos2(rect.right(), middle)), split);
        inside(ui, label, |ui| {
            begin(ui, panel.state, Region::Film, panel.out);
            film::label(ui, panel);
        });
        inside(ui, frames, |ui| film::frames(ui, panel));
        let (label, frames) = halves(Rect::from_min_max(pos2(rect.left(), middle), rect.max), split);
        inside(ui, label, |ui| {
            begin(ui, panel.state, Region::Results, panel.out);
            results::label(ui, panel);
        });
        inside(ui, frames, |ui| results::frames(ui, panel));
    }
}

fn halves(rect: Rect, split: f32) -> (Rect, Rect) {
    (Rect::from_min_max(rect.min, pos2(split, rect.bottom())), Rect::from_min_max(pos2(split, rect.top()), rect.max))
}

fn inside(ui: &mut Ui, rect: Rect, add: impl FnOnce(&mut Ui)) {
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect.shrink2(vec2(12.0, 8.0))));
    child.shrink_clip_rect(rect);
    add(&mut child);
}

fn tabs(ui: &mut Ui, panel: &mut Panel<'_>) {
    ui.horizontal(|ui| {
        for (tab, words) in [(DockTab::Steps, "Steps"), (DockTab::Results, "Results")] {
            if Push::new(words).frameless().selected(panel.state.view.dock_tab == tab).show(ui).clicked() {
                panel.out.push(Action::SetDockTab(tab));
            }
        }
    });
    match panel.state.view.dock_tab {
        DockTab::Steps => film::label_line(ui, panel),
        DockTab::Results => results::buttons(ui, panel),
    }
}
