//! Fill holes and smooth: repairs of a painted region.

use engine::domain::Mask;

/// The mask with every hole filled.
pub fn holes_filled(mask: &Mask) -> Mask {
    mask.without_holes()
}

/// The mask with its edge evened out by about a two-hundredth of the image; again for more.
pub fn smoothed(mask: &Mask) -> Mask {
    mask.smoothed((mask.width() / 200).max(1))
}
