//! A contact sheet: all images of a set, small, in their order.

use engine::domain::GrayImage;
use engine::imageio::png::{PngError, Text, encode_gray16};

/// Side of a small picture in pixels.
const SIDE: u32 = 128;
/// Dark line between pictures.
const GAP: u32 = 4;
/// Pictures across.
const ACROSS: u32 = 8;
/// Most pictures of one sheet.
pub const MOST: usize = 400;
/// Plain mark in the file.
const MARK: Text<'static> = Text::Plain(
    "Comment",
    "Contact sheet of synthetic chest radiographs made by ChexGen Studio. Not patients. Not for diagnosis.",
);

/// A picture of at most `SIDE`² by averaging, its proportions kept.
pub fn small(image: &GrayImage) -> GrayImage {
    let longest = image.width().max(image.height());
    let size = |side: u32| (u64::from(side) * u64::from(SIDE) / u64::from(longest)).max(1) as u32;
    let (width, height) = (size(image.width()), size(image.height()));
    let mut pixels = Vec::with_capacity((width * height) as usize);
    for y in 0..height {
        for x in 0..width {
            let cell = |at: u32, of: u32, side: u32| {
                let from = (u64::from(at) * u64::from(side) / u64::from(of)) as u32;
                let to = (u64::from(at + 1) * u64::from(side) / u64::from(of)) as u32;
                (from, to.max(from + 1).min(side.max(from + 1)))
            };
            let ((x0, x1), (y0, y1)) = (cell(x, width, image.width()), cell(y, height, image.height()));
            let (mut sum, mut n) = (0u64, 0u64);
            for py in y0..y1 {
                for px in x0..x1 {
                    sum += u64::from(image.get(px, py).unwrap_or(0));
                    n += 1;
                }
            }
            pixels.push((sum / n.max(1)) as u16);
        }
    }
    GrayImage::new(width, height, pixels).unwrap_or_else(|_| GrayImage::black(SIDE, SIDE))
}

/// The sheet of small pictures.
pub fn sheet(pictures: &[GrayImage]) -> GrayImage {
    let n = pictures.len().clamp(1, MOST) as u32;
    let across = n.min(ACROSS);
    let pitch = SIDE + GAP;
    let (width, height) = (across * pitch + GAP, n.div_ceil(across) * pitch + GAP);
    let mut pixels = vec![0u16; (width * height) as usize];
    for (k, picture) in pictures.iter().take(MOST).enumerate() {
        let (left, top) = (GAP + (k as u32 % across) * pitch, GAP + (k as u32 / across) * pitch);
        for y in 0..picture.height().min(SIDE) {
            for x in 0..picture.width().min(SIDE) {
                pixels[((top + y) * width + left + x) as usize] = picture.get(x, y).unwrap_or(0);
            }
        }
    }
    GrayImage::new(width, height, pixels).unwrap_or_else(|_| GrayImage::black(width, height))
}

/// The sheet as a PNG that says what it is.
///
/// # Errors
/// When it cannot be packed.
pub fn encode(pictures: &[GrayImage]) -> Result<Vec<u8>, PngError> {
    encode_gray16(&sheet(pictures), &[MARK])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_stand_in_their_places() {
        let gray = |v: u16, side: u32| GrayImage::new(side, side, vec![v; (side * side) as usize]).expect("an image");
        let pictures: Vec<GrayImage> = (1..=9).map(|i| small(&gray(i * 1000, 200))).collect();
        let sheet = sheet(&pictures);
        assert_eq!((sheet.width(), sheet.height()), (8 * 132 + 4, 2 * 132 + 4));
        assert_eq!(sheet.get(4, 4), Some(1000));
        assert_eq!(sheet.get(4 + 132, 4), Some(2000));
        assert_eq!(sheet.get(4, 4 + 132), Some(9000));
        assert_eq!(small(&gray(7, 64)).width(), 128);
        assert!(encode(&pictures).is_ok() && encode(&[]).is_ok());
    }
}
