//! Stages 2 and 3: text encoder with diffusion transformer, then with the control branch.
//!
//! The network predicts the velocity `√ᾱ ε − √(1−ᾱ) x₀`; loss is its mean squared error. Timesteps
//! are stratified over the batch. In stage 3 some rows carry a condition and some do not, so that
//! one network serves both.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use engine::cancel::Cancel;
use engine::denoise::Network;
use engine::diffusion::NoiseSchedule;
use engine::domain::{Seed, Stream};
use engine::model::ControlInput;
use engine::model::practice_ae::PracticeAe;
use engine::model::t5::T5Encoder;
use engine::noise;

use crate::data::batches::{Source, shuffled_index};
use crate::data::latents::LatentSet;
use crate::practice::{sampling, sheet};
use crate::run::train_loop::{Loss, Stage};

/// Timesteps of the training process.
pub const TIMESTEPS: usize = 1000;

/// What a row's condition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    None,
    Mask,
    Box,
}

/// A batch: which cases, at which noise level, with what left out.
pub struct Batch {
    cases: Vec<u32>,
    timesteps: Vec<usize>,
    noise: Vec<f32>,
    drop: Vec<bool>,
    conditions: Vec<Condition>,
}

/// The stage.
pub struct DitStage {
    /// Folder name of the stage.
    pub name: &'static str,
    /// Text encoder in training.
    pub text: T5Encoder,
    /// Network in training.
    pub network: Network,
    /// Finished autoencoder, for sample sheets.
    pub autoencoder: Arc<PracticeAe>,
    /// The data.
    pub data: Arc<LatentSet>,
    /// Where it runs.
    pub device: Device,
    /// Seed of order, noise and dropout.
    pub seed: u64,
    /// Rows a batch.
    pub batch_size: usize,
    /// Share of captions dropped.
    pub caption_dropout: f64,
    /// Share of rows with a condition (stage 3).
    pub control_share: f64,
    /// A timestep is `1000 u^power` for even `u`: above 1, fewer rows are spent on almost pure noise.
    pub timestep_power: f64,
}

impl DitStage {
    /// Caption rows `[B, L, De]` of token ids `[B, L]`, cut to the longest.
    fn captions(&self, ids: &Tensor, lengths: &[usize]) -> Result<(Tensor, Tensor)> {
        let longest = lengths.iter().copied().max().unwrap_or(1);
        let ids = ids.narrow(1, 0, longest)?.contiguous()?;
        let mask: Vec<u32> = lengths.iter().flat_map(|&n| (0..longest).map(move |i| u32::from(i < n))).collect();
        let mask = Tensor::from_vec(mask, (lengths.len(), longest), &self.device)?;
        Ok((self.text.forward(&ids, Some(&mask))?, mask))
    }
}

impl Stage for DitStage {
    type Batch = Batch;

    fn name(&self) -> &'static str {
        self.name
    }

    fn source(&self) -> Source<Batch> {
        let (rows, seed, data) = (self.batch_size, self.seed, self.data.clone());
        let (dropout, share, power) = (self.caption_dropout, self.control_share, self.timestep_power);
        let with_control = matches!(self.network, Network::Control(_));
        let per_row = self.data.images.elem_count() / self.data.len().max(1);
        Arc::new(move |step| {
            let mut batch = Batch {
                cases: Vec::with_capacity(rows),
                timesteps: Vec::with_capacity(rows),
                noise: Vec::with_capacity(rows * per_row),
                drop: Vec::with_capacity(rows),
                conditions: Vec::with_capacity(rows),
            };
            for row in 0..rows {
                let global = (step * rows + row) as u64;
                let case = shuffled_index(seed, global, data.len() as u64) as usize;
                let own = Seed(seed.wrapping_add(global.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
                let u = noise::uniform(own, Stream::Timestep, 0, 4);
                let place = ((row as f64 + u[0]) / rows as f64).powf(power);
                batch.cases.push(case as u32);
                batch.timesteps.push(((place * TIMESTEPS as f64) as usize).min(TIMESTEPS - 1));
                batch.noise.extend(noise::normal(own, Stream::TrainNoise, 0, per_row));
                let drop = u[1] < dropout;
                batch.drop.push(drop);
                // Guidance leaves out caption and condition together, so that pair must be known.
                let share = if drop { 0.5 * share } else { share };
                let condition = match with_control && data.controllable[case] && u[2] < share {
                    false => Condition::None,
                    true if u[3] < 0.75 => Condition::Mask,
                    true => Condition::Box,
                };
                batch.conditions.push(condition);
            }
            Ok(batch)
        })
    }

    fn loss(&self, batch: &Batch, _: usize) -> Result<Loss> {
        let d = &self.device;
        let rows = batch.cases.len();
        let cases = Tensor::from_slice(&batch.cases, rows, d)?;
        let clean = self.data.images.index_select(&cases, 0)?.to_dtype(DType::F32)?;
        let noise = Tensor::from_slice(&batch.noise, clean.shape(), d)?;
        let schedule = NoiseSchedule::linear(TIMESTEPS)?;
        let alpha_bar: Vec<f64> = batch.timesteps.iter().map(|&t| schedule.alphas_cumprod()[t]).collect();
        let column = |f: &dyn Fn(f64) -> f64| -> Result<Tensor> {
            let values: Vec<f32> = alpha_bar.iter().map(|&a| f(a) as f32).collect();
            Ok(Tensor::from_vec(values, (rows, 1, 1, 1), d)?)
        };
        let (signal, sigma) = (column(&f64::sqrt)?, column(&|a| (1.0 - a).sqrt())?);
        let x = (clean.broadcast_mul(&signal)? + noise.broadcast_mul(&sigma)?)?;
        let target = (noise.broadcast_mul(&signal)? - clean.broadcast_mul(&sigma)?)?;
        let t: Vec<f32> = batch.timesteps.iter().map(|&t| t as f32).collect();
        let t = Tensor::from_vec(t, rows, d)?;
        let lengths: Vec<usize> = batch.cases.iter().map(|&c| self.data.lengths[c as usize]).collect();
        let (captions, mask) = self.captions(&self.data.ids.index_select(&cases, 0)?, &lengths)?;
        let captions = self.network.base().captions().drop_captions(&captions, &batch.drop)?;
        let output = match &self.network {
            Network::Text(dit) => dit.forward(&x, &t, &captions, Some(&mask))?,
            Network::Control(control) => {
                let share = |c: Condition| -> Result<Tensor> {
                    let on: Vec<f32> = batch.conditions.iter().map(|&k| f32::from(u8::from(k == c))).collect();
                    Ok(Tensor::from_vec(on, (rows, 1, 1, 1), d)?)
                };
                let (masks, boxes) = (share(Condition::Mask)?, share(Condition::Box)?);
                let filled = self.data.masks.index_select(&cases, 0)?.to_dtype(DType::F32)?;
                let outlined = self.data.boxes.index_select(&cases, 0)?.to_dtype(DType::F32)?;
                let latent = (filled.broadcast_mul(&masks)? + outlined.broadcast_mul(&boxes)?)?;
                let strength = (masks + boxes)?.flatten_all()?;
                let input = ControlInput { latent: &latent, strength: 1.0, row_strength: Some(&strength), area: None };
                let context = control.caption_context(&captions, Some(&mask))?;
                control.forward_with_context(&x, &t, &context, Some(&input))?
            }
        };
        let error = (output - target)?.sqr()?.flatten_from(1)?.mean(1)?;
        // The log shows the loss by quarter of the noise range; rows are ordered by timestep.
        let quarter = rows / 4;
        let mut parts = Vec::new();
        for (i, name) in ["t0", "t1", "t2", "t3"].into_iter().enumerate() {
            if quarter > 0 {
                parts.push((name, error.narrow(0, i * quarter, quarter)?.mean_all()?.detach()));
            }
        }
        Ok(Loss { total: error.mean_all()?, parts })
    }

    fn sheet(&self, path: &Path) -> Result<()> {
        let cases: Vec<usize> = (0..8.min(self.data.len())).collect();
        let ids = self.data.ids.narrow(0, 0, cases.len())?;
        let lengths: Vec<usize> = cases.iter().map(|&c| self.data.lengths[c]).collect();
        let (captions, _) = self.captions(&ids, &lengths)?;
        let condition = match &self.network {
            Network::Text(_) => None,
            Network::Control(_) => Some(self.data.masks.narrow(0, 0, cases.len())?.to_dtype(DType::F32)?),
        };
        let drawn: Vec<bool> = cases.iter().map(|&c| self.data.controllable[c]).collect();
        let seeds: Vec<Seed> = (0..cases.len() as u64).map(Seed).collect();
        let rows = sampling::conditioning(&captions, &lengths, condition.as_ref(), &drawn)?;
        let latents = sampling::sample(&self.network, &rows, &seeds, 25, 2.0, &Cancel::new())?;
        let pictures = sampling::decode(&self.autoencoder, &self.data.image_map, &latents)?;
        let truth = sampling::decode(
            &self.autoencoder,
            &self.data.image_map,
            &self.data.images.narrow(0, 0, cases.len())?.to_dtype(DType::F32)?,
        )?;
        sheet::write(path, &[sheet::grey_images(&truth)?, sheet::grey_images(&pictures)?].concat(), cases.len())
    }
}
