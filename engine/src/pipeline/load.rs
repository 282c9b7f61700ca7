//! A model folder becomes a [`Pipeline`]: every file hashed, every tensor checked by name and shape.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device};
use candle_nn::VarBuilder;
use serde::de::DeserializeOwned;

use super::maps::{LatentMap, PreviewMap};
use super::prompt::{Prompt, Reading};
use super::stable;
use super::text_encoder::{self, TextEncoder, TextMemory};
use super::{Backbone, Defaults, Error, ModelCard, Pipeline};
use crate::condition::Palette;
use crate::denoise::Network;
use crate::device::DeviceKind;
use crate::diffusion::{NoiseSchedule, Prediction};
use crate::model::practice_ae::{PracticeAe, PracticeAeConfig};
use crate::model::{
    Autoencoder, AutoencoderKl, Base, ControlDit, Dit, DitConfig, KlConfig, Param, T5Config, T5Encoder, control_params,
    dit_params, names, params, vae_params,
};
use crate::store::hash::{hash_bytes, hash_file};
use crate::store::model_dir::{AutoencoderSpec, DitSpec, ModelSpec, NetworkSpec};
use crate::store::record::FileHash;
use crate::store::weights::{self, TensorFile};
use crate::text::Tokenizer;

/// Timesteps of the process the networks are trained on.
const TIMESTEPS: usize = 1000;

/// Opens the folder; see [`Pipeline::open`].
pub(super) fn open(dir: &Path, kind: &DeviceKind, text_memory: TextMemory) -> Result<Pipeline, Error> {
    let device = kind.open()?;
    let spec = ModelSpec::read(dir)?;
    let folder = Folder { dir, spec: &spec, device: &device };

    let dit = match &spec.network {
        NetworkSpec::Dit(dit) => dit,
        NetworkSpec::Unet(unet) => return stable::open(&folder, unet, kind),
    };
    let dit_config: DitConfig = folder.config("dit.config", &dit.config)?;
    dit_config.check()?;
    let text_config: T5Config = folder.config("text.config", &spec.text.config)?;
    if dit_config.text_embed_dims != text_config.d_model {
        let message = format!("is {}, but the text encoder's d_model is {}", dit_config.text_embed_dims, text_config.d_model);
        return Err(folder.field("dit.config.text_embed_dims", message));
    }
    if spec.text.max_tokens == 0 || spec.text.max_tokens > dit_config.token_num {
        let message = format!("is {}, expected 1 to dit.config.token_num ({})", spec.text.max_tokens, dit_config.token_num);
        return Err(folder.field("text.max_tokens", message));
    }
    let files = folder.hashes()?;
    let text_key = folder.text_key(&files, kind);

    let autoencoder = folder.autoencoder()?;
    let (factor, channels) = (autoencoder.factor(), autoencoder.latent_channels());
    if channels != dit_config.in_channels {
        let message = format!("is {}, but the autoencoder has {channels}", dit_config.in_channels);
        return Err(folder.field("dit.config.in_channels", message));
    }
    if dit_config.input_size * factor != spec.size_px as usize {
        let message =
            format!("is {}, but {} latent positions of {factor} px give another size", spec.size_px, dit_config.input_size);
        return Err(folder.field("size_px", message));
    }
    let network = folder.network(dit, &dit_config)?;
    let encoder = folder.text_encoder(&text_config, text_memory)?;
    let tokenizer = Tokenizer::open(&dir.join(&spec.text.tokenizer))?;
    if tokenizer.vocab_size() > text_config.vocab_size {
        let message = format!("is {}, but the tokenizer has {} tokens", text_config.vocab_size, tokenizer.vocab_size());
        return Err(folder.field("text.config.vocab_size", message));
    }

    let prediction = match dit.prediction.as_str() {
        "epsilon" => Prediction::Epsilon,
        "velocity" => Prediction::Velocity,
        other => return Err(folder.field("dit.prediction", format!("is {other:?}, expected epsilon or velocity"))),
    };
    let latent = &spec.latent;
    let map = |field, shift: &[f32], scale: &[f32]| {
        let message = format!("expected 1 or {channels} finite values in shift and in scale, and no scale of 0");
        LatentMap::new(shift, scale, channels, &device)?.ok_or_else(|| folder.field(field, message))
    };
    let card = ModelCard {
        name: spec.name.clone(),
        kind: spec.network.kind(),
        hash: combined_hash(&files),
        files,
        practice: spec.practice,
        size_px: spec.size_px,
        token_limit: spec.text.max_tokens,
        has_control: matches!(network, Network::Control(_)),
        latent_channels: channels,
        defaults: folder.defaults()?,
        device: kind.to_string(),
    };
    Ok(Pipeline {
        card,
        prompt: Prompt {
            tokenizer,
            encoder,
            width: text_config.d_model,
            cache: None,
            max_tokens: spec.text.max_tokens,
            reading: Reading::Cleaned,
            device: device.clone(),
        },
        text_key,
        image_map: map("latent", &latent.shift, &latent.scale)?,
        condition_map: map("latent.condition_*", &latent.condition_shift, &latent.condition_scale)?,
        condition_sampled: latent.condition_sampled,
        control_unconditional: dit.control_unconditional,
        palette: spec.palette.parse::<Palette>().map_err(|error| folder.field("palette", error.to_string()))?,
        preview: folder.preview(factor, channels)?,
        schedule: NoiseSchedule::linear(TIMESTEPS)?,
        stepping: None,
        backbone: Backbone::Transformer(network),
        autoencoder,
        prediction,
        device,
    })
}

/// The folder while it is read.
pub(super) struct Folder<'a> {
    pub(super) dir: &'a Path,
    pub(super) spec: &'a ModelSpec,
    pub(super) device: &'a Device,
}

impl Folder<'_> {
    pub(super) fn field(&self, field: &'static str, message: String) -> Error {
        Error::Description { path: self.dir.join("model.toml"), field, message }
    }

    pub(super) fn config<T: DeserializeOwned>(&self, field: &'static str, table: &toml::Table) -> Result<T, Error> {
        config(self.dir, field, table)
    }

    /// Hashes of all files an image depends on, compared with those the description states.
    pub(super) fn hashes(&self) -> Result<Vec<FileHash>, Error> {
        let mut names: Vec<&str> =
            self.spec.files().into_iter().filter(|(field, _)| *field != "preview").map(|(_, name)| name).collect();
        names.push("model.toml");
        names.sort_unstable();
        let mut files = Vec::with_capacity(names.len());
        for name in names {
            let path = self.dir.join(name);
            let blake3 = hash_file(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
            if self.spec.hashes.get(name).is_some_and(|stated| *stated != blake3) {
                return Err(Error::Changed { path });
            }
            files.push(FileHash { name: name.to_owned(), blake3 });
        }
        Ok(files)
    }

    /// What an embedding depends on beside its text.
    pub(super) fn text_key(&self, files: &[FileHash], kind: &DeviceKind) -> String {
        let text = &self.spec.text;
        let hash = |name: &str| files.iter().find(|file| file.name == name).map_or("", |file| file.blake3.as_str());
        let device = match kind {
            DeviceKind::Cpu => "cpu",
            DeviceKind::Cuda(_) => "cuda",
        };
        format!("{}\n{}\n{}\n{}\n{device}", hash(&text.weights), hash(&text.tokenizer), text.config, text.max_tokens)
    }

    /// An open weight file that holds exactly the tensors a network expects.
    fn tensors(&self, name: &str, expected: &[(String, Vec<usize>)]) -> Result<TensorFile, Error> {
        let path = self.dir.join(name);
        let file = TensorFile::open(&path, None)?.translated(names::official_name, names::official_shape)?;
        file.check_strict(expected).map_err(|mismatch| Error::Mismatch { path, mismatch })?;
        Ok(file)
    }

    /// The tensors of a weight file, exactly those a network expects, in `f32` on the device.
    pub(super) fn weights(&self, name: &str, expected: &[Param]) -> Result<VarBuilder<'static>, Error> {
        let expected: Vec<_> = expected.iter().map(|param| (param.name.clone(), param.shape.clone())).collect();
        let file = self.tensors(name, &expected)?;
        self.loaded(file)
    }

    /// All tensors of an open file, in `f32` on the device.
    fn loaded(&self, mut file: TensorFile) -> Result<VarBuilder<'static>, Error> {
        let mut tensors = HashMap::with_capacity(file.infos().count());
        for name in file.in_file_order() {
            let tensor = file.read_f32(&name)?.to_device(self.device)?;
            tensors.insert(name, tensor);
        }
        Ok(VarBuilder::from_tensors(tensors, DType::F32, self.device))
    }

    fn text_encoder(&self, config: &T5Config, memory: TextMemory) -> Result<TextEncoder, Error> {
        // Building on a recorder checks the sizes before anything is made of them.
        params::record(|vb| T5Encoder::new(vb, config).map(|_| ()))?;
        let file = self.tensors(&self.spec.text.weights, &config.param_shapes())?;
        if memory.streams(text_encoder::bytes_of(config)) {
            return Ok(TextEncoder::streamed(file, config, self.device)?);
        }
        Ok(TextEncoder::InMemory(Box::new(T5Encoder::new(self.loaded(file)?, config)?)))
    }

    fn network(&self, dit: &DitSpec, config: &DitConfig) -> Result<Network, Error> {
        let name = &dit.weights;
        match dit.control_blocks {
            0 => Ok(Network::Text(Box::new(Dit::new(self.weights(name, &dit_params(config)?)?, config)?))),
            blocks => {
                let expected = control_params(config, blocks, Base::Frozen)?;
                Ok(Network::Control(Box::new(ControlDit::new(self.weights(name, &expected)?, config, blocks)?)))
            }
        }
    }

    pub(super) fn autoencoder(&self) -> Result<Box<dyn Autoencoder>, Error> {
        match &self.spec.autoencoder {
            AutoencoderSpec::Kl { weights, config } => {
                let config: KlConfig = self.config("autoencoder.config", config)?;
                let vb = self.weights(weights, &vae_params(&config)?)?;
                Ok(Box::new(AutoencoderKl::new(vb, &config)?))
            }
            AutoencoderSpec::Practice { weights, config } => {
                let config: PracticeAeConfig = self.config("autoencoder.config", config)?;
                let expected = params::record(|vb| PracticeAe::new(vb, &config).map(|_| ()))?;
                Ok(Box::new(PracticeAe::new(self.weights(weights, &expected)?, &config)?))
            }
        }
    }

    pub(super) fn preview(&self, factor: usize, channels: usize) -> Result<PreviewMap, Error> {
        let Some(name) = &self.spec.preview else { return Ok(PreviewMap::flat(factor, channels)) };
        let path = self.dir.join(name);
        let pixels = factor * factor;
        let expected = [("weight".to_owned(), vec![pixels, channels]), ("bias".to_owned(), vec![pixels])];
        let found = weights::load(&path, None)?;
        weights::check_strict(&found, &expected).map_err(|mismatch| Error::Mismatch { path, mismatch })?;
        let tensor = |name: &str| found[name].to_dtype(DType::F32);
        let map = PreviewMap::new(&tensor("weight")?, &tensor("bias")?, factor, channels)?;
        Ok(map.unwrap_or_else(|| PreviewMap::flat(factor, channels)))
    }

    pub(super) fn defaults(&self) -> Result<Defaults, Error> {
        let d = &self.spec.defaults;
        let defaults = Defaults {
            num_steps: d.num_steps,
            sampler: d
                .sampler
                .parse()
                .map_err(|error: crate::domain::RequestError| self.field("defaults.sampler", error.to_string()))?,
            guidance_scale: d.guidance_scale,
            preset: d
                .preset
                .parse()
                .map_err(|error: crate::domain::RequestError| self.field("defaults.preset", error.to_string()))?,
            eta: 0.0,
            karras: false,
        };
        let mut probe = crate::domain::GenerateRequest::new("defaults", 0);
        (probe.num_steps, probe.guidance_scale) = (defaults.num_steps, defaults.guidance_scale);
        probe.check().map_err(|error| self.field("defaults", error.to_string()))?;
        Ok(defaults)
    }
}

/// Sizes of a network as the description states them.
pub(super) fn config<T: DeserializeOwned>(dir: &Path, field: &'static str, table: &toml::Table) -> Result<T, Error> {
    let refuse =
        |error: toml::de::Error| Error::Description { path: dir.join("model.toml"), field, message: error.message().to_owned() };
    table.clone().try_into().map_err(refuse)
}

/// One hash over names and hashes.
pub(super) fn combined_hash(files: &[FileHash]) -> String {
    let text: String = files.iter().map(|file| format!("{} {}\n", file.name, file.blake3)).collect();
    hash_bytes(text.as_bytes())
}
