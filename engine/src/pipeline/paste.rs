//! The original's pixels come back, exactly; old fades into new inside the region only.

use crate::domain::{GrayImage, ImageError, Mask};

/// The original outside of `may_change`, the new image inside, with a seam of `feather_px` on the inner side.
///
/// # Errors
/// Never for sizes that agree, which the caller checked.
pub(super) fn paste(original: &GrayImage, new: &GrayImage, may_change: &Mask, feather_px: u32) -> Result<GrayImage, ImageError> {
    let distance = may_change.inverted().distance_squared();
    let seam = feather_px as f32 + 1.0;
    let pixels = original.pixels().iter().zip(new.pixels()).zip(may_change.bits()).zip(&distance);
    let pixels = pixels.map(|(((&old, &new), &inside), &distance)| {
        if inside == 0 {
            return old;
        }
        let share = (distance.sqrt() / seam).min(1.0);
        if share >= 1.0 { new } else { (f32::from(old) + share * (f32::from(new) - f32::from(old)) + 0.5) as u16 }
    });
    GrayImage::new(original.width(), original.height(), pixels.collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_seam_lies_inside_the_region() {
        let (old, new) = (GrayImage::black(12, 1), GrayImage::new(12, 1, vec![60000; 12]).unwrap());
        let region = Mask::from_fn(12, 1, |x, _| x >= 4);
        let row = |feather| paste(&old, &new, &region, feather).unwrap().pixels().to_vec();
        assert_eq!(row(0), [0, 0, 0, 0, 60000, 60000, 60000, 60000, 60000, 60000, 60000, 60000]);
        assert_eq!(row(2)[3..8], [0, 20000, 40000, 60000, 60000]);
        let all = Mask::from_fn(12, 1, |_, _| true);
        assert_eq!(paste(&old, &new, &all, 5).unwrap(), new);
        assert_eq!(paste(&old, &new, &Mask::empty(12, 1), 5).unwrap(), old);
    }

    proptest! {
        #[test]
        fn outside_nothing_changes(bits in proptest::collection::vec(any::<bool>(), 64), feather in 0u32..9, seed in any::<u16>()) {
            let pixels = |k: u32| (0..64u32).map(|i| (i * k * 977 + u32::from(seed)) as u16).collect::<Vec<_>>();
            let (old, new) = (GrayImage::new(8, 8, pixels(3)).unwrap(), GrayImage::new(8, 8, pixels(7)).unwrap());
            let region = Mask::from_fn(8, 8, |x, y| bits[(y * 8 + x) as usize]);
            let made = paste(&old, &new, &region, feather).unwrap();
            for (i, &inside) in region.bits().iter().enumerate() {
                let (a, b, c) = (old.pixels()[i], new.pixels()[i], made.pixels()[i]);
                let (least, most) = if inside == 0 { (a, a) } else { (a.min(b), a.max(b)) };
                prop_assert!((least..=most).contains(&c));
            }
        }
    }
}
