//! How much memory a model takes, told from its description before anything is loaded.

use std::path::Path;

use super::text_encoder::{TextMemory, bytes_of};
use super::{Error, load, stable};
use crate::model::practice_ae::{PracticeAe, PracticeAeConfig};
use crate::model::{Base, DitConfig, KlConfig, Param, T5Config, control_params, dit_params, params, vae_params};
use crate::store::model_dir::{AutoencoderSpec, ModelSpec, NetworkSpec};

/// Bytes of a number while computing.
pub(super) const F32: u64 = 4;

/// Memory of one model, in bytes; weights are `f32` when loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Side of its images.
    pub size_px: u32,
    /// Weights of the text encoder.
    pub text: u64,
    /// Whether they stay in their file; then one block at a time is in memory.
    pub text_streamed: bool,
    /// What one block of the text encoder takes.
    pub text_block: u64,
    /// Weights of the transformer, its control branch included.
    pub network: u64,
    /// Weights of the autoencoder.
    pub autoencoder: u64,
    /// Largest intermediate values of one guided step of one image.
    pub step: u64,
    /// Largest intermediate values of decoding one image.
    pub decode: u64,
}

impl MemoryPlan {
    /// Plans for one image at a time of the model in `dir`.
    ///
    /// # Errors
    /// When the description cannot be read or fits no network.
    pub fn of(dir: &Path) -> Result<Self, Error> {
        let spec = ModelSpec::read(dir)?;
        let described = match &spec.network {
            NetworkSpec::Dit(dit) => dit,
            NetworkSpec::Unet(unet) => return stable::plan(dir, &spec, unet),
        };
        let dit: DitConfig = load::config(dir, "dit.config", &described.config)?;
        dit.check()?;
        let text: T5Config = load::config(dir, "text.config", &spec.text.config)?;
        let network = match described.control_blocks {
            0 => dit_params(&dit)?,
            blocks => control_params(&dit, blocks, Base::Frozen)?,
        };
        let pixels = u64::from(spec.size_px).pow(2);
        let (autoencoder, widest) = match &spec.autoencoder {
            AutoencoderSpec::Kl { config, .. } => {
                let config: KlConfig = load::config(dir, "autoencoder.config", config)?;
                // Full-size maps have the width of the second level while they are made.
                let widest = config.block_out_channels.iter().take(2).max().copied().unwrap_or(0);
                (vae_params(&config)?, widest)
            }
            AutoencoderSpec::Practice { config, .. } => {
                let config: PracticeAeConfig = load::config(dir, "autoencoder.config", config)?;
                let list = params::record(|vb| PracticeAe::new(vb, &config).map(|_| ()))?;
                (list, config.decoder_widths.iter().copied().max().unwrap_or(0) / 4)
            }
        };
        let text_bytes = bytes_of(&text);
        // Tokens of both halves of a guided step; queries, keys, values, two copies of the input and the inner layer.
        let tokens = 2 * dit.num_tokens() as u64;
        let step = tokens * (5 * dit.hidden_size + 2 * dit.mlp_hidden()) as u64 * F32;
        Ok(Self {
            size_px: spec.size_px,
            text: text_bytes,
            text_streamed: TextMemory::Auto.streams(text_bytes),
            text_block: (text_bytes - F32 * (text.vocab_size * text.d_model) as u64) / text.num_layers.max(1) as u64,
            network: weights(&network),
            autoencoder: weights(&autoencoder),
            step,
            decode: 3 * widest as u64 * pixels * F32,
        })
    }

    /// The largest sum that is in memory at once.
    pub fn peak(&self) -> u64 {
        let kept = self.network + self.autoencoder + if self.text_streamed { 0 } else { self.text };
        let passing = if self.text_streamed { self.text_block } else { 0 };
        kept + passing.max(self.step).max(self.decode)
    }
}

pub(super) fn weights(list: &[Param]) -> u64 {
    list.iter().map(|param| param.len() as u64 * F32).sum()
}
