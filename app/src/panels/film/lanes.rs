//! Range lanes: the steps in which each layer acts, drawn under the frames of those steps.

use eframe::egui::{
    CornerRadius, CursorIcon, EventFilter, Id, Key, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
    accesskit, pos2, vec2,
};
use engine::domain::StepRange;

use crate::action::Action;
use crate::canvas;
use crate::panels::Panel;
use crate::state::{Document, Layer};
use crate::theme::tokens;

/// Widest distance between lanes, in points.
const PITCH: f32 = 9.0;
/// Thickness of the chosen lane and of the others.
const THICK: (f32, f32) = (6.0, 4.0);
/// Opacity of the lanes that are not chosen.
const QUIET: f32 = 0.55;
/// A handle as it is seen.
const HANDLE: Vec2 = vec2(9.0, 14.0);
/// A handle as it can be touched.
const TOUCH: f32 = 24.0;

/// Which end of a range a handle moves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    First,
    Last,
}

/// Shows a lane for every layer that is sent to the model; the chosen one has handles.
pub(super) fn show(ui: &mut Ui, panel: &mut Panel<'_>, room: Rect, total: usize) {
    let document = &panel.state.document;
    let layers: Vec<&Layer> = document.layers.iter().filter(|l| l.region.is_finding()).collect();
    let pitch = PITCH.min(room.height() / layers.len().max(1) as f32);
    for (row, layer) in layers.iter().enumerate() {
        let y = room.top() + (row as f32 + 0.5) * pitch;
        let chosen = panel.state.view.chosen == Some(layer.id);
        let hit = Rect::from_min_max(pos2(room.left(), y - 0.5 * pitch), pos2(room.right(), y + 0.5 * pitch));
        lane(ui, document, layer, chosen, hit, total, panel.out);
    }
    // Above the lanes, so that they can be touched beside them.
    if let Some(row) = layers.iter().position(|l| panel.state.view.chosen == Some(l.id)) {
        let y = room.top() + (row as f32 + 0.5) * pitch;
        for end in [End::First, End::Last] {
            handle(ui, document, layers[row], end, room, y, total, panel.out);
        }
    }
}

fn x_of(room: Rect, share: f32) -> f32 {
    room.left() + share * room.width()
}

/// The bar of one layer; a click chooses it, a drag of the chosen one moves both ends.
fn lane(ui: &mut Ui, document: &Document, layer: &Layer, chosen: bool, hit: Rect, total: usize, out: &mut Vec<Action>) {
    let number = document.number(layer.id);
    let name = format!("Steps of layer {number}");
    let response = ui.interact(hit, Id::unique(("lane", layer.id)), Sense::click_and_drag());
    let steps = layer.steps.steps(total);
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, &name));
    let full = if chosen { THICK.0 } else { THICK.1 };
    let thick = full.min((hit.height() - 1.0).max(1.5));
    let bar = |first: f32, last: f32| {
        Rect::from_min_max(
            pos2(x_of(hit, first), hit.center().y - 0.5 * thick),
            pos2(x_of(hit, last), hit.center().y + 0.5 * thick),
        )
    };
    let color = canvas::class_color(layer);
    let active = document.is_active(layer);
    let color = if chosen && active { color } else { tokens::alpha(color, if active { QUIET } else { 0.25 }) };
    ui.painter().rect_filled(bar(0.0, 1.0), CornerRadius::same(2), tokens::RAISE);
    ui.painter().rect_filled(bar(layer.steps.first, layer.steps.last), CornerRadius::same(2), color);
    if response.clicked() && !chosen {
        out.push(Action::ChooseLayer(layer.id));
    }
    if chosen && response.dragged() && !layer.locked {
        // What is left of a whole step stays for the next frame.
        let rest = Id::unique("lane rest");
        let width = hit.width() / total as f32;
        let moved = response.drag_delta().x + ui.data(|d| d.get_temp::<f32>(rest)).unwrap_or(0.0);
        let whole = (moved / width).trunc();
        ui.data_mut(|d| d.insert_temp(rest, if response.drag_started() { 0.0 } else { moved - whole * width }));
        let by = (whole as isize).clamp(-(steps.start as isize), (total - steps.end.min(total)) as isize);
        if by != 0 && !steps.is_empty() {
            let shift = |step: usize| step.saturating_add_signed(by);
            out.push(Action::SetStepRange(layer.id, StepRange::of_steps(shift(steps.start)..shift(steps.end), total)));
        }
    }
    response.on_hover_text(format!("{name}: {}\nClick chooses the layer.", words(layer.steps, total)));
}

fn handle(ui: &mut Ui, document: &Document, layer: &Layer, end: End, room: Rect, y: f32, total: usize, out: &mut Vec<Action>) {
    let (share, side, word) = match end {
        End::First => (layer.steps.first, -1.0, "First"),
        End::Last => (layer.steps.last, 1.0, "Last"),
    };
    let x = x_of(room, share);
    let seen = Rect::from_center_size(pos2(x, y), HANDLE);
    // Short ranges keep two places to touch: each reaches outwards.
    let touch = Rect::from_center_size(pos2(x + side * 0.25 * TOUCH, y), Vec2::splat(TOUCH));
    let name = format!("{word} step of layer {}", document.number(layer.id));
    let response = ui.interact(touch, Id::unique(("range handle", layer.id, side as i32)), Sense::click_and_drag());
    let steps = layer.steps.steps(total);
    let now = if end == End::First { steps.start + 1 } else { steps.end };
    response.widget_info(|| WidgetInfo { value: Some(now as f64), ..WidgetInfo::labeled(Role::Slider, !layer.locked, &name) });
    let ground = if response.hovered() || response.dragged() { tokens::FILL_HOVER } else { tokens::FILL };
    ui.painter().rect(seen, CornerRadius::same(2), ground, Stroke::new(1.0, tokens::BAR), StrokeKind::Outside);
    if layer.locked {
        return;
    }
    let by = keys(ui, &response, total);
    let target = if response.dragged() {
        let at = response.interact_pointer_pos().map_or(x, |p| p.x);
        Some(((at - room.left()) / room.width().max(1.0) * total as f32).round().clamp(0.0, total as f32) as usize)
    } else {
        let boundary = if end == End::First { steps.start } else { steps.end };
        (by != 0).then(|| boundary.saturating_add_signed(by).min(total))
    };
    if let Some(target) = target {
        let steps = moved(layer.steps, end, target, total);
        if steps != layer.steps {
            out.push(Action::SetStepRange(layer.id, steps));
        }
    }
    if response.hovered() {
        ui.ctx().set_cursor_icon(CursorIcon::ResizeHorizontal);
    }
    response.on_hover_text(format!("{name}\n{}. Drag, or press ← →; Shift for five.", words(layer.steps, total)));
}

/// Steps that the keyboard or an assistive program moves a handle by.
fn keys(ui: &Ui, response: &Response, total: usize) -> isize {
    let asked = |action| ui.input(|i| i.num_accesskit_action_requests(response.id, action)) as isize;
    let mut by = asked(accesskit::Action::Increment) - asked(accesskit::Action::Decrement);
    if response.has_focus() {
        let arrows = EventFilter { horizontal_arrows: true, ..Default::default() };
        ui.memory_mut(|m| m.set_focus_lock_filter(response.id, arrows));
        let pressed = ui.input(|i| {
            let wide = if i.modifiers.shift { 5 } else { 1 };
            wide * (isize::from(i.key_pressed(Key::ArrowRight)) - isize::from(i.key_pressed(Key::ArrowLeft)))
        });
        by += pressed;
    }
    by.clamp(-(total as isize), total as isize)
}

/// The range with one end at a boundary between whole steps; at least one step stays.
fn moved(range: StepRange, end: End, target: usize, total: usize) -> StepRange {
    let steps = range.steps(total);
    let steps = if steps.is_empty() { 0..total } else { steps };
    match end {
        End::First => StepRange::of_steps(target.min(steps.end.saturating_sub(1))..steps.end, total),
        End::Last => StepRange::of_steps(steps.start..target.max(steps.start + 1), total),
    }
}

/// A range in words, as in "1 to 18 of 25".
pub fn words(range: StepRange, total: usize) -> String {
    let steps = range.steps(total);
    if steps.is_empty() { format!("none of {total}") } else { format!("{} to {} of {total}", steps.start + 1, steps.end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_step_always_stays() {
        let range = StepRange::of_steps(3..8, 25);
        assert_eq!(moved(range, End::First, 20, 25).steps(25), 7..8);
        assert_eq!(moved(range, End::Last, 0, 25).steps(25), 3..4);
        assert_eq!(moved(range, End::Last, 25, 25).steps(25), 3..25);
        assert_eq!(words(StepRange { first: 0.0, last: 0.72 }, 25), "1 to 18 of 25");
        assert_eq!(words(StepRange { first: 0.5, last: 0.5 }, 25), "none of 25");
    }
}
