//! A model folder becomes a [`Pipeline`]: every file hashed, every tensor checked by name and shape.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Device};
use candle_nn::VarBuilder;
use serde::de::DeserializeOwned;

use super::maps::{LatentMap, PreviewMap};
use super::memory::Budget;
use super::part::Part;
use super::prompt::Prompt;
use super::text_encoder::TextEncoder;
use super::{Defaults, Error, MemoryPlan, ModelCard, OpenOptions, Pipeline};
use crate::condition::Palette;
use crate::denoise::Network;
use crate::device::DeviceKind;
use crate::diffusion::{NoiseSchedule, Prediction};
use crate::model::practice_ae::{PracticeAe, PracticeAeConfig};
use crate::model::t5::{Quantization, UnknownQuantization};
use crate::model::{
    Autoencoder, AutoencoderKl, Base, ControlDit, Dit, DitConfig, KlConfig, Param, T5Config, T5Encoder, control_params,
    dit_params, names, params,
};
use crate::store::hash::{hash_bytes, hash_file};
use crate::store::model_dir::{AutoencoderSpec, ModelSpec};
use crate::store::record::FileHash;
use crate::store::weights::{self, TensorFile};
use crate::text::Tokenizer;

/// Timesteps of the process the networks are trained on.
const TIMESTEPS: usize = 1000;

/// Opens the folder; see [`Pipeline::open`].
pub(super) fn open(dir: &Path, kind: &DeviceKind, options: &OpenOptions) -> Result<Pipeline, Error> {
    let precision = options.precision.on(*kind)?;
    let device = kind.open()?;
    let spec = ModelSpec::read(dir)?;
    let mut folder = Folder { dir: dir.to_owned(), spec: spec.clone(), device: device.clone(), seen: BTreeMap::new() };

    let dit_config: DitConfig = folder.config("dit.config", &spec.dit.config)?;
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
    let (autoencoder_list, autoencoder) = folder.autoencoder_list()?;
    let AutoencoderSizes { factor, latent_channels: channels, image_channels } = autoencoder;
    if channels != dit_config.in_channels {
        let message = format!("is {}, but the autoencoder has {channels}", dit_config.in_channels);
        return Err(folder.field("dit.config.in_channels", message));
    }
    if dit_config.input_size * factor != spec.size_px as usize {
        let message =
            format!("is {}, but {} latent positions of {factor} px give another size", spec.size_px, dit_config.input_size);
        return Err(folder.field("size_px", message));
    }
    let plan = MemoryPlan::with(dir, options.text_memory, precision)?;
    let budget = Budget::new(plan, *kind, options)?;
    let (files, seen) = folder.hashes()?;
    folder.seen = seen;
    let text_key = folder.text_key(&files, kind);
    let folder = Arc::new(folder);

    let staged = budget.staged;
    let network = {
        let (folder, config, list) = (Arc::clone(&folder), dit_config.clone(), folder.network_list(&dit_config)?);
        folder.part(staged, &spec.dit.weights, list, move |folder, list| folder.network(&config, list, precision.dtype()))?
    };
    let autoencoder = folder.part(staged, spec.autoencoder.weights(), autoencoder_list, |folder, list| {
        folder.autoencoder_on(folder.weights(folder.spec.autoencoder.weights(), list, DType::F32)?)
    })?;
    let streamed = budget.plan.text_streamed;
    let encoder = folder.text_encoder(&text_config, streamed, staged)?;
    let tokenizer = Tokenizer::open(&dir.join(&spec.text.tokenizer))?;
    if tokenizer.vocab_size() > text_config.vocab_size {
        let message = format!("is {}, but the tokenizer has {} tokens", text_config.vocab_size, tokenizer.vocab_size());
        return Err(folder.field("text.config.vocab_size", message));
    }

    let prediction = match spec.dit.prediction.as_str() {
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
        hash: combined_hash(&files),
        files,
        practice: spec.practice,
        size_px: spec.size_px,
        token_limit: spec.text.max_tokens,
        has_control: spec.dit.control_blocks > 0,
        latent_channels: channels,
        defaults: folder.defaults()?,
        device: kind.to_string(),
        dtype: precision.to_string(),
    };
    Ok(Pipeline {
        card,
        prompt: Prompt {
            tokenizer,
            encoder,
            streamed,
            width: text_config.d_model,
            cache: None,
            max_tokens: spec.text.max_tokens,
            device: device.clone(),
        },
        text_key,
        image_map: map("latent", &latent.shift, &latent.scale)?,
        condition_map: map("latent.condition_*", &latent.condition_shift, &latent.condition_scale)?,
        condition_sampled: latent.condition_sampled,
        control_unconditional: spec.dit.control_unconditional,
        palette: spec.palette.parse::<Palette>().map_err(|error| folder.field("palette", error.to_string()))?,
        preview: folder.preview(factor, channels)?,
        schedule: NoiseSchedule::linear(TIMESTEPS)?,
        network,
        dit: dit_config,
        autoencoder,
        image_channels,
        bands: budget.bands,
        budget,
        prediction,
        device,
    })
}

/// The folder and how it is read; parts that take turns are read from it again.
struct Folder {
    dir: PathBuf,
    spec: ModelSpec,
    device: Device,
    /// Its files as they were when they were hashed.
    seen: BTreeMap<String, Metadata>,
}

/// Sizes of an autoencoder that are known before its weights are read.
struct AutoencoderSizes {
    factor: usize,
    latent_channels: usize,
    image_channels: usize,
}

impl Folder {
    /// A network of the weight file `name`, which holds exactly the tensors of `list`.
    fn part<T>(
        self: &Arc<Self>,
        staged: bool,
        name: &str,
        list: Vec<Param>,
        build: impl Fn(&Self, &[Param]) -> Result<T, Error> + Send + Sync + 'static,
    ) -> Result<Part<T>, Error> {
        if !staged {
            return Ok(Part::Kept(build(self, &list)?));
        }
        self.tensors(name, &shapes_of(&list))?;
        let folder = Arc::clone(self);
        Ok(Part::Staged(Box::new(move || build(&folder, &list))))
    }

    fn field(&self, field: &'static str, message: String) -> Error {
        Error::Description { path: self.dir.join("model.toml"), field, message }
    }

    fn config<T: DeserializeOwned>(&self, field: &'static str, table: &toml::Table) -> Result<T, Error> {
        config(&self.dir, field, table)
    }

    /// Hashes of all files an image depends on, compared with those the description states.
    fn hashes(&self) -> Result<(Vec<FileHash>, BTreeMap<String, Metadata>), Error> {
        let mut names: Vec<&str> =
            self.spec.files().into_iter().filter(|(field, _)| *field != "preview").map(|(_, name)| name).collect();
        names.push("model.toml");
        names.sort_unstable();
        let mut files = Vec::with_capacity(names.len());
        let mut seen = BTreeMap::new();
        for name in names {
            let path = self.dir.join(name);
            let fail = |source| Error::Read { path: path.clone(), source };
            let metadata = std::fs::metadata(&path).map_err(fail)?;
            let blake3 = hash_file(&path).map_err(fail)?;
            if self.spec.hashes.get(name).is_some_and(|stated| *stated != blake3) {
                return Err(Error::Changed { path });
            }
            files.push(FileHash { name: name.to_owned(), blake3 });
            seen.insert(name.to_owned(), metadata);
        }
        Ok((files, seen))
    }

    /// What an embedding depends on beside its text.
    fn text_key(&self, files: &[FileHash], kind: &DeviceKind) -> String {
        let text = &self.spec.text;
        let hash = |name: &str| files.iter().find(|file| file.name == name).map_or("", |file| file.blake3.as_str());
        if let Some(kind) = &text.quantized {
            // Packed matrices compute on the processor, wherever the rest does.
            return format!(
                "{}\n{}\n{}\n{}\n{kind} cpu",
                hash(&text.weights),
                hash(&text.tokenizer),
                text.config,
                text.max_tokens
            );
        }
        let device = match kind {
            DeviceKind::Cpu => "cpu",
            DeviceKind::Cuda(_) => "cuda",
        };
        format!("{}\n{}\n{}\n{}\n{device}", hash(&text.weights), hash(&text.tokenizer), text.config, text.max_tokens)
    }

    /// An open weight file that holds exactly the tensors a network expects.
    fn tensors(&self, name: &str, expected: &[(String, Vec<usize>)]) -> Result<TensorFile, Error> {
        let path = self.dir.join(name);
        // A file that is read long after it was hashed must still be that file.
        let now = std::fs::metadata(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let same = |then: &Metadata| then.len() == now.len() && then.modified().ok() == now.modified().ok();
        if !self.seen.get(name).is_none_or(same) {
            return Err(Error::ChangedSince { path });
        }
        let file = TensorFile::open(&path, None)?.translated(names::official_name, names::official_shape)?;
        file.check_strict(expected).map_err(|mismatch| Error::Mismatch { path, mismatch })?;
        Ok(file)
    }

    /// The tensors of a weight file, exactly those a network expects, in `dtype` on the device.
    fn weights(&self, name: &str, expected: &[Param], dtype: DType) -> Result<VarBuilder<'static>, Error> {
        self.loaded(self.tensors(name, &shapes_of(expected))?, dtype)
    }

    /// All tensors of an open file, in `dtype` on the device.
    fn loaded(&self, mut file: TensorFile, dtype: DType) -> Result<VarBuilder<'static>, Error> {
        let mut tensors = BTreeMap::new();
        for name in file.in_file_order() {
            let tensor = file.read_f32(&name)?.to_dtype(dtype)?.to_device(&self.device)?;
            tensors.insert(name, tensor);
        }
        Ok(params::given_once(tensors, dtype, &self.device))
    }

    fn text_encoder(self: &Arc<Self>, config: &T5Config, streamed: bool, staged: bool) -> Result<Part<TextEncoder>, Error> {
        // Building on a recorder checks the sizes before anything is made of them.
        let list = params::record(|vb| T5Encoder::new(vb, config).map(|_| ()))?;
        if let Some(kind) = quantization(&self.dir, &self.spec)? {
            let shapes = config.packed_shapes(kind);
            if streamed {
                let file = self.tensors(&self.spec.text.weights, &shapes)?;
                return Ok(Part::Kept(TextEncoder::packed(file, config, kind, false)?));
            }
            let list: Vec<Param> = shapes.into_iter().map(|(name, shape)| Param { name, shape, trainable: false }).collect();
            let config = config.clone();
            return self.part(staged, &self.spec.text.weights, list, move |folder, list| {
                let file = folder.tensors(&folder.spec.text.weights, &shapes_of(list))?;
                Ok(TextEncoder::packed(file, &config, kind, true)?)
            });
        }
        if streamed {
            let file = self.tensors(&self.spec.text.weights, &config.param_shapes())?;
            return Ok(Part::Kept(TextEncoder::streamed(file, config, &self.device)?));
        }
        let config = config.clone();
        self.part(staged, &self.spec.text.weights, list, move |folder, list| {
            let vb = folder.weights(&folder.spec.text.weights, list, DType::F32)?;
            Ok(TextEncoder::InMemory(Box::new(T5Encoder::new(vb, &config)?)))
        })
    }

    fn network_list(&self, config: &DitConfig) -> Result<Vec<Param>, Error> {
        Ok(match self.spec.dit.control_blocks {
            0 => dit_params(config)?,
            blocks => control_params(config, blocks, Base::Frozen)?,
        })
    }

    fn network(&self, config: &DitConfig, list: &[Param], dtype: DType) -> Result<Network, Error> {
        let vb = self.weights(&self.spec.dit.weights, list, dtype)?;
        Ok(match self.spec.dit.control_blocks {
            0 => Network::Text(Box::new(Dit::new(vb, config)?)),
            blocks => Network::Control(Box::new(ControlDit::new(vb, config, blocks)?)),
        })
    }

    /// The tensors that the autoencoder expects, and its sizes.
    fn autoencoder_list(&self) -> Result<(Vec<Param>, AutoencoderSizes), Error> {
        let mut sizes = AutoencoderSizes { factor: 0, latent_channels: 0, image_channels: 0 };
        let list = params::record(|vb| -> Result<(), Error> {
            let made = self.autoencoder_on(vb)?;
            sizes = AutoencoderSizes {
                factor: made.factor(),
                latent_channels: made.latent_channels(),
                image_channels: made.image_channels(),
            };
            Ok(())
        })?;
        Ok((list, sizes))
    }

    fn autoencoder_on(&self, vb: VarBuilder<'_>) -> Result<Box<dyn Autoencoder>, Error> {
        match &self.spec.autoencoder {
            AutoencoderSpec::Kl { config, .. } => {
                let config: KlConfig = self.config("autoencoder.config", config)?;
                Ok(Box::new(AutoencoderKl::new(vb, &config)?))
            }
            AutoencoderSpec::Practice { config, .. } => {
                let config: PracticeAeConfig = self.config("autoencoder.config", config)?;
                Ok(Box::new(PracticeAe::new(vb, &config)?))
            }
        }
    }

    fn preview(&self, factor: usize, channels: usize) -> Result<PreviewMap, Error> {
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

    fn defaults(&self) -> Result<Defaults, Error> {
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

/// How the text encoder's matrices are packed, where they are.
pub(super) fn quantization(dir: &Path, spec: &ModelSpec) -> Result<Option<Quantization>, Error> {
    spec.text.quantized.as_deref().map(str::parse).transpose().map_err(|error: UnknownQuantization| Error::Description {
        path: dir.join("model.toml"),
        field: "text.quantized",
        message: error.to_string(),
    })
}

/// Names and shapes of a list.
fn shapes_of(list: &[Param]) -> Vec<(String, Vec<usize>)> {
    list.iter().map(|param| (param.name.clone(), param.shape.clone())).collect()
}

/// One hash over names and hashes.
fn combined_hash(files: &[FileHash]) -> String {
    let text: String = files.iter().map(|file| format!("{} {}\n", file.name, file.blake3)).collect();
    hash_bytes(text.as_bytes())
}
