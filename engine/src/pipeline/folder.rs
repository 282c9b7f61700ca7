//! A model folder while it is opened: every file hashed, every tensor checked by name and shape.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Device};
use candle_nn::VarBuilder;
use serde::de::DeserializeOwned;

use super::maps::{LatentMap, PreviewMap};
use super::part::Part;
use super::{Defaults, Error};
use crate::condition::{Palette, PaletteError};
use crate::device::DeviceKind;
use crate::diffusion::Prediction;
use crate::model::practice_ae::{PracticeAe, PracticeAeConfig};
use crate::model::t5::{Quantization, UnknownQuantization};
use crate::model::{Autoencoder, AutoencoderKl, KlConfig, Param, names, params};
use crate::store::hash::hash_file;
use crate::store::model_dir::{AutoencoderSpec, DefaultsSpec, ModelSpec, PartsSpec, TextSpec};
use crate::store::record::FileHash;
use crate::store::weights::{self, TensorFile};
use crate::text::Tokenizer;

/// The folder and how it is read; parts that take turns are read from it again.
pub(super) struct Folder {
    pub(super) dir: PathBuf,
    pub(super) spec: PartsSpec,
    pub(super) device: Device,
    /// Its files as they were when they were hashed.
    seen: BTreeMap<String, Metadata>,
}

/// Sizes of an autoencoder that are known before its weights are read.
pub(super) struct AutoencoderSizes {
    pub(super) factor: usize,
    pub(super) latent_channels: usize,
    pub(super) image_channels: usize,
}

impl Folder {
    pub(super) fn new(dir: &Path, spec: PartsSpec, device: Device) -> Self {
        Self { dir: dir.to_owned(), spec, device, seen: BTreeMap::new() }
    }

    /// A network of the weight file `name`, which holds exactly the tensors of `list`.
    pub(super) fn part<T>(
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

    pub(super) fn field(&self, field: &'static str, message: String) -> Error {
        Error::Description { path: self.dir.join("model.toml"), field, message }
    }

    pub(super) fn config<T: DeserializeOwned>(&self, field: &'static str, table: &toml::Table) -> Result<T, Error> {
        config(&self.dir, field, table)
    }

    /// Hashes of all files that an image of the model depends on, compared with those the description states; from now on they must stay
    /// what they are.
    pub(super) fn hashes(&mut self, model: &ModelSpec) -> Result<Vec<FileHash>, Error> {
        let mut names: Vec<&str> =
            model.files().into_iter().filter(|(field, _)| *field != "preview").map(|(_, name)| name).collect();
        names.push("model.toml");
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let files = self.hashes_of(names)?;
        // What changes no image, preview and checker, must be of this model, too: an export over an older model that was
        // killed between two files is neither of both.
        for (name, stated) in &self.spec.hashes {
            let path = self.dir.join(name);
            if self.seen.contains_key(name) || !path.is_file() {
                continue;
            }
            let found = hash_file(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
            if found != *stated {
                return Err(Error::Changed { path });
            }
        }
        Ok(files)
    }

    /// As [`Folder::hashes`], of some files.
    pub(super) fn hashes_of(&mut self, mut names: Vec<String>) -> Result<Vec<FileHash>, Error> {
        names.sort_unstable();
        let mut files = Vec::with_capacity(names.len());
        let mut seen = BTreeMap::new();
        for name in names {
            let path = self.dir.join(&name);
            let fail = |source| Error::Read { path: path.clone(), source };
            let metadata = std::fs::metadata(&path).map_err(fail)?;
            let blake3 = hash_file(&path).map_err(fail)?;
            if self.spec.hashes.get(&name).is_some_and(|stated| *stated != blake3) {
                return Err(Error::Changed { path });
            }
            files.push(FileHash { name: name.clone(), blake3 });
            seen.insert(name, metadata);
        }
        self.seen = seen;
        Ok(files)
    }

    /// What an embedding depends on beside its text.
    pub(super) fn text_key(&self, files: &[FileHash], kind: &DeviceKind) -> String {
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
    pub(super) fn tensors(&self, name: &str, expected: &[(String, Vec<usize>)]) -> Result<TensorFile, Error> {
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
    pub(super) fn weights(&self, name: &str, expected: &[Param], dtype: DType) -> Result<VarBuilder<'static>, Error> {
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

    /// The tensors that the autoencoder expects, and its sizes.
    pub(super) fn autoencoder_list(&self) -> Result<(Vec<Param>, AutoencoderSizes), Error> {
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

    /// The autoencoder, whose tensors are `list`.
    pub(super) fn autoencoder(self: &Arc<Self>, staged: bool, list: Vec<Param>) -> Result<Part<Box<dyn Autoencoder>>, Error> {
        self.part(staged, self.spec.autoencoder.weights(), list, |folder, list| {
            folder.autoencoder_on(folder.weights(folder.spec.autoencoder.weights(), list, DType::F32)?)
        })
    }

    /// What the network's answer is, as the field says.
    pub(super) fn prediction(&self, field: &'static str, word: &str) -> Result<Prediction, Error> {
        match word {
            "epsilon" => Ok(Prediction::Epsilon),
            "velocity" => Ok(Prediction::Velocity),
            other => Err(self.field(field, format!("is {other:?}, expected epsilon or velocity"))),
        }
    }

    /// How latents and those of conditions are scaled.
    pub(super) fn latent_maps(&self, channels: usize) -> Result<(LatentMap, LatentMap), Error> {
        let latent = &self.spec.latent;
        let map = |field, shift: &[f32], scale: &[f32]| {
            let message = format!("expected 1 or {channels} finite values in shift and in scale, and no scale of 0");
            LatentMap::new(shift, scale, channels, &self.device)?.ok_or_else(|| self.field(field, message))
        };
        let of_images = map("latent", &latent.shift, &latent.scale)?;
        Ok((of_images, map("latent.condition_*", &latent.condition_shift, &latent.condition_scale)?))
    }

    pub(super) fn palette(&self) -> Result<Palette, Error> {
        self.spec.palette.parse().map_err(|error: PaletteError| self.field("palette", error.to_string()))
    }

    /// The tokenizer, which knows no more tokens than the text encoder has.
    pub(super) fn tokenizer(&self, vocab_size: usize) -> Result<Tokenizer, Error> {
        let tokenizer = Tokenizer::open(&self.dir.join(&self.spec.text.tokenizer))?;
        if tokenizer.vocab_size() > vocab_size {
            let message = format!("is {vocab_size}, but the tokenizer has {} tokens", tokenizer.vocab_size());
            return Err(self.field("text.config.vocab_size", message));
        }
        Ok(tokenizer)
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

    pub(super) fn defaults(&self, d: &DefaultsSpec) -> Result<Defaults, Error> {
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
pub(super) fn quantization(dir: &Path, text: &TextSpec) -> Result<Option<Quantization>, Error> {
    text.quantized.as_deref().map(str::parse).transpose().map_err(|error: UnknownQuantization| Error::Description {
        path: dir.join("model.toml"),
        field: "text.quantized",
        message: error.to_string(),
    })
}

/// Names and shapes of a list.
pub(super) fn shapes_of(list: &[Param]) -> Vec<(String, Vec<usize>)> {
    list.iter().map(|param| (param.name.clone(), param.shape.clone())).collect()
}
