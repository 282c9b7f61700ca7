//! Small pictures as egui textures, made once and dropped when no frame used them.

use std::collections::BTreeMap;
use std::sync::Arc;

use eframe::egui::{ColorImage, Context, TextureHandle, TextureId, TextureOptions};
use engine::domain::{GrayImage, PixelBlock};

use super::gpu::{HATCH_DOWN, HATCH_UP};
use super::labels::{Changes, LabelPicture, LiveLabels};
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
struct ImageKey {
    window: (f32, f32, bool),
    sharp: bool,
}

/// The canvas as plain textures, for machines without a usable shader and pictures too large for it: the image
/// with window and level applied here, and over it the fills, of which only changed blocks are made again.
#[derive(Default)]
pub struct Plain {
    image: Option<(ImageKey, Arc<GrayImage>, TextureHandle)>,
    fills: Option<FillTexture>,
}

struct FillTexture {
    texture: TextureHandle,
    picture: LiveLabels,
    state: u64,
    colors: Vec<[f32; 4]>,
    sharp: bool,
    /// Pixels of the document for one of the texture, across and down.
    step: u32,
}

fn options(sharp: bool) -> TextureOptions {
    if sharp { TextureOptions::NEAREST } else { TextureOptions::LINEAR }
}

/// Pixels of a picture for one pixel of a texture, so that the texture is not too large.
fn step(ctx: &Context, side: u32) -> u32 {
    side.div_ceil(ctx.input(|i| i.max_texture_side).max(1) as u32).max(1)
}

impl Plain {
    /// The texture of an image under a window (width, level, inverted).
    pub fn image(&mut self, ctx: &Context, image: &Arc<GrayImage>, window: (f32, f32, bool), sharp: bool) -> TextureId {
        let key = ImageKey { window, sharp };
        if let Some((k, held, texture)) = &self.image
            && *k == key
            && Arc::ptr_eq(held, image)
        {
            return texture.id();
        }
        let (width, level, inverted) = window;
        let step = step(ctx, image.width().max(image.height()));
        let size = [image.width().div_ceil(step), image.height().div_ceil(step)];
        let seen = |x: u32, y: u32| {
            let grey = image.get(x * step, y * step).map_or(0.0, |v| f32::from(v) / 65535.0);
            let seen = ((grey - level) / width.max(1e-4) + 0.5).clamp(0.0, 1.0);
            ((if inverted { 1.0 - seen } else { seen }) * 255.0 + 0.5) as u8
        };
        let levels = (0..size[1]).flat_map(|y| (0..size[0]).map(move |x| (x, y))).map(|(x, y)| seen(x, y));
        let picture = ColorImage::from_gray_iter(size.map(|s| s as usize), levels);
        let texture = ctx.load_texture("canvas", picture, options(sharp));
        let id = texture.id();
        self.image = Some((key, Arc::clone(image), texture));
        id
    }

    /// The texture of the fills.
    pub fn fills(&mut self, ctx: &Context, picture: &LiveLabels, colors: &[[f32; 4]], sharp: bool) -> TextureId {
        let Ok(labels) = picture.lock() else { return TextureId::default() };
        let side = labels.size_px();
        let known =
            self.fills.as_ref().is_some_and(|f| Arc::ptr_eq(&f.picture, picture) && f.colors == colors && f.sharp == sharp);
        if !known {
            let step = step(ctx, side);
            let all = PixelBlock { x0: 0, y0: 0, x1: side, y1: side };
            let texture = ctx.load_texture("fills", coloured(&labels, colors, &all, step), options(sharp));
            let (picture, state, colors) = (Arc::clone(picture), labels.state(), colors.to_vec());
            let id = texture.id();
            self.fills = Some(FillTexture { texture, picture, state, colors, sharp, step });
            return id;
        }
        let Some(fills) = &mut self.fills else { return TextureId::default() };
        let block = match labels.changes_since(Some(fills.state)) {
            Changes::None => None,
            Changes::Block(block) => Some(block),
            Changes::All => Some(PixelBlock { x0: 0, y0: 0, x1: side, y1: side }),
        };
        if let Some(block) = block.filter(|b| !b.is_empty()) {
            // The first pixel of each step is the one that is shown.
            let first = [block.x0 / fills.step, block.y0 / fills.step].map(|v| v as usize);
            fills.texture.set_partial(first, coloured(&labels, colors, &block, fills.step), options(sharp));
            fills.state = labels.state();
        }
        fills.texture.id()
    }
}

/// A block of the labels in their colours, every `step`-th pixel.
fn coloured(labels: &LabelPicture, colors: &[[f32; 4]], block: &PixelBlock, step: u32) -> ColorImage {
    let palette: Vec<_> = colors
        .iter()
        .map(|&[r, g, b, a]| {
            let hatched = a >= HATCH_UP;
            let down = a >= HATCH_DOWN;
            let opacity = if down {
                a - HATCH_DOWN
            } else if hatched {
                a - HATCH_UP
            } else {
                a
            };
            let ink = |opacity: f32| tokens::alpha(tokens::from_unit([r, g, b]), opacity.min(1.0));
            (hatched, down, ink(if hatched { opacity * 0.3 } else { opacity }), ink(opacity * 2.5))
        })
        .collect();
    let side = labels.size_px();
    let (x0, y0) = (block.x0 / step, block.y0 / step);
    let (x1, y1) = (block.x1.div_ceil(step), block.y1.div_ceil(step));
    let pixels = (y0..y1).flat_map(|y| (x0..x1).map(move |x| (x * step, y * step))).map(|(x, y)| {
        let label = labels.bytes().get(y as usize * side as usize + x as usize).copied().unwrap_or(0);
        match palette.get(usize::from(label)) {
            Some((hatched, down, plain, line)) if label > 0 => {
                let along = if *down { x + 12 * side - y } else { x + y };
                if *hatched && along % 6 < 2 { *line } else { *plain }
            }
            _ => tokens::NONE,
        }
    });
    ColorImage::new([(x1 - x0) as usize, (y1 - y0) as usize], pixels.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_fills_are_made_again_where_they_changed() {
        let ctx = Context::default();
        let labels: LiveLabels = Arc::new(std::sync::Mutex::new(LabelPicture::new(64)));
        let mut colors = [[0.0; 4]; 32];
        colors[1] = [1.0, 0.0, 0.0, 0.5];
        let mut plain = Plain::default();
        let first = plain.fills(&ctx, &labels, &colors, false);
        assert_eq!(plain.fills(&ctx, &labels, &colors, false), first);
        let all = PixelBlock { x0: 0, y0: 0, x1: 64, y1: 64 };
        let picture = coloured(&labels.lock().expect("not poisoned"), &colors, &all, 4);
        assert_eq!(picture.size, [16, 16], "too large a picture is thinned out");
        assert!(picture.pixels.iter().all(|p| *p == tokens::NONE));
        colors[1][3] = 0.25;
        assert_ne!(plain.fills(&ctx, &labels, &colors, false), first, "another opacity is another texture");
    }

    #[test]
    fn the_plain_image_follows_its_window() {
        let ctx = Context::default();
        let image = Arc::new(GrayImage::black(8, 8));
        let mut plain = Plain::default();
        let first = plain.image(&ctx, &image, (1.0, 0.5, false), false);
        assert_eq!(plain.image(&ctx, &image, (1.0, 0.5, false), false), first);
        assert_ne!(plain.image(&ctx, &image, (1.0, 0.5, true), false), first);
        let other = Arc::new(GrayImage::black(8, 8));
        let before = plain.image(&ctx, &image, (1.0, 0.5, true), false);
        assert_ne!(plain.image(&ctx, &other, (1.0, 0.5, true), false), before);
    }
}
