//! Denoising diffusion implicit model over a respaced schedule, as in the published code.
//!
//! # Source
//! Song, Meng and Ermon, "Denoising diffusion implicit models" (2021), equation 12.
//! Coefficients are formed in `f32`, as there.

use candle_core::Tensor;

use super::prediction::epsilon_from_denoised;
use super::sample::{descending, descending_level};
use super::{DiffusionError, ModelOutput, NoiseFn, NoiseSchedule, Prediction, Result, Sampler, Step};

/// DDIM sampler; `eta` 0 is deterministic, 1 has the noise of ancestral sampling.
#[derive(Clone, Debug)]
pub struct Ddim {
    schedule: NoiseSchedule,
    timesteps: Vec<usize>,
    eta: f32,
    clip: bool,
}

impl Ddim {
    /// Visits every step of the schedule, from the noisiest down.
    ///
    /// # Errors
    /// When `eta` is not between 0 and 1.
    pub fn new(schedule: NoiseSchedule, eta: f64) -> Result<Self> {
        check_eta(eta)?;
        let timesteps = schedule.timesteps().iter().rev().copied().collect();
        Ok(Self { schedule, timesteps, eta: eta as f32, clip: false })
    }

    /// Keeps predicted clean latents in `[-1, 1]`.
    #[must_use]
    pub fn with_clipping(mut self, clip: bool) -> Self {
        self.clip = clip;
        self
    }

    /// One step towards more noise: from schedule index `t` to the next, deterministic (`eta` 0).
    ///
    /// # Errors
    /// When `t` is outside or tensors do not fit.
    pub fn invert(&self, t: usize, x: &Tensor, prediction: Prediction, output: &ModelOutput) -> Result<Step> {
        let (x_start, epsilon) = self.parts(t, x, prediction, output)?;
        let after = self.schedule.alphas_cumprod().get(t + 1).map_or(0.0, |bar| *bar as f32);
        let x = (x_start.affine(f64::from(after.sqrt()), 0.0)? + epsilon.affine(f64::from((1.0 - after).sqrt()), 0.0)?)?;
        Ok(Step { x, x_start })
    }

    fn parts(&self, t: usize, x: &Tensor, prediction: Prediction, output: &ModelOutput) -> Result<(Tensor, Tensor)> {
        let x_start = prediction.denoised(&self.schedule, x, &[t], &output.prediction)?;
        let x_start = if self.clip { x_start.clamp(-1.0, 1.0)? } else { x_start };
        let epsilon = epsilon_from_denoised(&self.schedule, x, &[t], &x_start)?;
        Ok((x_start, epsilon))
    }
}

impl Sampler for Ddim {
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
        let (x_start, epsilon) = self.parts(t, x, prediction, output)?;
        let bars = self.schedule.alphas_cumprod();
        let bar = bars[t] as f32;
        let before = if t == 0 { 1.0 } else { bars[t - 1] as f32 };
        let sigma = self.eta * ((1.0 - before) / (1.0 - bar)).sqrt() * (1.0 - bar / before).sqrt();
        let direction = (1.0 - before - sigma * sigma).max(0.0).sqrt();
        let mut x = (x_start.affine(f64::from(before.sqrt()), 0.0)? + epsilon.affine(f64::from(direction), 0.0)?)?;
        if t > 0 && sigma > 0.0 {
            x = (&x + noise(index as u32, x.dims())?.affine(f64::from(sigma), 0.0)?)?;
        }
        Ok(Step { x, x_start })
    }
}

/// Refuses an `eta` outside 0 to 1.
pub(super) fn check_eta(eta: f64) -> Result<()> {
    if eta.is_finite() && (0.0..=1.0).contains(&eta) {
        return Ok(());
    }
    Err(DiffusionError::OutOfRange { field: "eta", value: eta.to_string(), range: "a number from 0 to 1" })
}
