//! The linear preview map of an autoencoder, fitted to what it makes of smooth random latents.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;

use super::{AUTOENCODER, ImportError, PREVIEW};
use crate::cancel::Cancel;
use crate::domain::{Seed, Stream};
use crate::model::preview::fit_preview;
use crate::model::{Autoencoder, AutoencoderKl, KlConfig};
use crate::noise;
use crate::store::safetensors_writer::SafetensorsWriter;
use crate::store::weights::TensorFile;

/// Changes whenever the fit gives another map.
pub(super) const VERSION: u32 = 1;
/// Latents that are decoded.
const COUNT: usize = 8;
/// Side of a latent.
const SIDE: usize = 16;
/// Side of the coarse noise under it.
const COARSE: usize = 5;
/// Share of fine noise.
const FINE: f32 = 0.3;

/// Fits and writes the map; gives its hash, or `None` if cancelled.
pub(super) fn write(out: &Path, config: &KlConfig, cancel: &Cancel) -> Result<Option<String>, ImportError> {
    let mut file = TensorFile::open(&out.join(AUTOENCODER), None)?;
    let mut tensors = HashMap::new();
    for name in file.in_file_order() {
        let tensor = file.read_f32(&name)?;
        tensors.insert(name, tensor);
    }
    let autoencoder = AutoencoderKl::new(VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu), config)?;
    let (mut latents, mut pictures) = (Vec::new(), Vec::new());
    for index in 0..COUNT {
        if cancel.is_cancelled() {
            return Ok(None);
        }
        let latent = smooth(index as u32, config.latent_channels)?;
        let picture = autoencoder.decode(&(&latent / config.scaling_factor)?)?;
        pictures.push(picture.mean_keepdim(1)?.clamp(-1f32, 1f32)?);
        latents.push(latent);
    }
    let map = fit_preview(&Tensor::cat(&latents, 0)?, &Tensor::cat(&pictures, 0)?, config.factor())?;
    let list = map.iter().map(|(name, tensor)| (name.clone(), tensor.dtype(), tensor.dims().to_vec())).collect();
    let mut writer = SafetensorsWriter::create(&out.join(PREVIEW), list)?;
    for (name, tensor) in &map {
        writer.write(name, tensor)?;
    }
    Ok(Some(writer.finish()?))
}

/// A latent `(1, C, side, side)` of unit size: coarse noise, stretched bilinearly, and a little fine noise.
fn smooth(index: u32, channels: usize) -> candle_core::Result<Tensor> {
    let count = channels * (COARSE * COARSE + SIDE * SIDE);
    let values = noise::normal(Seed(0), Stream::Init, index, count);
    let (coarse, fine) = values.split_at(channels * COARSE * COARSE);
    let place = |at: usize| {
        let position = at as f32 * (COARSE - 1) as f32 / (SIDE - 1) as f32;
        let first = (position as usize).min(COARSE - 2);
        (first, position - first as f32)
    };
    let mut latent = Vec::with_capacity(channels * SIDE * SIDE);
    for channel in 0..channels {
        let at = |y: usize, x: usize| coarse[(channel * COARSE + y) * COARSE + x];
        for row in 0..SIDE {
            let (y, down) = place(row);
            for column in 0..SIDE {
                let (x, right) = place(column);
                let upper = at(y, x) * (1.0 - right) + at(y, x + 1) * right;
                let lower = at(y + 1, x) * (1.0 - right) + at(y + 1, x + 1) * right;
                let grain = fine[(channel * SIDE + row) * SIDE + column];
                latent.push(upper * (1.0 - down) + lower * down + FINE * grain);
            }
        }
    }
    Tensor::from_vec(latent, (1, channels, SIDE, SIDE), &Device::Cpu)
}
