//! The frame around the chosen region with its handles: where they are, and which lies under the pointer.

use eframe::egui::{CursorIcon, Painter, Pos2, Rect, Stroke, Vec2, pos2, vec2};
use engine::domain::RectPx;

use super::camera::Camera;
use crate::state::tools::Handle;
use crate::state::{Region, State, Tool};
use crate::theme::tokens;

/// Side of a handle in points.
const SIDE: f32 = 8.0;
/// How near the pointer must come, in points.
const REACH: f32 = 9.0;
/// How far above the frame the turning handle lies, in points.
const ABOVE: f32 = 24.0;

/// The frame of the layer that the tool in hand can reshape, in image pixels.
pub fn frame(state: &State) -> Option<RectPx> {
    let layer = state.chosen_layer().filter(|l| !l.locked && state.document.is_active(l))?;
    match (&layer.region, state.view.tool) {
        (Region::Box(rect), Tool::Move | Tool::Box) => *rect,
        (region, Tool::Move) => region.mask().and_then(|m| m.bounds()),
        _ => None,
    }
}

/// Whether the chosen region can be turned.
fn can_turn(state: &State) -> bool {
    state.view.tool == Tool::Move && state.chosen_layer().is_some_and(|l| l.region.mask().is_some())
}

fn screen_rect(camera: &Camera, rect: &RectPx) -> Rect {
    Rect::from_min_max(camera.screen_from_image((rect.x0, rect.y0)), camera.screen_from_image((rect.x1, rect.y1)))
}

fn place(rect: Rect, handle: Handle) -> Pos2 {
    match handle {
        Handle::Edge(x, y) => rect.center() + vec2(f32::from(x) * rect.width() * 0.5, f32::from(y) * rect.height() * 0.5),
        Handle::Turn => pos2(rect.center().x, rect.top() - ABOVE),
    }
}

/// The handle under a point of the screen.
pub fn at(state: &State, camera: &Camera, point: Pos2) -> Option<Handle> {
    let rect = screen_rect(camera, &frame(state)?);
    let turn = Some(Handle::Turn).filter(|_| can_turn(state));
    let near = turn.into_iter().chain(Handle::EDGES).find(|&h| place(rect, h).distance(point) <= REACH);
    // A box is taken anywhere along its edges.
    near.or_else(|| {
        let is_box = state.chosen_layer().is_some_and(|l| matches!(l.region, Region::Box(_)));
        let beside = |v: f32, edge: f32| (v - edge).abs() <= REACH * 0.6;
        let (x_in, y_in) = (rect.x_range().contains(point.x), rect.y_range().contains(point.y));
        [
            (y_in && beside(point.x, rect.left()), Handle::Edge(-1, 0)),
            (y_in && beside(point.x, rect.right()), Handle::Edge(1, 0)),
            (x_in && beside(point.y, rect.top()), Handle::Edge(0, -1)),
            (x_in && beside(point.y, rect.bottom()), Handle::Edge(0, 1)),
        ]
        .into_iter()
        .find(|e| is_box && e.0)
        .map(|e| e.1)
    })
}

/// The pointer's shape over a handle.
pub fn cursor(handle: Handle) -> CursorIcon {
    match handle {
        Handle::Turn => CursorIcon::Alias,
        Handle::Edge(0, _) => CursorIcon::ResizeVertical,
        Handle::Edge(_, 0) => CursorIcon::ResizeHorizontal,
        Handle::Edge(x, y) if x == y => CursorIcon::ResizeNwSe,
        Handle::Edge(..) => CursorIcon::ResizeNeSw,
    }
}

/// Paints the frame.
pub fn paint(painter: &Painter, camera: &Camera, state: &State) {
    let Some(rect) = frame(state) else { return };
    let rect = screen_rect(camera, &rect);
    let knob = |at: Pos2| {
        painter.rect_filled(Rect::from_center_size(at, Vec2::splat(SIDE + 3.0)), 0.0, tokens::CASING);
        painter.rect_filled(Rect::from_center_size(at, Vec2::splat(SIDE)), 0.0, tokens::INK);
    };
    if state.view.tool == Tool::Move {
        painter.rect_stroke(rect, 0.0, Stroke::new(3.0, tokens::CASING), eframe::egui::StrokeKind::Middle);
        painter.rect_stroke(rect, 0.0, Stroke::new(1.0, tokens::INK), eframe::egui::StrokeKind::Middle);
    }
    Handle::EDGES.into_iter().for_each(|h| knob(place(rect, h)));
    if can_turn(state) {
        let (from, to) = (rect.center_top(), place(rect, Handle::Turn));
        painter.line_segment([from, to], Stroke::new(3.0, tokens::CASING));
        painter.line_segment([from, to], Stroke::new(1.0, tokens::INK));
        painter.circle_filled(to, 0.5 * SIDE + 1.5, tokens::CASING);
        painter.circle_filled(to, 0.5 * SIDE, tokens::INK);
    }
}
