//! What a run is to the run it came from.

use super::JobId;

/// How a run came from another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// What it is to its parent, as the library writes it: `fork`, `twin`, `cell`; empty without a parent.
    pub relation: &'static str,
    /// The job that made the parent, zero when it was opened from a file.
    pub parent: JobId,
    /// The step of a fork, from 1.
    pub step: Option<usize>,
}
