//! Agreement between readers.
//!
//! Ratings are given as categories from 0 in their natural order (`−2..+2` is `0..5`), or as numbers for ICC.

mod chance;
mod icc;
mod krippendorff;
mod svensson;

pub use chance::{Agreement, cohen_kappa, cohen_kappa_of_groups, fleiss_kappa, gwet};
pub use icc::{Icc, IccForm, icc};
pub use krippendorff::{Level, krippendorff_alpha};
pub use svensson::{Disagreement, disagreement};

/// How far apart two of `k` ordered categories count, as a weight of agreement from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// Only equal ones agree.
    Identity,
    /// Falls evenly with the distance.
    Linear,
    /// Falls with the square of the distance.
    Quadratic,
}

impl Weights {
    /// The weight of categories `a` and `b` of `k`.
    pub fn between(self, a: usize, b: usize, k: usize) -> f64 {
        let share = a.abs_diff(b) as f64 / (k.max(2) - 1) as f64;
        match self {
            Self::Identity => f64::from(u8::from(a == b)),
            Self::Linear => 1.0 - share,
            Self::Quadratic => 1.0 - share * share,
        }
    }
}

#[cfg(test)]
mod tests;
