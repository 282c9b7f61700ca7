//! The deterministic way up: from a clean latent to the noise that DDIM would lead back to it.
//!
//! # Source
//! Song, Meng and Ermon 2021, section 4.3; repeated evaluation at the upper level as a fixed point follows
//! Pan et al., "Effective real image editing with accelerated iterative diffusion inversion" (2023).

use candle_core::Tensor;

use super::{Denoiser, NoiseSchedule, Outcome, Result, StepEvent};
use crate::cancel::Cancel;

/// Settings of an inversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inversion {
    /// Times the network is asked again at the upper level of each step; 0 is plain inversion.
    pub refinements: usize,
}

impl Default for Inversion {
    fn default() -> Self {
        Self { refinements: 1 }
    }
}

/// Noise from which DDIM with `eta` 0 over the same (respaced) schedule returns to `clean` `(batch, …)`.
///
/// `cancel` is read before each step; `on_step` gets steps from the least noisy up.
///
/// # Errors
/// When the network fails or tensors do not fit.
pub fn invert(
    settings: Inversion,
    schedule: &NoiseSchedule,
    denoiser: &mut dyn Denoiser,
    clean: Tensor,
    cancel: &Cancel,
    on_step: &mut dyn FnMut(StepEvent<'_>),
) -> Result<Outcome> {
    let prediction = denoiser.prediction();
    let of = schedule.len();
    let level = |index: usize| {
        let bar = schedule.alphas_cumprod()[index];
        (bar.sqrt(), (1.0 - bar).sqrt())
    };
    let mut x = clean;
    let mut below = (1.0, 0.0);
    let mut asked = 0;
    for (index, &timestep) in schedule.timesteps().iter().enumerate() {
        if cancel.is_cancelled() {
            return Ok(Outcome::Cancelled);
        }
        denoiser.begin_step(of - 1 - index, of);
        let (signal, noise) = level(index);
        let (below_signal, below_noise) = below;
        // The latents of this level, where the network's noise is the given one.
        let rise = |epsilon: &Tensor| -> Result<(Tensor, Tensor)> {
            let x_start = (&x - epsilon.affine(below_noise, 0.0)?)?.affine(1.0 / below_signal, 0.0)?;
            Ok(((x_start.affine(signal, 0.0)? + epsilon.affine(noise, 0.0)?)?, x_start))
        };
        // The first guess asks at the level below; the clean latent counts as the lowest.
        let output = denoiser.denoise(&x, schedule.timesteps()[asked])?;
        let (s, n) = level(asked);
        let mut risen = rise(&prediction.epsilon_at(s, n, &x, &output.prediction)?)?;
        for _ in 0..settings.refinements {
            let output = denoiser.denoise(&risen.0, timestep)?;
            risen = rise(&prediction.epsilon_at(signal, noise, &risen.0, &output.prediction)?)?;
        }
        let (up, x_start) = (risen.0.detach(), risen.1.detach());
        on_step(StepEvent { index, of, timestep, x: &up, x_start: &x_start, memory: None });
        x = up;
        (below, asked) = ((signal, noise), index);
    }
    Ok(Outcome::Done(x))
}
