//! What the checker says of one image.

use crate::domain::{Finding, Mask, Side, patient_side};
use crate::model::checker::CLASSES;

/// The checker's word on one image.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Side of the image in pixels.
    pub size_px: u32,
    /// Outline logits of each of [`CLASSES`] on half the image's grid, row by row.
    pub regions: Vec<Vec<f32>>,
    /// Presence logits of each of [`CLASSES`].
    pub presence: Vec<f32>,
}

impl Seen {
    /// Whether the checker knows a class.
    pub fn knows(finding: Finding) -> bool {
        CLASSES.contains(&finding)
    }

    fn plane(&self, finding: Finding) -> Option<&[f32]> {
        CLASSES.iter().position(|&c| c == finding).and_then(|k| self.regions.get(k)).map(Vec::as_slice)
    }

    /// Where the checker sees a finding, on half the image's grid; `None` for a class it does not know.
    pub fn outline(&self, finding: Finding) -> Option<Mask> {
        let (plane, half) = (self.plane(finding)?, self.size_px / 2);
        Some(Mask::from_fn(half, half, |x, y| plane.get((y * half + x) as usize).is_some_and(|&logit| logit > 0.0)))
    }

    /// How sure the checker is that a finding is somewhere in the image, 0 to 1.
    pub fn score(&self, finding: Finding) -> Option<f32> {
        CLASSES.iter().position(|&c| c == finding).and_then(|k| self.presence.get(k)).copied().map(sigmoid)
    }

    /// How sure the checker is that a finding is on one side of the patient, 0 to 1.
    ///
    /// The lesser of two numbers: that it is somewhere, and the highest 3 × 3 mean of its outline on that side. Both
    /// sides are asked for one by one.
    pub fn score_on(&self, finding: Finding, side: Side) -> Option<f32> {
        let whole = self.score(finding)?;
        if side == Side::Both {
            return Some(whole);
        }
        let (plane, half) = (self.plane(finding)?, (self.size_px / 2) as usize);
        let mut highest = f32::NEG_INFINITY;
        for y in 1..half.saturating_sub(1) {
            for x in (1..half.saturating_sub(1)).filter(|&x| patient_side(x as f32 + 0.5, half as u32) == side) {
                let rows = (y - 1..=y + 1).flat_map(|row| plane[row * half + x - 1..=row * half + x + 1].iter());
                highest = highest.max(rows.sum::<f32>() / 9.0);
            }
        }
        Some(whole.min(sigmoid(highest)))
    }
}

fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// A mask on half the grid of an image of side `size_px`: at least two of four pixels, as the checker was trained.
pub fn half_grid(mask: &Mask, size_px: u32) -> Mask {
    let resized;
    let mask = if (mask.width(), mask.height()) == (size_px, size_px) {
        mask
    } else {
        resized = mask.resized(size_px, size_px);
        &resized
    };
    let half = size_px / 2;
    Mask::from_fn(half, half, |x, y| {
        let inside = |dx, dy| u8::from(mask.get(2 * x + dx, 2 * y + dy));
        inside(0, 0) + inside(1, 0) + inside(0, 1) + inside(1, 1) >= 2
    })
}
