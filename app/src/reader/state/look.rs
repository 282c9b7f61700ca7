//! How the image is looked at: size in whole device pixels, place, window and level.

use eframe::egui::{Rect, Vec2, pos2, vec2};

/// Device pixels of one image pixel, as a whole number or its inverse: 2 is "2 : 1", and (1, 2) is "1 : 2".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Device pixels.
    pub device: u32,
    /// Image pixels.
    pub image: u32,
}

impl Scale {
    /// One image pixel on one device pixel.
    pub const ONE: Self = Self { device: 1, image: 1 };

    /// A whole multiple.
    pub fn times(multiple: u32) -> Self {
        Self { device: multiple.max(1), image: 1 }
    }

    /// From device pixels and the image pixels that they show, as the answers keep it.
    pub fn of((device, image): (u32, u32)) -> Self {
        Self { device: device.max(1), image: image.max(1) }
    }

    /// Device pixels for one image pixel.
    pub fn factor(self) -> f32 {
        self.device as f32 / self.image as f32
    }

    /// The next larger whole multiple.
    pub fn up(self) -> Self {
        if self.image > 1 { Self { device: 1, image: self.image - 1 } } else { Self::times(self.device + 1) }
    }

    /// "2 : 1".
    pub fn words(self) -> String {
        format!("{} : {}", self.device, self.image)
    }

    /// The multiple of the study where it fits, and else the largest whole one that does.
    ///
    /// `need_px` is what is shown at 1 : 1, `room_px` what the screen has, both in device pixels.
    pub fn that_fits(multiple: u32, need_px: [f32; 2], room_px: [f32; 2]) -> Self {
        let fits = |s: Self| (0..2).all(|i| need_px[i] * s.factor() <= room_px[i] + 0.5);
        let sealed = Self::times(multiple);
        if fits(sealed) {
            return sealed;
        }
        let smaller = (1..multiple.max(1)).rev().map(Self::times).find(|s| fits(*s));
        smaller
            .or_else(|| (2..=16).map(|n| Self { device: 1, image: n }).find(|s| fits(*s)))
            .unwrap_or(Self { device: 1, image: 16 })
    }
}

/// Zoom, place, window and level: the same for all images of a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Device pixels of an image pixel times this; 1 is the study's own size.
    pub zoom: f32,
    /// Image point in the middle of the view, as shares of the image from the middle; zero is centred.
    pub shift: Vec2,
    /// Width of the window, 1 is the whole range of grey.
    pub window: f32,
    /// Level, 0 to 1.
    pub level: f32,
    /// Whether black and white are swapped.
    pub inverted: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self { zoom: 1.0, shift: Vec2::ZERO, window: 1.0, level: 0.5, inverted: false }
    }
}

/// Most and least of the zoom.
const ZOOM: std::ops::RangeInclusive<f32> = 0.25..=32.0;

impl Look {
    /// Where the image lies on the screen, in points, its corner on a device pixel.
    pub fn place(&self, view: Rect, image_px: [u32; 2], scale: Scale, pixels_per_point: f32) -> Rect {
        let per_pixel = scale.factor() * self.zoom / pixels_per_point;
        let size = vec2(image_px[0] as f32, image_px[1] as f32) * per_pixel;
        let corner = view.center() - size * 0.5 - self.shift * size;
        let whole = |v: f32| (v * pixels_per_point).round() / pixels_per_point;
        Rect::from_min_size(pos2(whole(corner.x), whole(corner.y)), size)
    }

    /// Zooms by a factor and keeps what lies `from_middle` points from the middle of a view; `size` is the image's now.
    pub fn zoom_at(&mut self, factor: f32, from_middle: Vec2, size: Vec2) {
        let to = (self.zoom * factor).clamp(*ZOOM.start(), *ZOOM.end());
        let factor = to / self.zoom;
        let here = self.shift + from_middle / size;
        self.zoom = to;
        self.shift = limited(here - from_middle / (size * factor));
    }

    /// Moves the image by a share of its size.
    pub fn pan(&mut self, by: Vec2) {
        self.shift = limited(self.shift - by);
    }

    /// Drags window (sideways) and level (up and down) by points.
    pub fn drag_window(&mut self, by: Vec2) {
        self.window = (self.window * (by.x * 0.005).exp()).clamp(0.02, 4.0);
        self.level = (self.level + by.y * 0.0015).clamp(0.0, 1.0);
    }
}

fn limited(shift: Vec2) -> Vec2 {
    shift.clamp(Vec2::splat(-0.5), Vec2::splat(0.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_whole_multiples() {
        assert_eq!(Scale::that_fits(1, [512.0; 2], [800.0, 790.0]), Scale::ONE);
        assert_eq!(Scale::that_fits(2, [512.0; 2], [1100.0, 1024.0]), Scale::times(2));
        assert_eq!(Scale::that_fits(2, [512.0; 2], [1100.0, 1000.0]), Scale::ONE, "what the study asks for has no room");
        assert_eq!(Scale::that_fits(1, [1024.0; 2], [800.0, 790.0]).words(), "1 : 2");
        assert_eq!(Scale { device: 1, image: 2 }.up(), Scale::ONE);
        assert_eq!(Scale { device: 1, image: 3 }.up().words(), "1 : 2");
        assert_eq!(Scale::ONE.up().words(), "2 : 1");
    }

    #[test]
    fn an_image_begins_on_a_device_pixel() {
        let view = Rect::from_min_size(pos2(380.3, 44.0), vec2(841.0, 797.0));
        for ppp in [1.0, 1.25, 1.5, 2.0] {
            let place = Look::default().place(view, [512, 512], Scale::ONE, ppp);
            assert!(((place.left() * ppp) - (place.left() * ppp).round()).abs() < 1e-3, "{ppp}");
            assert!((place.width() * ppp - 512.0).abs() < 1e-2, "{ppp}");
        }
    }

    #[test]
    fn zooming_keeps_what_is_under_the_pointer() {
        let view = Rect::from_min_size(pos2(0.0, 0.0), vec2(800.0, 800.0));
        let at = pos2(520.0, 300.0);
        let under = |look: &Look| {
            let place = look.place(view, [512, 512], Scale::ONE, 1.0);
            (at - place.min) / place.size()
        };
        let mut look = Look::default();
        let before = under(&look);
        let size = look.place(view, [512, 512], Scale::ONE, 1.0).size();
        look.zoom_at(3.0, at - view.center(), size);
        let after = under(&look);
        assert!((before - after).length() < 2e-3, "{before:?} {after:?}");
    }
}
