//! How a published scheduler walks: where its timesteps lie and where the last step ends.

use super::{DdimSchedulerConfig, NoiseSchedule, PndmConfig, Result, TimestepSpacing};

/// What a model's own scheduler says of DDIM and PNDM alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stepping {
    /// Spread of timesteps.
    pub spacing: TimestepSpacing,
    /// Added to leading timesteps.
    pub steps_offset: usize,
    /// Whether the step below timestep 0 is clean (`alpha_bar` 1) or timestep 0 again.
    pub set_alpha_to_one: bool,
}

impl Default for Stepping {
    fn default() -> Self {
        Self { spacing: TimestepSpacing::Leading, steps_offset: 0, set_alpha_to_one: true }
    }
}

impl Stepping {
    /// Settings of DDIM.
    pub fn ddim(&self, steps: usize, eta: f64) -> DdimSchedulerConfig {
        let &Self { spacing, steps_offset, set_alpha_to_one } = self;
        DdimSchedulerConfig { steps, spacing, steps_offset, set_alpha_to_one, clip_range: None, eta }
    }

    /// Settings of PNDM, whose timesteps are leading whatever the spacing.
    pub fn pndm(&self, steps: usize) -> PndmConfig {
        PndmConfig { steps, steps_offset: self.steps_offset, set_alpha_to_one: self.set_alpha_to_one }
    }

    /// The process seen only at the timesteps of a walk of `steps` steps, for going up it.
    ///
    /// # Errors
    /// When the count of steps is out of range.
    pub fn schedule(&self, schedule: &NoiseSchedule, steps: usize) -> Result<NoiseSchedule> {
        let mut kept = self.spacing.descending(schedule.len(), steps, self.steps_offset, false);
        kept.reverse();
        kept.dedup();
        schedule.keep(&kept)
    }
}
