//! What a network predicts, and the way to `x_0` and to the noise.

use candle_core::Tensor;

use super::coefficients::at;
use super::{NoiseSchedule, Result};

/// The meaning of a network's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Prediction {
    /// The noise.
    Epsilon,
    /// `sqrt(alpha_bar) epsilon - sqrt(1 - alpha_bar) x_0` (Salimans and Ho 2022).
    Velocity,
    /// The clean latent.
    Denoised,
}

impl Prediction {
    /// The clean latent from an output at schedule indices `t` (one for each row, or one for all).
    ///
    /// # Errors
    /// When an index is outside or shapes do not fit.
    pub fn denoised(self, schedule: &NoiseSchedule, x: &Tensor, t: &[usize], output: &Tensor) -> Result<Tensor> {
        match self {
            Self::Denoised => Ok(output.clone()),
            Self::Epsilon => {
                let (a, b) = (schedule.sqrt_recip_alphas_cumprod(), schedule.sqrt_recipm1_alphas_cumprod());
                Ok((x.broadcast_mul(&at(&a, t, x)?)? - output.broadcast_mul(&at(&b, t, x)?)?)?)
            }
            Self::Velocity => {
                let (signal, noise) = signal_and_noise(schedule);
                Ok((x.broadcast_mul(&at(&signal, t, x)?)? - output.broadcast_mul(&at(&noise, t, x)?)?)?)
            }
        }
    }

    /// As [`Prediction::denoised`] at one point of a continuous process with the given
    /// `signal = sqrt(alpha_bar)` and `noise = sqrt(1 - alpha_bar)`.
    ///
    /// # Errors
    /// When shapes do not fit.
    pub fn denoised_at(self, signal: f64, noise: f64, x: &Tensor, output: &Tensor) -> Result<Tensor> {
        match self {
            Self::Denoised => Ok(output.clone()),
            Self::Epsilon => Ok((x - output.affine(noise, 0.0)?)?.affine(1.0 / signal, 0.0)?),
            Self::Velocity => Ok((x.affine(signal, 0.0)? - output.affine(noise, 0.0)?)?),
        }
    }

    /// The noise in `x` at the point where [`Prediction::denoised_at`] gives the clean latent.
    ///
    /// # Errors
    /// When shapes do not fit.
    pub fn epsilon_at(self, signal: f64, noise: f64, x: &Tensor, output: &Tensor) -> Result<Tensor> {
        match self {
            Self::Epsilon => Ok(output.clone()),
            Self::Velocity => Ok((output.affine(signal, 0.0)? + x.affine(noise, 0.0)?)?),
            Self::Denoised => Ok((x - output.affine(signal, 0.0)?)?.affine(1.0 / noise, 0.0)?),
        }
    }
}

/// The noise that leads from a clean latent to `x` at schedule indices `t`.
pub(super) fn epsilon_from_denoised(schedule: &NoiseSchedule, x: &Tensor, t: &[usize], denoised: &Tensor) -> Result<Tensor> {
    let (a, b) = (schedule.sqrt_recip_alphas_cumprod(), schedule.sqrt_recipm1_alphas_cumprod());
    let difference = (x.broadcast_mul(&at(&a, t, x)?)? - denoised)?;
    Ok(difference.broadcast_div(&at(&b, t, x)?)?)
}

/// Tables `sqrt(alpha_bar)` and `sqrt(1 - alpha_bar)`.
pub(super) fn signal_and_noise(schedule: &NoiseSchedule) -> (Vec<f64>, Vec<f64>) {
    let bars = schedule.alphas_cumprod().iter();
    bars.map(|bar| (bar.sqrt(), (1.0 - bar).sqrt())).unzip()
}

impl NoiseSchedule {
    /// `x_t` of the forward process: clean latents with noise mixed in at indices `t`, one for each row.
    ///
    /// # Errors
    /// When an index is outside or shapes do not fit.
    pub fn add_noise(&self, x_start: &Tensor, noise: &Tensor, t: &[usize]) -> Result<Tensor> {
        let (signal, sigma) = signal_and_noise(self);
        Ok((x_start.broadcast_mul(&at(&signal, t, x_start)?)? + noise.broadcast_mul(&at(&sigma, t, x_start)?)?)?)
    }
}
