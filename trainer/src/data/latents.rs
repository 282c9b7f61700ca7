//! The data set as the diffusion stages read it: normalised latents on the device, token ids, labels.

use std::sync::Arc;

use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor};
use engine::condition::Palette;
use engine::model::practice_ae::PracticeAe;
use engine::text::Tokenizer;

use super::phantoms::{CHUNK, Chunk, Phantoms, condition_pixels};

/// Per-channel affine map from autoencoder latents to about unit variance.
#[derive(Clone, Debug, PartialEq)]
pub struct Normaliser {
    /// Subtracted.
    pub shift: Vec<f32>,
    /// Factor.
    pub scale: Vec<f32>,
}

impl Normaliser {
    /// Mean and inverse deviation of each channel of `[N, C, h, w]`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn fit(latents: &Tensor) -> Result<Self> {
        let mean = latents.mean_keepdim((0, 2, 3))?;
        let variance = latents.broadcast_sub(&mean)?.sqr()?.mean_keepdim((0, 2, 3))?;
        let sd = variance.flatten_all()?.to_vec1::<f32>()?;
        Ok(Self { shift: mean.flatten_all()?.to_vec1()?, scale: sd.into_iter().map(|v| 1.0 / v.sqrt().max(1e-4)).collect() })
    }

    /// `(z - shift) * scale`.
    ///
    /// # Errors
    /// When the channels differ.
    pub fn apply(&self, latents: &Tensor) -> Result<Tensor> {
        let d = latents.device();
        let c = self.shift.len();
        let shift = Tensor::from_slice(&self.shift, (1, c, 1, 1), d)?;
        let scale = Tensor::from_slice(&self.scale, (1, c, 1, 1), d)?;
        Ok(latents.broadcast_sub(&shift)?.broadcast_mul(&scale)?)
    }

    /// Inverse of [`Normaliser::apply`].
    ///
    /// # Errors
    /// When the channels differ.
    pub fn invert(&self, latents: &Tensor) -> Result<Tensor> {
        let d = latents.device();
        let c = self.shift.len();
        let shift = Tensor::from_slice(&self.shift, (1, c, 1, 1), d)?;
        let scale = Tensor::from_slice(&self.scale, (1, c, 1, 1), d)?;
        Ok(latents.broadcast_div(&scale)?.broadcast_add(&shift)?)
    }
}

/// The encoded data set.
pub struct LatentSet {
    /// Pictures `[N, C, h, w]`, `f16`, normalised.
    pub images: Tensor,
    /// Filled conditions `[N, C, h, w]`, `f16`, normalised.
    pub masks: Tensor,
    /// Outlined conditions `[N, C, h, w]`, `f16`, normalised.
    pub boxes: Tensor,
    /// Token ids `[N, L]`, `u32`.
    pub ids: Tensor,
    /// Real tokens of each case.
    pub lengths: Vec<usize>,
    /// Whether a condition tells the whole truth of a case: everything that can be drawn is, or
    /// there is nothing to draw.
    pub controllable: Vec<bool>,
    /// Map of pictures.
    pub image_map: Normaliser,
    /// Map of conditions.
    pub condition_map: Normaliser,
}

/// Pictures `[n, 1, S, S]` in `-1..=1` of the first `n` cases of a chunk.
///
/// # Errors
/// When the device fails.
pub fn chunk_images(chunk: &Chunk, size_px: usize, device: &Device) -> Result<Tensor> {
    let bytes = Tensor::from_slice(&chunk.images, (CHUNK, 1, size_px, size_px), device)?;
    Ok(bytes.to_dtype(DType::F32)?.affine(1.0 / 127.5, -1.0)?)
}

/// Condition pictures `[n, 1, S, S]` in `-1..=1` of a chunk.
///
/// # Errors
/// When a class is unknown or the device fails.
pub fn chunk_conditions(chunk: &Chunk, size_px: usize, boxes: bool, device: &Device) -> Result<Tensor> {
    let palette = Palette::practice();
    let pixels = size_px * size_px;
    let mut out = Vec::with_capacity(CHUNK * pixels);
    for (regions, text) in chunk.regions.chunks_exact(pixels).zip(&chunk.texts) {
        condition_pixels(&palette, size_px, regions, text, boxes, &mut out)?;
    }
    Ok(Tensor::from_vec(out, (CHUNK, 1, size_px, size_px), device)?)
}

fn encode(net: &PracticeAe, pictures: &Tensor) -> Result<Tensor> {
    let mut parts = Vec::new();
    for start in (0..pictures.dim(0)?).step_by(64) {
        let rows = 64.min(pictures.dim(0)? - start);
        parts.push(net.encode(&pictures.narrow(0, start, rows)?.contiguous()?)?.0.detach());
    }
    Ok(Tensor::cat(&parts, 0)?)
}

impl LatentSet {
    /// Encodes all cases with a finished autoencoder.
    ///
    /// # Errors
    /// When phantoms cannot be drawn, a text has no tokens, or the device fails.
    pub fn encode(
        data: &Arc<Phantoms>,
        net: &PracticeAe,
        tokenizer: &Tokenizer,
        max_tokens: usize,
        device: &Device,
        mut progress: impl FnMut(usize),
    ) -> Result<Self> {
        let size = data.size_px();
        let (mut images, mut masks, mut boxes) = (Vec::new(), Vec::new(), Vec::new());
        let (mut ids, mut lengths, mut controllable) = (Vec::new(), Vec::new(), Vec::new());
        let mut maps: Option<(Normaliser, Normaliser)> = None;
        for index in 0..data.len() / CHUNK {
            let chunk = data.chunk(index)?;
            let picture = encode(net, &chunk_images(&chunk, size, device)?)?;
            let filled = encode(net, &chunk_conditions(&chunk, size, false, device)?)?;
            let outlined = encode(net, &chunk_conditions(&chunk, size, true, device)?)?;
            if maps.is_none() {
                maps = Some((Normaliser::fit(&picture)?, Normaliser::fit(&filled)?));
            }
            let (image_map, condition_map) = maps.as_ref().context("the first chunk fits the maps")?;
            images.push(image_map.apply(&picture)?.to_dtype(DType::F16)?);
            masks.push(condition_map.apply(&filled)?.to_dtype(DType::F16)?);
            boxes.push(condition_map.apply(&outlined)?.to_dtype(DType::F16)?);
            for text in &chunk.texts {
                let tokens = tokenizer.encode(&crate::practice::clean(&text.prompt)?, max_tokens)?;
                lengths.push(tokens.used());
                ids.extend(tokens.ids);
                controllable.push(text.findings.is_empty() || text.findings.iter().any(|f| f.drawn));
            }
            progress(index + 1);
        }
        let (image_map, condition_map) = maps.context("the data set has no case")?;
        let count = lengths.len();
        Ok(Self {
            images: Tensor::cat(&images, 0)?,
            masks: Tensor::cat(&masks, 0)?,
            boxes: Tensor::cat(&boxes, 0)?,
            ids: Tensor::from_vec(ids, (count, max_tokens), device)?,
            lengths,
            controllable,
            image_map,
            condition_map,
        })
    }

    /// Number of cases.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether there is no case.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }
}
