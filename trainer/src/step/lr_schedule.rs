//! Learning rate over steps: linear warm-up, a flat part, cosine decay.

use serde::{Deserialize, Serialize};

/// The rate as a function of the step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LrSchedule {
    /// Peak rate.
    pub peak: f64,
    /// Steps of linear warm-up.
    pub warmup_steps: usize,
    /// Fraction of all steps after which the cosine begins.
    pub decay_from: f64,
    /// Rate at the end as a fraction of the peak.
    pub floor: f64,
}

impl LrSchedule {
    /// Rate of `step` (from 0) in a run of `steps`.
    pub fn at(&self, step: usize, steps: usize) -> f64 {
        let warm = ((step + 1) as f64 / self.warmup_steps.max(1) as f64).min(1.0);
        let start = self.decay_from * steps as f64;
        let progress = ((step as f64 - start) / (steps as f64 - start).max(1.0)).clamp(0.0, 1.0);
        let cosine = 0.5 + 0.5 * (std::f64::consts::PI * progress).cos();
        self.peak * warm * (self.floor + (1.0 - self.floor) * cosine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warms_up_stays_and_decays() {
        let lr = LrSchedule { peak: 1.0, warmup_steps: 10, decay_from: 0.5, floor: 0.1 };
        assert!((lr.at(0, 100) - 0.1).abs() < 1e-12);
        assert!((lr.at(30, 100) - 1.0).abs() < 1e-12);
        assert!((lr.at(75, 100) - 0.55).abs() < 1e-9);
        assert!(lr.at(99, 100) < 0.11);
    }
}
