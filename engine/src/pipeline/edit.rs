//! Where a run begins, and what it keeps: sources of a batch as latents.

use candle_core::{Device, Tensor};

use super::part::Held;
use super::{Error, Pipeline};
use crate::diffusion::Sampler;
use crate::domain::{GenerateRequest, GrayImage, LatentValues, Mask, Source};
use crate::model::{Autoencoder, Posterior};

/// The sources of a batch: the step it begins with, its first latents and what stays.
pub(super) struct Beginning {
    /// The first step that runs.
    pub(super) first: usize,
    /// Latents with the noise of that step `(n, C, h, w)`.
    pub(super) latents: Tensor,
    /// What is known of the images, where a region of one is edited.
    pub(super) known: Option<Known>,
}

/// The part of a batch's latents that is known, at every level of noise.
pub(super) struct Known {
    clean: Tensor,      // (n, C, h, w)
    noise: Tensor,      // (n, C, h, w)
    may_change: Tensor, // (n, C, h, w), u8
    levels: Vec<(f64, f64)>,
}

impl Known {
    /// Latents that step `index` begins with: new ones where they may change, else the original's with that
    /// step's share of the image's own noise.
    pub(super) fn blend(&self, index: usize, x: &Tensor) -> candle_core::Result<Tensor> {
        let (signal, noise) = self.levels.get(index).copied().unwrap_or((1.0, 0.0));
        let known = (self.clean.affine(signal, 0.0)? + self.noise.affine(noise, 0.0)?)?;
        self.may_change.where_cond(x, &known)
    }
}

impl Pipeline {
    /// The beginning of a batch whose start noise is `noise (n, C, h, w)`.
    pub(super) fn begin(&self, requests: &[GenerateRequest], sampler: &dyn Sampler, noise: &Tensor) -> Result<Beginning, Error> {
        let of = sampler.timesteps().len();
        let first = requests.first().map_or(0, |request| request.source.first_step(of));
        if requests.iter().any(|request| request.source.first_step(of) != first) {
            return Err(Error::MixedBatch { field: "the step they begin with" });
        }
        if requests.iter().all(|request| request.source == Source::Noise) {
            return Ok(Beginning { first, latents: noise.clone(), known: None });
        }
        let levels = (0..=of).map(|index| sampler.level(index)).collect::<Result<Vec<_>, _>>()?;
        let (signal, sigma) = levels[first];
        let mut latents = Vec::with_capacity(requests.len());
        let (mut clean, mut masks) = (Vec::new(), Vec::new());
        let mut autoencoder = None;
        for (row, request) in requests.iter().enumerate() {
            let noise = noise.narrow(0, row, 1)?;
            let encoded = request.source.image().map(|image| self.encode_image(image, &mut autoencoder)).transpose()?;
            latents.push(match (request.source.kept(), &encoded) {
                (Some((latent, _)), _) => tensor_of(latent, &self.device)?,
                (_, Some(encoded)) => (encoded.affine(signal, 0.0)? + noise.affine(sigma, 0.0)?)?,
                (_, None) => noise.clone(),
            });
            clean.push(encoded.map_or_else(|| noise.zeros_like(), Ok)?);
            masks.push(match &request.source {
                Source::Region { may_change, .. } => self.latent_mask(may_change, noise.dims())?,
                _ => Tensor::ones(noise.dims(), candle_core::DType::U8, &self.device)?,
            });
        }
        let edits_region = requests.iter().any(|request| matches!(request.source, Source::Region { .. }));
        let known = edits_region.then(|| -> Result<Known, Error> {
            Ok(Known { clean: Tensor::cat(&clean, 0)?, noise: noise.clone(), may_change: Tensor::cat(&masks, 0)?, levels })
        });
        Ok(Beginning { first, latents: Tensor::cat(&latents, 0)?, known: known.transpose()? })
    }

    /// Checks a request's source against the model.
    pub(super) fn check_source(&self, source: &Source) -> Result<(), Error> {
        let size = self.card.size_px;
        if let Some(image) = source.image()
            && (image.width(), image.height()) != (size, size)
        {
            return Err(Error::ImageSize { width: image.width(), height: image.height(), size });
        }
        if let Some((latent, _)) = source.kept() {
            let side = self.sizes.latent_side;
            let expected = (self.card.latent_channels, side, side);
            if latent.dims() != expected {
                return Err(Error::LatentSize { got: latent.dims(), expected });
            }
        }
        Ok(())
    }

    /// The latent of a grey image of the model's size, as the network sees it: the mean, so nothing is drawn.
    pub(super) fn encode_image<'a>(
        &'a self,
        image: &GrayImage,
        autoencoder: &mut Option<Held<'a, Box<dyn Autoencoder>>>,
    ) -> Result<Tensor, Error> {
        let latent = self.posterior(self.autoencoder.get_into(autoencoder)?.as_ref(), image)?.mean;
        Ok(self.image_map.apply(&latent)?)
    }

    /// The latent distribution of a grey picture of the model's size.
    pub(super) fn posterior(&self, autoencoder: &dyn Autoencoder, image: &GrayImage) -> Result<Posterior, Error> {
        let picture = self.picture(image)?;
        let in_bands = self.bands.map(|rows| autoencoder.encode_in_bands(&picture, rows as usize)).transpose()?.flatten();
        match in_bands {
            Some(posterior) => Ok(posterior),
            None => Ok(autoencoder.encode(&picture)?),
        }
    }

    /// A grey image of the model's size as the autoencoder sees it `(1, image channels, H, W)`, -1 to 1.
    pub(super) fn picture(&self, image: &GrayImage) -> candle_core::Result<Tensor> {
        let side = self.card.size_px as usize;
        let grey: Vec<f32> = image.pixels().iter().map(|&v| f32::from(v) / 32767.5 - 1.0).collect();
        let channels = self.image_channels;
        Tensor::from_vec(grey, (1, 1, side, side), &self.device)?.broadcast_as((1, channels, side, side))?.contiguous()
    }

    /// 1 where a latent position touches a pixel that may change, in every channel.
    fn latent_mask(&self, may_change: &Mask, dims: &[usize]) -> candle_core::Result<Tensor> {
        let shares = block_shares(may_change, dims[3]);
        let touched: Vec<u8> = shares.iter().map(|&share| u8::from(share > 0.0)).collect();
        Tensor::from_vec(touched, (1, 1, dims[2], dims[3]), &self.device)?.broadcast_as(dims)?.contiguous()
    }
}

/// Share of the pixels of each block that lie in a square mask, `grid × grid` blocks row by row.
pub(super) fn block_shares(mask: &Mask, grid: usize) -> Vec<f32> {
    let block = (mask.width() as usize / grid.max(1)).max(1);
    let mut counts = vec![0u32; grid * grid];
    for (i, &bit) in mask.bits().iter().enumerate() {
        let (x, y) = (i % mask.width() as usize / block, i / mask.width() as usize / block);
        if x < grid && y < grid {
            counts[y * grid + x] += u32::from(bit);
        }
    }
    counts.into_iter().map(|count| count as f32 / (block * block) as f32).collect()
}

/// Kept latents as a tensor `(1, C, h, w)`.
fn tensor_of(latent: &LatentValues, device: &Device) -> candle_core::Result<Tensor> {
    let (channels, height, width) = latent.dims();
    Tensor::from_slice(latent.values(), (1, channels, height, width), device)
}
