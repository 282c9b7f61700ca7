//! The configuration of a practice run: all parts of a model on drawn phantoms.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use engine::model::checker::CheckerConfig;
use engine::model::practice_ae::PracticeAeConfig;
use serde::{Deserialize, Serialize};

use super::{MOST_PHANTOMS, parse, sizes_are_possible};
use crate::run::settings::LoopConfig;
use crate::stages::batch::TimestepRule;
use crate::stages::panel::PanelSampling;

/// `[data]`: the phantoms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Side of the pictures in pixels, a multiple of 32.
    pub size_px: usize,
    /// Cases.
    pub count: usize,
    /// Seed of the cases.
    pub seed: u64,
    /// Folder for drawn cases; relative to the run folder.
    pub cache: PathBuf,
}

/// `[text]`: tokenizer and text encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextConfig {
    /// Tokens of the vocabulary.
    pub vocab_size: usize,
    /// Longest caption in training.
    pub max_tokens: usize,
    /// Longest caption of the exported model; rows of the null caption that no training caption reached
    /// are filled with the mean of the learned ones.
    pub export_tokens: usize,
    /// Width of the encoder.
    pub width: usize,
    /// Blocks of the encoder.
    pub layers: usize,
    /// Heads of the encoder.
    pub heads: usize,
}

/// `[dit]`: sizes of the diffusion transformer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DitSizes {
    /// Latent positions a token's side covers.
    pub patch_size: usize,
    /// Width.
    pub hidden_size: usize,
    /// Blocks.
    pub depth: usize,
    /// Heads.
    pub num_heads: usize,
    /// Copied blocks of the control branch.
    pub control_blocks: usize,
    /// Share of captions dropped.
    pub caption_dropout: f64,
    /// Share of rows with a condition in the control stage.
    pub control_share: f64,
    /// How timesteps are drawn.
    pub timesteps: TimestepRule,
    /// Timesteps are drawn as `1000 u^power` with even `u`; 1 is even, above 1 spends less on pure noise.
    pub timestep_power: f64,
    /// How panels are sampled.
    pub panel: PanelSampling,
}

/// `[autoencoder]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoencoderStageConfig {
    /// Sizes.
    pub net: PracticeAeConfig,
    /// Fraction of the steps after which only the decoder learns, on noisy latents.
    pub refit_from: f64,
    /// Weight of the divergence.
    pub kl_weight: f64,
    /// Largest share of noise the decoder learns to look past, in deviations of a latent channel: much hides
    /// the diffusion model's tiles, little keeps fine lines.
    pub decoder_noise: f64,
    /// The loop.
    pub train: LoopConfig,
}

/// `[checker]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckerStageConfig {
    /// Sizes.
    pub net: CheckerConfig,
    /// The loop.
    pub train: LoopConfig,
}

/// `[base]` and `[control]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DitStageConfig {
    /// The loop.
    pub train: LoopConfig,
}

/// A whole practice run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Name of the model.
    pub name: String,
    /// Seed of weights, order, noise and dropout.
    pub seed: u64,
    /// Phantoms.
    pub data: DataConfig,
    /// Text side.
    pub text: TextConfig,
    /// Network.
    pub dit: DitSizes,
    /// Stage 1.
    pub autoencoder: AutoencoderStageConfig,
    /// Stage 2.
    pub base: DitStageConfig,
    /// Stage 3.
    pub control: DitStageConfig,
    /// The checker, trained beside.
    pub checker: CheckerStageConfig,
}

impl TrainConfig {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// Names the file and the field.
    pub fn read(path: &Path, changes: &[String]) -> Result<Self> {
        let config: Self = parse::read(path, changes)?;
        config.check().with_context(|| format!("{}", path.display()))?;
        Ok(config)
    }

    /// Checks what a type cannot say.
    ///
    /// # Errors
    /// Names the first field that does not fit and what is allowed.
    pub fn check(&self) -> Result<()> {
        let d = &self.data;
        ensure!(
            (64..=1024).contains(&d.size_px) && d.size_px.is_multiple_of(32),
            "field data.size_px is {}; choose a multiple of 32 from 64 to 1024",
            d.size_px
        );
        ensure!((1..=MOST_PHANTOMS).contains(&d.count), "field data.count is {}; choose 1 to {MOST_PHANTOMS}", d.count);
        let (dit, text) = (&self.dit, &self.text);
        sizes_are_possible("dit", &[("depth", dit.depth), ("hidden_size", dit.hidden_size), ("num_heads", dit.num_heads)])?;
        let sizes = [("width", text.width), ("layers", text.layers), ("heads", text.heads), ("vocab_size", text.vocab_size)];
        sizes_are_possible("text", &sizes)?;
        sizes_are_possible("text", &[("max_tokens", text.max_tokens), ("export_tokens", text.export_tokens)])?;
        ensure!(
            self.dit.hidden_size.is_multiple_of(self.dit.num_heads.max(1)) && self.dit.num_heads > 0,
            "field dit.num_heads must divide dit.hidden_size"
        );
        ensure!(
            self.text.max_tokens > 0 && self.text.export_tokens >= self.text.max_tokens,
            "field text.export_tokens is {}; choose at least text.max_tokens, which is {} and must be above 0",
            self.text.export_tokens,
            self.text.max_tokens
        );
        ensure!(
            self.dit.control_blocks < self.dit.depth,
            "field dit.control_blocks is {}; it must be less than dit.depth",
            self.dit.control_blocks
        );
        for (name, share) in [
            ("dit.caption_dropout", self.dit.caption_dropout),
            ("dit.control_share", self.dit.control_share),
            ("autoencoder.refit_from", self.autoencoder.refit_from),
            ("autoencoder.decoder_noise", self.autoencoder.decoder_noise),
        ] {
            ensure!((0.0..=1.0).contains(&share), "field {name} is {share}; choose a number from 0 to 1");
        }
        for (name, train) in [
            ("autoencoder", &self.autoencoder.train),
            ("base", &self.base.train),
            ("control", &self.control.train),
            ("checker", &self.checker.train),
        ] {
            train.check(&format!("{name}.train"))?;
            ensure!(train.batch_size >= 4, "field {name}.train.batch_size is {}; choose at least 4", train.batch_size);
            ensure!(
                train.micro_batch.is_none() || !matches!(name, "autoencoder" | "checker"),
                "field {name}.train.micro_batch: this stage computes its batches whole; remove the field"
            );
        }
        Ok(())
    }
}
