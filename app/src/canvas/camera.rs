//! Screen and image coordinates: the only place with that map.
//!
//! Image space: pixels, x to the right of the picture, y down, a pixel's centre at +0.5.

use eframe::egui::{Pos2, Rect, Vec2, pos2};

/// Room kept free around a fitted image, in points.
pub const MARGIN: f32 = 8.0;

/// A view of a square image in a canvas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// Screen position of the image's top left corner.
    pub origin: Pos2,
    /// Screen points per image pixel.
    pub zoom: f32,
    /// Side of the image in pixels.
    pub size_px: u32,
}

impl Camera {
    /// The view of an image; without a zoom it is fitted and centred.
    pub fn new(canvas: Rect, size_px: u32, zoom: Option<f32>, center: Pos2) -> Self {
        let size = size_px as f32;
        match zoom {
            None => {
                let zoom = ((canvas.width().min(canvas.height()) - 2.0 * MARGIN) / size).max(0.01);
                let origin = canvas.center() - Vec2::splat(size * zoom * 0.5);
                Self { origin: origin.round(), zoom, size_px }
            }
            Some(zoom) => Self { origin: canvas.center() - center.to_vec2() * zoom, zoom, size_px },
        }
    }

    /// The image on the screen.
    pub fn image_rect(&self) -> Rect {
        Rect::from_min_size(self.origin, Vec2::splat(self.size_px as f32 * self.zoom))
    }

    /// Where an image point is on the screen.
    pub fn screen_from_image(&self, (x, y): (f32, f32)) -> Pos2 {
        pos2(self.origin.x + x * self.zoom, self.origin.y + y * self.zoom)
    }

    /// Which image point is under a screen point.
    pub fn image_from_screen(&self, at: Pos2) -> (f32, f32) {
        ((at.x - self.origin.x) / self.zoom, (at.y - self.origin.y) / self.zoom)
    }

    /// The image point in the middle of the canvas after zooming by a factor about a screen point.
    pub fn center_after_zoom(&self, canvas: Rect, at: Pos2, zoom: f32) -> (f32, f32) {
        let fixed = self.image_from_screen(at);
        let from_middle = (at - canvas.center()) / zoom;
        (fixed.0 - from_middle.x, fixed.1 - from_middle.y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let canvas = Rect::from_min_max(pos2(100.0, 50.0), pos2(756.0, 706.0));
        for zoom in [None, Some(0.3), Some(2.5), Some(17.0)] {
            let camera = Camera::new(canvas, 256, zoom, pos2(100.0, 30.0));
            for point in [(0.0, 0.0), (12.5, 200.25), (-4.0, 300.0)] {
                let back = camera.image_from_screen(camera.screen_from_image(point));
                assert!((back.0 - point.0).abs() < 1e-2 && (back.1 - point.1).abs() < 1e-2, "{point:?} {back:?}");
            }
        }
    }

    #[test]
    fn zooming_keeps_the_point_under_the_pointer() {
        let canvas = Rect::from_min_max(pos2(0.0, 0.0), pos2(800.0, 600.0));
        let before = Camera::new(canvas, 512, Some(1.5), pos2(256.0, 256.0));
        let at = pos2(130.0, 480.0);
        let center = before.center_after_zoom(canvas, at, 4.0);
        let after = Camera::new(canvas, 512, Some(4.0), pos2(center.0, center.1));
        let (a, b) = (before.image_from_screen(at), after.image_from_screen(at));
        assert!((a.0 - b.0).abs() < 1e-2 && (a.1 - b.1).abs() < 1e-2, "{a:?} {b:?}");
    }

    #[test]
    fn a_fitted_image_is_centred_with_a_margin() {
        let canvas = Rect::from_min_max(pos2(0.0, 0.0), pos2(800.0, 600.0));
        let rect = Camera::new(canvas, 256, None, Pos2::ZERO).image_rect();
        assert!(canvas.shrink(MARGIN - 1.0).contains_rect(rect));
        assert!((rect.height() - 584.0).abs() < 0.01);
    }
}
