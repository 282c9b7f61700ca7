//! A share of work: which of several processes does what.
//!
//! Results never depend on how work is shared, only who makes them does.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// Process `rank` of `world` processes that do a job together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkShare {
    rank: usize,
    world: usize,
}

impl WorkShare {
    /// A process that does everything.
    pub const WHOLE: Self = Self { rank: 0, world: 1 };

    /// Process `rank`, from 0, of `world`.
    ///
    /// # Errors
    /// When the rank is not below the number of processes.
    pub fn new(rank: usize, world: usize) -> Result<Self> {
        ensure!(rank < world, "rank {rank} of {world}: the rank must be below the number of processes, and count from 0");
        Ok(Self { rank, world })
    }

    /// Number of this process.
    pub fn rank(self) -> usize {
        self.rank
    }

    /// Number of processes.
    pub fn world(self) -> usize {
        self.world
    }

    /// Whether piece `index` of the work is this process's.
    pub fn owns(self, index: usize) -> bool {
        index % self.world == self.rank
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_has_one_owner() {
        for world in 1..6 {
            let shares: Vec<WorkShare> = (0..world).map(|rank| WorkShare::new(rank, world).unwrap()).collect();
            for piece in 0..40 {
                assert_eq!(shares.iter().filter(|share| share.owns(piece)).count(), 1);
            }
        }
        assert!(WorkShare::new(2, 2).is_err() && WorkShare::new(0, 0).is_err());
    }
}
