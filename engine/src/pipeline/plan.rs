//! How much memory a model takes, told from its description before anything is loaded.

use std::path::Path;

use super::text_encoder::{TextMemory, bytes_of};
use super::{Error, folder, stable};
use crate::device::Precision;
use crate::model::practice_ae::{PracticeAe, PracticeAeConfig};
use crate::model::{Base, DitConfig, KlConfig, Param, T5Config, control_params, dit_params, params, vae_params};
use crate::store::model_dir::{AutoencoderSpec, ModelKind, ModelSpec, NetworkSpec};

/// Rows of a band where nobody says.
pub(super) const BAND_ROWS: u32 = 64;
/// Bytes of a number while computing.
pub(super) const F32: u64 = 4;

/// Memory of one model, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// What kind of model it is.
    pub kind: ModelKind,
    /// Side of its images.
    pub size_px: u32,
    /// Weights of the text encoder.
    pub text: u64,
    /// Whether they stay in their file; then one block at a time is in memory.
    pub text_streamed: bool,
    /// What one block of the text encoder takes.
    pub text_block: u64,
    /// Weights of the network that predicts noise, its control branch included.
    pub network: u64,
    /// Weights of the autoencoder.
    pub autoencoder: u64,
    /// Largest intermediate values of one guided step of one image.
    pub step: u64,
    /// Largest intermediate values of decoding one image.
    pub decode: u64,
    /// The same in bands, where the autoencoder has such a way.
    pub decode_in_bands: Option<u64>,
}

impl MemoryPlan {
    /// Plans for one image at a time of the model in `dir`, computed in `f32`.
    ///
    /// # Errors
    /// When the description cannot be read or fits no network.
    pub fn of(dir: &Path) -> Result<Self, Error> {
        Self::with(dir, TextMemory::Auto, Precision::F32)
    }

    /// As [`MemoryPlan::of`], for a model that is opened in another way; a Stable Diffusion model always is in `f32`.
    ///
    /// # Errors
    /// As [`MemoryPlan::of`].
    pub fn with(dir: &Path, text_memory: TextMemory, precision: Precision) -> Result<Self, Error> {
        let spec = ModelSpec::read(dir)?;
        let described = match &spec.network {
            NetworkSpec::Dit(dit) => dit,
            NetworkSpec::Unet(unet) => return stable::plan(dir, &spec, unet),
        };
        let dit: DitConfig = folder::config(dir, "dit.config", &described.config)?;
        dit.check()?;
        let text: T5Config = folder::config(dir, "text.config", &spec.text.config)?;
        let network = match described.control_blocks {
            0 => dit_params(&dit)?,
            blocks => control_params(&dit, blocks, Base::Frozen)?,
        };
        let autoencoder = AutoencoderPlan::of(dir, &spec)?;
        let quantization = folder::quantization(dir, &spec.text)?;
        let text_bytes = bytes_of(&text, quantization);
        let embedding = if quantization.is_some() { 0 } else { F32 * (text.vocab_size * text.d_model) as u64 };
        // Tokens of both halves of a guided step; queries, keys, values, two copies of the input and the inner layer.
        let tokens = 2 * dit.num_tokens() as u64;
        let step = tokens * (5 * dit.hidden_size + 2 * dit.mlp_hidden()) as u64 * F32;
        Ok(Self {
            kind: spec.network.kind(),
            size_px: spec.size_px,
            text: text_bytes,
            text_streamed: text_memory.streams(text_bytes),
            text_block: text_bytes.saturating_sub(embedding) / text.num_layers.max(1) as u64,
            network: weights(&network) / F32 * precision.dtype().size_in_bytes() as u64,
            autoencoder: autoencoder.weights,
            step,
            decode: autoencoder.decode,
            decode_in_bands: autoencoder.decode_in_bands,
        })
    }

    /// The largest sum that is in memory at once.
    pub fn peak(&self) -> u64 {
        self.resident() + self.run_peak(1, false)
    }

    /// What stays in memory between runs when all parts do.
    pub fn resident(&self) -> u64 {
        self.network + self.autoencoder + if self.text_streamed { 0 } else { self.text }
    }

    /// The largest sum when the parts take turns, and the part in whose turn it is.
    pub fn staged_peak(&self) -> (u64, &'static str) {
        self.turns(1).into_iter().max_by_key(|(bytes, _)| *bytes).unwrap_or_default()
    }

    /// What a run of `images` at once takes: besides what stays in memory, or in all where the parts take turns.
    pub fn run_peak(&self, images: usize, staged: bool) -> u64 {
        if staged {
            return self.turns(images).into_iter().map(|(bytes, _)| bytes).max().unwrap_or(0);
        }
        let passing = if self.text_streamed { self.text_block } else { 0 };
        passing.max(self.step.saturating_mul(images as u64)).max(self.decode)
    }

    /// Each part with what is computed in its turn.
    fn turns(&self, images: usize) -> [(u64, &'static str); 3] {
        let text = if self.text_streamed { self.text_block } else { self.text };
        let network = match self.kind {
            ModelKind::DiffusionTransformer => "the transformer",
            ModelKind::StableDiffusion => "the U-Net",
        };
        [
            (text, "the text encoder"),
            (self.network + self.step.saturating_mul(images as u64), network),
            (self.autoencoder + self.decode, "the autoencoder"),
        ]
    }
}

/// What an autoencoder takes, in bytes; the fields are those of [`MemoryPlan`].
pub(super) struct AutoencoderPlan {
    pub(super) weights: u64,
    pub(super) decode: u64,
    pub(super) decode_in_bands: Option<u64>,
}

impl AutoencoderPlan {
    pub(super) fn of(dir: &Path, spec: &ModelSpec) -> Result<Self, Error> {
        let pixels = u64::from(spec.size_px).pow(2);
        let (autoencoder, widest, finest) = match &spec.autoencoder {
            AutoencoderSpec::Kl { config, .. } => {
                let config: KlConfig = folder::config(dir, "autoencoder.config", config)?;
                // Full-size maps have the width of the second level while they are made.
                let widest = config.block_out_channels.iter().take(2).max().copied().unwrap_or(0);
                (vae_params(&config)?, widest, config.block_out_channels.first().copied())
            }
            AutoencoderSpec::Practice { config, .. } => {
                let config: PracticeAeConfig = folder::config(dir, "autoencoder.config", config)?;
                let list = params::record(|vb| PracticeAe::new(vb, &config).map(|_| ()))?;
                (list, config.decoder_widths.iter().copied().max().unwrap_or(0) / 4, None)
            }
        };
        Ok(Self {
            weights: weights(&autoencoder),
            // Input, output and what is computed of them: four of the widest maps, as measured.
            decode: 4 * widest as u64 * pixels * F32,
            decode_in_bands: finest.map(|finest| bands(finest as u64, widest as u64, u64::from(spec.size_px))),
        })
    }
}

/// Decoding in bands: two maps of the finest level, and a band of the widest maps with what is computed of it.
fn bands(finest: u64, widest: u64, size_px: u64) -> u64 {
    (2 * finest * size_px + 8 * widest * u64::from(BAND_ROWS)) * size_px * F32
}

pub(super) fn weights(list: &[Param]) -> u64 {
    list.iter().map(|param| param.len() as u64 * F32).sum()
}
