//! Small pictures as egui textures, made once and dropped when no frame used them.

use std::collections::BTreeMap;
use std::sync::Arc;

use eframe::egui::{ColorImage, Context, TextureHandle, TextureId, TextureOptions};
use engine::domain::GrayImage;

use crate::theme::tokens;

/// Side of a thumbnail in texture pixels.
const SIDE: usize = 128;
/// Side of a picture that is shown large, at most.
const LARGE: usize = 1024;

struct Entry {
    texture: TextureHandle,
    /// Held so that the address stays taken.
    _image: Arc<GrayImage>,
    used: bool,
}

/// Thumbnails by the address of their picture.
#[derive(Default)]
pub struct Thumbnails {
    entries: BTreeMap<(usize, usize), Entry>,
}

impl Thumbnails {
    /// The texture of a picture's thumbnail.
    pub fn get(&mut self, ctx: &Context, image: &Arc<GrayImage>) -> TextureId {
        self.at_most(ctx, image, SIDE)
    }

    /// The texture of a picture that is shown large.
    pub fn large(&mut self, ctx: &Context, image: &Arc<GrayImage>) -> TextureId {
        self.at_most(ctx, image, LARGE)
    }

    fn at_most(&mut self, ctx: &Context, image: &Arc<GrayImage>, side: usize) -> TextureId {
        let key = (Arc::as_ptr(image) as usize, side);
        let entry = self.entries.entry(key).or_insert_with(|| Entry {
            texture: ctx.load_texture("thumbnail", thumbnail(image, side), TextureOptions::LINEAR),
            _image: Arc::clone(image),
            used: true,
        });
        entry.used = true;
        entry.texture.id()
    }

    /// Ends a frame: drops what it did not use.
    pub fn end_frame(&mut self) {
        self.entries.retain(|_, e| std::mem::take(&mut e.used));
    }
}

/// The picture at most `side` pixels wide, by box averages.
fn thumbnail(image: &GrayImage, side: usize) -> ColorImage {
    let (w, h) = (image.width() as usize, image.height() as usize);
    let longest = w.max(h);
    let (tw, th) = ((w * side / longest).clamp(1, w), (h * side / longest).clamp(1, h));
    let pixels = image.pixels();
    let mean = |x: usize, y: usize| {
        let (x0, x1) = (x * w / tw, ((x + 1) * w / tw).max(x * w / tw + 1));
        let (y0, y1) = (y * h / th, ((y + 1) * h / th).max(y * h / th + 1));
        let sum: u64 = (y0..y1).map(|y| pixels[y * w + x0..y * w + x1].iter().map(|&v| u64::from(v)).sum::<u64>()).sum();
        (sum / ((x1 - x0) * (y1 - y0)) as u64 / 257) as u8
    };
    let levels = (0..th).flat_map(|y| (0..tw).map(move |x| (x, y))).map(|(x, y)| mean(x, y));
    ColorImage::from_gray_iter([tw, th], levels)
}

/// What the plain picture shows, to know when it must be made again.
#[derive(Clone, Copy, PartialEq)]
struct PlainKey {
    image: usize,
    labels: usize,
    window: (f32, f32, bool),
}

/// The canvas picture as one plain texture, for machines without a usable shader.
#[derive(Default)]
pub struct Plain {
    current: Option<(PlainKey, TextureHandle)>,
}

impl Plain {
    /// The texture of an image with window, level and fills applied here.
    pub fn get(
        &mut self,
        ctx: &Context,
        image: Option<&Arc<GrayImage>>,
        labels: &Arc<super::gpu::Labels>,
        colors: &[[f32; 4]],
        window: (f32, f32, bool),
    ) -> TextureId {
        let address = image.map_or(0, |i| Arc::as_ptr(i) as usize);
        let key = PlainKey { image: address, labels: Arc::as_ptr(labels) as usize, window };
        if let Some((k, texture)) = &self.current
            && *k == key
        {
            return texture.id();
        }
        let side = image.map_or(labels.size_px, |i| i.width());
        let (width, level, inverted) = window;
        let picture = (0..side).flat_map(|y| (0..side).map(move |x| (x, y))).map(|(x, y)| {
            let grey = image.and_then(|i| i.get(x, y)).map_or(0.0, |v| f32::from(v) / 65535.0);
            let seen = if image.is_some() { ((grey - level) / width.max(1e-4) + 0.5).clamp(0.0, 1.0) } else { 0.0 };
            let seen = if inverted && image.is_some() { 1.0 - seen } else { seen };
            let at = (y * labels.size_px / side) as usize * labels.size_px as usize + (x * labels.size_px / side) as usize;
            let fill = labels.bytes.get(at).and_then(|&l| colors.get(l as usize)).copied().unwrap_or_default();
            let mix = |c: f32| ((seen + (c - seen) * fill[3]) * 255.0 + 0.5) as u8;
            tokens::from_rgb(mix(fill[0]), mix(fill[1]), mix(fill[2]))
        });
        let picture = ColorImage::new([side as usize, side as usize], picture.collect());
        let texture = ctx.load_texture("canvas", picture, TextureOptions::LINEAR);
        let id = texture.id();
        self.current = Some((key, texture));
        id
    }
}
