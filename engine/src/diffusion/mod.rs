//! The diffusion process: noise tables, samplers and training losses.
//!
//! Notation, used everywhere here: `x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) epsilon`,
//! with latents `(batch, channels, height, width)`. A network predicts `epsilon`, the
//! `velocity = sqrt(alpha_bar) epsilon - sqrt(1 - alpha_bar) x_0`, or `denoised = x_0`.
//!
//! This module knows no network: samplers ask a [`Denoiser`] and draw noise through a [`NoiseFn`].
//! All rows of a batch share a timestep and never touch each other.

mod betas;
mod coefficients;
mod ddim;
mod ddim_scheduler;
mod ddpm;
mod dpmpp_2m;
mod dpmpp_sde;
mod error;
mod gaussian;
mod inversion;
mod loss;
mod pndm;
mod posterior;
mod prediction;
mod sample;
mod schedule;
mod sigma_levels;
mod spacing;
mod stepping;
mod timesteps;
mod unipc;
mod velocity_loss;

pub use betas::{BetaCurve, betas, rescale_zero_terminal_snr};
pub use ddim::Ddim;
pub use ddim_scheduler::{DdimScheduler, DdimSchedulerConfig};
pub use ddpm::Ddpm;
pub use dpmpp_2m::{DpmPp2M, DpmPp2MConfig, SolverType};
pub use dpmpp_sde::DpmPpSde;
pub use error::DiffusionError;
pub use inversion::{Inversion, invert};
pub use loss::{Loss, LossConfig, LossKind, training_loss};
pub use pndm::{Pndm, PndmConfig};
pub use posterior::{Moments, Variance, moments, true_posterior};
pub use prediction::Prediction;
pub use sample::{
    Adjust, Denoiser, MEMORY_NAMES, ModelOutput, NoiseFn, Outcome, Sampler, SamplerConfig, SolverMemory, Step, StepEvent,
    ddim_schedule, drive, drive_from, sample,
};
pub use schedule::NoiseSchedule;
pub use sigma_levels::FinalSigma;
pub use spacing::TimestepSpacing;
pub use stepping::Stepping;
pub use timesteps::space_timesteps;
pub use unipc::{UniPc, UniPcConfig};
pub use velocity_loss::{velocity_loss, velocity_target};

/// Result of this module.
pub type Result<T> = std::result::Result<T, DiffusionError>;

#[cfg(test)]
mod tests;
