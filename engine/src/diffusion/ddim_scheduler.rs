//! DDIM over the training schedule itself, with the spacing options of the diffusers library.
//!
//! # Source
//! Song, Meng and Ermon 2021, equation 12; options as `DDIMScheduler` of diffusers 0.32.

use candle_core::Tensor;

use super::ddim::check_eta;
use super::{DiffusionError, ModelOutput, NoiseFn, NoiseSchedule, Prediction, Result, Sampler, Step, TimestepSpacing};

/// Settings of the scheduler.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DdimSchedulerConfig {
    /// Calls of the network.
    pub steps: usize,
    /// Spread of timesteps.
    pub spacing: TimestepSpacing,
    /// Added to leading timesteps.
    pub steps_offset: usize,
    /// Whether the step below timestep 0 is clean (`alpha_bar` 1) or timestep 0 again.
    pub set_alpha_to_one: bool,
    /// Bound of predicted clean latents.
    pub clip_range: Option<f64>,
    /// Noise share.
    pub eta: f64,
}

impl Default for DdimSchedulerConfig {
    fn default() -> Self {
        Self { steps: 50, spacing: TimestepSpacing::Leading, steps_offset: 0, set_alpha_to_one: true, clip_range: None, eta: 0.0 }
    }
}

/// The scheduler.
#[derive(Clone, Debug)]
pub struct DdimScheduler {
    config: DdimSchedulerConfig,
    alphas_cumprod: Vec<f64>,
    timesteps: Vec<usize>,
}

impl DdimScheduler {
    /// Spreads timesteps over a full-length schedule.
    ///
    /// # Errors
    /// When the count of steps or `eta` is out of range.
    pub fn new(schedule: &NoiseSchedule, config: DdimSchedulerConfig) -> Result<Self> {
        check_eta(config.eta)?;
        if !(1..=schedule.len()).contains(&config.steps) {
            let value = config.steps.to_string();
            return Err(DiffusionError::OutOfRange { field: "steps", value, range: "1 to the length of the schedule" });
        }
        let timesteps = config.spacing.descending(schedule.len(), config.steps, config.steps_offset, false);
        Ok(Self { config, alphas_cumprod: schedule.alphas_cumprod().to_vec(), timesteps })
    }
}

impl Sampler for DdimScheduler {
    fn timesteps(&self) -> &[usize] {
        &self.timesteps
    }

    fn level(&self, index: usize) -> Result<(f64, f64)> {
        let len = self.timesteps.len();
        let bar = match self.timesteps.get(index) {
            Some(t) => self.alphas_cumprod[*t],
            None if index == len && self.config.set_alpha_to_one => 1.0,
            None if index == len => self.alphas_cumprod[0],
            None => return Err(DiffusionError::Timestep { index, len }),
        };
        Ok((bar.sqrt(), (1.0 - bar).sqrt()))
    }

    fn step(
        &mut self,
        index: usize,
        x: &Tensor,
        prediction: Prediction,
        output: &ModelOutput,
        noise: &mut NoiseFn<'_>,
    ) -> Result<Step> {
        let len = self.timesteps.len();
        let t = *self.timesteps.get(index).ok_or(DiffusionError::Timestep { index, len })?;
        let bars = &self.alphas_cumprod;
        let bar = bars[t];
        let before = match t.checked_sub(bars.len() / len) {
            Some(previous) => bars[previous],
            None if self.config.set_alpha_to_one => 1.0,
            None => bars[0],
        };
        let (signal, sigma_t) = (bar.sqrt(), (1.0 - bar).sqrt());
        let denoised = prediction.denoised_at(signal, sigma_t, x, &output.prediction)?;
        let epsilon = match prediction {
            Prediction::Epsilon => output.prediction.clone(),
            _ => (x - denoised.affine(signal, 0.0)?)?.affine(1.0 / sigma_t, 0.0)?,
        };
        let x_start = match self.config.clip_range {
            Some(range) => denoised.clamp(-range, range)?,
            None => denoised,
        };
        let variance = ((1.0 - before) / (1.0 - bar) * (1.0 - bar / before)).max(0.0);
        let sigma = self.config.eta * variance.sqrt();
        let direction = (1.0 - before - sigma * sigma).max(0.0).sqrt();
        let mut x = (x_start.affine(before.sqrt(), 0.0)? + epsilon.affine(direction, 0.0)?)?;
        if sigma > 0.0 {
            x = (&x + noise(index as u32, x.dims())?.affine(sigma, 0.0)?)?;
        }
        Ok(Step { x, x_start })
    }
}
