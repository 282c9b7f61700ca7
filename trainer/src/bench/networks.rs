//! The published networks at full size: one guided step, encoding, decoding, reading a text.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use candle_core::{DType, Device, Tensor};
use engine::denoise::{Conditioning, GuidanceRule, GuidedNetwork, Network, RowCondition};
use engine::device::{DeviceKind, Precision};
use engine::diffusion::{Denoiser, Prediction};
use engine::domain::Preset;
use engine::model::t5::WeightSource;
use engine::model::{Autoencoder, AutoencoderKl, ControlDit, Dit, DitConfig, KlConfig, StreamedT5, T5Config, T5Encoder};
use engine::store::safetensors_writer::SafetensorsWriter;
use engine::store::weights::TensorFile;
use tempfile::TempDir;

use super::weights::{builder, input, values};
use super::{Row, Work};

/// Tokens of a caption, as published.
const TOKENS: usize = 120;
/// Copied blocks of the published control model.
const CONTROL_BLOCKS: usize = 13;

pub(super) const BENCHES: &[Row] = &[
    ("dit-xl2-256", "one guided step of DiT-XL/2 at 256 px: batch 2, 120 tokens", 5, true, |d| {
        guided(DitConfig::xl_2_256(), false, d)
    }),
    ("dit-xl2-512", "one guided step of DiT-XL/2 at 512 px: batch 2, 120 tokens", 3, true, |d| {
        guided(DitConfig::xl_2_512(), false, d)
    }),
    ("control-xl2-512", "the same with 13 control blocks, guided too", 3, true, |d| guided(DitConfig::xl_2_512(), true, d)),
    ("vae-decode-256", "autoencoder of Stable Diffusion, latent to 256 px", 5, true, |d| vae(256, false, d)),
    ("vae-decode-512", "autoencoder of Stable Diffusion, latent to 512 px", 3, true, |d| vae(512, false, d)),
    ("vae-encode-512", "autoencoder of Stable Diffusion, 512 px to latent", 3, true, |d| vae(512, true, d)),
    ("t5-base-120", "T5 v1.1 base reads 120 tokens", 7, true, |d| t5_base(d)),
    ("t5-xxl-120", "T5 v1.1 XXL in bf16, block by block, reads 120 tokens; one block's weights serve all 24", 1, false, |d| {
        t5_xxl(d)
    }),
];

/// Both halves of classifier-free guidance with prepared captions, as a sampler asks for them.
fn guided(config: DitConfig, control: bool, kind: DeviceKind) -> Result<Work> {
    let device = kind.open()?;
    // As images are made: in bf16 on a graphics card.
    let vb = builder(&device).to_dtype(Precision::Auto.on(kind)?.dtype());
    let network = if control {
        Network::Control(Box::new(ControlDit::new(vb, &config, CONTROL_BLOCKS)?))
    } else {
        Network::Text(Box::new(Dit::new(vb, &config)?))
    };
    let rule = GuidanceRule { scale: 4.0, preset: Preset::Paper, control_unconditional: true };
    let caption = input("caption", (1, TOKENS, config.text_embed_dims), &device)?;
    let shape = (1, config.in_channels, config.input_size, config.input_size);
    let conditions = if control { vec![RowCondition::new(input("condition", shape, &device)?, 1.0)] } else { Vec::new() };
    let conditioning = Conditioning { captions: vec![caption], conditions: vec![conditions] };
    // Leaked once a process: the denoiser borrows what it reads, and a bench lives as long as its process.
    let (network, conditioning): (&'static Network, &'static Conditioning) =
        (Box::leak(Box::new(network)), Box::leak(Box::new(conditioning)));
    let mut denoiser = GuidedNetwork::new(network, Prediction::Epsilon, rule, conditioning)?;
    let x = input("latent", shape, &device)?;
    Ok(Box::new(move || {
        let output = denoiser.denoise(&x, 500)?;
        wait(&output.prediction)
    }))
}

fn vae(size: usize, encode: bool, device: DeviceKind) -> Result<Work> {
    let device = device.open()?;
    let config = KlConfig::default();
    let vae = AutoencoderKl::new(builder(&device), &config)?;
    let side = size / config.factor();
    let latent = input("latent", (1, config.latent_channels, side, side), &device)?;
    let image = input("image", (1, config.in_channels, size, size), &device)?;
    Ok(Box::new(move || wait(&if encode { vae.encode(&image)?.mean } else { vae.decode(&latent)? })))
}

fn t5_base(device: DeviceKind) -> Result<Work> {
    let device = device.open()?;
    let config = T5Config { d_model: 768, d_ff: 2048, num_layers: 12, num_heads: 12, ..T5Config::xxl() };
    let encoder = T5Encoder::new(builder(&device), &config)?;
    let ids = Tensor::from_vec(ids(), (1, TOKENS), &device)?;
    Ok(Box::new(move || wait(&encoder.forward(&ids, None)?)))
}

fn t5_xxl(device: DeviceKind) -> Result<Work> {
    let device = device.open()?;
    let config = T5Config::xxl();
    let encoder = StreamedT5::new(Arc::new(OneBlock::new(&config)?), &config, &device)?;
    Ok(Box::new(move || wait(&encoder.forward(&ids())?)))
}

fn ids() -> Vec<u32> {
    (0..TOKENS as u32).map(|i| 3 + i * 7 % 900).collect()
}

/// Waits until the device has finished; nothing is copied, which would count too.
pub(super) fn wait(x: &Tensor) -> Result<()> {
    Ok(x.device().synchronize()?)
}

/// The first block in bf16, in a file as a model folder has it, under the names of all blocks.
struct OneBlock {
    file: Mutex<TensorFile>,
    rows: Tensor,
    /// Removes the file when the bench ends.
    _folder: TempDir,
}

impl OneBlock {
    fn new(config: &T5Config) -> Result<Self> {
        let folder = tempfile::tempdir().context("a folder for one block of the text encoder (0.4 GB)")?;
        let path = folder.path().join("block.safetensors");
        // The embedding is as large as a block, and only a few of its rows are read.
        let wanted = |(name, _): &(String, Vec<usize>)| *name == first_block(name) && !is_embedding(name);
        let shapes: Vec<(String, Vec<usize>)> = config.param_shapes().into_iter().filter(wanted).collect();
        let list = shapes.iter().map(|(name, shape)| (name.clone(), DType::BF16, shape.clone()));
        let mut writer = SafetensorsWriter::create(&path, list.collect())?;
        for (name, shape) in shapes {
            let tensor = Tensor::from_vec(values(&name, &shape), shape, &Device::Cpu)?;
            writer.write(&name, &tensor.to_dtype(DType::BF16)?)?;
        }
        writer.finish()?;
        let rows = input("rows", (TOKENS, config.d_model), &Device::Cpu)?;
        Ok(Self { file: Mutex::new(TensorFile::open(&path, None)?), rows, _folder: folder })
    }
}

fn is_embedding(name: &str) -> bool {
    name == "shared.weight" || name == "encoder.embed_tokens.weight"
}

/// The name that the tensor has in the first block.
fn first_block(name: &str) -> String {
    let Some(rest) = name.strip_prefix("encoder.block.") else { return name.to_owned() };
    let inner = rest.split_once('.').map_or(rest, |(_, inner)| inner);
    format!("encoder.block.0.{inner}")
}

impl WeightSource for OneBlock {
    fn tensor(&self, name: &str) -> candle_core::Result<Tensor> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.read_f32(&first_block(name)).map_err(candle_core::Error::wrap)
    }

    fn rows(&self, _: &str, rows: &[u32]) -> candle_core::Result<Tensor> {
        self.rows.narrow(0, 0, rows.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_block_serves_all() {
        assert_eq!(
            first_block("encoder.block.17.layer.0.SelfAttention.q.weight"),
            "encoder.block.0.layer.0.SelfAttention.q.weight"
        );
        assert_eq!(first_block("encoder.final_layer_norm.weight"), "encoder.final_layer_norm.weight");
    }
}
