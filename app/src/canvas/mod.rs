//! The radiograph and everything one does on it with the pointer.

pub mod camera;
pub mod contour;
pub mod differences;
pub mod gpu;
pub mod guide;
pub mod heat;
pub mod look;
pub mod overlay;
pub mod picture;
pub mod sight;
pub mod textures;
pub mod tool;

use std::sync::Arc;

use eframe::egui::{
    self, Align2, Color32, CursorIcon, EventFilter, Key, PointerButton, Pos2, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2,
};

use crate::action::Action;
use crate::state::{Region, Shown, State, Tool};
use crate::theme::{text, tokens};
use camera::Camera;
use gpu::{Labels, MAX_LABELS, Params};

/// The canvas' accessible name.
pub const NAME: &str = "Radiograph canvas";

/// Pictures and outlines kept between frames.
#[derive(Default)]
pub struct CanvasCache {
    /// Outlines of masks.
    pub contours: overlay::Contours,
    /// The picture without a shader.
    pub plain: textures::Plain,
    /// Whether the shader is there.
    pub has_gpu: bool,
    labels: Option<(Vec<LabelKey>, Arc<Labels>)>,
}

/// What the label picture depends on: address of the mask, number, opacity and class of its label.
type LabelKey = (usize, u8, u32, usize);

impl CanvasCache {
    /// Ends a frame.
    pub fn end_frame(&mut self) {
        self.contours.end_frame();
    }

    /// The label picture of the visible masks and the colour of each label.
    fn labels(&mut self, state: &State) -> (Arc<Labels>, [[f32; 4]; MAX_LABELS]) {
        let mut colors = [[0.0; 4]; MAX_LABELS];
        let mut key = Vec::new();
        let mut masks = Vec::new();
        for (i, layer) in state.document.layers.iter().enumerate().take(MAX_LABELS - 1) {
            if let (Some(mask), true, true) = (layer.region.mask(), state.document.is_active(layer), state.view.overlays) {
                let [r, g, b] = tokens::rgb(class_color(layer));
                colors[i + 1] = [r, g, b, layer.opacity];
                key.push((Arc::as_ptr(mask) as usize, (i + 1) as u8, layer.opacity.to_bits(), layer.finding.index()));
                masks.push((Arc::clone(mask), (i + 1) as u8));
            }
        }
        if let Some((k, labels)) = &self.labels
            && *k == key
            && labels.size_px == state.document.size_px
        {
            return (Arc::clone(labels), colors);
        }
        let size_px = state.document.size_px;
        let mut bytes = vec![0u8; size_px as usize * size_px as usize];
        for (mask, label) in masks.iter().rev() {
            for (out, &bit) in bytes.iter_mut().zip(mask.bits()) {
                if bit != 0 {
                    *out = *label;
                }
            }
        }
        let labels = Arc::new(Labels { size_px, bytes });
        self.labels = Some((key, Arc::clone(&labels)));
        (labels, colors)
    }
}

/// Shows the canvas in the rest of the `Ui`.
pub fn show(ui: &mut Ui, state: &State, cache: &mut CanvasCache, out: &mut Vec<Action>) -> Response {
    let rect = ui.available_rect_before_wrap();
    let response = ui.allocate_rect(rect, Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, NAME));
    let camera = Camera::new(rect, state.document.size_px, state.view.zoom, state.view.center);
    pointer(ui, &response, &camera, state, out);
    keyboard(ui, &response, state, out);
    paint(ui, rect, &camera, &response, state, cache);
    response
}

fn paint(ui: &Ui, rect: Rect, camera: &Camera, response: &Response, state: &State, cache: &mut CanvasCache) {
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 0.0, tokens::VIEW);
    let (image, mark, title) = sight::front(ui, state);
    let (labels, colors) = cache.labels(state);
    let image_rect = camera.image_rect();
    if cache.has_gpu {
        let ppp = ui.pixels_per_point();
        let size = image.as_ref().map_or([labels.size_px as f32; 2], |i| [i.width() as f32, i.height() as f32]);
        let params = Params {
            origin: [camera.origin.x * ppp, camera.origin.y * ppp],
            scale: size[0] / (image_rect.width() * ppp),
            window: state.view.window,
            size,
            level: state.view.level,
            inverted: f32::from(u8::from(state.view.inverted)),
            label_size: [labels.size_px as f32; 2],
            has_image: f32::from(u8::from(image.is_some())),
            unused: 0.0,
            colors,
        };
        painter.add(gpu::callback(rect, 0, params, image.clone(), labels));
    } else {
        let window = (state.view.window, state.view.level, state.view.inverted);
        let texture = cache.plain.get(ui.ctx(), image.as_ref(), &labels, &colors, window);
        painter.image(texture, image_rect, Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0)), tokens::AS_IS);
    }
    if image.is_none() {
        painter.rect_stroke(image_rect, 0.0, egui::Stroke::new(1.0, tokens::LINE), egui::StrokeKind::Outside);
        let words = match state.shown {
            Shown::Live => "The image forms here after the first step.",
            Shown::Example => "The example's picture is being drawn.",
            _ => "Draw where, type what, and press Generate.",
        };
        painter.text(image_rect.center(), Align2::CENTER_CENTER, words, text::body(), tokens::INK3);
    }
    if state.view.overlays {
        overlay::layers(&painter, camera, state, &mut cache.contours);
        overlay::stroke_in_progress(&painter, camera, state);
    }
    overlay::marks(&painter, camera, rect, mark, &title);
    if let Some(at) = response.hover_pos().or_else(|| response.interact_pointer_pos())
        && matches!(state.view.tool, Tool::Brush | Tool::Eraser)
    {
        overlay::ring(&painter, at, state.view.brush_px * camera.zoom);
    }
}

fn pointer(ui: &Ui, response: &Response, camera: &Camera, state: &State, out: &mut Vec<Action>) {
    let at = response.hover_pos().or_else(|| response.interact_pointer_pos());
    let size = state.document.size_px as f32;
    let over = at.map(|p| camera.image_from_screen(p)).filter(|&(x, y)| x >= 0.0 && y >= 0.0 && x < size && y < size);
    if over != state.view.pointer {
        out.push(Action::Hover(over));
    }
    let (space, alt, shift, moves, pressed, released, down) = ui.input(|i| {
        let moves: Vec<Pos2> =
            i.events.iter().filter_map(|e| if let egui::Event::PointerMoved(p) = e { Some(*p) } else { None }).collect();
        let p = &i.pointer;
        (
            i.key_down(Key::Space),
            i.modifiers.alt,
            i.modifiers.shift,
            moves,
            p.primary_pressed(),
            p.primary_released(),
            p.primary_down(),
        )
    });

    if let Some(at) = at
        && response.hovered()
    {
        let (scroll, zoom) = ui.input(|i| (i.smooth_scroll_delta(), i.zoom_delta()));
        if shift && (scroll.x != 0.0 || scroll.y != 0.0) {
            out.push(Action::ScaleBrush(((scroll.x + scroll.y) * 0.004).exp()));
        } else if scroll.y != 0.0 || (zoom - 1.0).abs() > 1e-4 {
            let to = (camera.zoom * (scroll.y * 0.0025).exp() * zoom).clamp(0.05, 64.0);
            out.push(Action::SetCamera { zoom: to, center: camera.center_after_zoom(response.rect, at, to) });
        }
        ui.ctx().set_cursor_icon(match state.view.tool {
            _ if space => CursorIcon::Grab,
            Tool::Brush | Tool::Eraser => CursorIcon::None,
            Tool::Move => CursorIcon::Move,
            Tool::Box | Tool::Lasso => CursorIcon::Crosshair,
        });
    }

    let panning = response.dragged_by(PointerButton::Middle) || (space && response.dragged_by(PointerButton::Primary));
    if panning {
        let from = camera.image_from_screen(response.rect.center());
        let d = response.drag_delta() / camera.zoom;
        out.push(Action::SetCamera { zoom: camera.zoom, center: (from.0 - d.x, from.1 - d.y) });
    }
    if response.dragged_by(PointerButton::Secondary) {
        let d = response.drag_delta();
        if d != egui::Vec2::ZERO {
            out.push(Action::DragWindow(d.x, d.y));
        }
    }

    if pressed && !space && response.is_pointer_button_down_on() && response.contains_pointer() {
        response.request_focus();
        if let Some(p) = response.interact_pointer_pos() {
            out.push(Action::StrokeBegin { at: camera.image_from_screen(p), alternate: alt });
        }
    } else if state.view.stroke.is_some() && down {
        out.extend(moves.into_iter().map(|p| Action::StrokeTo { at: camera.image_from_screen(p) }));
    }
    if released && state.view.stroke.is_some() {
        if let Some(p) = response.interact_pointer_pos() {
            out.push(Action::StrokeTo { at: camera.image_from_screen(p) });
        }
        out.push(Action::StrokeEnd);
    }
    response.context_menu(|ui| {
        for (label, action) in [
            ("Fit the image", Action::Fit),
            ("Reset window and level", Action::ResetWindow),
            ("Invert", Action::ToggleInvert),
            ("Show or hide overlays", Action::ToggleOverlays),
        ] {
            if ui.button(label).clicked() {
                out.push(action);
                ui.close();
            }
        }
    });
}

fn keyboard(ui: &Ui, response: &Response, state: &State, out: &mut Vec<Action>) {
    if !response.has_focus() {
        return;
    }
    ui.memory_mut(|m| {
        m.set_focus_lock_filter(response.id, EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() })
    });
    let step = if ui.input(|i| i.modifiers.shift) { 10 } else { 1 };
    ui.input(|i| {
        for (key, (dx, dy)) in
            [(Key::ArrowLeft, (-1, 0)), (Key::ArrowRight, (1, 0)), (Key::ArrowUp, (0, -1)), (Key::ArrowDown, (0, 1))]
        {
            if i.key_pressed(key) {
                out.push(Action::Nudge(dx * step, dy * step));
            }
        }
    });
    // Enter starts a box in the middle, so that a box needs no mouse.
    if ui.input(|i| i.key_pressed(Key::Enter) && i.modifiers.is_none()) {
        let (half, side) = (state.document.size_px as f32 * 0.5, state.document.size_px as f32 * 0.08);
        if let Some(layer) = state.chosen_layer().filter(|l| matches!(l.region, Region::Box(_))) {
            let rect = engine::domain::RectPx::from_corners(half - side, half - side, half + side, half + side);
            out.push(Action::SetRegion(layer.id, Region::Box(Some(rect))));
        }
    }
}

/// The colour of a layer's class, for panels.
pub fn class_color(layer: &crate::state::Layer) -> Color32 {
    if layer.region.is_finding() { tokens::class(layer.finding) } else { tokens::GUIDE }
}
