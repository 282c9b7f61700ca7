//! Rectangles in pixels and the side of the patient they lie on.

use super::Side;

/// An axis-aligned rectangle in image pixels; `x1` and `y1` are exclusive edges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RectPx {
    /// Left edge.
    pub x0: f32,
    /// Upper edge.
    pub y0: f32,
    /// Right edge.
    pub x1: f32,
    /// Lower edge.
    pub y1: f32,
}

impl RectPx {
    /// A rectangle from two corners in any order.
    pub fn from_corners(ax: f32, ay: f32, bx: f32, by: f32) -> Self {
        Self { x0: ax.min(bx), y0: ay.min(by), x1: ax.max(bx), y1: ay.max(by) }
    }

    /// Width in pixels.
    pub fn width(&self) -> f32 {
        self.x1 - self.x0
    }

    /// Height in pixels.
    pub fn height(&self) -> f32 {
        self.y1 - self.y0
    }

    /// Centre in pixels.
    pub fn center(&self) -> (f32, f32) {
        (0.5 * (self.x0 + self.x1), 0.5 * (self.y0 + self.y1))
    }

    /// Whether all coordinates are finite and the rectangle has an area.
    pub fn is_valid(&self) -> bool {
        [self.x0, self.y0, self.x1, self.y1].iter().all(|v| v.is_finite()) && self.x1 > self.x0 && self.y1 > self.y0
    }

    /// Whether it lies within an image of the given size.
    pub fn is_inside(&self, width: u32, height: u32) -> bool {
        self.x0 >= 0.0 && self.y0 >= 0.0 && self.x1 <= width as f32 && self.y1 <= height as f32
    }

    /// The same rectangle scaled about the origin.
    pub fn scaled(&self, sx: f32, sy: f32) -> Self {
        Self { x0: self.x0 * sx, y0: self.y0 * sy, x1: self.x1 * sx, y1: self.y1 * sy }
    }
}

/// The patient's side of an x coordinate in a picture of the given width.
///
/// The picture's left half is the patient's right.
pub fn patient_side(x_px: f32, width: u32) -> Side {
    if x_px < 0.5 * width as f32 { Side::Right } else { Side::Left }
}
