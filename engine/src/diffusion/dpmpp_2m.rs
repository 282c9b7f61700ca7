//! DPM-Solver++ of second order, multistep.
//!
//! # Source
//! Lu et al., "DPM-Solver++" (2022), algorithm 2; options as `DPMSolverMultistepScheduler` of diffusers 0.32.

use candle_core::Tensor;

use super::sigma_levels::{FinalSigma, SigmaLevels, Spread, alpha_and_sigma};
use super::{
    DiffusionError, ModelOutput, NoiseFn, NoiseSchedule, Prediction, Result, Sampler, SolverMemory, Step, TimestepSpacing,
};

/// How the second-order term is weighted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SolverType {
    /// Half of the first-order weight.
    #[default]
    Midpoint,
    /// The exact integral of a linear term.
    Heun,
}

/// Settings of the solver.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DpmPp2MConfig {
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
    /// Second-order weight.
    pub solver: SolverType,
    /// First order in the last step.
    pub euler_at_final: bool,
    /// Lower order in the last step when there are fewer than 15.
    pub lower_order_final: bool,
    /// End of the last step.
    pub final_sigma: FinalSigma,
}

impl Default for DpmPp2MConfig {
    fn default() -> Self {
        Self {
            steps: 25,
            order: 2,
            spacing: TimestepSpacing::Linspace,
            steps_offset: 0,
            karras: false,
            solver: SolverType::Midpoint,
            euler_at_final: false,
            lower_order_final: true,
            final_sigma: FinalSigma::Zero,
        }
    }
}

impl DpmPp2MConfig {
    /// The noise levels of these settings.
    ///
    /// # Errors
    /// When the count of steps or the order is out of range.
    pub(super) fn levels(&self, schedule: &NoiseSchedule) -> Result<SigmaLevels> {
        if !(1..=2).contains(&self.order) {
            return Err(DiffusionError::OutOfRange { field: "solver order", value: self.order.to_string(), range: "1 or 2" });
        }
        let &Self { steps, spacing, steps_offset, karras, final_sigma, .. } = self;
        SigmaLevels::new(schedule, &Spread { steps, spacing, steps_offset, karras, final_sigma })
    }

    /// Whether step `index` of `len` takes no slope.
    pub(super) fn is_first_order(&self, index: usize, len: usize) -> bool {
        let last = index + 1 == len;
        let few = self.lower_order_final && len < 15;
        self.order == 1 || (last && (self.euler_at_final || few || self.final_sigma == FinalSigma::Zero))
    }
}

/// The solver; it remembers the last clean latent.
#[derive(Clone, Debug)]
pub struct DpmPp2M {
    config: DpmPp2MConfig,
    levels: SigmaLevels,
    previous: Option<(usize, Tensor)>,
}

impl DpmPp2M {
    /// Spreads noise levels over a full-length schedule.
    ///
    /// Without Karras spacing, equal timesteps (which rounding makes when there are very many) are merged.
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

impl Sampler for DpmPp2M {
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
        let first_order = self.config.is_first_order(index, self.levels.timesteps.len());
        let ((alpha_s, sigma_s), (alpha_t, sigma_t)) = (alpha_and_sigma(from), alpha_and_sigma(to));
        let x_start = prediction.denoised_at(alpha_s, sigma_s, x, &output.prediction)?.detach();
        let h = from.ln() - to.ln(); // difference of log signal-to-noise; infinite when the step ends clean
        let decay = (-h).exp_m1(); // e^-h - 1
        let previous = self.previous.take().filter(|(before, _)| before + 1 == index && !first_order);
        let slope = match previous {
            None => None,
            Some((before, earlier)) => {
                let h0 = self.levels.sigmas[before].ln() - from.ln();
                let weight = match self.config.solver {
                    SolverType::Midpoint => -0.5 * alpha_t * decay,
                    SolverType::Heun => alpha_t * (decay / h + 1.0),
                };
                (h0 > 0.0).then(|| -> Result<Tensor> { Ok((&x_start - earlier)?.affine(weight * h / h0, 0.0)?) }).transpose()?
            }
        };
        let mut next = (x.affine(sigma_t / sigma_s, 0.0)? - x_start.affine(alpha_t * decay, 0.0)?)?;
        if let Some(slope) = slope {
            next = (next + slope)?;
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
