//! Squared error of the velocity, each timestep weighted alike.
//!
//! # Source
//! Salimans and Ho, "Progressive distillation for fast sampling of diffusion models" (2022), section 4.

use candle_core::Tensor;

use super::coefficients::{at, mean_of_rows};
use super::prediction::signal_and_noise;
use super::{NoiseSchedule, Result};

/// `sqrt(alpha_bar) noise - sqrt(1 - alpha_bar) x_0` at indices `t`, one for each row.
///
/// # Errors
/// When an index is outside or shapes do not fit.
pub fn velocity_target(schedule: &NoiseSchedule, x_start: &Tensor, noise: &Tensor, t: &[usize]) -> Result<Tensor> {
    let (signal, sigma) = signal_and_noise(schedule);
    Ok((noise.broadcast_mul(&at(&signal, t, noise)?)? - x_start.broadcast_mul(&at(&sigma, t, noise)?)?)?)
}

/// Mean squared error of a predicted velocity for each row, `(batch)`.
///
/// # Errors
/// When an index is outside or shapes do not fit.
pub fn velocity_loss(schedule: &NoiseSchedule, output: &Tensor, x_start: &Tensor, noise: &Tensor, t: &[usize]) -> Result<Tensor> {
    mean_of_rows(&(output - velocity_target(schedule, x_start, noise, t)?)?.sqr()?)
}
