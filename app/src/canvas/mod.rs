//! The radiograph and everything one does on it with the pointer.

pub mod action;
pub mod camera;
pub mod differences;
pub mod gpu;
pub mod guide;
pub mod handles;
pub mod heat;
mod keyboard;
pub mod labels;
pub mod look;
pub mod masks;
pub mod overlay;
pub mod picture;
mod pointer;
pub mod sight;
pub mod textures;
pub mod tool;

use std::sync::Arc;

use eframe::egui::{self, Align2, Color32, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2};
use engine::domain::GrayImage;

use crate::action::Action;
use crate::state::{Shown, State, Tool};
use crate::theme::{text, tokens};
use camera::Camera;
use gpu::{Fills, MAX_LABELS, Params};

/// The canvas' accessible name.
pub const NAME: &str = "Radiograph canvas";

/// Pictures and outlines kept between frames.
#[derive(Default)]
pub struct CanvasCache {
    /// Copies and outlines of masks.
    pub masks: masks::Masks,
    /// The fills of the open case.
    pub labels: labels::Labels,
    /// The picture without a shader.
    pub plain: textures::Plain,
    /// Whether the shader is there.
    pub has_gpu: bool,
    /// Largest side of a picture that the shader can show, in pixels.
    pub max_side: u32,
}

impl CanvasCache {
    /// Ends a frame.
    pub fn end_frame(&mut self) {
        self.masks.end_frame();
    }

    /// Brings fills and outlines up to date and returns the colour of each label.
    pub fn update(&mut self, state: &State) -> [[f32; 4]; MAX_LABELS] {
        self.labels.update(state, &mut self.masks)
    }

    fn fits(&self, image: Option<&Arc<GrayImage>>, size_px: u32) -> bool {
        let most = image.map_or(0, |i| i.width().max(i.height())).max(size_px);
        self.has_gpu && most <= self.max_side
    }
}

/// Shows the canvas in the rest of the `Ui`.
pub fn show(ui: &mut Ui, state: &State, cache: &mut CanvasCache, out: &mut Vec<Action>) -> Response {
    let rect = ui.available_rect_before_wrap();
    let response = ui.allocate_rect(rect, Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, NAME));
    let camera = Camera::new(rect, state.document.size_px, state.view.zoom, state.view.center);
    pointer::read(ui, &response, &camera, state, out);
    keyboard::read(ui, &response, out);
    paint(ui, rect, &camera, &response, state, cache);
    response
}

fn paint(ui: &Ui, rect: Rect, camera: &Camera, response: &Response, state: &State, cache: &mut CanvasCache) {
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 0.0, tokens::VIEW);
    let (image, mark, title) = sight::front(ui, state);
    let overlays = state.view.shows_overlays();
    let colors = cache.update(state);
    let size_px = state.document.size_px;
    let image_rect = camera.image_rect();
    let ppp = ui.pixels_per_point();
    if cache.fits(image.as_ref(), size_px) {
        let size = image.as_ref().map_or([size_px as f32; 2], |i| [i.width() as f32, i.height() as f32]);
        let params = Params {
            origin: [camera.origin.x * ppp, camera.origin.y * ppp],
            scale: size[0] / (image_rect.width() * ppp),
            window: state.view.window,
            size,
            level: state.view.level,
            inverted: f32::from(u8::from(state.view.inverted)),
            label_size: if overlays { [size_px as f32; 2] } else { [0.0; 2] },
            has_image: f32::from(u8::from(image.is_some())),
            unused: 0.0,
            colors,
        };
        painter.add(gpu::view(rect, 0, params, image.clone(), Fills::Live(cache.labels.picture())));
    } else {
        let window = (state.view.window, state.view.level, state.view.inverted);
        let sharp = camera.zoom * ppp * size_px as f32 / image.as_ref().map_or(size_px, |i| i.width()) as f32 > 5.0;
        let all = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        if let Some(image) = &image {
            painter.image(cache.plain.image(ui.ctx(), image, window, sharp), image_rect, all, tokens::AS_IS);
        }
        if overlays {
            let fills = cache.plain.fills(ui.ctx(), &cache.labels.picture(), &colors, sharp);
            painter.image(fills, image_rect, all, tokens::AS_IS);
        }
    }
    if image.is_none() {
        painter.rect_stroke(image_rect, 0.0, egui::Stroke::new(1.0, tokens::LINE), egui::StrokeKind::Outside);
        let words = match state.shown {
            Shown::Live => "The image forms here after the first step.",
            Shown::Example => "The example's picture is being drawn.",
            // What is drawn needs the place, and says how to draw.
            _ if state.document.layers.iter().any(|l| l.region.is_finding() && !l.is_empty()) => "",
            _ => "Draw where, type what, and press Generate.",
        };
        painter.text(image_rect.center(), Align2::CENTER_CENTER, words, text::body(), tokens::INK3);
    }
    if overlays {
        overlay::layers(&painter, camera, state, &cache.masks, sight::own_part(state, image_rect));
        overlay::stroke_in_progress(&painter, camera, state);
        handles::paint(&painter, camera, state);
    }
    overlay::marks(&painter, camera, rect, mark, &title);
    if let Some(at) = response.hover_pos().or_else(|| response.interact_pointer_pos())
        && matches!(state.view.tool, Tool::Brush | Tool::Eraser)
    {
        overlay::ring(&painter, at, camera, state);
    }
}

/// The colour of a layer's class, for panels.
pub fn class_color(layer: &crate::state::Layer) -> Color32 {
    if layer.region.is_finding() { tokens::class(layer.finding) } else { tokens::GUIDE }
}
