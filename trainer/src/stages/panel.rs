//! A fixed panel of prompts and conditions, sampled again and again with the same seeds while a model learns.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use engine::cancel::Cancel;
use engine::denoise::Network;
use engine::diffusion::Prediction;
use engine::domain::{GrayImage, Preset, Seed};
use serde::{Deserialize, Serialize};

use super::batch::{Captions, mask, padded};
use crate::data::cases::Caption;
use crate::practice::{sampling, sheet};

/// Rows of the film at most; of a longer run every second, fourth, … sheet is shown.
const FILM_ROWS: usize = 24;

/// How a panel is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PanelSampling {
    /// Sampler steps.
    pub num_steps: usize,
    /// Guidance strength.
    pub guidance_scale: f64,
    /// Seed of the first picture; the next ones count up.
    pub seed: u64,
}

/// Turns normalised latents `(n, C, h, w)` into pictures `(n, 1, S, S)` in `-1..=1`.
pub type Decode = Box<dyn Fn(&Tensor) -> Result<Tensor> + Send>;

/// Turns captions into embeddings: ids padded to the longest, and their mask.
pub type Encode<'a> = &'a dyn Fn(&Tensor, &Tensor) -> Result<Tensor>;

/// The panel.
pub struct Panel {
    /// Captions.
    pub captions: Vec<Caption>,
    /// Width of embedding rows; `None` for tokens.
    pub caption_width: Option<usize>,
    /// Latents of conditions, `(C, h, w)`.
    pub conditions: Vec<Option<Vec<f32>>>,
    /// Pictures of these cases, normalised latents; drawn once, to compare with.
    pub truth: Vec<Vec<f32>>,
    /// How it is sampled.
    pub sampling: PanelSampling,
    /// Behaviour of guidance.
    pub preset: Preset,
    /// What the network's output means.
    pub prediction: Prediction,
    /// The autoencoder.
    pub decode: Decode,
}

impl Panel {
    /// Samples the panel and writes `panel/step-NNNNNNNN.png` and the film under `dir`.
    ///
    /// # Errors
    /// When the device fails or a picture cannot be written.
    pub fn draw(&self, network: &Network, encode: Encode<'_>, device: &Device, dir: &Path, step: usize) -> Result<()> {
        let dir = dir.join("panel");
        let count = self.captions.len();
        let config = network.config();
        let shape = (config.in_channels, config.input_size, config.input_size);
        let latents = |rows: &[Vec<f32>]| Tensor::from_vec(rows.concat(), (rows.len(), shape.0, shape.1, shape.2), device);
        let truth = dir.join("truth.png");
        if !self.truth.is_empty() && !truth.is_file() {
            let pictures = (self.decode)(&latents(&self.truth)?)?;
            sheet::write(&truth, &sheet::grey_images(&pictures)?, count)?;
        }
        let (captions, lengths) = padded(self.captions.clone(), self.caption_width)?;
        let mask = mask(&lengths, device)?;
        let captions = embedded(&captions, &lengths, &mask, encode, device)?.detach();
        let has: Vec<bool> = self.conditions.iter().map(Option::is_some).collect();
        let empty = vec![0.0; shape.0 * shape.1 * shape.2];
        let rows: Vec<Vec<f32>> = self.conditions.iter().map(|c| c.clone().unwrap_or_else(|| empty.clone())).collect();
        let conditions = latents(&rows)?;
        let rows = sampling::conditioning(&captions, &lengths, Some(&conditions), &has)?;
        let PanelSampling { num_steps, guidance_scale, seed } = self.sampling;
        let seeds: Vec<Seed> = (0..count as u64).map(|i| Seed(seed + i)).collect();
        let how = sampling::How { num_steps, guidance_scale, preset: self.preset, prediction: self.prediction };
        let drawn = sampling::sample(network, &rows, &seeds, &how, &Cancel::new())?;
        let pictures = sheet::grey_images(&(self.decode)(&drawn)?)?;
        sheet::write(&dir.join(format!("step-{step:08}.png")), &pictures, count)?;
        film(&dir)
    }
}

/// Captions `(B, L, De)`, encoded where they are tokens.
///
/// # Errors
/// When the device fails.
pub fn embedded(captions: &Captions, lengths: &[usize], mask: &Tensor, encode: Encode<'_>, device: &Device) -> Result<Tensor> {
    let (rows, longest) = (lengths.len(), lengths.iter().copied().max().unwrap_or(1));
    match captions {
        Captions::Tokens(ids) => encode(&Tensor::from_slice(ids, (rows, longest), device)?, mask),
        Captions::Rows(values, width) => Ok(Tensor::from_slice(values, (rows, longest, *width), device)?),
    }
}

/// Writes all panels one under the other, oldest on top.
fn film(dir: &Path) -> Result<()> {
    let mut sheets: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let path = entry?.path();
        if path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("step-")) {
            sheets.push(path);
        }
    }
    sheets.sort();
    let every = sheets.len().div_ceil(FILM_ROWS).max(1);
    // Counted from the newest, which is always there.
    let mut chosen: Vec<&PathBuf> = sheets.iter().rev().step_by(every).collect();
    chosen.reverse();
    let read = |path: &&PathBuf| Ok(engine::imageio::png::read_gray(path)?);
    let rows: Vec<GrayImage> = chosen.iter().map(read).collect::<Result<_>>()?;
    // A panel that was changed since has another size and begins a film of its own.
    let newest = rows.last().map(|image| (image.width(), image.height()));
    let rows: Vec<GrayImage> = rows.into_iter().filter(|image| Some((image.width(), image.height())) == newest).collect();
    sheet::write(&dir.join("film.png"), &rows, 1)
}
