//! Stage 1: the practice autoencoder, then its decoder alone on noisy latents.
//!
//! The decoder's last part of the training sees latents with added noise, per position and per
//! token, so that the small errors of the diffusion model do not show as tiles.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use engine::condition::Palette;
use engine::domain::{Seed, Stream};
use engine::model::practice_ae::{FACTOR, PracticeAe};
use engine::noise;
use engine::ops;

use super::pca::pca;
use crate::data::phantoms::{CHUNK, Phantoms, condition_pixels};
use crate::practice::sheet;
use crate::run::rows::{RowRange, RowSource};
use crate::run::stage::{Losses, Stage, whole_graph};
use crate::step::Gradients;
use crate::step::params::ParamStore;

/// A batch: pictures `[B, 1, S, S]` in `-1..=1` and noise for the latents.
pub struct Batch {
    images: Vec<f32>,
    posterior_noise: Vec<f32>,
    token_noise: Vec<f32>,
    noise_share: Vec<f32>,
    rows: usize,
}

/// The stage.
pub struct AutoencoderStage {
    net: PracticeAe,
    data: Arc<Phantoms>,
    device: Device,
    seed: u64,
    batch_size: usize,
    refit_from_step: usize,
    kl_weight: f64,
    token_side: usize,
    noise: f64,
}

impl AutoencoderStage {
    /// The stage over a network whose parameters live in `params`.
    pub fn new(
        net: PracticeAe,
        data: Arc<Phantoms>,
        device: &Device,
        seed: u64,
        batch_size: usize,
        refit_from_step: usize,
        kl_weight: f64,
        token_side: usize,
        noise: f64,
    ) -> Self {
        Self { net, data, device: device.clone(), seed, batch_size, refit_from_step, kl_weight, token_side, noise }
    }

    /// Starts the linear path from the principal components of 8×8 blocks.
    ///
    /// # Errors
    /// When phantoms cannot be drawn.
    pub fn start_from_pca(&self, params: &ParamStore) -> Result<()> {
        let chunk = self.data.chunk(0)?;
        let size = self.data.size_px();
        let mut blocks = Vec::new();
        for image in chunk.images.chunks_exact(size * size).take(96) {
            for by in 0..size / FACTOR {
                for bx in 0..size / FACTOR {
                    for y in 0..FACTOR {
                        let row = (by * FACTOR + y) * size + bx * FACTOR;
                        blocks.extend(image[row..row + FACTOR].iter().map(|&v| f32::from(v) / 127.5 - 1.0));
                    }
                }
            }
        }
        let dim = FACTOR * FACTOR;
        let fit = pca(&blocks, dim);
        let c = self.net.config().latent_channels;
        let (mut down, mut down_bias, mut up) = (Vec::new(), Vec::new(), vec![0f32; dim * c]);
        for k in 0..c {
            // Weak components are raised, but not to equal variance: they matter less.
            let scale = fit.deviations[k].max(1e-4).powf(-0.8);
            let component = &fit.components[k];
            down.extend(component.iter().map(|v| v * scale));
            down_bias.push(-scale * component.iter().zip(&fit.mean).map(|(a, b)| a * b).sum::<f32>());
            for (i, v) in component.iter().enumerate() {
                up[i * c + k] = v / scale;
            }
        }
        let cpu = &Device::Cpu;
        params.assign(
            &[
                ("encoder.linear.weight".to_owned(), Tensor::from_vec(down, (c, dim, 1, 1), cpu)?),
                ("encoder.linear.bias".to_owned(), Tensor::from_vec(down_bias, c, cpu)?),
                ("decoder.linear.weight".to_owned(), Tensor::from_vec(up, (dim, c, 1, 1), cpu)?),
                ("decoder.linear.bias".to_owned(), Tensor::from_vec(fit.mean, dim, cpu)?),
            ]
            .into(),
        )?;
        Ok(())
    }

    fn latent_side(&self) -> usize {
        self.data.size_px() / FACTOR
    }
}

impl Stage for AutoencoderStage {
    type Batch = Batch;

    fn name(&self) -> &'static str {
        "autoencoder"
    }

    fn source(&self) -> RowSource<Batch> {
        let (data, seed, rows) = (self.data.clone(), self.seed, self.batch_size);
        let (channels, side, token) = (self.net.config().latent_channels, self.latent_side(), self.token_side);
        Arc::new(move |at| {
            let step = at.step;
            let size = data.size_px();
            let pixels = size * size;
            let mut images = Vec::with_capacity(rows * pixels);
            for row in 0..rows {
                let index = (step * rows + row) % data.len();
                let chunk = data.chunk(index / CHUNK)?;
                let at = index % CHUNK;
                // One picture in eight is a condition, so that masks and boxes survive encoding.
                if row % 8 == 7 {
                    let regions = &chunk.regions[at * pixels..(at + 1) * pixels];
                    let boxes = (step + row / 8) % 3 == 0;
                    condition_pixels(&Palette::practice(), size, regions, &chunk.texts[at], boxes, &mut images)?;
                } else {
                    let image = &chunk.images[at * pixels..(at + 1) * pixels];
                    images.extend(image.iter().map(|&v| f32::from(v) / 127.5 - 1.0));
                }
            }
            let count = rows * channels * side * side;
            let of = |stream, count| noise::normal(Seed(seed ^ 0xae), stream, step as u32, count);
            Ok(Batch {
                images,
                posterior_noise: of(Stream::Posterior, count),
                token_noise: of(Stream::Augment, count / (token * token)),
                noise_share: noise::uniform(Seed(seed ^ 0xae), Stream::Augment, step as u32 ^ 0x8000_0000, 2 * rows)
                    .into_iter()
                    .map(|u| u as f32)
                    .collect(),
                rows,
            })
        })
    }

    fn backward(&self, batch: &Batch, at: &RowRange, gradients: &mut Gradients) -> Result<Losses> {
        let (b, size, side, d) = (batch.rows, self.data.size_px(), self.latent_side(), &self.device);
        let c = self.net.config().latent_channels;
        let image = Tensor::from_slice(&batch.images, (b, 1, size, size), d)?;
        let noise = Tensor::from_slice(&batch.posterior_noise, (b, c, side, side), d)?;
        let refit = at.step >= self.refit_from_step;
        let (mean, log_var) = self.net.encode(&image)?;
        let latent = if refit {
            let mean = mean.detach();
            let sd = channel_deviation(&mean)?;
            let share = Tensor::from_slice(&batch.noise_share, (2, b, 1, 1, 1), d)?.affine(self.noise, 0.0)?;
            let (p, grid) = (self.token_side, side / self.token_side);
            let token = Tensor::from_slice(&batch.token_noise, (b, c, grid, 1, grid, 1), d)?
                .broadcast_as((b, c, grid, p, grid, p))?
                .reshape((b, c, side, side))?;
            let noise = (noise.broadcast_mul(&share.get(0)?)? + token.broadcast_mul(&share.get(1)?)?)?;
            (mean + noise.broadcast_mul(&sd)?)?
        } else {
            (&mean + noise.mul(&log_var.affine(0.5, 0.0)?.exp()?)?)?
        };
        let output = self.net.decode(&latent)?;
        let picture = picture_loss(&output, &image)?;
        // Kullback-Leibler divergence to the unit normal, mean over elements.
        let kl = ((mean.sqr()? + log_var.exp()?)? - &log_var)?.affine(0.5, -0.5)?.mean_all()?;
        let mse = (&output - &image)?.sqr()?.mean_all()?;
        let total = if refit { picture } else { (picture + kl.affine(self.kl_weight, 0.0)?)? };
        whole_graph(&total, &[("mse", &mse), ("kl", &kl)], at, gradients)
    }

    fn ids(&self, at: &RowRange) -> Vec<String> {
        let first = at.first_place() as usize;
        (first..first + at.rows.len()).map(|index| format!("phantom {}", index % self.data.len())).collect()
    }

    /// With a closed-form encoder, or when the decoder learns alone, the encoder rests.
    fn may_rest(&self, name: &str) -> bool {
        name.starts_with("encoder.")
    }

    /// The spread of latents is that of the whole batch.
    fn can_be_shared(&self) -> bool {
        false
    }

    fn sheet(&self, dir: &Path, step: usize) -> Result<()> {
        let first = RowRange { step: 0, rows: 0..self.batch_size, of: self.batch_size };
        let batch = (self.source())(&first).context("cannot draw the sheet's cases")?;
        let size = self.data.size_px();
        let rows = batch.rows.min(8);
        let image = Tensor::from_slice(&batch.images[..rows * size * size], (rows, 1, size, size), &self.device)?;
        let output = self.net.decode(&self.net.encode(&image)?.0)?;
        let path = dir.join("panel").join(format!("step-{step:08}.png"));
        sheet::write(&path, &[sheet::grey_images(&image)?, sheet::grey_images(&output)?].concat(), rows)
    }
}

/// L1 on three scales, L1 on the bands between them, and squared error.
fn picture_loss(output: &Tensor, target: &Tensor) -> Result<Tensor> {
    let mut total = (output - target)?.sqr()?.mean_all()?.affine(2.0, 0.0)?;
    let mut error = (output - target)?;
    for level in 0..3 {
        total = (total + error.abs()?.mean_all()?)?;
        if level < 2 {
            let coarse = error.avg_pool2d(2)?;
            let band = (&error - ops::upsample2x(&coarse)?)?;
            total = (total + band.abs()?.mean_all()?.affine(1.5, 0.0)?)?;
            error = coarse;
        }
    }
    Ok(total)
}

/// Standard deviation of each channel over batch and positions, `[1, C, 1, 1]`.
fn channel_deviation(x: &Tensor) -> Result<Tensor> {
    let mean = x.mean_keepdim((0, 2, 3))?;
    Ok(x.broadcast_sub(&mean)?.sqr()?.mean_keepdim((0, 2, 3))?.sqrt()?)
}
