//! The practice checker's training: outlines and presence of five findings on phantoms.
//!
//! Half of each batch has passed the autoencoder with noise, so that the checker also reads
//! pictures that a decoder made.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use candle_core::{Device, Tensor};
use engine::domain::{Seed, Stream};
use engine::model::checker::{CLASSES, Checker};
use engine::model::practice_ae::PracticeAe;
use engine::noise;

use crate::data::batches::shuffled_index;
use crate::data::phantoms::{CHUNK, Phantoms, region_bit};
use crate::practice::sheet;
use crate::run::rows::{RowRange, RowSource};
use crate::run::stage::{Losses, Stage, whole_graph};
use crate::step::Gradients;

/// A batch of pictures, outlines and latent noise.
pub struct Batch {
    images: Vec<f32>,
    regions: Vec<f32>,
    presence: Vec<f32>,
    latent_noise: Vec<f32>,
    rows: usize,
}

/// The stage.
pub struct CheckerStage {
    /// The network in training.
    pub net: Checker,
    /// The finished autoencoder, frozen.
    pub autoencoder: PracticeAe,
    /// Training cases.
    pub data: Arc<Phantoms>,
    /// Where it runs.
    pub device: Device,
    /// Seed of order and noise.
    pub seed: u64,
    /// Samples an update.
    pub batch_size: usize,
}

impl Stage for CheckerStage {
    type Batch = Batch;

    fn name(&self) -> &'static str {
        "checker"
    }

    fn source(&self) -> RowSource<Batch> {
        let (data, seed, rows) = (self.data.clone(), self.seed ^ 0xc4ec, self.batch_size);
        let channels = self.autoencoder.config().latent_channels;
        Arc::new(move |at| {
            let step = at.step;
            let size = data.size_px();
            let (pixels, half) = (size * size, size / 2);
            let mut images = Vec::with_capacity(rows * pixels);
            let mut regions = vec![0f32; rows * CLASSES.len() * half * half];
            let mut presence = vec![0f32; rows * CLASSES.len()];
            let looks = noise::uniform(Seed(seed), Stream::Augment, step as u32, 3 * rows);
            for row in 0..rows {
                let index = shuffled_index(seed, (step * rows + row) as u64, data.len() as u64) as usize;
                let chunk = data.chunk(index / CHUNK)?;
                let at = index % CHUNK;
                // Brightness, contrast and gamma vary, since generated pictures differ a little.
                let u = &looks[3 * row..3 * row + 3];
                let (gain, shift, gamma) = (0.9 + 0.2 * u[0] as f32, 0.1 * u[1] as f32 - 0.05, 0.85 + 0.3 * u[2] as f32);
                let image = &chunk.images[at * pixels..(at + 1) * pixels];
                images.extend(image.iter().map(|&v| {
                    let grey = ((f32::from(v) / 255.0).powf(gamma) * gain + shift).clamp(0.0, 1.0);
                    2.0 * grey - 1.0
                }));
                let bits = &chunk.regions[at * pixels..(at + 1) * pixels];
                for (k, &class) in CLASSES.iter().enumerate() {
                    let bit = region_bit(class);
                    let plane = (row * CLASSES.len() + k) * half * half;
                    let mut any = false;
                    for y in 0..half {
                        for x in 0..half {
                            let count = [(0, 0), (1, 0), (0, 1), (1, 1)]
                                .iter()
                                .filter(|(dx, dy)| bits[(2 * y + dy) * size + 2 * x + dx] & bit != 0)
                                .count();
                            regions[plane + y * half + x] = f32::from(u8::from(count >= 2));
                            any |= count > 0;
                        }
                    }
                    presence[row * CLASSES.len() + k] = f32::from(u8::from(any));
                }
            }
            let latent = rows / 2 * channels * (size / 8) * (size / 8);
            let latent_noise = noise::normal(Seed(seed), Stream::Posterior, step as u32, latent);
            Ok(Batch { images, regions, presence, latent_noise, rows })
        })
    }

    fn backward(&self, batch: &Batch, at: &RowRange, gradients: &mut Gradients) -> Result<Losses> {
        let (b, size, d) = (batch.rows, self.data.size_px(), &self.device);
        let (half, k) = (size / 2, CLASSES.len());
        let image = Tensor::from_slice(&batch.images, (b, 1, size, size), d)?;
        let coded = b / 2;
        let mean = self.autoencoder.encode(&image.narrow(0, 0, coded)?)?.0.detach();
        let noise = Tensor::from_slice(&batch.latent_noise, mean.shape(), d)?;
        let decoded = self.autoencoder.decode(&(mean + noise.affine(0.15, 0.0)?)?)?.detach().clamp(-1.0, 1.0)?;
        let image = Tensor::cat(&[&decoded, &image.narrow(0, coded, b - coded)?], 0)?;
        let output = self.net.forward(&image)?;
        let regions = Tensor::from_slice(&batch.regions, (b, k, half, half), d)?;
        let presence = Tensor::from_slice(&batch.presence, (b, k), d)?;
        let outline = bce_with_logits(&output.regions, &regions)?;
        let class = bce_with_logits(&output.presence, &presence)?;
        let dice = dice_loss(&output.regions, &regions, &presence)?;
        let total = ((outline.affine(4.0, 0.0)? + class.affine(0.5, 0.0)?)? + &dice)?;
        whole_graph(&total, &[("outline", &outline), ("class", &class), ("dice", &dice)], at, gradients)
    }

    fn ids(&self, at: &RowRange) -> Vec<String> {
        let places = (0..at.rows.len() as u64).map(|row| at.first_place() + row);
        places.map(|place| format!("phantom {}", shuffled_index(self.seed ^ 0xc4ec, place, self.data.len() as u64))).collect()
    }

    fn may_rest(&self, _: &str) -> bool {
        false
    }

    /// The overlap of outlines is that of the whole batch.
    fn can_be_shared(&self) -> bool {
        false
    }

    fn sheet(&self, dir: &Path, step: usize) -> Result<()> {
        let first = RowRange { step: 0, rows: 0..self.batch_size, of: self.batch_size };
        let batch = (self.source())(&first)?;
        let (size, rows) = (self.data.size_px(), batch.rows.min(8));
        let half = size / 2;
        let image = Tensor::from_slice(&batch.images[..rows * size * size], (rows, 1, size, size), &self.device)?;
        let found = self.net.forward(&image)?.regions.max(1)?.reshape((rows, 1, half, half))?;
        let seen = candle_nn::ops::sigmoid(&found)?.affine(2.0, -1.0)?.upsample_nearest2d(size, size)?;
        let path = dir.join("panel").join(format!("step-{step:08}.png"));
        sheet::write(&path, &[sheet::grey_images(&image)?, sheet::grey_images(&seen)?].concat(), rows)
    }
}

/// Binary cross-entropy of logits, mean over elements, in the form that cannot overflow.
fn bce_with_logits(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    let soft = (logits.abs()?.neg()?.exp()? + 1.0)?.log()?;
    Ok(((logits.relu()? - logits.mul(target)?)? + soft)?.mean_all()?)
}

/// One minus the soft Dice overlap, mean over the planes that hold the finding.
fn dice_loss(logits: &Tensor, target: &Tensor, presence: &Tensor) -> Result<Tensor> {
    let p = candle_nn::ops::sigmoid(logits)?;
    let both = p.mul(target)?.sum((2, 3))?.affine(2.0, 1.0)?;
    let size = (p.sum((2, 3))? + target.sum((2, 3))?)?.affine(1.0, 1.0)?;
    let lack = both.div(&size)?.affine(-1.0, 1.0)?;
    Ok(lack.mul(presence)?.sum_all()?.div(&presence.sum_all()?.affine(1.0, 1e-3)?)?)
}
