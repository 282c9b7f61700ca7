//! Pictures beside the canvas: one image in a rectangle with the window of the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use eframe::egui::{ColorImage, Context, Painter, Rect, TextureHandle, TextureId, TextureOptions, Ui, pos2};
use engine::domain::GrayImage;

use super::gpu::{self, Labels, Params};
use crate::theme::tokens;

/// Screen points a pixel must be wide to be shown with sharp edges, without a shader.
const SHARP: f32 = 5.0;

/// How grey becomes light: the same for all views that are linked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Width, 1 is the whole range of grey.
    pub width: f32,
    /// Level, 0 to 1.
    pub level: f32,
    /// Whether black and white are swapped.
    pub inverted: bool,
}

/// One picture to paint.
pub struct View<'a> {
    /// What may be painted on.
    pub clip: Rect,
    /// Where the whole picture lies; parts outside of `clip` are not seen.
    pub place: Rect,
    /// Its place among the views of a frame, from 1; the canvas is 0.
    pub slot: usize,
    /// The picture.
    pub image: &'a Arc<GrayImage>,
    /// How grey becomes light.
    pub window: Window,
}

struct Plain {
    key: (usize, [u32; 2], bool, bool),
    texture: TextureHandle,
    /// Held so that the address stays taken.
    _image: Arc<GrayImage>,
}

/// What painting pictures keeps between frames.
pub struct Pictures {
    /// Largest side that the shader takes, in pixels; zero without a shader.
    pub max_side: u32,
    plain: BTreeMap<usize, Plain>,
    no_fills: Arc<Labels>,
}

impl Default for Pictures {
    fn default() -> Self {
        Self { max_side: 0, plain: BTreeMap::new(), no_fills: Arc::new(Labels { size_px: 1, bytes: vec![0] }) }
    }
}

impl Pictures {
    /// Paints a picture.
    pub fn paint(&mut self, ui: &Ui, painter: &Painter, view: &View<'_>) {
        let painter = painter.with_clip_rect(view.clip.intersect(painter.clip_rect()));
        let image = view.image;
        if image.width().max(image.height()) <= self.max_side {
            let ppp = ui.pixels_per_point();
            let params = Params {
                origin: [view.place.left() * ppp, view.place.top() * ppp],
                scale: image.width() as f32 / (view.place.width() * ppp).max(1e-3),
                window: view.window.width,
                size: [image.width() as f32, image.height() as f32],
                level: view.window.level,
                inverted: f32::from(u8::from(view.window.inverted)),
                label_size: [0.0; 2],
                has_image: 1.0,
                ..Params::default()
            };
            let clip = painter.clip_rect();
            if clip.is_positive() {
                painter.add(gpu::callback(clip, view.slot, params, Some(Arc::clone(image)), Arc::clone(&self.no_fills)));
            }
        } else {
            let texture = self.plain(ui.ctx(), view);
            painter.image(texture, view.place, Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0)), tokens::AS_IS);
        }
    }

    /// The windowed picture as a texture, for machines without a usable shader.
    fn plain(&mut self, ctx: &Context, view: &View<'_>) -> TextureId {
        let image = view.image;
        let sharp = view.place.width() / image.width().max(1) as f32 > SHARP;
        let window = view.window;
        let numbers = [window.width, window.level].map(f32::to_bits);
        let key = (Arc::as_ptr(image) as usize, numbers, window.inverted, sharp);
        if let Some(plain) = self.plain.get(&view.slot)
            && plain.key == key
        {
            return plain.texture.id();
        }
        let most = ctx.input(|i| i.max_texture_side).max(1);
        let step = (image.width().max(image.height()) as usize).div_ceil(most).max(1);
        let size = [image.width() as usize, image.height() as usize].map(|side| side.div_ceil(step));
        let width = image.width() as usize;
        let levels = (0..size[1]).flat_map(|y| (0..size[0]).map(move |x| (x, y))).map(|(x, y)| {
            let grey = f32::from(image.pixels()[y * step * width + x * step]) / 65535.0;
            let seen = ((grey - window.level) / window.width.max(1e-4) + 0.5).clamp(0.0, 1.0);
            ((if window.inverted { 1.0 - seen } else { seen }) * 255.0 + 0.5) as u8
        });
        let picture = ColorImage::from_gray_iter(size, levels);
        let options = if sharp { TextureOptions::NEAREST } else { TextureOptions::LINEAR };
        let texture = ctx.load_texture("picture", picture, options);
        let id = texture.id();
        self.plain.insert(view.slot, Plain { key, texture, _image: Arc::clone(image) });
        id
    }
}

/// The largest rectangle of the picture's shape in the middle of a square one.
pub fn letterbox(square: Rect, image: &GrayImage) -> Rect {
    let (w, h) = (image.width().max(1) as f32, image.height().max(1) as f32);
    let scale = square.width() / w.max(h);
    Rect::from_center_size(square.center(), eframe::egui::vec2(w * scale, h * scale))
}
