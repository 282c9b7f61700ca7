//! Where the words of recent runs act: the network's cross-attention, kept for a few runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::pipeline::AttentionMap;

use crate::state::JobId;

/// Runs whose maps are kept.
const RUNS: usize = 6;

/// Maps of recent runs, one a step.
#[derive(Clone, Debug, Default)]
pub struct WordMaps {
    runs: BTreeMap<JobId, Vec<Arc<AttentionMap>>>,
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
}

impl WordMaps {
    /// Keeps the map of a run's next step; forgets the oldest run when there are too many.
    pub fn push(&mut self, job: JobId, map: Arc<AttentionMap>) {
        self.runs.entry(job).or_default().push(map);
        while self.runs.len() > RUNS {
            self.runs.pop_first();
        }
    }

    /// Whether a run has maps.
    pub fn has(&self, job: JobId) -> bool {
        self.runs.contains_key(&job)
    }

    /// Where some tokens act together, at a step from 0, or on the mean of the whole run.
    pub fn heat(&self, job: JobId, step: Option<usize>, tokens: &[usize]) -> Option<Heat> {
        let maps = self.runs.get(&job)?;
        let chosen = match step {
            Some(step) => std::slice::from_ref(maps.get(step.min(maps.len().checked_sub(1)?))?),
            None => maps.as_slice(),
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
}
