//! Affine maps around the latent: to unit variance and back, and to a small picture.

use candle_core::{Device, Tensor};

use crate::domain::GrayImage;

/// `(z - shift) * scale`, per channel.
#[derive(Clone, Debug)]
pub(super) struct LatentMap {
    shift: Tensor, // (1, C, 1, 1)
    scale: Tensor, // (1, C, 1, 1)
}

impl LatentMap {
    /// From one value for each channel, or one for all; `None` when the counts fit neither.
    pub(super) fn new(shift: &[f32], scale: &[f32], channels: usize, device: &Device) -> candle_core::Result<Option<Self>> {
        let spread = |values: &[f32]| match values {
            [one] => Some(vec![*one; channels]),
            all if all.len() == channels => Some(all.to_vec()),
            _ => None,
        };
        let (Some(shift), Some(scale)) = (spread(shift), spread(scale)) else { return Ok(None) };
        if shift.iter().chain(&scale).any(|v| !v.is_finite()) || scale.contains(&0.0) {
            return Ok(None);
        }
        let tensor = |values: Vec<f32>| Tensor::from_vec(values, (1, channels, 1, 1), device);
        Ok(Some(Self { shift: tensor(shift)?, scale: tensor(scale)? }))
    }

    /// Latents of the autoencoder as the network sees them.
    pub(super) fn apply(&self, latent: &Tensor) -> candle_core::Result<Tensor> {
        latent.broadcast_sub(&self.shift)?.broadcast_mul(&self.scale)
    }

    /// Inverse of [`LatentMap::apply`].
    pub(super) fn invert(&self, latent: &Tensor) -> candle_core::Result<Tensor> {
        latent.broadcast_div(&self.scale)?.broadcast_add(&self.shift)
    }
}

/// A linear guess of the picture behind a latent: each latent position gives its block of p×p pixels.
#[derive(Clone, Debug)]
pub(super) struct PreviewMap {
    weight: Vec<f32>, // (p·p, C), row by row
    bias: Vec<f32>,   // (p·p)
    block: usize,
    channels: usize,
}

impl PreviewMap {
    /// From `weight (p·p, C)` and `bias (p·p)`; `None` when the shapes do not fit.
    pub(super) fn new(weight: &Tensor, bias: &Tensor, block: usize, channels: usize) -> candle_core::Result<Option<Self>> {
        let pixels = block * block;
        if weight.dims() != [pixels, channels] || bias.dims() != [pixels] {
            return Ok(None);
        }
        Ok(Some(Self { weight: weight.flatten_all()?.to_vec1()?, bias: bias.to_vec1()?, block, channels }))
    }

    /// Without a fitted map: the mean of the channels as grey, one value for each latent position.
    pub(super) fn flat(block: usize, channels: usize) -> Self {
        let pixels = block * block;
        let weight = vec![0.35 / channels.max(1) as f32; pixels * channels];
        Self { weight, bias: vec![0.0; pixels], block, channels }
    }

    /// The picture of a latent `(C, h, w)` as the network sees it.
    pub(super) fn picture(&self, latent: &Tensor) -> candle_core::Result<GrayImage> {
        let (channels, h, w) = latent.dims3()?;
        if channels != self.channels {
            candle_core::bail!("the preview map is for {} channels, the latent has {channels}", self.channels);
        }
        let values: Vec<f32> = latent.flatten_all()?.to_vec1()?;
        let (p, width) = (self.block, w * self.block);
        let mut grey = vec![0f32; h * p * width];
        for y in 0..h {
            for x in 0..w {
                let at = |c: usize| values[(c * h + y) * w + x];
                for (pixel, (weights, bias)) in self.weight.chunks_exact(channels).zip(&self.bias).enumerate() {
                    let value: f32 = weights.iter().enumerate().map(|(c, k)| k * at(c)).sum::<f32>() + bias;
                    grey[(y * p + pixel / p) * width + x * p + pixel % p] = 0.5 + 0.5 * value;
                }
            }
        }
        GrayImage::from_unit(width as u32, (h * p) as u32, &grey).map_err(candle_core::Error::wrap)
    }
}
