//! Reads a data set while a network trains: ahead of the step, in an order that only seed and place decide.
//!
//! Place `g` of the training (counted over all processes and epochs) is sample [`shuffled_index`]`(seed, g, len)`, so
//! neither threads nor the number of processes change what is learnt from, and going on from a saved [`Position`]
//! gives what an uninterrupted run would have read. Captions are not dropped here, and nothing is drawn here: that is
//! the training step's.

mod tensors;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::batches::{Batches, Source, shuffled_index};
use super::dataset::{Sample, Subset};
use crate::work::WorkShare;

pub use tensors::{BatchTensors, ConditionRows, row_seed};

/// How a data set is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoaderConfig {
    /// Seed of the order.
    pub seed: u64,
    /// Rows of a batch over all processes.
    pub batch_rows: usize,
    /// Reading threads.
    pub threads: usize,
    /// Which rows of each batch are read here.
    pub share: WorkShare,
}

/// Where a training stands in its data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Samples that were taken, over all processes and epochs.
    pub samples: u64,
    /// Which samples in which order, as [`Subset::fingerprint`] has it.
    pub fingerprint: String,
    /// Seed of the order.
    pub seed: u64,
}

/// Rows of one step.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The samples.
    pub samples: Vec<Arc<Sample>>,
    /// Place of each in the whole training; [`row_seed`] makes its random numbers of it.
    pub places: Vec<u64>,
}

/// Reads batch after batch without an end; after an epoch the next one begins in another order.
pub struct Loader {
    batches: Batches<Batch>,
    position: Position,
    batch_rows: u64,
    len: u64,
}

impl Loader {
    /// Starts reading at `from`, or at the beginning.
    ///
    /// Memory: each thread holds at most three batches.
    ///
    /// # Errors
    /// When the batch cannot be shared out evenly, the place belongs to other data or another order, or a thread cannot
    /// be started.
    pub fn start(data: Arc<Subset>, config: &LoaderConfig, from: Option<&Position>) -> Result<Self> {
        let (seed, share) = (config.seed, config.share);
        ensure!(
            config.batch_rows > 0 && config.batch_rows.is_multiple_of(share.world()),
            "a batch of {} rows cannot be shared evenly by {} processes; choose a multiple",
            config.batch_rows,
            share.world()
        );
        let fingerprint = data.fingerprint();
        if let Some(from) = from {
            ensure!(
                from.fingerprint == fingerprint && from.seed == seed,
                "the saved place belongs to other data than {}, or to another seed; restore them, or start a new run",
                data.dir().display()
            );
        }
        let position = Position { samples: from.map_or(0, |from| from.samples), fingerprint, seed };
        let (first, rows, len) = (position.samples, config.batch_rows as u64, data.len() as u64);
        let here = rows / share.world() as u64;
        let source: Source<Batch> = Arc::new(move |step| {
            let begin = first + step as u64 * rows + share.rank() as u64 * here;
            let places: Vec<u64> = (begin..begin + here).collect();
            let read = |&place: &u64| Ok(Arc::new(data.sample(shuffled_index(seed, place, len) as usize)?));
            Ok(Batch { samples: places.iter().map(read).collect::<Result<_>>()?, places })
        });
        let batches = Batches::start(&source, 0..usize::MAX, config.threads)?;
        Ok(Self { batches, position, batch_rows: rows, len })
    }

    /// The next batch; waits for it where the threads are behind.
    ///
    /// # Errors
    /// When a shard is damaged or gone; the sentence names it.
    pub fn take(&mut self) -> Result<Batch> {
        let batch = self.batches.take()?;
        self.position.samples += self.batch_rows;
        Ok(batch)
    }

    /// The place after the last batch that was taken.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// How often the data was read, as a fraction.
    pub fn epoch(&self) -> f64 {
        self.position.samples as f64 / self.len as f64
    }

    /// Time spent waiting since the last call of this function; its share of a step tells whether data holds it up.
    pub fn take_waited(&mut self) -> Duration {
        self.batches.take_waited()
    }
}
