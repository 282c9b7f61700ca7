//! Batched sampling for sheets and reports; one image at a time is the engine's pipeline.

use anyhow::{Result, bail};
use candle_core::{DType, Tensor};
use engine::cancel::Cancel;
use engine::denoise::{Conditioning, GuidanceRule, GuidedNetwork, Network, RowCondition};
use engine::diffusion::{NoiseSchedule, Outcome, Prediction, SamplerConfig};
use engine::domain::{Preset, SamplerKind, Seed, Stream};
use engine::model::practice_ae::PracticeAe;
use engine::noise;

use crate::data::latents::Normaliser;
use crate::stages::batch::TIMESTEPS;

/// How rows are sampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct How {
    /// Steps of DPM-Solver++.
    pub num_steps: usize,
    /// Guidance strength.
    pub guidance_scale: f64,
    /// Channels that guidance acts on; the release guides no row with a condition.
    pub preset: Preset,
    /// What the network's output means.
    pub prediction: Prediction,
}

/// The rows of a batch: captions `[n, L, De]` cut to their `lengths`, and for each row that has one
/// its latent of the normalised conditions `[n, C, h, w]`.
///
/// # Errors
/// When shapes differ.
pub fn conditioning(
    captions: &Tensor,
    lengths: &[usize],
    conditions: Option<&Tensor>,
    has_condition: &[bool],
) -> Result<Conditioning> {
    let mut rows = Conditioning { captions: Vec::new(), conditions: Vec::new() };
    for (row, (&length, &has)) in lengths.iter().zip(has_condition).enumerate() {
        rows.captions.push(captions.narrow(0, row, 1)?.narrow(1, 0, length)?.contiguous()?.detach());
        let condition = conditions.filter(|_| has).map(|all| all.narrow(0, row, 1)).transpose()?;
        rows.conditions.push(condition.map(|latent| RowCondition::new(latent, 1.0)).into_iter().collect());
    }
    Ok(rows)
}

/// Samples one normalised latent for each seed with DPM-Solver++; guidance leaves out caption and condition.
///
/// # Errors
/// When shapes differ or the device fails.
pub fn sample(network: &Network, rows: &Conditioning, seeds: &[Seed], how: &How, cancel: &Cancel) -> Result<Tensor> {
    let Some(device) = rows.captions.first().map(Tensor::device) else { bail!("there is nothing to sample") };
    let (n, c, side) = (seeds.len(), network.config().in_channels, network.config().input_size);
    let rule = GuidanceRule { scale: how.guidance_scale, preset: how.preset, control_unconditional: false };
    let mut denoiser = GuidedNetwork::new(network, how.prediction, rule, rows)?;
    let start: Vec<f32> = seeds.iter().flat_map(|&seed| noise::normal(seed, Stream::Start, 0, c * side * side)).collect();
    let start = Tensor::from_vec(start, (n, c, side, side), device)?;
    let config = SamplerConfig { kind: SamplerKind::DpmPp2M, num_steps: how.num_steps, eta: 0.0, karras: false };
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
