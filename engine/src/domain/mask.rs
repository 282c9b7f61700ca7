//! A binary mask on the pixel grid of an image.

use super::RectPx;

/// A set of pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    width: u32,
    height: u32,
    /// One byte a pixel, 0 or 1, row by row.
    bits: Vec<u8>,
}

impl Mask {
    /// An empty mask; sides are raised to at least one pixel.
    pub fn empty(width: u32, height: u32) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        Self { width, height, bits: vec![0; width as usize * height as usize] }
    }

    /// A mask of as many bytes 0 or 1 as it has pixels.
    pub(super) fn from_bits(width: u32, height: u32, bits: Vec<u8>) -> Self {
        debug_assert_eq!(bits.len(), width as usize * height as usize);
        Self { width, height, bits }
    }

    /// A mask from a predicate on pixel indices.
    pub fn from_fn(width: u32, height: u32, mut inside: impl FnMut(u32, u32) -> bool) -> Self {
        let mut mask = Self::empty(width, height);
        let w = mask.width as usize;
        for (i, bit) in mask.bits.iter_mut().enumerate() {
            *bit = u8::from(inside((i % w) as u32, (i / w) as u32));
        }
        mask
    }

    /// The pixels of a rectangle whose centres lie inside it.
    pub fn from_rect(width: u32, height: u32, rect: &RectPx) -> Self {
        Self::from_fn(width, height, |x, y| {
            let (cx, cy) = (x as f32 + 0.5, y as f32 + 0.5);
            cx >= rect.x0 && cx < rect.x1 && cy >= rect.y0 && cy < rect.y1
        })
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// One byte a pixel, 0 or 1, row by row.
    pub fn bits(&self) -> &[u8] {
        &self.bits
    }

    /// Whether the pixel belongs to the mask; false outside the image.
    pub fn get(&self, x: u32, y: u32) -> bool {
        x < self.width && y < self.height && self.bits[y as usize * self.width as usize + x as usize] != 0
    }

    /// Adds or removes a pixel; outside the image nothing happens.
    pub fn set(&mut self, x: u32, y: u32, inside: bool) {
        if x < self.width && y < self.height {
            self.bits[y as usize * self.width as usize + x as usize] = u8::from(inside);
        }
    }

    /// Number of pixels in the mask.
    pub fn area(&self) -> usize {
        self.bits.iter().map(|&b| usize::from(b)).sum()
    }

    /// Whether no pixel belongs to the mask.
    pub fn is_empty(&self) -> bool {
        self.bits.iter().all(|&b| b == 0)
    }

    /// The smallest rectangle around the mask, or `None` when it is empty.
    pub fn bounds(&self) -> Option<RectPx> {
        let (mut x0, mut y0, mut x1, mut y1) = (u32::MAX, u32::MAX, 0, 0);
        let w = self.width as usize;
        for (i, _) in self.bits.iter().enumerate().filter(|&(_, &b)| b != 0) {
            let (x, y) = ((i % w) as u32, (i / w) as u32);
            x0 = x0.min(x);
            y0 = y0.min(y);
            x1 = x1.max(x + 1);
            y1 = y1.max(y + 1);
        }
        (x1 > 0).then_some(RectPx { x0: x0 as f32, y0: y0 as f32, x1: x1 as f32, y1: y1 as f32 })
    }

    /// Mean position of the mask's pixel centres, or `None` when it is empty.
    pub fn centroid(&self) -> Option<(f32, f32)> {
        let w = self.width as usize;
        let (mut sx, mut sy, mut n) = (0.0f64, 0.0f64, 0usize);
        for (i, _) in self.bits.iter().enumerate().filter(|&(_, &b)| b != 0) {
            sx += (i % w) as f64 + 0.5;
            sy += (i / w) as f64 + 0.5;
            n += 1;
        }
        (n > 0).then(|| ((sx / n as f64) as f32, (sy / n as f64) as f32))
    }

    /// The mask mirrored left to right.
    pub fn mirrored(&self) -> Self {
        Self::from_fn(self.width, self.height, |x, y| self.get(self.width - 1 - x, y))
    }

    /// The mask on another grid, by the nearest pixel.
    pub fn resized(&self, width: u32, height: u32) -> Self {
        let (sx, sy) = (self.width as f32 / width.max(1) as f32, self.height as f32 / height.max(1) as f32);
        Self::from_fn(width, height, |x, y| self.get(((x as f32 + 0.5) * sx) as u32, ((y as f32 + 0.5) * sy) as u32))
    }

    /// Adds all pixels of another mask of the same size; another size changes nothing.
    pub fn union_with(&mut self, other: &Self) {
        if (self.width, self.height) == (other.width, other.height) {
            for (a, &b) in self.bits.iter_mut().zip(&other.bits) {
                *a |= b;
            }
        }
    }

    /// Dice overlap `2|A∩B| / (|A|+|B|)`; 1 when both are empty, 0 for unlike sizes.
    pub fn dice(&self, other: &Self) -> f64 {
        if (self.width, self.height) != (other.width, other.height) {
            return 0.0;
        }
        let both = self.bits.iter().zip(&other.bits).filter(|&(&a, &b)| a & b != 0).count();
        let total = self.area() + other.area();
        if total == 0 { 1.0 } else { 2.0 * both as f64 / total as f64 }
    }
}
