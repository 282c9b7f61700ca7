//! Phantoms as the diffusion stages of a practice run read them: normalised latents in memory, token ids.

use std::sync::Arc;

use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor};
use engine::condition::Palette;
use engine::model::practice_ae::PracticeAe;
use engine::text::Tokenizer;
use half::f16;

use super::cases::{Caption, Case, Cases, Choose, ConditionKind, Latents};
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

    /// Deviations under the same map: `s * |scale|`.
    ///
    /// # Errors
    /// When the channels differ.
    pub fn scaled(&self, deviations: &Tensor) -> Result<Tensor> {
        let scale: Vec<f32> = self.scale.iter().map(|scale| scale.abs()).collect();
        let scale = Tensor::from_vec(scale, (1, self.scale.len(), 1, 1), deviations.device())?;
        Ok(deviations.broadcast_mul(&scale)?)
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

/// Latents in half precision, case after case.
#[derive(Clone, Debug, Default)]
struct Packed {
    values: Vec<f16>,
    per_case: usize,
}

impl Packed {
    /// Appends normalised latents `[n, C, h, w]`.
    fn extend(&mut self, latents: &Tensor) -> Result<()> {
        self.per_case = latents.dims().iter().skip(1).product();
        let values = latents.to_dtype(DType::F16)?.flatten_all()?.to_device(&Device::Cpu)?;
        self.values.extend(values.to_vec1::<f16>()?);
        Ok(())
    }

    fn case(&self, index: usize) -> Vec<f32> {
        let values = self.values.get(index * self.per_case..(index + 1) * self.per_case).unwrap_or(&[]);
        values.iter().map(|value| value.to_f32()).collect()
    }
}

/// The encoded data set, kept in memory.
pub struct LatentSet {
    images: Packed,
    masks: Packed,
    boxes: Packed,
    shape: (usize, usize),
    ids: Vec<Vec<u32>>,
    /// Whether a condition tells the whole truth of a case: everything that can be drawn is, or
    /// there is nothing to draw.
    controllable: Vec<bool>,
    /// Map of pictures.
    pub image_map: Normaliser,
    /// Map of conditions.
    pub condition_map: Normaliser,
    fingerprint: String,
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
        let (mut images, mut masks, mut boxes) = (Packed::default(), Packed::default(), Packed::default());
        let (mut ids, mut controllable, mut shape) = (Vec::new(), Vec::new(), (0, 0));
        let mut maps: Option<(Normaliser, Normaliser)> = None;
        for index in 0..data.len() / CHUNK {
            let chunk = data.chunk(index)?;
            let picture = encode(net, &chunk_images(&chunk, size, device)?)?;
            let filled = encode(net, &chunk_conditions(&chunk, size, false, device)?)?;
            let outlined = encode(net, &chunk_conditions(&chunk, size, true, device)?)?;
            shape = (picture.dim(1)?, picture.dim(2)?);
            if maps.is_none() {
                maps = Some((Normaliser::fit(&picture)?, Normaliser::fit(&filled)?));
            }
            let (image_map, condition_map) = maps.as_ref().context("the first chunk fits the maps")?;
            images.extend(&image_map.apply(&picture)?)?;
            masks.extend(&condition_map.apply(&filled)?)?;
            boxes.extend(&condition_map.apply(&outlined)?)?;
            for text in &chunk.texts {
                let tokens = tokenizer.encode(&crate::practice::clean(&text.prompt)?, max_tokens)?;
                let used = tokens.used();
                ids.push(tokens.ids.into_iter().take(used).collect());
                controllable.push(text.findings.is_empty() || text.findings.iter().any(|f| f.drawn));
            }
            progress(index + 1);
        }
        let (image_map, condition_map) = maps.context("the data set has no case")?;
        let fingerprint = format!("{} phantoms of {size} px", ids.len());
        Ok(Self { images, masks, boxes, shape, ids, controllable, image_map, condition_map, fingerprint })
    }

    /// Tokens of the longest caption.
    pub fn longest(&self) -> usize {
        self.ids.iter().map(Vec::len).max().unwrap_or(1)
    }

    /// Normalised latents of the first pictures `[n, C, h, w]`, `f32`.
    ///
    /// # Errors
    /// When there are fewer, or the device fails.
    pub fn first_images(&self, count: usize, device: &Device) -> Result<Tensor> {
        let values: Vec<f32> = (0..count).flat_map(|index| self.images.case(index)).collect();
        let (channels, side) = self.shape;
        Ok(Tensor::from_vec(values, (count, channels, side, side), device)?)
    }
}

impl Cases for LatentSet {
    fn len(&self) -> usize {
        self.ids.len()
    }

    fn id(&self, index: usize) -> String {
        format!("phantom {index}")
    }

    fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    fn latent_shape(&self) -> (usize, usize) {
        self.shape
    }

    fn caption_width(&self) -> Option<usize> {
        None
    }

    fn read(&self, index: usize, choose: Choose<'_>) -> Result<Case> {
        let known = [ConditionKind::Mask, ConditionKind::Box];
        let condition = match choose(if self.controllable[index] { &known } else { &[] }) {
            Some(ConditionKind::Mask) => Some(self.masks.case(index)),
            Some(ConditionKind::Box) => Some(self.boxes.case(index)),
            _ => None,
        };
        let latents = |mean| Latents { mean, deviation: Vec::new() };
        Ok(Case {
            image: latents(self.images.case(index)),
            caption: Caption::Tokens(self.ids[index].clone()),
            condition: condition.map(latents),
            features: None,
        })
    }
}
