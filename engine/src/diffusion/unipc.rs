//! UniPC of second order: a multistep predictor whose result is corrected by the next answer of the network.
//!
//! # Source
//! Zhao et al., "UniPC" (2023), algorithms 5 to 8, data prediction, `B2(h) = e^h - 1`; options as
//! `UniPCMultistepScheduler` of diffusers 0.32 with `solver_order` 2 and `solver_type` `bh2`.

use candle_core::Tensor;

use super::sigma_levels::{FinalSigma, SigmaLevels, Spread, alpha_and_sigma};
use super::{
    DiffusionError, ModelOutput, NoiseFn, NoiseSchedule, Prediction, Result, Sampler, SolverMemory, Step, TimestepSpacing,
};

/// Settings of the solver.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UniPcConfig {
    /// Calls of the network.
    pub steps: usize,
    /// Order, 1 or 2.
    pub order: usize,
    /// Spread of timesteps.
    pub spacing: TimestepSpacing,
    /// Added to leading timesteps.
    pub steps_offset: usize,
    /// Karras spacing (rho 7) of noise levels between the largest and the smallest.
    pub karras: bool,
    /// First order in the last step.
    pub lower_order_final: bool,
    /// End of the last step.
    pub final_sigma: FinalSigma,
}

impl Default for UniPcConfig {
    fn default() -> Self {
        Self {
            steps: 25,
            order: 2,
            spacing: TimestepSpacing::Linspace,
            steps_offset: 0,
            karras: false,
            lower_order_final: true,
            final_sigma: FinalSigma::Zero,
        }
    }
}

/// What a step leaves for the next.
#[derive(Clone, Debug)]
struct Memory {
    /// Which step.
    index: usize,
    /// Its order.
    order: usize,
    /// Its corrected latents.
    x: Tensor,
    /// Its clean latents.
    x_start: Tensor,
    /// The clean latents of the step before it.
    earlier: Option<Tensor>,
}

/// The solver; it remembers the last step and the clean latents of the last two.
#[derive(Clone, Debug)]
pub struct UniPc {
    config: UniPcConfig,
    levels: SigmaLevels,
    memory: Option<Memory>,
}

/// Shares of one move between two noise levels.
struct Move {
    /// Of the latents.
    keep: f64,
    /// Of the clean latents.
    clean: f64,
    /// Of the differences between clean latents.
    slope: f64,
    /// `-h`: minus the gain in log signal-to-noise; minus infinity when the move ends clean.
    minus_h: f64,
}

impl Move {
    fn new(from: f64, to: f64) -> Self {
        let ((_, sigma_s), (alpha_t, sigma_t)) = (alpha_and_sigma(from), alpha_and_sigma(to));
        let minus_h = to.ln() - from.ln();
        let phi = minus_h.exp_m1();
        Self { keep: sigma_t / sigma_s, clean: -alpha_t * phi, slope: -alpha_t * phi, minus_h }
    }

    fn first_order(&self, x: &Tensor, x_start: &Tensor) -> Result<Tensor> {
        Ok((x.affine(self.keep, 0.0)? + x_start.affine(self.clean, 0.0)?)?)
    }
}

impl UniPc {
    /// Spreads noise levels over a full-length schedule, as [`super::DpmPp2M::new`] does.
    ///
    /// # Errors
    /// When the count of steps or the order is out of range.
    pub fn new(schedule: &NoiseSchedule, config: &UniPcConfig) -> Result<Self> {
        if !(1..=2).contains(&config.order) {
            return Err(DiffusionError::OutOfRange { field: "solver order", value: config.order.to_string(), range: "1 or 2" });
        }
        let &UniPcConfig { steps, spacing, steps_offset, karras, final_sigma, .. } = config;
        let levels = SigmaLevels::new(schedule, &Spread { steps, spacing, steps_offset, karras, final_sigma })?;
        Ok(Self { config: *config, levels, memory: None })
    }

    /// Noise levels visited, and the final one.
    pub fn sigmas(&self) -> &[f64] {
        &self.levels.sigmas
    }

    /// Distance of the level before `index` from that of `index`, in units of a move of `minus_h`; negative.
    fn ratio(&self, index: usize, minus_h: f64) -> Option<f64> {
        let sigmas = &self.levels.sigmas;
        let earlier = sigmas[index.checked_sub(1)?];
        let ratio = (earlier.ln() - sigmas[index].ln()) / minus_h;
        (ratio < 0.0 && ratio.is_finite()).then_some(ratio)
    }

    /// The latents of step `memory.index + 1`, predicted again now that the clean latents there are known.
    fn corrected(&self, memory: &Memory, x_start: &Tensor) -> Result<Tensor> {
        let (from, to) = self.levels.around(memory.index)?;
        let step = Move::new(from, to);
        let mut x = step.first_order(&memory.x, &memory.x_start)?;
        let h = step.minus_h;
        let (mut weight, mut past) = (0.5, None);
        if memory.order == 2
            && let (Some(earlier), Some(ratio)) = (&memory.earlier, self.ratio(memory.index, h))
        {
            // Weights that make the integral exact for slopes of first and second degree.
            let phi = h.exp_m1();
            let second = phi / h - 1.0;
            let third = second / h - 0.5;
            let (b1, b2) = (second / phi, 2.0 * third / phi);
            let share = (b1 - b2) / (1.0 - ratio);
            weight = b1 - share;
            past = Some((earlier - &memory.x_start)?.affine(step.slope * share / ratio, 0.0)?);
        }
        if let Some(past) = past {
            x = (x + past)?;
        }
        Ok((x + (x_start - &memory.x_start)?.affine(step.slope * weight, 0.0)?)?)
    }
}

impl Sampler for UniPc {
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
        _noise: &mut NoiseFn<'_>,
    ) -> Result<Step> {
        let (from, to) = self.levels.around(index)?;
        let (alpha, sigma) = alpha_and_sigma(from);
        let x_start = prediction.denoised_at(alpha, sigma, x, &output.prediction)?.detach();
        let memory = self.memory.take().filter(|memory| memory.index + 1 == index);
        let x = match &memory {
            Some(memory) => self.corrected(memory, &x_start)?,
            None => x.clone(),
        };
        let left = if self.config.lower_order_final { self.levels.timesteps.len() - index } else { self.config.order };
        let step = Move::new(from, to);
        let mut next = step.first_order(&x, &x_start)?;
        let mut order = 1;
        let earlier = memory.map(|memory| memory.x_start);
        if self.config.order.min(left) == 2
            && let (Some(earlier), Some(ratio)) = (&earlier, self.ratio(index, step.minus_h))
        {
            order = 2;
            next = (next + (earlier - &x_start)?.affine(0.5 * step.slope / ratio, 0.0)?)?;
        }
        self.memory = Some(Memory { index, order, x, x_start: x_start.clone(), earlier });
        Ok(Step { x: next, x_start })
    }

    fn memory(&self) -> Option<SolverMemory> {
        let Memory { index, order, x, x_start, earlier } = self.memory.as_ref()?;
        let mut tensors = vec![("x", x.clone()), ("x_start", x_start.clone())];
        tensors.extend(earlier.clone().map(|earlier| ("earlier", earlier)));
        Some(SolverMemory { index: *index, order: *order, tensors })
    }

    fn remember(&mut self, memory: &SolverMemory) {
        self.memory = match (memory.tensor("x"), memory.tensor("x_start")) {
            (Some(x), Some(x_start)) => {
                let SolverMemory { index, order, .. } = *memory;
                Some(Memory { index, order, x, x_start, earlier: memory.tensor("earlier") })
            }
            _ => None,
        };
    }
}
