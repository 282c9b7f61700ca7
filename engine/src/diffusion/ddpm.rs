//! Ancestral sampling, as the published scripts do it.
//!
//! # Source
//! Ho et al., "Denoising diffusion probabilistic models" (2020), algorithm 2; variance: Nichol and Dhariwal 2021.

use candle_core::Tensor;

use super::sample::{descending, descending_level};
use super::{ModelOutput, NoiseFn, NoiseSchedule, Prediction, Result, Sampler, Step, Variance, moments};

/// Ancestral sampler over a respaced schedule.
///
/// Uses the learned variance where the network gives one, else the posterior's.
#[derive(Clone, Debug)]
pub struct Ddpm {
    schedule: NoiseSchedule,
    timesteps: Vec<usize>,
    fixed: Variance,
    clip: bool,
}

impl Ddpm {
    /// Visits every step of the schedule, from the noisiest down.
    pub fn new(schedule: NoiseSchedule) -> Self {
        let timesteps = schedule.timesteps().iter().rev().copied().collect();
        Self { schedule, timesteps, fixed: Variance::FixedSmall, clip: false }
    }

    /// The variance for networks that give none; [`Variance::LearnedRange`] makes such a network an error.
    #[must_use]
    pub fn with_fixed_variance(mut self, variance: Variance) -> Self {
        self.fixed = variance;
        self
    }

    /// Keeps predicted clean latents in `[-1, 1]`.
    #[must_use]
    pub fn with_clipping(mut self, clip: bool) -> Self {
        self.clip = clip;
        self
    }
}

impl Sampler for Ddpm {
    fn timesteps(&self) -> &[usize] {
        &self.timesteps
    }

    fn level(&self, index: usize) -> Result<(f64, f64)> {
        descending_level(&self.schedule, index)
    }

    fn step(
        &mut self,
        index: usize,
        x: &Tensor,
        prediction: Prediction,
        output: &ModelOutput,
        noise: &mut NoiseFn<'_>,
    ) -> Result<Step> {
        let t = descending(index, self.timesteps.len())?;
        let variance = if output.variance.is_some() { Variance::LearnedRange } else { self.fixed };
        let step =
            moments(&self.schedule, prediction, variance, x, &[t], &output.prediction, output.variance.as_ref(), self.clip)?;
        let x = if t == 0 {
            step.mean
        } else {
            let deviation = step.log_variance.affine(0.5, 0.0)?.exp()?;
            (step.mean + noise(index as u32, x.dims())?.broadcast_mul(&deviation)?)?
        };
        Ok(Step { x, x_start: step.x_start })
    }
}
