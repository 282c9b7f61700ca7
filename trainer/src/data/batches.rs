//! Batches made ahead of the step by background threads, in a fixed order.
//!
//! A batch is a function of its step alone, and which case a row is one of the row's place in the training (over all
//! ranks and epochs): so neither threads nor ranks nor a stop change what is learnt from, and a place to go on from is a
//! number. Each thread holds at most three batches.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use crossbeam_channel::{Receiver, bounded};

/// Makes the batch of a step.
pub type Source<B> = Arc<dyn Fn(usize) -> Result<B> + Send + Sync>;

/// Reads batches of consecutive steps.
pub struct Batches<B> {
    lanes: Vec<Receiver<Result<B>>>,
    next: usize,
    waited: Duration,
}

impl<B: Send + 'static> Batches<B> {
    /// Starts `threads` named threads that work ahead by at most two batches each.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(source: &Source<B>, steps: std::ops::Range<usize>, threads: usize) -> Result<Self> {
        let threads = threads.max(1);
        let mut lanes = Vec::with_capacity(threads);
        for lane in 0..threads {
            let (sender, receiver) = bounded(2);
            let (source, steps) = (source.clone(), steps.clone());
            std::thread::Builder::new()
                .name(format!("batches-{lane}"))
                .spawn(move || {
                    for step in steps.skip(lane).step_by(threads) {
                        let batch = source(step);
                        let failed = batch.is_err();
                        // A closed channel means that the run has ended.
                        if sender.send(batch).is_err() || failed {
                            return;
                        }
                    }
                })
                .context("cannot start a loader thread")?;
            lanes.push(receiver);
        }
        Ok(Self { lanes, next: 0, waited: Duration::ZERO })
    }

    /// The next batch.
    ///
    /// # Errors
    /// When its making failed.
    pub fn take(&mut self) -> Result<B> {
        let begin = Instant::now();
        let lane = self.next % self.lanes.len();
        let batch = self.lanes[lane].recv().map_err(|_| anyhow!("the loader thread {lane} ended early"))?;
        self.next += 1;
        self.waited += begin.elapsed();
        batch
    }

    /// Time spent waiting since the last call of this function.
    pub fn take_waited(&mut self) -> Duration {
        std::mem::take(&mut self.waited)
    }
}

/// Place of sample `global` (step × batch size + row) in a data set of `len`: a new order each epoch.
///
/// A four-round Feistel network over the next power of four, walked until it falls inside the set.
pub fn shuffled_index(seed: u64, global: u64, len: u64) -> u64 {
    let len = len.max(1);
    let (epoch, place) = (global / len, global % len);
    let generator = engine::noise::Philox::new(seed);
    let half_bits = (64 - (len - 1).leading_zeros()).div_ceil(2).max(1);
    let mask = (1u64 << half_bits) - 1;
    let mut value = place;
    loop {
        let (mut left, mut right) = (value >> half_bits, value & mask);
        for round in 0..4u32 {
            let word = generator.block(right | (epoch << 32), round, engine::domain::Stream::Dropout as u32 + 64);
            (left, right) = (right, left ^ (u64::from(word[0]) & mask));
        }
        value = (left << half_bits) | right;
        if value < len {
            return value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_visits_every_case_once_in_another_order() {
        for len in [1u64, 2, 7, 256, 1000] {
            let order = |epoch: u64| (0..len).map(|i| shuffled_index(9, epoch * len + i, len)).collect::<Vec<_>>();
            let (first, second) = (order(0), order(1));
            let mut sorted = first.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..len).collect::<Vec<_>>());
            if len > 7 {
                assert_ne!(first, second);
            }
        }
    }

    #[test]
    fn batches_arrive_in_order_whatever_the_number_of_threads() -> Result<()> {
        for threads in [1, 2, 5] {
            let source: Source<usize> = Arc::new(Ok);
            let mut batches = Batches::start(&source, 3..40, threads)?;
            for expected in 3..40 {
                assert_eq!(batches.take()?, expected);
            }
        }
        Ok(())
    }

    #[test]
    fn a_failing_batch_is_reported() -> Result<()> {
        let source: Source<usize> = Arc::new(|step| if step == 1 { Err(anyhow!("bad case")) } else { Ok(step) });
        let mut batches = Batches::start(&source, 0..4, 2)?;
        assert_eq!(batches.take()?, 0);
        assert!(batches.take().is_err());
        Ok(())
    }
}
