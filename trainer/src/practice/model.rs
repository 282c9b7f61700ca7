//! A practice model folder, opened for batched measurement on any device.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use engine::cancel::Cancel;
use engine::domain::{GrayImage, Seed};
use engine::model::checker::{Checker, CheckerConfig, CheckerOutput};
use engine::model::practice_ae::{PracticeAe, PracticeAeConfig};
use engine::model::t5::{T5Config, T5Encoder};
use engine::model::{ControlDit, DitConfig};
use engine::store::hash::hash_bytes;
use engine::store::model_dir::{AutoencoderSpec, ModelSpec};
use engine::text::Tokenizer;

use super::sampling::{self, Inputs};
use crate::data::latents::Normaliser;
use crate::stages::dit::Network;

/// The opened parts.
pub struct PracticeModel {
    /// Its description.
    pub spec: ModelSpec,
    network: Network,
    text: T5Encoder,
    tokenizer: Tokenizer,
    autoencoder: PracticeAe,
    checker: Checker,
    image_map: Normaliser,
    condition_map: Normaliser,
    device: Device,
}

/// One picture to make.
pub struct Order<'a> {
    /// What it should show, prefix included.
    pub prompt: &'a str,
    /// Condition picture, or none for text alone.
    pub condition: Option<&'a GrayImage>,
    /// Its seed.
    pub seed: Seed,
}

impl PracticeModel {
    /// Opens a folder that `chexgen train` exported.
    ///
    /// # Errors
    /// Names the file that is missing or damaged.
    pub fn open(dir: &Path, device: &Device) -> Result<Self> {
        let spec = ModelSpec::read(dir)?;
        let AutoencoderSpec::Practice { weights, config } = &spec.autoencoder else {
            bail!("{}: field autoencoder.kind: this command measures practice models", dir.join("model.toml").display());
        };
        let read = |name: &str| -> Result<Vec<u8>> {
            let path = dir.join(name);
            let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            if spec.hashes.get(name).is_some_and(|hash| *hash != hash_bytes(&bytes)) {
                bail!("{} is not the file that model.toml describes (its hash differs); export the model again", path.display());
            }
            Ok(bytes)
        };
        let builder = |bytes: &[u8]| -> Result<VarBuilder<'static>> {
            let tensors = candle_core::safetensors::load_buffer(bytes, device)?;
            let tensors = tensors.into_iter().map(|(n, t)| Ok((n, t.to_dtype(DType::F32)?))).collect::<Result<_>>()?;
            Ok(VarBuilder::from_tensors(tensors, DType::F32, device))
        };
        let dit_config: DitConfig = spec.dit.config.clone().try_into().context("model.toml: field dit.config")?;
        let text_config: T5Config = spec.text.config.clone().try_into().context("model.toml: field text.config")?;
        let ae_config: PracticeAeConfig = config.clone().try_into().context("model.toml: field autoencoder.config")?;
        let checker_bytes = read("checker.safetensors")?;
        let (_, metadata) = safetensors::SafeTensors::read_metadata(&checker_bytes)?;
        let noted: BTreeMap<String, String> = metadata.metadata().clone().unwrap_or_default().into_iter().collect();
        let checker_config: CheckerConfig = serde_json::from_str(
            noted.get("config").ok_or_else(|| anyhow!("checker.safetensors carries no config"))?,
        )?;
        let network = ControlDit::new(builder(&read(&spec.dit.weights)?)?, &dit_config, spec.dit.control_blocks)?;
        let map = |shift: &[f32], scale: &[f32]| Normaliser { shift: shift.to_vec(), scale: scale.to_vec() };
        Ok(Self {
            network: Network::Control(network),
            text: T5Encoder::new(builder(&read(&spec.text.weights)?)?, &text_config)?,
            tokenizer: Tokenizer::from_json(&read(&spec.text.tokenizer)?)?,
            autoencoder: PracticeAe::new(builder(&read(weights)?)?, &ae_config)?,
            checker: Checker::new(builder(&checker_bytes)?, &checker_config)?,
            image_map: map(&spec.latent.shift, &spec.latent.scale),
            condition_map: map(&spec.latent.condition_shift, &spec.latent.condition_scale),
            device: device.clone(),
            spec,
        })
    }

    /// Makes pictures with values in `0..=1`, row by row, in batches.
    ///
    /// # Errors
    /// When the device fails or `cancel` is raised.
    pub fn generate(
        &self,
        orders: &[Order<'_>],
        num_steps: usize,
        guidance_scale: f64,
        batch_size: usize,
        cancel: &Cancel,
    ) -> Result<Vec<Vec<f32>>> {
        let size = self.spec.size_px as usize;
        let mut pictures = Vec::with_capacity(orders.len());
        for batch in orders.chunks(batch_size.max(1)) {
            let limit = self.spec.text.max_tokens;
            let tokens = batch
                .iter()
                .map(|o| Ok(self.tokenizer.encode(&super::clean(o.prompt)?, limit)?))
                .collect::<Result<Vec<_>>>()?;
            let longest = tokens.iter().map(|t| t.used()).max().unwrap_or(1);
            let ids: Vec<u32> = tokens.iter().flat_map(|t| t.ids[..longest].iter().copied()).collect();
            let mask: Vec<u32> = tokens.iter().flat_map(|t| t.mask[..longest].iter().map(|&m| u32::from(m))).collect();
            let ids = Tensor::from_vec(ids, (batch.len(), longest), &self.device)?;
            let mask = Tensor::from_vec(mask, (batch.len(), longest), &self.device)?;
            let captions = self.text.forward(&ids, Some(&mask))?;
            let drawn: Vec<f32> = batch
                .iter()
                .flat_map(|o| match o.condition {
                    Some(picture) => picture.pixels().iter().map(|&v| f32::from(v) / 32767.5 - 1.0).collect(),
                    None => vec![-1.0; size * size],
                })
                .collect();
            let drawn = Tensor::from_vec(drawn, (batch.len(), 1, size, size), &self.device)?;
            let condition = self.condition_map.apply(&self.autoencoder.encode(&drawn)?.0)?;
            let strength: Vec<f32> = batch.iter().map(|o| f32::from(u8::from(o.condition.is_some()))).collect();
            let seeds: Vec<Seed> = batch.iter().map(|o| o.seed).collect();
            let inputs = Inputs {
                captions: &captions,
                mask: &mask,
                condition: strength.iter().any(|&s| s > 0.0).then_some(&condition),
                row_strength: &strength,
                seeds: &seeds,
            };
            let latents = sampling::sample(&self.network, &inputs, num_steps, guidance_scale, cancel)?;
            let decoded = sampling::decode(&self.autoencoder, &self.image_map, &latents)?;
            let decoded = decoded.affine(0.5, 0.5)?.reshape((batch.len(), size * size))?;
            pictures.extend(decoded.to_vec2::<f32>()?);
        }
        Ok(pictures)
    }

    /// What the checker says of pictures with values in `0..=1`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn check(&self, pictures: &[Vec<f32>]) -> Result<Vec<Checked>> {
        let size = self.spec.size_px as usize;
        let mut out = Vec::with_capacity(pictures.len());
        for batch in pictures.chunks(32) {
            let flat: Vec<f32> = batch.iter().flatten().map(|v| 2.0 * v - 1.0).collect();
            let image = Tensor::from_vec(flat, (batch.len(), 1, size, size), &self.device)?;
            let CheckerOutput { regions, presence } = self.checker.forward(&image)?;
            let presence = presence.to_vec2::<f32>()?;
            for (row, presence) in presence.into_iter().enumerate() {
                let planes = regions.get(row)?.flatten_from(1)?.to_vec2::<f32>()?;
                out.push(Checked { regions: planes, presence });
            }
        }
        Ok(out)
    }
}

/// The checker's word on one picture.
pub struct Checked {
    /// Outline logits of each class on half the picture's grid.
    pub regions: Vec<Vec<f32>>,
    /// Presence logits of each class.
    pub presence: Vec<f32>,
}
