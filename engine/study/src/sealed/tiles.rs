//! A picture that is clearly no radiograph: the tiles of one, in another order.

use engine::domain::GrayImage;

use crate::draw::{Draw, Use};

/// Tiles along a side.
const TILES: usize = 5;

/// The image with its tiles shuffled; pixels beyond whole tiles stay.
pub(super) fn scrambled(image: &GrayImage, key: u64, part: u32) -> GrayImage {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let (w, h) = (width / TILES, height / TILES);
    let mut order: Vec<usize> = (0..TILES * TILES).collect();
    let mut draw = Draw::new(key, Use::Tiles, part);
    draw.shuffle(&mut order);
    let mut pixels = image.pixels().to_vec();
    for (to, from) in order.into_iter().enumerate() {
        for y in 0..h {
            let source = ((from / TILES) * h + y) * width + (from % TILES) * w;
            let target = ((to / TILES) * h + y) * width + (to % TILES) * w;
            pixels[target..target + w].copy_from_slice(&image.pixels()[source..source + w]);
        }
    }
    GrayImage::new(image.width(), image.height(), pixels).unwrap_or_else(|_| image.clone())
}
