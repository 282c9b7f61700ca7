//! Words in a picture that is saved: drawn with the studio's own font, without a window.

use std::sync::Arc;

use eframe::egui::FontId;
use eframe::egui::epaint::text::{Fonts, LayoutJob, TextFormat, TextOptions};

use crate::theme::{fonts, tokens};

/// A font at hand.
pub(super) struct Lettering {
    fonts: Fonts,
}

impl Lettering {
    /// Loads the font; this takes a moment.
    pub(super) fn new() -> Self {
        Self { fonts: Fonts::new(TextOptions::default(), fonts::definitions()) }
    }

    /// How much ink each pixel gets, 0 to 1, row by row, with width and height; one line of `size_px` high letters.
    pub(super) fn line(&mut self, words: &str, size_px: f32) -> (usize, usize, Vec<f32>) {
        let format = TextFormat { font_id: FontId::proportional(size_px), color: tokens::AS_IS, ..TextFormat::default() };
        let galley = self.fonts.layout_uncached(1.0, Arc::new(LayoutJob::single_section(words.to_owned(), format)));
        let (width, height) = (galley.size().x.ceil().max(1.0) as usize, galley.size().y.ceil().max(1.0) as usize);
        let atlas = self.fonts.image();
        let mut ink = vec![0f32; width * height];
        for row in &galley.rows {
            let vertices = &row.row.visuals.mesh.vertices[row.row.visuals.glyph_vertex_range.clone()];
            // A glyph is a quad of four corners; its place and its picture are axis-aligned.
            for quad in vertices.chunks_exact(4) {
                let bounds = |of: &dyn Fn(usize) -> (f32, f32)| {
                    (0..4).map(of).fold((f32::MAX, f32::MAX, f32::MIN, f32::MIN), |b, (x, y)| {
                        (b.0.min(x), b.1.min(y), b.2.max(x), b.3.max(y))
                    })
                };
                let place = bounds(&|i| (quad[i].pos.x + row.pos.x, quad[i].pos.y + row.pos.y));
                let picture = bounds(&|i| (quad[i].uv.x, quad[i].uv.y));
                let (w, h) = (place.2 - place.0, place.3 - place.1);
                for y in place.1.floor().max(0.0) as usize..(place.3.ceil().max(0.0) as usize).min(height) {
                    for x in place.0.floor().max(0.0) as usize..(place.2.ceil().max(0.0) as usize).min(width) {
                        let share = |at: usize, from: f32, size: f32| ((at as f32 + 0.5 - from) / size.max(1e-3)).clamp(0.0, 1.0);
                        let u = picture.0 + share(x, place.0, w) * (picture.2 - picture.0);
                        let v = picture.1 + share(y, place.1, h) * (picture.3 - picture.1);
                        let at = v as usize * atlas.size[0] + u as usize;
                        let cover = atlas.pixels.get(at).map_or(0.0, |p| f32::from(p.a()) / 255.0);
                        let pixel = &mut ink[y * width + x];
                        *pixel = pixel.max(cover);
                    }
                }
            }
        }
        (width, height, ink)
    }
}

impl Default for Lettering {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_leave_ink_where_they_stand() {
        let mut lettering = Lettering::new();
        let (width, height, ink) = lettering.line("Seed 1482", 18.0);
        assert!(width > 60 && (16..=32).contains(&height), "{width} × {height}");
        let share = ink.iter().filter(|v| **v > 0.5).count() as f32 / ink.len() as f32;
        assert!((0.05..0.5).contains(&share), "letters, not a block and not nothing: {share}");
        let (narrow, ..) = lettering.line("S", 18.0);
        assert!(narrow * 4 < width);
    }
}
