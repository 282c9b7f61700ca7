//! The seven rooms; those that are not built yet say what will be there.

use eframe::egui::{Align2, CornerRadius, Rect, Role, Sense, Ui, WidgetInfo, vec2};

use super::Panel;
use crate::action::Action;
use crate::shell::Sheet;
use crate::state::Room;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::keys;

/// Letters of a key that fit below an icon.
const LONGEST_KEY: usize = 8;

/// Shows the rail.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>) {
    let compact = panel.metrics.compact;
    ui.spacing_mut().item_spacing.y = 0.0;
    let width = panel.metrics.rail;
    ui.add_space(6.0);
    // Ten cells fit into any window.
    let height = ((ui.available_height() - 6.0) / 10.0).clamp(24.0, if compact { 40.0 } else { 52.0 });
    for room in Room::ALL {
        let open = panel.state.room == room;
        let response = cell(ui, vec2(width, height), compact, room.icon(), room.title(), room.title(), room.is_built(), open);
        if room == Room::Runs && !panel.state.queue.is_empty() {
            badge(ui, response.rect, panel.state.queue.len());
        }
        let tip = format!("{}\n{}.", keys::with_key(ui.ctx(), room.title(), room.command()), room.purpose());
        if response.on_hover_text(tip).clicked() {
            panel.out.push(Action::OpenRoom(room));
        }
    }
    let left = ui.available_height() - 3.0 * height - 4.0;
    if left > -height {
        ui.add_space(left.max(0.0));
        let sheet = panel.state.shell.sheet;
        for (icon, name, id, of, tip) in [
            (Icon::Settings, "Settings", "window.settings", Sheet::Settings, "Text size, motion, privacy, folders."),
            (Icon::Keys, "Keys", "window.keys", Sheet::Keys, "All keys on one sheet, to read, search and change."),
            (Icon::Search, "Find a command", "window.palette", Sheet::Palette, "Every command, case and recent file."),
        ] {
            // Below the last two stands their key, as long as it fits.
            let key = keys::label(ui.ctx(), id).filter(|key| of != Sheet::Settings && key.len() <= LONGEST_KEY);
            let short = name.split(' ').next().unwrap_or(name);
            let label = key.as_deref().unwrap_or(short);
            let response = cell(ui, vec2(width, height), compact, icon, name, label, true, sheet == Some(of));
            if response.on_hover_text(format!("{}\n{tip}", keys::with_key(ui.ctx(), name, id))).clicked() {
                panel.out.push(Action::Shell(crate::shell::Action::Toggle(of)));
            }
        }
    }
}

/// How many runs wait, in the corner of a cell.
fn badge(ui: &Ui, cell: Rect, waiting: usize) {
    let words = if waiting > 99 { "99+".to_owned() } else { waiting.to_string() };
    let galley = ui.painter().layout_no_wrap(words, text::caption(), tokens::INK);
    let size = vec2((galley.size().x + 9.0).max(17.0), 16.0);
    let rect = Rect::from_center_size(cell.center() + vec2(15.0, -16.0), size);
    ui.painter().rect_filled(rect, CornerRadius::same(8), tokens::PRESS);
    ui.painter().galley(rect.center() - galley.size() * 0.5, galley, tokens::INK);
}

fn cell(
    ui: &mut Ui,
    size: eframe::egui::Vec2,
    compact: bool,
    icon: Icon,
    name: &str,
    label: &str,
    enabled: bool,
    open: bool,
) -> eframe::egui::Response {
    let (outer, response) = ui.allocate_exact_size(size, if enabled { Sense::click() } else { Sense::hover() });
    response.widget_info(|| WidgetInfo { selected: Some(open), ..WidgetInfo::labeled(Role::Button, enabled, name) });
    let rect = Rect::from_center_size(outer.center(), size - vec2(8.0, 2.0));
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
