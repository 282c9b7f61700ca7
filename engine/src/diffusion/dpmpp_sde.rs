//! DPM-Solver++ of second order for the stochastic process, multistep: fresh noise at every step.
//!
//! # Source
//! Lu et al., "DPM-Solver++" (2022), appendix; Karras spacing and options as `DPMSolverMultistepScheduler`
//! of diffusers 0.32 with `algorithm_type` `sde-dpmsolver++`.

use candle_core::Tensor;

use super::sigma_levels::{SigmaLevels, alpha_and_sigma};
use super::{DpmPp2MConfig, ModelOutput, NoiseFn, NoiseSchedule, Prediction, Result, Sampler, SolverMemory, SolverType, Step};

/// The solver; it remembers the last clean latent.
#[derive(Clone, Debug)]
pub struct DpmPpSde {
    config: DpmPp2MConfig,
    levels: SigmaLevels,
    previous: Option<(usize, Tensor)>,
}

impl DpmPpSde {
    /// Spreads noise levels over a full-length schedule, as [`super::DpmPp2M::new`] does.
    ///
    /// # Errors
    /// When the count of steps or the order is out of range.
    pub fn new(schedule: &NoiseSchedule, config: &DpmPp2MConfig) -> Result<Self> {
        Ok(Self { config: *config, levels: config.levels(schedule)?, previous: None })
    }

    /// Noise levels visited, and the final one.
    pub fn sigmas(&self) -> &[f64] {
        &self.levels.sigmas
    }
}

impl Sampler for DpmPpSde {
    fn timesteps(&self) -> &[usize] {
        &self.levels.timesteps
    }

    fn level(&self, index: usize) -> Result<(f64, f64)> {
        self.levels.level(index)
    }

    fn step(
        &mut self,
        index: usize,
        x: &Tensor,
        prediction: Prediction,
        output: &ModelOutput,
        noise: &mut NoiseFn<'_>,
    ) -> Result<Step> {
        let (from, to) = self.levels.around(index)?;
        let first_order = self.config.is_first_order(index, self.levels.timesteps.len());
        let ((alpha_s, sigma_s), (alpha_t, sigma_t)) = (alpha_and_sigma(from), alpha_and_sigma(to));
        let x_start = prediction.denoised_at(alpha_s, sigma_s, x, &output.prediction)?.detach();
        let h = from.ln() - to.ln(); // difference of log signal-to-noise; infinite when the step ends clean
        let gain = -(-2.0 * h).exp_m1(); // 1 - e^-2h
        let mut next = (x.affine(sigma_t / sigma_s * (-h).exp(), 0.0)? + x_start.affine(alpha_t * gain, 0.0)?)?;
        if let Some((before, earlier)) = self.previous.take().filter(|(before, _)| before + 1 == index && !first_order) {
            let h0 = self.levels.sigmas[before].ln() - from.ln();
            let weight = match self.config.solver {
                SolverType::Midpoint => 0.5 * alpha_t * gain,
                SolverType::Heun => alpha_t * (1.0 - gain / (2.0 * h)),
            };
            if h0 > 0.0 {
                next = (next + (&x_start - earlier)?.affine(weight * h / h0, 0.0)?)?;
            }
        }
        let deviation = sigma_t * gain.sqrt();
        if deviation > 0.0 {
            next = (next + noise(index as u32, x.dims())?.affine(deviation, 0.0)?)?;
        }
        self.previous = Some((index, x_start.clone()));
        Ok(Step { x: next, x_start })
    }

    fn memory(&self) -> Option<SolverMemory> {
        let (index, x_start) = self.previous.as_ref()?;
        Some(SolverMemory { index: *index, order: 1, tensors: vec![("x_start", x_start.clone())] })
    }

    fn remember(&mut self, memory: &SolverMemory) {
        self.previous = memory.tensor("x_start").map(|x_start| (memory.index, x_start));
    }
}
