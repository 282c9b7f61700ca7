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

/// A block of whole pixels; `x1` and `y1` are exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PixelBlock {
    /// First column.
    pub x0: u32,
    /// First row.
    pub y0: u32,
    /// The column behind the last.
    pub x1: u32,
    /// The row behind the last.
    pub y1: u32,
}

impl PixelBlock {
    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.x1.saturating_sub(self.x0)
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.y1.saturating_sub(self.y0)
    }

    /// Whether it holds no pixel.
    pub fn is_empty(&self) -> bool {
        self.width() == 0 || self.height() == 0
    }

    /// The smallest block around both.
    #[must_use]
    pub fn around(&self, other: &Self) -> Self {
        Self { x0: self.x0.min(other.x0), y0: self.y0.min(other.y0), x1: self.x1.max(other.x1), y1: self.y1.max(other.y1) }
    }

    /// The block wider by some pixels on each side, cut to an image.
    #[must_use]
    pub fn wider(&self, by: u32, width: u32, height: u32) -> Self {
        Self {
            x0: self.x0.saturating_sub(by).min(width),
            y0: self.y0.saturating_sub(by).min(height),
            x1: self.x1.saturating_add(by).min(width),
            y1: self.y1.saturating_add(by).min(height),
        }
    }

    /// The block as a rectangle.
    pub fn rect(&self) -> RectPx {
        RectPx { x0: self.x0 as f32, y0: self.y0 as f32, x1: self.x1 as f32, y1: self.y1 as f32 }
    }

    /// The pixels of an image that a rectangle touches.
    pub fn touched(rect: &RectPx, width: u32, height: u32) -> Self {
        let low = |v: f32, most: u32| v.floor().clamp(0.0, most as f32) as u32;
        let high = |v: f32, most: u32| v.ceil().clamp(0.0, most as f32) as u32;
        Self { x0: low(rect.x0, width), y0: low(rect.y0, height), x1: high(rect.x1, width), y1: high(rect.y1, height) }
    }
}

/// The patient's side of an x coordinate in a picture of the given width.
///
/// The picture's left half is the patient's right.
pub fn patient_side(x_px: f32, width: u32) -> Side {
    if x_px < 0.5 * width as f32 { Side::Right } else { Side::Left }
}
