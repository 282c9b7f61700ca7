//! The parts of a model that turn pictures and texts into numbers, without the network that predicts noise: all that
//! preparing a data set needs.

use std::path::Path;
use std::sync::Arc;

use candle_core::{Device, Tensor};

use super::folder::{Folder, quantization};
use super::maps::LatentMap;
use super::part::Part;
use super::text_encoder::{TextEncoder, TextMemory, bytes_of};
use super::{Error, load};
use crate::device::DeviceKind;
use crate::model::{Autoencoder, Posterior, T5Config};
use crate::store::model_dir::{ModelKind, PartsSpec};
use crate::text::Tokenizer;

/// What is known of the encoders of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodersCard {
    /// Name of the model.
    pub model: String,
    /// Hash of the autoencoder's weights.
    pub autoencoder: String,
    /// Hash of the text encoder's weights.
    pub text: String,
    /// Hash of the tokenizer's file.
    pub tokenizer: String,
    /// Side of the model's images in pixels; 0 where the folder describes no network.
    pub size_px: usize,
    /// Channels of a latent.
    pub channels: usize,
    /// Image pixels per latent position along a side.
    pub factor: usize,
    /// Width of a caption's rows.
    pub text_width: usize,
    /// Most tokens of a caption, end token included.
    pub max_tokens: usize,
    /// Name of the greys in which conditions are drawn.
    pub palette: String,
}

/// The autoencoder, the text encoder and the tokenizer of a folder of parts or of a model.
pub struct Encoders {
    card: EncodersCard,
    autoencoder: Part<Box<dyn Autoencoder>>,
    text: Part<TextEncoder>,
    tokenizer: Tokenizer,
    image_channels: usize,
    image_map: LatentMap,
    device: Device,
}

impl std::fmt::Debug for Encoders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoders").field("card", &self.card).finish_non_exhaustive()
    }
}

impl Encoders {
    /// Opens the encoders of the folder `dir`; a network that predicts noise may be missing, and is not read.
    ///
    /// # Errors
    /// When a file is missing, damaged or foreign, the model is of another kind, or the device cannot be used.
    pub fn open(dir: &Path, kind: &DeviceKind, memory: TextMemory) -> Result<Self, Error> {
        let spec = PartsSpec::read(dir)?;
        let device = kind.open()?;
        let mut folder = Folder::new(dir, spec.clone(), device.clone());
        if spec.kind == Some(ModelKind::StableDiffusion) {
            let message = "is no T5 encoder, and only models with one are trained here".to_owned();
            return Err(folder.field("text", message));
        }
        let names = [spec.autoencoder.weights(), &spec.text.weights, &spec.text.tokenizer].map(str::to_owned);
        let files = folder.hashes_of(names.to_vec())?;
        let hash = |name: &str| files.iter().find(|file| file.name == name).map(|file| file.blake3.clone()).unwrap_or_default();
        let text_config: T5Config = folder.config("text.config", &spec.text.config)?;
        let (list, sizes) = folder.autoencoder_list()?;
        let folder = Arc::new(folder);
        let autoencoder = folder.autoencoder(false, list)?;
        let streamed = memory.streams(bytes_of(&text_config, quantization(dir, &spec.text)?));
        let text = load::text_encoder(&folder, &text_config, streamed, false)?;
        let (image_map, _) = folder.latent_maps(sizes.latent_channels)?;
        let card = EncodersCard {
            model: spec.name.clone(),
            autoencoder: hash(spec.autoencoder.weights()),
            text: hash(&spec.text.weights),
            tokenizer: hash(&spec.text.tokenizer),
            size_px: spec.size_px.unwrap_or_default() as usize,
            channels: sizes.latent_channels,
            factor: sizes.factor,
            text_width: text_config.d_model,
            max_tokens: spec.text.max_tokens,
            palette: spec.palette.clone(),
        };
        let tokenizer = folder.tokenizer(text_config.vocab_size)?;
        Ok(Self { card, autoencoder, text, tokenizer, image_channels: sizes.image_channels, image_map, device })
    }

    /// What was opened.
    pub fn card(&self) -> &EncodersCard {
        &self.card
    }

    /// Where the networks compute.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The latent distribution of grey pictures `(B, size_px, size_px)` in `[-1, 1]`, side by side in `pictures`.
    ///
    /// # Errors
    /// When the numbers do not fit the size, or the device fails.
    pub fn encode(&self, pictures: &[f32], size_px: usize) -> Result<Posterior, Error> {
        let rows = pictures.len() / (size_px * size_px).max(1);
        let grey = Tensor::from_slice(pictures, (rows, 1, size_px, size_px), &self.device)?;
        let picture = if self.image_channels == 1 { grey } else { grey.repeat((1, self.image_channels, 1, 1))? };
        Ok(self.autoencoder.get()?.encode(&picture)?)
    }

    /// Rows `(1, L, width)` of a caption's token ids, the end token included and nothing filled up.
    ///
    /// Each text is encoded alone, so that its numbers depend on nothing else.
    ///
    /// # Errors
    /// When an id is unknown or the device fails.
    pub fn embed(&self, ids: &[u32]) -> Result<Tensor, Error> {
        Ok(self.text.get()?.forward(ids, &self.device)?)
    }

    /// Latents `(B, C, h, w)` as the network sees them: shifted and scaled.
    ///
    /// # Errors
    /// When the channels differ.
    pub fn scaled(&self, latents: &Tensor) -> Result<Tensor, Error> {
        Ok(self.image_map.apply(latents)?)
    }

    /// Inverse of [`Encoders::scaled`].
    ///
    /// # Errors
    /// When the channels differ.
    pub fn unscaled(&self, latents: &Tensor) -> Result<Tensor, Error> {
        Ok(self.image_map.invert(latents)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::GrayImage;
    use crate::pipeline::Pipeline;

    #[test]
    fn the_encoders_alone_give_what_the_pipeline_gives() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/practice");
        if !dir.join("model.toml").is_file() {
            println!("skipped: there is no practice model");
            return;
        }
        let encoders = Encoders::open(&dir, &DeviceKind::Cpu, TextMemory::Auto).unwrap();
        let card = encoders.card();
        assert_eq!((card.size_px, card.factor, card.channels, card.max_tokens), (256, 8, 8, 120));
        let pipeline = Pipeline::open(&dir, &DeviceKind::Cpu).unwrap();
        let hash = |name: &str| pipeline.card().files.iter().find(|file| file.name == name).unwrap().blake3.clone();
        assert_eq!(card.autoencoder, hash("autoencoder.safetensors"));
        let image = GrayImage::new(256, 256, (0..65536u32).map(|i| (i * 7 % 60000) as u16).collect()).unwrap();
        let pixels: Vec<f32> = image.to_unit().iter().map(|v| v * 2.0 - 1.0).collect();
        let there = encoders.encode(&pixels, 256).unwrap();
        let picture = encoders.autoencoder.get().unwrap().decode(&there.mean).unwrap();
        let grey = picture.mean(1).unwrap().affine(0.5, 0.5).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let back = GrayImage::from_unit(256, 256, &grey).unwrap();
        let expected = pipeline.round_trip(&image).unwrap();
        let far = back.pixels().iter().zip(expected.pixels()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(far <= 2, "{far}");
        let ids = encoders.tokenizer().encode("no acute findings.", 120).unwrap();
        assert_eq!(encoders.embed(&ids.ids[..ids.used()]).unwrap().dims(), [1, ids.used(), card.text_width]);
        let scaled = encoders.unscaled(&encoders.scaled(&there.mean).unwrap()).unwrap();
        let sum = |t: &Tensor| t.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
        assert!((sum(&scaled) / sum(&there.mean) - 1.0).abs() < 1e-4);
    }
}
