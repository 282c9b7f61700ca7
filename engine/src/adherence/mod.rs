//! How well an image follows what was drawn, by the practice checker.
//!
//! The checker learned from drawn phantoms, so its word counts for images of the practice model only, at the size it
//! was trained for, and for five classes. Whatever it cannot judge has no number here, never a zero.

mod checker;
mod layers;
mod seen;

pub use checker::{CheckerError, PracticeChecker};
pub use layers::{BOX_WANTED, MASK_WANTED, Measure, Measured, measure};
pub use seen::{Seen, half_grid};
