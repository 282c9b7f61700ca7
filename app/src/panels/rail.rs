//! The seven rooms; those that are not built yet say what will be there.

use eframe::egui::{Align2, CornerRadius, Rect, Role, Sense, Ui, WidgetInfo, vec2};

use super::Panel;
use crate::action::Action;
use crate::state::Room;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};

/// Shows the rail.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let compact = panel.metrics.compact;
    ui.spacing_mut().item_spacing.y = 0.0;
    let width = panel.metrics.rail;
    ui.add_space(6.0);
    for (index, room) in Room::ALL.into_iter().enumerate() {
        let open = panel.state.room == room;
        let response = cell(ui, width, compact, room.icon(), room.title(), room.title(), room.is_built(), open);
        let tip = format!("{} (Ctrl+{})\n{}.", room.title(), index + 1, room.purpose());
        if response.on_hover_text(tip).clicked() {
            panel.out.push(Action::OpenRoom(room));
        }
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
