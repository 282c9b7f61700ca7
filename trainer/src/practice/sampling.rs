//! Batched sampling for sheets and reports; one image at a time is the engine's pipeline.

use anyhow::{Result, bail};
use candle_core::{DType, Tensor};
use engine::cancel::Cancel;
use engine::diffusion::{Denoiser, ModelOutput, NoiseSchedule, Outcome, Prediction, SamplerConfig};
use engine::domain::{SamplerKind, Seed, Stream};
use engine::model::caption::CaptionContext;
use engine::model::control::ControlInput;
use engine::model::practice_ae::PracticeAe;
use engine::noise;

use crate::data::latents::Normaliser;
use crate::stages::dit::{Network, TIMESTEPS};

/// What a batch is made from.
pub struct Inputs<'a> {
    /// Caption rows `[n, L, De]`.
    pub captions: &'a Tensor,
    /// Kept rows `[n, L]`.
    pub mask: &'a Tensor,
    /// Normalised condition latents `[n, C, h, w]`.
    pub condition: Option<&'a Tensor>,
    /// Control strength of each row; 0 for rows without a condition.
    pub row_strength: &'a [f32],
    /// One seed an image.
    pub seeds: &'a [Seed],
}

struct Guided<'a> {
    network: &'a Network,
    context: CaptionContext,
    condition: Option<(Tensor, Tensor)>,
    scale: f64,
}

impl Denoiser for Guided<'_> {
    fn prediction(&self) -> Prediction {
        Prediction::Velocity
    }

    fn denoise(&mut self, x: &Tensor, timestep: usize) -> candle_core::Result<ModelOutput> {
        let n = x.dim(0)?;
        let both = Tensor::cat(&[x, x], 0)?;
        let t = Tensor::full(timestep as f32, 2 * n, x.device())?;
        let output = match (self.network, &self.condition) {
            (Network::Control(net), Some((latent, strength))) => {
                let input = ControlInput { latent, strength: 1.0, row_strength: Some(strength), area: None };
                net.forward_with_context(&both, &t, &self.context, Some(&input))
            }
            (network, _) => network.base().forward_with_context(&both, &t, &self.context),
        }
        .map_err(candle_core::Error::wrap)?;
        let (conditional, plain) = (output.narrow(0, 0, n)?, output.narrow(0, n, n)?);
        let prediction = (&plain + (conditional - &plain)?.affine(self.scale, 0.0)?)?;
        Ok(ModelOutput { prediction, variance: None })
    }
}

/// Samples `n` normalised latents with DPM-Solver++; guidance leaves out caption and condition.
///
/// # Errors
/// When shapes differ or the device fails.
pub fn sample(
    network: &Network,
    inputs: &Inputs<'_>,
    num_steps: usize,
    guidance_scale: f64,
    cancel: &Cancel,
) -> Result<Tensor> {
    let base = network.base();
    let device = inputs.captions.device();
    let n = inputs.seeds.len();
    let (c, side) = (base.config().in_channels, base.config().input_size);
    let (captions, mask) = base.guided_captions(inputs.captions, Some(inputs.mask))?;
    let context = match network {
        Network::Text(dit) => dit.caption_context(&captions, mask.as_ref())?,
        Network::Control(net) => net.caption_context(&captions, mask.as_ref())?,
    };
    let condition = match inputs.condition {
        Some(latent) => {
            let mut strength = inputs.row_strength.to_vec();
            strength.resize(2 * n, 0.0);
            Some((Tensor::cat(&[latent, latent], 0)?, Tensor::from_vec(strength, 2 * n, device)?))
        }
        None => None,
    };
    let start: Vec<f32> =
        inputs.seeds.iter().flat_map(|&seed| noise::normal(seed, Stream::Start, 0, c * side * side)).collect();
    let start = Tensor::from_vec(start, (n, c, side, side), device)?;
    let config = SamplerConfig { kind: SamplerKind::DpmPp2M, num_steps, eta: 0.0, karras: false };
    let mut denoiser = Guided { network, context, condition, scale: guidance_scale };
    let mut no_noise = |_: u32, shape: &[usize]| Tensor::zeros(shape, DType::F32, device);
    let outcome = engine::diffusion::sample(
        &config,
        &NoiseSchedule::linear(TIMESTEPS)?,
        &mut denoiser,
        start,
        &mut no_noise,
        cancel,
        &mut |_| {},
    )?;
    match outcome {
        Outcome::Done(latent) => Ok(latent.detach()),
        Outcome::Cancelled => bail!("cancelled"),
    }
}

/// Decodes normalised latents to pictures `[n, 1, S, S]`, clamped to `-1..=1`.
///
/// # Errors
/// When the device fails.
pub fn decode(autoencoder: &PracticeAe, map: &Normaliser, latents: &Tensor) -> Result<Tensor> {
    let mut parts = Vec::new();
    for start in (0..latents.dim(0)?).step_by(32) {
        let rows = 32.min(latents.dim(0)? - start);
        let latent = map.invert(&latents.narrow(0, start, rows)?)?;
        parts.push(autoencoder.decode(&latent)?.detach().clamp(-1.0, 1.0)?);
    }
    Ok(Tensor::cat(&parts, 0)?)
}
