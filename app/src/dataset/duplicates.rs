//! Images that are nearly the same, by a difference hash.
//!
//! Each image is averaged down to 17 × 16 cells; bit by bit the hash says whether a cell is brighter than its right
//! neighbour: 256 bits. Exposure and small noise do not change it. Two images with at most [`NEAR`] differing bits are
//! reported. The hash finds copies and near copies; it does not tell who is in an image.

use engine::domain::GrayImage;

/// Bits of a hash that may differ.
pub const NEAR: u32 = 12;
/// What the report says it measures.
pub const METHOD: &str = "256-bit difference hash of 17 × 16 averaged cells; pairs with at most 12 differing bits";

/// The difference hash of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hash([u64; 4]);

impl Hash {
    /// The hash of an image.
    pub fn of(image: &GrayImage) -> Self {
        const ACROSS: u32 = 17;
        const DOWN: u32 = 16;
        let (width, height) = (image.width(), image.height());
        let mut cells = [0u64; (ACROSS * DOWN) as usize];
        for (k, cell) in cells.iter_mut().enumerate() {
            let (cx, cy) = (k as u32 % ACROSS, k as u32 / ACROSS);
            let part = |at: u32, of: u32, side: u32| (u64::from(at) * u64::from(side) / u64::from(of)) as u32;
            let (x0, y0) = (part(cx, ACROSS, width), part(cy, DOWN, height));
            let (x1, y1) = (part(cx + 1, ACROSS, width).max(x0 + 1), part(cy + 1, DOWN, height).max(y0 + 1));
            let mut sum = 0u64;
            for y in y0..y1.min(height) {
                let row = y as usize * width as usize;
                sum += image.pixels()[row + x0.min(width - 1) as usize..row + x1.min(width) as usize]
                    .iter()
                    .map(|&v| u64::from(v))
                    .sum::<u64>();
            }
            *cell = sum / (u64::from(x1 - x0) * u64::from(y1 - y0));
        }
        let mut bits = [0u64; 4];
        for y in 0..DOWN {
            for x in 0..ACROSS - 1 {
                let at = (y * ACROSS + x) as usize;
                let bit = (y * (ACROSS - 1) + x) as usize;
                bits[bit / 64] |= u64::from(cells[at] > cells[at + 1]) << (bit % 64);
            }
        }
        Self(bits)
    }

    /// How many bits differ.
    pub fn distance(self, other: Self) -> u32 {
        self.0.iter().zip(other.0).map(|(a, b)| (a ^ b).count_ones()).sum()
    }
}

/// A pair that is nearly the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Place of the first in the list.
    pub first: usize,
    /// Place of the second.
    pub second: usize,
    /// Bits that differ.
    pub distance: u32,
}

/// All pairs within [`NEAR`], nearest first; `related` names pairs that are meant to be alike, such as twins.
pub fn pairs(hashes: &[Hash], related: impl Fn(usize, usize) -> bool) -> Vec<Pair> {
    let mut found = Vec::new();
    for (first, a) in hashes.iter().enumerate() {
        for (second, b) in hashes.iter().enumerate().skip(first + 1) {
            let distance = a.distance(*b);
            if distance <= NEAR && !related(first, second) {
                found.push(Pair { first, second, distance });
            }
        }
    }
    found.sort_by_key(|pair| (pair.distance, pair.first, pair.second));
    found
}

#[cfg(test)]
mod tests {
    use engine::phantom::{PhantomConfig, draw};

    use super::*;

    #[test]
    fn copies_are_found_and_patients_are_not() {
        let images: Vec<GrayImage> = (0..12).map(|i| draw(&PhantomConfig::practice(), 4, i, 96).image).collect();
        // The first once more, brighter and with a little noise.
        let copy: Vec<f32> =
            images[0].to_unit().iter().enumerate().map(|(i, v)| (v * 0.9 + 0.05 + (i % 7) as f32 * 0.0005).min(1.0)).collect();
        let copy = GrayImage::from_unit(96, 96, &copy).expect("an image");
        let hashes: Vec<Hash> = images.iter().chain([&copy]).map(Hash::of).collect();
        let found = pairs(&hashes, |_, _| false);
        assert_eq!(found.iter().map(|p| (p.first, p.second)).collect::<Vec<_>>(), [(0, 12)], "{found:?}");
        assert!(pairs(&hashes, |a, b| (a, b) == (0, 12)).is_empty());
        assert_eq!(Hash::of(&GrayImage::black(3, 2)).distance(Hash::of(&GrayImage::black(300, 200))), 0);
    }
}
