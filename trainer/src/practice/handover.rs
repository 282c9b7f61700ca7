//! The model folder of a practice run whose stages are all done.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use engine::model::DitConfig;
use engine::model::preview::fit_preview;
use engine::model::t5::T5Config;

use super::export as folder;
use super::run::{ExportTo, STAGES, part};
use crate::config::TrainConfig;
use crate::data::cases::Cases;
use crate::data::phantom_cases::PhantomCases;
use crate::data::phantoms::Phantoms;
use crate::run::run_dir::RunDir;
use crate::step::params::ParamStore;

/// Cases by which the cheap preview of latents is fitted.
const PREVIEW_CASES: usize = 64;

/// All that was trained, and what it was trained on.
pub(super) struct Trained<'a> {
    pub(super) config: &'a TrainConfig,
    pub(super) device: &'a Device,
    pub(super) run: &'a RunDir,
    pub(super) data: &'a Phantoms,
    pub(super) latents: &'a PhantomCases,
    /// The tokenizer's file.
    pub(super) tokenizer: &'a str,
    /// Sizes of the transformer and of the text encoder.
    pub(super) dit: &'a DitConfig,
    pub(super) text: &'a T5Config,
    /// Text encoder, transformer and control branch.
    pub(super) params: &'a ParamStore,
    pub(super) autoencoder: BTreeMap<String, Tensor>,
    pub(super) checker: BTreeMap<String, Tensor>,
}

impl Trained<'_> {
    /// Writes the folder.
    pub(super) fn write(self, to: &ExportTo<'_>) -> Result<()> {
        if let Some(weights) = &to.control {
            self.params.assign(weights)?;
        }
        for stage in STAGES.iter().filter(|stage| to.control.is_none() || **stage != "control") {
            let path = self.run.final_weights(stage);
            ensure!(
                path.is_file(),
                "{} is missing, so stage {stage} is not finished; train it before the export",
                path.display()
            );
        }
        let config = self.config;
        let exported = DitConfig { token_num: config.text.export_tokens, ..self.dit.clone() };
        let mut all = self.params.tensors()?;
        let null = "dit.base_model.y_embedder.y_embedding";
        let caption = all.get(null).context("the network has a null caption")?;
        let filled = folder::fill_null_caption(caption, self.latents.longest(), exported.token_num)?;
        all.insert(null.to_owned(), filled);
        let maps = self.latents.maps();
        folder::write(
            to.dir,
            &folder::Parts {
                name: &config.name,
                size_px: config.data.size_px as u32,
                tokenizer: self.tokenizer,
                max_tokens: config.text.export_tokens,
                text: (folder::table(self.text)?, part(&all, "text.")),
                dit: (folder::table(&exported)?, part(&all, "dit.")),
                control_blocks: config.dit.control_blocks,
                preview: self.preview()?,
                autoencoder: (folder::table(&config.autoencoder.net)?, self.autoencoder),
                checker: (folder::table(&config.checker.net)?, self.checker),
                image_map: &maps.0,
                condition_map: &maps.1,
            },
            to.replace,
        )
    }

    /// The linear map from latents to pictures that the studio shows while an image forms.
    fn preview(&self) -> Result<BTreeMap<String, Tensor>> {
        let size = self.config.data.size_px;
        let greys = self.data.chunk(0)?;
        let pictures: Vec<f32> =
            greys.images[..PREVIEW_CASES * size * size].iter().map(|&v| f32::from(v) / 127.5 - 1.0).collect();
        let pictures = Tensor::from_vec(pictures, (PREVIEW_CASES, 1, size, size), self.device)?;
        let seen: Vec<Vec<f32>> =
            (0..PREVIEW_CASES).map(|index| Ok(self.latents.read(index, &|_| None)?.image.mean)).collect::<Result<_>>()?;
        let (channels, side) = self.latents.latent_shape();
        let seen = Tensor::from_vec(seen.concat(), (PREVIEW_CASES, channels, side, side), self.device)?;
        Ok(fit_preview(&seen, &pictures, 8)?)
    }
}
