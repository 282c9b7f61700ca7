//! How much of a condition picture is left after the autoencoder.

use crate::domain::GrayImage;

/// What is left of the drawn part of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Survival {
    /// Share of the drawn contrast that is still there, 0 to 1.
    pub kept: f32,
    /// The same over the thin parts only, those at most 3 pixels wide at 256 px; `None` without any.
    pub thin_kept: Option<f32>,
    /// Share of the drawn pixels that are thin.
    pub thin_share: f32,
}

/// Width up to which a drawn part is thin, in pixels at 256 px and in proportion at other sizes.
const THIN_PX: f32 = 3.0;
/// Grey from which a pixel counts as drawn.
const DRAWN: f32 = 0.05;

/// Compares a condition picture with what the autoencoder makes of it; `None` where nothing is drawn or the sizes differ.
///
/// The contrast of a drawn pixel is its grey over the black ground; what the autoencoder spreads around it counts as
/// lost, and so does what it adds.
pub fn survival(before: &GrayImage, after: &GrayImage) -> Option<Survival> {
    if (before.width(), before.height()) != (after.width(), after.height()) {
        return None;
    }
    let (width, height) = (before.width() as usize, before.height() as usize);
    let (drawn, seen) = (before.to_unit(), after.to_unit());
    let inside: Vec<bool> = drawn.iter().map(|&v| v > DRAWN).collect();
    let reach = (THIN_PX * width as f32 / 256.0).round().max(1.0) as usize;
    let thick = opened(&inside, width, height, reach + 1);
    let share = |counts: &dyn Fn(usize) -> bool| {
        let (mut all, mut left) = (0f64, 0f64);
        for i in (0..drawn.len()).filter(|&i| inside[i] && counts(i)) {
            all += f64::from(drawn[i]);
            left += f64::from((drawn[i] - (drawn[i] - seen[i]).abs()).max(0.0));
        }
        (all > 0.0).then(|| (left / all) as f32)
    };
    let thin = (0..drawn.len()).filter(|&i| inside[i] && !thick[i]).count();
    let count = inside.iter().filter(|&&i| i).count();
    Some(Survival { kept: share(&|_| true)?, thin_kept: share(&|i| !thick[i]), thin_share: thin as f32 / count.max(1) as f32 })
}

/// The pixels that some square of `side` pixels inside the region covers.
fn opened(inside: &[bool], width: usize, height: usize, side: usize) -> Vec<bool> {
    let mut sums = vec![0usize; (width + 1) * (height + 1)];
    for y in 0..height {
        for x in 0..width {
            sums[(y + 1) * (width + 1) + x + 1] =
                usize::from(inside[y * width + x]) + sums[y * (width + 1) + x + 1] + sums[(y + 1) * (width + 1) + x]
                    - sums[y * (width + 1) + x];
        }
    }
    let count = |x: usize, y: usize| {
        sums[(y + side) * (width + 1) + x + side] + sums[y * (width + 1) + x]
            - sums[y * (width + 1) + x + side]
            - sums[(y + side) * (width + 1) + x]
    };
    let mut out = vec![false; inside.len()];
    if side > width || side > height {
        return out;
    }
    for y in 0..=height - side {
        for x in 0..=width - side {
            if count(x, y) == side * side {
                for row in out.chunks_exact_mut(width).skip(y).take(side) {
                    row[x..x + side].fill(true);
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(value: impl Fn(u32, u32) -> f32) -> GrayImage {
        let values: Vec<f32> = (0..64 * 64).map(|i| value(i % 64, i / 64)).collect();
        GrayImage::from_unit(64, 64, &values).unwrap()
    }

    #[test]
    fn what_is_left_is_told_apart_for_thin_and_thick() {
        // A line of one pixel and a block; afterwards the line is at a quarter, the block whole.
        let before = picture(|x, y| f32::from(u8::from(x == 4 || (x > 20 && x < 40 && y > 20 && y < 40))));
        let after = picture(|x, y| if x == 4 { 0.25 } else { f32::from(u8::from(x > 20 && x < 40 && y > 20 && y < 40)) });
        let left = survival(&before, &after).unwrap();
        assert!((left.thin_kept.unwrap() - 0.25).abs() < 1e-3, "{left:?}");
        assert!((left.thin_share - 64.0 / (64.0 + 361.0)).abs() < 1e-6);
        assert!(left.kept > 0.85 && left.kept < 0.95);
        let same = survival(&before, &before).unwrap();
        assert!((same.kept, same.thin_kept) == (1.0, Some(1.0)));
    }

    #[test]
    fn nothing_drawn_or_another_size_is_none() {
        let black = GrayImage::black(64, 64);
        assert_eq!(survival(&black, &black), None);
        assert_eq!(survival(&picture(|_, _| 1.0), &GrayImage::black(32, 32)), None);
        let block = survival(&picture(|_, _| 1.0), &black).unwrap();
        assert_eq!((block.kept, block.thin_kept, block.thin_share), (0.0, None, 0.0));
    }
}
