//! The last updates of a run, for what is shown.

use std::collections::VecDeque;
use std::time::Duration;

use super::log::Metrics;

/// The last updates, for what is shown.
#[derive(Default)]
pub(super) struct Recent(VecDeque<(f64, f64, f64, bool)>);

impl Recent {
    const MOST: usize = 50;

    pub(super) fn add(&mut self, metrics: &Metrics<'_>) {
        if self.0.len() == Self::MOST {
            self.0.pop_front();
        }
        self.0.push_back((metrics.loss, metrics.seconds, metrics.data_wait * metrics.seconds, metrics.applied));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn skipped(&self) -> usize {
        self.0.iter().filter(|update| !update.3).count()
    }

    fn seconds(&self) -> f64 {
        self.0.iter().map(|update| update.1).sum::<f64>().max(1e-9)
    }

    pub(super) fn loss(&self) -> f64 {
        let finite: Vec<f64> = self.0.iter().map(|update| update.0).filter(|loss| loss.is_finite()).collect();
        finite.iter().sum::<f64>() / finite.len().max(1) as f64
    }

    pub(super) fn wait(&self) -> f64 {
        self.0.iter().map(|update| update.2).sum::<f64>() / self.seconds()
    }

    pub(super) fn rate(&self, batch: usize) -> f64 {
        (self.len() * batch) as f64 / self.seconds()
    }

    pub(super) fn left(&self, steps: usize) -> Duration {
        Duration::from_secs_f64(self.seconds() / self.len().max(1) as f64 * steps as f64)
    }
}
