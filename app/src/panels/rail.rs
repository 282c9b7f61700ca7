//! The seven rooms. On this floor only the Canvas is open; the others say what will be there.

use eframe::egui::{Align2, CornerRadius, Rect, Role, Sense, Ui, WidgetInfo, vec2};

use super::Panel;
use crate::action::Action;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};

const ROOMS: [(Icon, &str, &str); 7] = [
    (Icon::Canvas, "Canvas", "Draw, type and watch an image form"),
    (Icon::Runs, "Runs", "Runs: the queue and every image made before, to search and compare; not built yet"),
    (Icon::Compare, "Compare", "Compare: two images with swipe, blink and difference; not built yet"),
    (Icon::DataSets, "Data sets", "Data sets: many images from a recipe with quotas and checks; not built yet"),
    (Icon::Reading, "Reading", "Reading: blinded reader studies; not built yet"),
    (Icon::Evaluate, "Evaluate", "Evaluate: metrics against a reference set; not built yet"),
    (Icon::Train, "Train", "Train: models and the progress of training; not built yet"),
];

/// Shows the rail.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let compact = panel.metrics.compact;
    ui.spacing_mut().item_spacing.y = 0.0;
    let width = panel.metrics.rail;
    ui.add_space(6.0);
    for (index, (icon, title, purpose)) in ROOMS.into_iter().enumerate() {
        room(ui, width, compact, icon, title, purpose, index == 0);
    }
    let left = ui.available_height() - 56.0;
    if left > 0.0 {
        ui.add_space(left);
        let response = cell(ui, width, compact, Icon::Keys, "Keys", "F1", true, panel.state.view.keys_open);
        if response.on_hover_text("Keys (F1)\nAll keys on one sheet.").clicked() {
            panel.out.push(Action::ToggleKeys);
        }
    }
}

fn room(ui: &mut Ui, width: f32, compact: bool, icon: Icon, title: &str, purpose: &str, open: bool) {
    let response = cell(ui, width, compact, icon, title, title, open, open);
    response.on_hover_text(format!("{purpose}."));
}

fn cell(
    ui: &mut Ui,
    width: f32,
    compact: bool,
    icon: Icon,
    name: &str,
    label: &str,
    enabled: bool,
    open: bool,
) -> eframe::egui::Response {
    let height = if compact { 40.0 } else { 52.0 };
    let (outer, response) = ui.allocate_exact_size(vec2(width, height), if enabled { Sense::click() } else { Sense::hover() });
    response.widget_info(|| WidgetInfo { selected: Some(open), ..WidgetInfo::labeled(Role::Button, enabled, name) });
    let rect = Rect::from_center_size(outer.center(), vec2(width - 8.0, height - 2.0));
    let painter = ui.painter();
    if open {
        painter.rect_filled(rect, CornerRadius::same(6), tokens::HOVER);
    } else if response.hovered() && enabled {
        painter.rect_filled(rect, CornerRadius::same(6), tokens::RAISE);
    }
    let color = match (open, enabled) {
        (true, _) => tokens::INK,
        (false, true) => tokens::INK2,
        (false, false) => tokens::DIS,
    };
    if compact {
        icon.paint(painter, rect, 18.0, color);
    } else {
        icon.paint(painter, Rect::from_center_size(rect.center() - vec2(0.0, 9.0), vec2(18.0, 18.0)), 18.0, color);
        painter.text(rect.center() + vec2(0.0, 14.0), Align2::CENTER_CENTER, label, text::caption(), color);
    }
    response
}
