//! Mean and variance of one reverse step.
//!
//! # Source
//! Ho et al. 2020, equations 6 and 7; learned range: Nichol and Dhariwal 2021, equation 15.

use candle_core::Tensor;

use super::coefficients::at;
use super::{DiffusionError, NoiseSchedule, Prediction, Result};

/// Where the variance of a reverse step comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variance {
    /// The posterior's variance.
    FixedSmall,
    /// Beta (the first replaced by the second posterior variance).
    FixedLarge,
    /// Between the two, by a value of the network: `f log beta + (1 - f) log posterior`, `f = (v + 1) / 2`.
    LearnedRange,
}

/// A Gaussian over `x_{t-1}`, and the clean latent it rests on.
#[derive(Clone, Debug)]
pub struct Moments {
    /// Mean, the latent's shape.
    pub mean: Tensor,
    /// Variance; broadcasts over the latent.
    pub variance: Tensor,
    /// Its logarithm; broadcasts over the latent.
    pub log_variance: Tensor,
    /// Predicted clean latent.
    pub x_start: Tensor,
}

/// The reverse step that a network's output describes.
///
/// `output`: `(batch, channels, h, w)`; `raw_variance`: the same shape, for [`Variance::LearnedRange`] only;
/// `t`: schedule indices, one for each row or one for all; `clip`: keep the clean latent in `[-1, 1]`.
///
/// # Errors
/// When the raw variance is missing, an index is outside or shapes do not fit.
pub fn moments(
    schedule: &NoiseSchedule,
    prediction: Prediction,
    variance: Variance,
    x: &Tensor,
    t: &[usize],
    output: &Tensor,
    raw_variance: Option<&Tensor>,
    clip: bool,
) -> Result<Moments> {
    let (variance, log_variance) = match variance {
        Variance::LearnedRange => {
            let raw = raw_variance.ok_or_else(|| DiffusionError::Channels {
                found: format!("{} channels and no variance", output.dims().get(1).copied().unwrap_or(0)),
                variance: "a learned range",
                needed: "as many channels again for the variance",
            })?;
            let high: Vec<f64> = schedule.betas().iter().map(|b| b.ln()).collect();
            let high = at(&high, t, x)?;
            let low = at(&schedule.posterior_log_variance_clipped(), t, x)?;
            let share = raw.affine(0.5, 0.5)?;
            let log = (share.broadcast_mul(&high)? + share.affine(-1.0, 1.0)?.broadcast_mul(&low)?)?;
            (log.exp()?, log)
        }
        Variance::FixedLarge => {
            let mut table = schedule.betas().to_vec();
            if let Some(second) = schedule.posterior_variance().get(1) {
                table[0] = *second;
            }
            let log: Vec<f64> = table.iter().map(|v| v.ln()).collect();
            (at(&table, t, x)?, at(&log, t, x)?)
        }
        Variance::FixedSmall => {
            (at(&schedule.posterior_variance(), t, x)?, at(&schedule.posterior_log_variance_clipped(), t, x)?)
        }
    };
    let x_start = prediction.denoised(schedule, x, t, output)?;
    let x_start = if clip { x_start.clamp(-1.0, 1.0)? } else { x_start };
    let (mean, _) = true_posterior(schedule, &x_start, x, t)?;
    Ok(Moments { mean, variance, log_variance, x_start })
}

/// Mean and clipped log variance of `q(x_{t-1} | x_t, x_0)`.
///
/// # Errors
/// When an index is outside or shapes do not fit.
pub fn true_posterior(schedule: &NoiseSchedule, x_start: &Tensor, x: &Tensor, t: &[usize]) -> Result<(Tensor, Tensor)> {
    let from_start = x_start.broadcast_mul(&at(&schedule.posterior_mean_coef1(), t, x)?)?;
    let from_x = x.broadcast_mul(&at(&schedule.posterior_mean_coef2(), t, x)?)?;
    Ok(((from_start + from_x)?, at(&schedule.posterior_log_variance_clipped(), t, x)?))
}
