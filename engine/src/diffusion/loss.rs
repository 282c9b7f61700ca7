//! The published training losses: squared error plus a variational term for the variance.
//!
//! # Source
//! Nichol and Dhariwal 2021, section 3.1; the variational term is in bits (divided by ln 2).

use candle_core::Tensor;

use super::coefficients::{mean_of_rows, per_row};
use super::gaussian::{discretized_log_likelihood, normal_kl};
use super::{DiffusionError, Moments, NoiseSchedule, Prediction, Result, Variance, moments, true_posterior};

/// Which terms make the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LossKind {
    /// Squared error, plus the variational term where the variance is learned.
    Mse,
    /// As `Mse`, the variational term times `steps / 1000`.
    RescaledMse,
    /// The variational term alone, times the count of steps.
    RescaledKl,
}

/// The loss of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LossConfig {
    /// What the output means; `Epsilon` in the published models.
    pub prediction: Prediction,
    /// Where the variance comes from.
    pub variance: Variance,
    /// Which terms.
    pub kind: LossKind,
}

/// Losses of each row, `(batch)`.
#[derive(Clone, Debug)]
pub struct Loss {
    /// What is averaged over the batch and minimised.
    pub loss: Tensor,
    /// The squared error, where it is part of the loss.
    pub mse: Option<Tensor>,
    /// The variational term in bits, as added, where it is part beside the squared error.
    pub vb: Option<Tensor>,
}

/// Loss of a network's output `(batch, channels or 2 channels, h, w)` on latents noised to indices `t`.
///
/// With a learned variance the variational term sees the prediction detached, so it trains the variance only.
///
/// # Errors
/// When channels or shapes do not fit or an index is outside.
pub fn training_loss(
    schedule: &NoiseSchedule,
    config: &LossConfig,
    output: &Tensor,
    x_start: &Tensor,
    x_t: &Tensor,
    t: &[usize],
    noise: &Tensor,
) -> Result<Loss> {
    let (prediction, raw_variance) = split_output(output, x_start, config.variance)?;
    let bits = |prediction: &Tensor| -> Result<Tensor> {
        let step = moments(schedule, config.prediction, config.variance, x_t, t, prediction, raw_variance.as_ref(), false)?;
        variational_bits(schedule, &step, x_start, x_t, t)
    };
    if config.kind == LossKind::RescaledKl {
        let loss = bits(&prediction)?.affine(schedule.len() as f64, 0.0)?;
        return Ok(Loss { loss, mse: None, vb: None });
    }
    let target = match config.prediction {
        Prediction::Epsilon => noise.clone(),
        Prediction::Denoised => x_start.clone(),
        Prediction::Velocity => super::velocity_target(schedule, x_start, noise, t)?,
    };
    let mse = mean_of_rows(&(target - &prediction)?.sqr()?)?;
    if config.variance != Variance::LearnedRange {
        return Ok(Loss { loss: mse.clone(), mse: Some(mse), vb: None });
    }
    let scale = if config.kind == LossKind::RescaledMse { schedule.len() as f64 / 1000.0 } else { 1.0 };
    let vb = bits(&prediction.detach())?.affine(scale, 0.0)?;
    Ok(Loss { loss: (&mse + &vb)?, mse: Some(mse), vb: Some(vb) })
}

/// Cuts an output into prediction and raw variance, as the variance type says.
fn split_output(output: &Tensor, latent: &Tensor, variance: Variance) -> Result<(Tensor, Option<Tensor>)> {
    let (channels, given) = (latent.dim(1)?, output.dim(1)?);
    let refuse = |variance, needed| DiffusionError::Channels {
        found: format!("{given} channels for latents of {channels}"),
        variance,
        needed,
    };
    match variance {
        Variance::LearnedRange if given == 2 * channels => {
            Ok((output.narrow(1, 0, channels)?, Some(output.narrow(1, channels, channels)?)))
        }
        Variance::LearnedRange => Err(refuse("a learned range", "twice the latent's channels")),
        _ if given == channels => Ok((output.clone(), None)),
        _ => Err(refuse("a fixed variance", "the latent's channels")),
    }
}

/// The variational term of each row in bits: KL to the true posterior, at index 0 the decoder's likelihood.
fn variational_bits(schedule: &NoiseSchedule, step: &Moments, x_start: &Tensor, x_t: &Tensor, t: &[usize]) -> Result<Tensor> {
    const BITS: f64 = 1.0 / std::f64::consts::LN_2;
    let (mean, log_variance) = true_posterior(schedule, x_start, x_t, t)?;
    let kl = mean_of_rows(&normal_kl(&mean, &log_variance, &step.mean, &step.log_variance)?)?.affine(BITS, 0.0)?;
    if !t.contains(&0) {
        return Ok(kl);
    }
    let likelihood = discretized_log_likelihood(x_start, &step.mean, &step.log_variance.affine(0.5, 0.0)?)?;
    let decoder = mean_of_rows(&likelihood)?.affine(-BITS, 0.0)?; // (batch)
    let first: Vec<f64> = t.iter().map(|&index| f64::from(u8::from(index == 0))).collect();
    let first = per_row(first, &kl)?.broadcast_as(kl.shape())?;
    Ok(first.gt(0.5)?.where_cond(&decoder, &kl)?)
}
