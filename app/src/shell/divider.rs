//! Dividers between panels: dragged, moved by arrow keys, reset by a double click.

use eframe::egui::{CursorIcon, Key, Rect, Role, Sense, Ui, WidgetInfo, pos2};

use super::Action;
use crate::action::Action as Any;
use crate::settings::Settings;
use crate::theme::tokens;

/// Which divider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Right edge of the left panel.
    Left,
    /// Left edge of the right panel.
    Right,
    /// Upper edge of the dock.
    Dock,
}

impl Edge {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Left, Self::Right, Self::Dock];

    /// Its accessible name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Left => "Width of the left panel",
            Self::Right => "Width of the right panel",
            Self::Dock => "Height of the dock",
        }
    }

    /// Smallest and largest size in points.
    pub fn range(self) -> (f32, f32) {
        match self {
            Self::Left | Self::Right => (220.0, 480.0),
            Self::Dock => (96.0, 360.0),
        }
    }

    /// Where its size is remembered.
    pub fn of(self, settings: &mut Settings) -> &mut Option<f32> {
        match self {
            Self::Left => &mut settings.left,
            Self::Right => &mut settings.right,
            Self::Dock => &mut settings.dock,
        }
    }
}

/// Shows the divider at the edge of a panel that was just drawn.
pub fn show(ui: &Ui, edge: Edge, panel: Rect, out: &mut Vec<Any>) {
    let wide = 3.0;
    let rect = match edge {
        Edge::Left => Rect::from_min_max(pos2(panel.right() - wide, panel.top()), pos2(panel.right() + wide, panel.bottom())),
        Edge::Right => Rect::from_min_max(pos2(panel.left() - wide, panel.top()), pos2(panel.left() + wide, panel.bottom())),
        Edge::Dock => Rect::from_min_max(pos2(panel.left(), panel.top() - wide), pos2(panel.right(), panel.top() + wide)),
    };
    let response = ui.interact(rect, ui.scope_id().with(("divider", edge.title())), Sense::click_and_drag());
    let size = if edge == Edge::Dock { panel.height() } else { panel.width() };
    response.widget_info(|| WidgetInfo { value: Some(f64::from(size)), ..WidgetInfo::labeled(Role::Slider, true, edge.title()) });
    if response.hovered() || response.dragged() {
        ui.ctx().set_cursor_icon(if edge == Edge::Dock { CursorIcon::ResizeVertical } else { CursorIcon::ResizeHorizontal });
        let painter = ui.ctx().layer_painter(response.layer_id);
        painter.rect_filled(rect.shrink(2.0), 0.0, tokens::LINE2);
    }
    let mut grow = 0.0;
    if response.dragged() {
        let drag = response.drag_delta();
        grow = match edge {
            Edge::Left => drag.x,
            Edge::Right => -drag.x,
            Edge::Dock => -drag.y,
        };
    }
    if response.has_focus() {
        let (more, less) = match edge {
            Edge::Left => (Key::ArrowRight, Key::ArrowLeft),
            Edge::Right => (Key::ArrowLeft, Key::ArrowRight),
            Edge::Dock => (Key::ArrowUp, Key::ArrowDown),
        };
        ui.memory_mut(|m| {
            let arrows = eframe::egui::EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() };
            m.set_focus_lock_filter(response.id, arrows);
        });
        let pressed = |key| ui.input(|i| i.key_pressed(key));
        grow += if pressed(more) { 16.0 } else { 0.0 } - if pressed(less) { 16.0 } else { 0.0 };
    }
    if response.double_clicked() {
        out.push(Any::Shell(Action::SetPanel(edge, None)));
    } else if grow != 0.0 {
        out.push(Any::Shell(Action::SetPanel(edge, Some(size + grow))));
    }
    response.on_hover_text(format!("{}\nDrag to change, double-click to reset.", edge.title()));
}
