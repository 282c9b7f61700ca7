//! Which rows of an update are computed when and where.
//!
//! A row is known by its place in the whole training; nothing that is drawn for it depends on how updates are cut into
//! cards and micro-batches.

use std::ops::Range;
use std::sync::Arc;

use anyhow::{Result, ensure};

/// Rows of an update that are computed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowRange {
    /// Number of the update, from 0.
    pub step: usize,
    /// Rows, counted within the update.
    pub rows: Range<usize>,
    /// Rows of the whole update.
    pub of: usize,
}

impl RowRange {
    /// Place of the first row in the whole training.
    pub fn first_place(&self) -> u64 {
        self.step as u64 * self.of as u64 + self.rows.start as u64
    }
}

/// Makes the batch of some rows.
pub type RowSource<B> = Arc<dyn Fn(&RowRange) -> Result<B> + Send + Sync>;

/// How updates are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cutting {
    batch: usize,
    micro: usize,
    rank: usize,
    world: usize,
}

impl Cutting {
    /// Updates of `batch` rows on `world` cards of which this is number `rank`, `micro` rows at once or all.
    ///
    /// # Errors
    /// When a division leaves a rest.
    pub fn new(batch: usize, micro: Option<usize>, rank: usize, world: usize) -> Result<Self> {
        ensure!(rank < world, "rank {rank} is not one of {world}");
        ensure!(
            batch.is_multiple_of(world),
            "a batch of {batch} rows cannot be shared by {world} ranks; set train.batch_size to a multiple of {world}"
        );
        let own = batch / world;
        let micro = micro.unwrap_or(own);
        ensure!(
            micro > 0 && own.is_multiple_of(micro),
            "micro_batch is {micro}, which does not divide the {own} rows of a rank; set train.micro_batch to a divisor of {own}"
        );
        Ok(Self { batch, micro, rank, world })
    }

    /// Micro-batches of an update on this card.
    pub fn micros(&self) -> usize {
        self.batch / self.world / self.micro
    }

    /// Cards.
    pub fn world(&self) -> usize {
        self.world
    }

    /// The rows of micro-batch `index`, counted over the whole training.
    pub fn at(&self, index: usize) -> RowRange {
        let (step, part) = (index / self.micros(), index % self.micros());
        let first = self.rank * (self.batch / self.world) + part * self.micro;
        RowRange { step, rows: first..first + self.micro, of: self.batch }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_computed_once_however_updates_are_cut() -> Result<()> {
        for (micro, world) in [(None, 1), (Some(4), 1), (None, 3), (Some(2), 2), (Some(1), 4)] {
            let mut places = Vec::new();
            for rank in 0..world {
                let cutting = Cutting::new(12, micro, rank, world)?;
                for range in (0..2 * cutting.micros()).map(|i| cutting.at(i)) {
                    assert_eq!(range.of, 12);
                    let first = range.first_place();
                    places.extend(first..first + range.rows.len() as u64);
                }
            }
            places.sort_unstable();
            assert_eq!(places, (0..24).collect::<Vec<u64>>(), "{micro:?} {world}");
        }
        for (micro, rank, world) in [(Some(5), 0, 1), (None, 0, 5), (None, 2, 2), (Some(0), 0, 1)] {
            assert!(Cutting::new(12, micro, rank, world).is_err());
        }
        Ok(())
    }
}
