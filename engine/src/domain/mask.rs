//! A binary mask on the pixel grid of an image.

use std::sync::OnceLock;

use super::{PixelBlock, RectPx};

/// A set of pixels.
#[derive(Clone, Debug)]
pub struct Mask {
    width: u32,
    height: u32,
    /// One byte a pixel, 0 or 1, row by row.
    bits: Vec<u8>,
    /// Counted when first asked for; every change forgets it.
    counts: OnceLock<Counts>,
}

/// What is asked of a mask again and again while nobody draws.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    /// Pixels in the left and in the right half of the picture.
    halves: (usize, usize),
    block: Option<PixelBlock>,
}

impl PartialEq for Mask {
    fn eq(&self, other: &Self) -> bool {
        (self.width, self.height) == (other.width, other.height) && self.bits == other.bits
    }
}

impl Eq for Mask {}

impl Mask {
    /// An empty mask; sides are raised to at least one pixel.
    pub fn empty(width: u32, height: u32) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        Self { width, height, bits: vec![0; width as usize * height as usize], counts: OnceLock::new() }
    }

    /// A mask of as many bytes 0 or 1 as it has pixels.
    pub(super) fn from_bits(width: u32, height: u32, bits: Vec<u8>) -> Self {
        debug_assert_eq!(bits.len(), width as usize * height as usize);
        Self { width, height, bits, counts: OnceLock::new() }
    }

    /// A mask from a predicate on pixel indices.
    pub fn from_fn(width: u32, height: u32, mut inside: impl FnMut(u32, u32) -> bool) -> Self {
        let mut mask = Self::empty(width, height);
        for (y, row) in (0..).zip(mask.bits.chunks_exact_mut(mask.width as usize)) {
            for (x, bit) in (0..).zip(row) {
                *bit = u8::from(inside(x, y));
            }
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
            self.counts.take();
            self.bits[y as usize * self.width as usize + x as usize] = u8::from(inside);
        }
    }

    /// The part of a row from pixel `x0` up to `x1`; cut to the image.
    pub fn row(&self, y: u32, x0: u32, x1: u32) -> &[u8] {
        let (x1, w) = (x1.min(self.width) as usize, self.width as usize);
        if y < self.height { &self.bits[y as usize * w + (x0 as usize).min(x1)..y as usize * w + x1] } else { &[] }
    }

    /// The same part, to change it; only 0 and 1 may be written.
    pub(super) fn row_mut(&mut self, y: u32, x0: u32, x1: u32) -> &mut [u8] {
        self.counts.take();
        let (x1, w) = (x1.min(self.width) as usize, self.width as usize);
        if y < self.height { &mut self.bits[y as usize * w + (x0 as usize).min(x1)..y as usize * w + x1] } else { &mut [] }
    }

    /// The whole image as a block of pixels.
    pub fn full_block(&self) -> PixelBlock {
        PixelBlock { x0: 0, y0: 0, x1: self.width, y1: self.height }
    }

    /// Number of pixels in the mask.
    pub fn area(&self) -> usize {
        let (left, right) = self.halves();
        left + right
    }

    /// Numbers of pixels in the left and in the right half of the picture.
    pub fn halves(&self) -> (usize, usize) {
        self.counts().halves
    }

    /// Whether no pixel belongs to the mask.
    pub fn is_empty(&self) -> bool {
        self.counts().block.is_none()
    }

    /// The smallest block around the mask, or `None` when it is empty.
    pub fn block(&self) -> Option<PixelBlock> {
        self.counts().block
    }

    /// The smallest rectangle around the mask, or `None` when it is empty.
    pub fn bounds(&self) -> Option<RectPx> {
        self.block().map(|b| b.rect())
    }

    fn counts(&self) -> &Counts {
        self.counts.get_or_init(|| {
            let mut counts = Counts::default();
            let half = self.width as usize / 2;
            for (y, row) in (0..).zip(self.bits.chunks_exact(self.width as usize)) {
                let (left, right) = (count(&row[..half]), count(&row[half..]));
                if left + right > 0 {
                    counts.halves = (counts.halves.0 + left, counts.halves.1 + right);
                    let block = counts.block.get_or_insert(PixelBlock { x0: self.width, y0: y, x1: 0, y1: y });
                    block.y1 = y + 1;
                    // Only what lies beyond the columns seen so far can widen the block.
                    if let Some(x) = row[..block.x0 as usize].iter().position(|&b| b != 0) {
                        block.x0 = x as u32;
                    }
                    if let Some(x) = row[block.x1 as usize..].iter().rposition(|&b| b != 0) {
                        block.x1 += x as u32 + 1;
                    }
                }
            }
            counts
        })
    }

    /// Mean position of the mask's pixel centres, or `None` when it is empty.
    pub fn centroid(&self) -> Option<(f32, f32)> {
        let block = self.block()?;
        let (mut sx, mut sy, mut n) = (0.0f64, 0.0f64, 0usize);
        for y in block.y0..block.y1 {
            for (x, _) in (block.x0..).zip(self.row(y, block.x0, block.x1)).filter(|&(_, &b)| b != 0) {
                sx += f64::from(x) + 0.5;
                sy += f64::from(y) + 0.5;
                n += 1;
            }
        }
        Some(((sx / n as f64) as f32, (sy / n as f64) as f32))
    }

    /// The mask mirrored left to right.
    pub fn mirrored(&self) -> Self {
        let mut mirrored = self.clone();
        mirrored.counts.take();
        mirrored.bits.chunks_exact_mut(self.width as usize).for_each(<[u8]>::reverse);
        mirrored
    }

    /// The mask on another grid, by the nearest pixel.
    pub fn resized(&self, width: u32, height: u32) -> Self {
        let (sx, sy) = (self.width as f32 / width.max(1) as f32, self.height as f32 / height.max(1) as f32);
        Self::from_fn(width, height, |x, y| self.get(((x as f32 + 0.5) * sx) as u32, ((y as f32 + 0.5) * sy) as u32))
    }

    /// Adds all pixels of another mask of the same size; another size changes nothing.
    pub fn union_with(&mut self, other: &Self) {
        if (self.width, self.height) == (other.width, other.height) {
            self.counts.take();
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

/// Number of ones among bytes that are 0 or 1.
fn count(bytes: &[u8]) -> usize {
    let (eights, rest) = bytes.as_chunks::<8>();
    let ones: u32 = eights.iter().map(|e| u64::from_ne_bytes(*e).count_ones()).sum();
    ones as usize + rest.iter().map(|&b| usize::from(b)).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn counts_follow_every_change(w in 1u32..20, h in 1u32..12, bits in proptest::collection::vec(0u8..4, 240), x in 0u32..20, y in 0u32..12) {
            let mut mask = Mask::from_fn(w, h, |x, y| bits[(y * 20 + x) as usize] == 0);
            for inside in [true, false] {
                let set: Vec<(u32, u32)> =
                    (0..h).flat_map(|y| (0..w).map(move |x| (x, y))).filter(|&(x, y)| mask.get(x, y)).collect();
                prop_assert_eq!(mask.area(), set.len());
                prop_assert_eq!(mask.is_empty(), set.is_empty());
                prop_assert_eq!(mask.halves().0, set.iter().filter(|p| p.0 < w / 2).count());
                let block = set.iter().fold(None, |b: Option<PixelBlock>, &(x, y)| {
                    let one = PixelBlock { x0: x, y0: y, x1: x + 1, y1: y + 1 };
                    Some(b.map_or(one, |b| b.around(&one)))
                });
                prop_assert_eq!(mask.block(), block);
                mask.set(x, y, inside);
            }
            prop_assert_eq!(mask.mirrored().halves().0 + mask.mirrored().halves().1, mask.area());
        }
    }
}
