//! Zoom, pan, window and level by wheel and drag: the same in every view of a radiograph.

use eframe::egui::{Key, PointerButton, Rect, Response, Ui, Vec2};

use super::camera::Camera;

/// What a person did to the way one looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Look {
    /// Looks at an image point with so many screen points per image pixel.
    Camera {
        /// Screen points per image pixel.
        zoom: f32,
        /// Image point in the middle of the view.
        center: (f32, f32),
    },
    /// Drags window (sideways) and level (up and down) by screen points.
    Window(Vec2),
    /// Fits the image.
    Fit,
}

/// Reads wheel, middle-drag, Space-drag, right-drag and double click of a view that nothing is drawn on.
pub fn read(ui: &Ui, response: &Response, view: Rect, camera: &Camera) -> Option<Look> {
    if response.double_clicked() {
        return Some(Look::Fit);
    }
    if let Some(at) = response.hover_pos() {
        let (scroll, zoom) = ui.input(|i| (i.smooth_scroll_delta(), i.zoom_delta()));
        if scroll.y != 0.0 || (zoom - 1.0).abs() > 1e-4 {
            let to = (camera.zoom * (scroll.y * 0.0025).exp() * zoom).clamp(0.05, 64.0);
            return Some(Look::Camera { zoom: to, center: camera.center_after_zoom(view, at, to) });
        }
    }
    let d = response.drag_delta();
    if d == Vec2::ZERO {
        return None;
    }
    let space = ui.input(|i| i.key_down(Key::Space));
    if response.dragged_by(PointerButton::Secondary) {
        return Some(Look::Window(d));
    }
    if response.dragged_by(PointerButton::Middle) || (space || response.dragged_by(PointerButton::Primary)) {
        let from = camera.image_from_screen(view.center());
        return Some(Look::Camera { zoom: camera.zoom, center: (from.0 - d.x / camera.zoom, from.1 - d.y / camera.zoom) });
    }
    None
}
