//! The pointer over the canvas: strokes, handles, zoom, pan, window and level.

use eframe::egui::{CursorIcon, Event, Key, PointerButton, Pos2, Response, Ui, Vec2};

use super::action::Action as Act;
use super::camera::Camera;
use super::handles;
use crate::action::Action;
use crate::state::view::Stroke;
use crate::state::{State, Tool};

/// How near to its first corner a click closes a polygon, in points.
const CLOSE: f32 = 7.0;

struct Input {
    space: bool,
    alt: bool,
    shift: bool,
    primary: Vec<Primary>,
    double_clicked: bool,
    down: bool,
}

/// What happened to the first button in a frame, in its order: a slow machine may have a whole stroke in one.
#[derive(Clone, Copy)]
enum Primary {
    Down(Pos2),
    Moved(Pos2),
    Up(Pos2),
}

impl Primary {
    fn of(event: &Event) -> Option<Self> {
        match *event {
            Event::PointerMoved(at) => Some(Self::Moved(at)),
            Event::PointerButton { pos, button: PointerButton::Primary, pressed: true, .. } => Some(Self::Down(pos)),
            Event::PointerButton { pos, button: PointerButton::Primary, pressed: false, .. } => Some(Self::Up(pos)),
            _ => None,
        }
    }
}

/// Turns what the pointer did into actions.
pub(super) fn read(ui: &Ui, response: &Response, camera: &Camera, state: &State, out: &mut Vec<Action>) {
    let at = response.hover_pos().or_else(|| response.interact_pointer_pos());
    let size = state.document.size_px as f32;
    let over = at.map(|p| camera.image_from_screen(p)).filter(|&(x, y)| x >= 0.0 && y >= 0.0 && x < size && y < size);
    if over != state.view.pointer {
        out.push(Action::Hover(over));
    }
    let input = ui.input(|i| Input {
        space: i.key_down(Key::Space),
        alt: i.modifiers.alt,
        shift: i.modifiers.shift,
        primary: i.events.iter().filter_map(Primary::of).collect(),
        double_clicked: i.pointer.button_double_clicked(PointerButton::Primary),
        down: i.pointer.primary_down(),
    });
    let handle = at.filter(|_| response.hovered() && !input.space).and_then(|p| handles::at(state, camera, p));
    if let Some(at) = at.filter(|_| response.hovered()) {
        wheel(ui, response, camera, at, input.shift, out);
        ui.ctx().set_cursor_icon(match (state.view.tool, handle) {
            _ if input.space => CursorIcon::Grab,
            (_, Some(handle)) => handles::cursor(handle),
            (Tool::Brush | Tool::Eraser, _) => CursorIcon::None,
            (Tool::Move, _) => CursorIcon::Move,
            (Tool::Box | Tool::Lasso | Tool::Polygon | Tool::Ellipse | Tool::Wand, _) => CursorIcon::Crosshair,
            (Tool::Margin | Tool::Shapes | Tool::Earlier, _) => CursorIcon::Default,
        });
    }
    let panning = response.dragged_by(PointerButton::Middle) || (input.space && response.dragged_by(PointerButton::Primary));
    if panning {
        let from = camera.image_from_screen(response.rect.center());
        let d = response.drag_delta() / camera.zoom;
        out.push(Action::SetCamera { zoom: camera.zoom, center: (from.0 - d.x, from.1 - d.y) });
    }
    if response.dragged_by(PointerButton::Secondary) && response.drag_delta() != Vec2::ZERO {
        let d = response.drag_delta();
        out.push(Action::DragWindow(d.x, d.y));
    }
    strokes(response, camera, state, &input, out);
    response.context_menu(|ui| {
        for (label, action) in [
            ("Fit the image", Action::Fit),
            ("Reset window and level", Action::ResetWindow),
            ("Invert", Action::ToggleInvert),
            ("Show or hide overlays", Action::ToggleOverlays),
            ("Fill holes", Action::Canvas(Act::FillHoles)),
            ("Smooth the edge", Action::Canvas(Act::Smooth)),
        ] {
            if ui.button(label).clicked() {
                out.push(action);
                ui.close();
            }
        }
    });
}

fn wheel(ui: &Ui, response: &Response, camera: &Camera, at: Pos2, shift: bool, out: &mut Vec<Action>) {
    let (scroll, zoom) = ui.input(|i| (i.smooth_scroll_delta(), i.zoom_delta()));
    if shift && (scroll.x != 0.0 || scroll.y != 0.0) {
        out.push(Action::ScaleBrush(((scroll.x + scroll.y) * 0.004).exp()));
    } else if scroll.y != 0.0 || (zoom - 1.0).abs() > 1e-4 {
        let to = (camera.zoom * (scroll.y * 0.0025).exp() * zoom).clamp(0.05, 64.0);
        out.push(Action::SetCamera { zoom: to, center: camera.center_after_zoom(response.rect, at, to) });
    }
}

fn strokes(response: &Response, camera: &Camera, state: &State, input: &Input, out: &mut Vec<Action>) {
    let image = |p: Pos2| camera.image_from_screen(p);
    let polygon = match &state.view.stroke {
        Some(Stroke::Polygon { points, .. }) => Some(points),
        _ => None,
    };
    let mut stroke = state.view.stroke.is_some() && polygon.is_none();
    // A release that never came, as when another window took the pointer, draws nothing on.
    let held = input.down || input.primary.iter().any(|primary| !matches!(primary, Primary::Moved(_)));
    for primary in &input.primary {
        match *primary {
            Primary::Down(p) if !input.space && is_pressed(response, input, p) => {
                response.request_focus();
                out.push(begin(state, camera, input, polygon, p));
                // A polygon goes on while no button is down.
                stroke = polygon.is_none() && state.view.tool != Tool::Polygon;
            }
            Primary::Moved(p) if stroke && held => out.push(Action::StrokeTo { at: image(p) }),
            Primary::Up(p) if stroke => {
                out.extend([Action::StrokeTo { at: image(p) }, Action::StrokeEnd]);
                stroke = false;
            }
            _ => {}
        }
    }
    if polygon.is_some() && input.double_clicked && response.contains_pointer() {
        out.push(Action::Canvas(Act::ClosePolygon));
    }
}

/// Whether the button went down on the canvas; where it is up again by now, the frame tells no more than where.
fn is_pressed(response: &Response, input: &Input, at: Pos2) -> bool {
    let here = if input.down { response.is_pointer_button_down_on() } else { response.interact_rect.contains(at) };
    here && response.contains_pointer()
}

/// What the button does where it went down.
fn begin(state: &State, camera: &Camera, input: &Input, polygon: Option<&Vec<(f32, f32)>>, p: Pos2) -> Action {
    let at = camera.image_from_screen(p);
    let closes =
        polygon.is_some_and(|c| c.len() > 2 && c.first().is_some_and(|&c| camera.screen_from_image(c).distance(p) < CLOSE));
    match handles::at(state, camera, p) {
        _ if closes => Action::Canvas(Act::ClosePolygon),
        Some(handle) => Action::Canvas(Act::HandleBegin { handle, at }),
        None if input.shift && matches!(state.view.tool, Tool::Brush | Tool::Eraser) => {
            Action::Canvas(Act::LineBegin { at, alternate: input.alt })
        }
        None => Action::StrokeBegin { at, alternate: input.alt },
    }
}
