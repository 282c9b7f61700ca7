//! Noise levels `sigma = sqrt(1 - alpha_bar) / sqrt(alpha_bar)` as multistep solvers walk down them.
//!
//! # Source
//! Karras et al. 2022, equation 5, for the spacing; options as the multistep schedulers of diffusers 0.32.

use super::betas::linspace;
use super::{DiffusionError, NoiseSchedule, Result, TimestepSpacing};

/// Where the last step ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FinalSigma {
    /// Without noise.
    #[default]
    Zero,
    /// At the noise of timestep 0.
    SigmaMin,
}

/// How noise levels are spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    /// Calls of the network.
    pub(super) steps: usize,
    /// Spread of timesteps.
    pub(super) spacing: TimestepSpacing,
    /// Added to leading timesteps.
    pub(super) steps_offset: usize,
    /// Karras spacing (rho 7) between the largest and the smallest level.
    pub(super) karras: bool,
    /// End of the last step.
    pub(super) final_sigma: FinalSigma,
}

/// Timesteps, and the level at each of them and after the last.
#[derive(Clone, Debug)]
pub(super) struct SigmaLevels {
    pub(super) timesteps: Vec<usize>,
    pub(super) sigmas: Vec<f64>,
}

impl SigmaLevels {
    /// Spreads noise levels over a full-length schedule.
    ///
    /// Without Karras spacing, equal timesteps (which rounding makes when there are very many) are merged.
    ///
    /// # Errors
    /// When the count of steps is out of range.
    pub(super) fn new(schedule: &NoiseSchedule, spread: &Spread) -> Result<Self> {
        let total = schedule.len();
        if !(1..=total).contains(&spread.steps) {
            let value = spread.steps.to_string();
            return Err(DiffusionError::OutOfRange { field: "steps", value, range: "1 to the length of the schedule" });
        }
        let training: Vec<f64> = schedule.alphas_cumprod().iter().map(|bar| ((1.0 - bar) / bar).sqrt()).collect();
        let (timesteps, mut sigmas) = if spread.karras {
            let sigmas = karras(training[0], training[total - 1], spread.steps);
            (sigmas.iter().map(|sigma| nearest_timestep(*sigma, &training)).collect(), sigmas)
        } else {
            let mut timesteps = spread.spacing.descending(total, spread.steps, spread.steps_offset, true);
            timesteps.dedup();
            let sigmas = timesteps.iter().map(|t| training[*t]).collect();
            (timesteps, sigmas)
        };
        sigmas.push(match spread.final_sigma {
            FinalSigma::Zero => 0.0,
            FinalSigma::SigmaMin => training[0],
        });
        Ok(Self { timesteps, sigmas })
    }

    /// Levels before and after step `index`.
    ///
    /// # Errors
    /// When `index` is outside.
    pub(super) fn around(&self, index: usize) -> Result<(f64, f64)> {
        let len = self.timesteps.len();
        match (self.sigmas.get(index), self.sigmas.get(index + 1)) {
            (Some(from), Some(to)) => Ok((*from, *to)),
            _ => Err(DiffusionError::Timestep { index, len }),
        }
    }

    /// `sqrt(alpha_bar)` and `sqrt(1 - alpha_bar)` before step `index`; after the last where `index` is their count.
    ///
    /// # Errors
    /// When `index` is outside.
    pub(super) fn level(&self, index: usize) -> Result<(f64, f64)> {
        let sigma = self.sigmas.get(index).ok_or(DiffusionError::Timestep { index, len: self.timesteps.len() })?;
        Ok(alpha_and_sigma(*sigma))
    }
}

/// `sqrt(alpha_bar)` and `sqrt(1 - alpha_bar)` of a noise level.
pub(super) fn alpha_and_sigma(sigma: f64) -> (f64, f64) {
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
