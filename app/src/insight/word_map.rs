//! Where the words of recent runs act: the network's cross-attention, kept for a few runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::pipeline::AttentionMap;

use crate::state::JobId;

/// Runs whose maps are kept at most.
const RUNS: usize = 6;
/// Bytes that all maps take at most, the newest run's apart.
const BYTES: usize = 64 << 20;
/// Maps of one run at most; of longer runs every second, fourth, … step is kept.
const STEPS: usize = 128;

/// Maps of recent runs.
#[derive(Clone, Debug, Default)]
pub struct WordMaps {
    runs: BTreeMap<JobId, Run>,
}

/// Maps of one run.
#[derive(Clone, Debug)]
struct Run {
    /// Steps told so far.
    told: usize,
    /// Every so many steps are kept, beginning with the first.
    stride: usize,
    maps: Vec<Arc<AttentionMap>>,
}

impl Run {
    fn push(&mut self, map: Arc<AttentionMap>) {
        if self.told.is_multiple_of(self.stride) {
            self.maps.push(map);
        }
        self.told += 1;
        if self.maps.len() > STEPS {
            let mut n = 0;
            self.maps.retain(|_| {
                n += 1;
                n % 2 == 1
            });
            self.stride *= 2;
        }
    }

    fn bytes(&self) -> usize {
        self.maps.iter().map(|map| map.shares.len() * size_of::<f32>()).sum()
    }
}

/// One word's share of the attention over the image.
#[derive(Clone, Debug, PartialEq)]
pub struct Heat {
    /// Side of the square grid.
    pub grid: usize,
    /// Shares, row by row; 1 is all attention of a place.
    pub shares: Vec<f32>,
}

impl Heat {
    /// The highest share.
    pub fn highest(&self) -> f32 {
        self.shares.iter().copied().fold(0.0, f32::max)
    }

    /// The lowest share.
    pub fn lowest(&self) -> f32 {
        self.shares.iter().copied().fold(f32::INFINITY, f32::min).min(self.highest())
    }

    /// Whether the word acts nearly the same everywhere, so that its map says little.
    pub fn is_even(&self) -> bool {
        self.highest() - self.lowest() < 0.25 * self.highest()
    }
}

impl WordMaps {
    /// Keeps the map of a run's next step; forgets the oldest run when there are too many.
    pub fn push(&mut self, job: JobId, map: Arc<AttentionMap>) {
        self.runs.entry(job).or_insert_with(|| Run { told: 0, stride: 1, maps: Vec::new() }).push(map);
        while self.runs.len() > RUNS || (self.runs.len() > 1 && self.runs.values().map(Run::bytes).sum::<usize>() > BYTES) {
            self.runs.pop_first();
        }
    }

    /// Whether a run has maps.
    pub fn has(&self, job: JobId) -> bool {
        self.runs.contains_key(&job)
    }

    /// Where some tokens act together, at a step from 0, or on the mean of the whole run.
    pub fn heat(&self, job: JobId, step: Option<usize>, tokens: &[usize]) -> Option<Heat> {
        let run = self.runs.get(&job)?;
        let chosen = match step {
            Some(step) => std::slice::from_ref(run.maps.get((step / run.stride).min(run.maps.len().checked_sub(1)?))?),
            None => run.maps.as_slice(),
        };
        let grid = chosen.first()?.grid;
        let mut shares = vec![0f32; grid * grid];
        for map in chosen.iter().filter(|map| map.grid == grid) {
            for token in tokens {
                let Some(of_token) = map.of_token(*token) else { continue };
                shares.iter_mut().zip(of_token).for_each(|(sum, share)| *sum += share / chosen.len() as f32);
            }
        }
        Some(Heat { grid, shares })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: f32) -> Arc<AttentionMap> {
        Arc::new(AttentionMap { tokens: 2, grid: 2, shares: vec![value, 0.0, 0.0, 0.0, 1.0 - value, 1.0, 1.0, 1.0] })
    }

    #[test]
    fn maps_are_averaged_over_steps_and_added_over_tokens() {
        let mut maps = WordMaps::default();
        maps.push(1, map(0.2));
        maps.push(1, map(0.6));
        let first = maps.heat(1, Some(0), &[0]).expect("a map");
        assert_eq!((first.grid, first.shares[0]), (2, 0.2));
        assert!((maps.heat(1, None, &[0]).expect("a mean").shares[0] - 0.4).abs() < 1e-6);
        assert!((maps.heat(1, Some(9), &[0, 1]).expect("the last").highest() - 1.0).abs() < 1e-6);
        assert_eq!(maps.heat(2, None, &[0]), None);
    }

    #[test]
    fn only_a_few_runs_are_kept() {
        let mut maps = WordMaps::default();
        (1..=20).for_each(|job| maps.push(job, map(0.5)));
        assert_eq!((1..=20).filter(|&job| maps.has(job)).count(), RUNS);
        assert!(maps.has(20) && !maps.has(1));
    }

    #[test]
    fn long_runs_keep_fewer_steps_and_large_ones_push_others_out() {
        let mut maps = WordMaps::default();
        (0..1000).for_each(|step| maps.push(1, map(step as f32 / 1000.0)));
        let at = |step| maps.heat(1, Some(step), &[0]).expect("a map").shares[0];
        assert!((at(0), at(504)) == (0.0, 0.504) && (at(999) - 0.992).abs() < 0.01, "{} {} {}", at(0), at(504), at(999));
        let large = Arc::new(AttentionMap { tokens: 1, grid: 4096, shares: vec![0.5; 4096 * 4096] });
        (2..=4).for_each(|job| maps.push(job, Arc::clone(&large)));
        assert!(!maps.has(1) && maps.has(4));
    }
}
