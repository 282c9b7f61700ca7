//! DPM-Solver++ of second order, multistep, over noise levels `sigma = sqrt(1 - alpha_bar) / sqrt(alpha_bar)`.
//!
//! # Source
//! Lu et al., "DPM-Solver++" (2022), algorithm 2; Karras et al. 2022, equation 5, for the spacing;
//! options as `DPMSolverMultistepScheduler` of diffusers 0.32.

use candle_core::Tensor;

use super::betas::linspace;
use super::{DiffusionError, ModelOutput, NoiseFn, NoiseSchedule, Prediction, Result, Sampler, Step, TimestepSpacing};

/// How the second-order term is weighted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SolverType {
    /// Half of the first-order weight.
    #[default]
    Midpoint,
    /// The exact integral of a linear term.
    Heun,
}

/// Where the last step ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FinalSigma {
    /// Without noise.
    #[default]
    Zero,
    /// At the noise of timestep 0.
    SigmaMin,
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

/// The solver; it remembers the last clean latent.
#[derive(Clone, Debug)]
pub struct DpmPp2M {
    config: DpmPp2MConfig,
    timesteps: Vec<usize>,
    sigmas: Vec<f64>,
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
        let total = schedule.len();
        if !(1..=total).contains(&config.steps) {
            let value = config.steps.to_string();
            return Err(DiffusionError::OutOfRange { field: "steps", value, range: "1 to the length of the schedule" });
        }
        if !(1..=2).contains(&config.order) {
            return Err(DiffusionError::OutOfRange { field: "solver order", value: config.order.to_string(), range: "1 or 2" });
        }
        let training: Vec<f64> = schedule.alphas_cumprod().iter().map(|bar| ((1.0 - bar) / bar).sqrt()).collect();
        let (timesteps, mut sigmas) = if config.karras {
            let sigmas = karras(training[0], training[total - 1], config.steps);
            (sigmas.iter().map(|sigma| nearest_timestep(*sigma, &training)).collect(), sigmas)
        } else {
            let mut timesteps = config.spacing.descending(total, config.steps, config.steps_offset, true);
            timesteps.dedup();
            let sigmas = timesteps.iter().map(|t| training[*t]).collect();
            (timesteps, sigmas)
        };
        sigmas.push(match config.final_sigma {
            FinalSigma::Zero => 0.0,
            FinalSigma::SigmaMin => training[0],
        });
        Ok(Self { config: *config, timesteps, sigmas, previous: None })
    }

    /// Noise levels visited, and the final one.
    pub fn sigmas(&self) -> &[f64] {
        &self.sigmas
    }

    fn is_first_order(&self, index: usize) -> bool {
        let c = &self.config;
        let last = index + 1 == self.timesteps.len();
        let few = c.lower_order_final && self.timesteps.len() < 15;
        c.order == 1 || (last && (c.euler_at_final || few || c.final_sigma == FinalSigma::Zero))
    }
}

impl Sampler for DpmPp2M {
    fn timesteps(&self) -> &[usize] {
        &self.timesteps
    }

    fn step(&mut self, index: usize, x: &Tensor, prediction: Prediction, output: &ModelOutput, _noise: &mut NoiseFn<'_>) -> Result<Step> {
        let len = self.timesteps.len();
        if index >= len {
            return Err(DiffusionError::Timestep { index, len });
        }
        let (from, to) = (self.sigmas[index], self.sigmas[index + 1]);
        let ((alpha_s, sigma_s), (alpha_t, sigma_t)) = (alpha_and_sigma(from), alpha_and_sigma(to));
        let x_start = prediction.denoised_at(alpha_s, sigma_s, x, &output.prediction)?.detach();
        let h = from.ln() - to.ln(); // difference of log signal-to-noise; infinite when the step ends clean
        let decay = (-h).exp_m1(); // e^-h - 1
        let previous = self.previous.take().filter(|(before, _)| before + 1 == index && !self.is_first_order(index));
        let slope = match previous {
            None => None,
            Some((before, earlier)) => {
                let h0 = self.sigmas[before].ln() - from.ln();
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
}

/// `sqrt(alpha_bar)` and `sqrt(1 - alpha_bar)` of a noise level.
fn alpha_and_sigma(sigma: f64) -> (f64, f64) {
    let alpha = 1.0 / (sigma * sigma + 1.0).sqrt();
    (alpha, sigma * alpha)
}

/// `count` levels from `largest` to `smallest`, evenly in their seventh roots.
fn karras(smallest: f64, largest: f64, count: usize) -> Vec<f64> {
    const RHO: f64 = 7.0;
    let (low, high) = (smallest.powf(1.0 / RHO), largest.powf(1.0 / RHO));
    linspace(0.0, 1.0, count).into_iter().map(|u| (high + u * (low - high)).powf(RHO)).collect()
}

/// The timestep whose noise level is nearest, linear in the logarithm between neighbours, rounded half to even.
fn nearest_timestep(sigma: f64, training: &[f64]) -> usize {
    if training.len() < 2 {
        return 0;
    }
    let low = training.partition_point(|s| *s <= sigma).saturating_sub(1).min(training.len() - 2);
    let (a, b) = (training[low].ln(), training[low + 1].ln());
    let weight = ((a - sigma.ln()) / (a - b)).clamp(0.0, 1.0);
    ((1.0 - weight) * low as f64 + weight * (low + 1) as f64).round_ties_even() as usize
}
