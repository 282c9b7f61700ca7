//! The frozen networks that a stage learns beside: autoencoder, text encoder and tokenizer of a folder of parts, or of a
//! model whose own network is not read.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use engine::condition::Palette;
use engine::device::DeviceKind;
use engine::model::practice_ae::PracticeAe;
use engine::model::{Autoencoder, AutoencoderKl, T5Config, names};
use engine::pipeline::{Encoders, TextMemory};
use engine::store::hash::hash_file;
use engine::store::model_dir::{AutoencoderSpec, ModelKind, PartsSpec};
use engine::store::weights::TensorFile;

use crate::data::latents::Normaliser;

/// A folder whose parts are used as they are.
pub struct Parts {
    /// The folder.
    pub dir: PathBuf,
    /// Its description.
    pub spec: PartsSpec,
    /// Hashes of the files that matter, by name.
    pub hashes: BTreeMap<String, String>,
    device: Device,
}

/// A text encoder with its tokenizer, on the processor; one that is too large for the memory is read block by block.
pub struct TextSide {
    encoders: Encoders,
    max_tokens: usize,
}

impl Parts {
    /// Opens a folder; weights are read when they are asked for.
    ///
    /// # Errors
    /// Names the file that is missing, or that differs from what the description states.
    pub fn open(dir: &Path, device: &Device) -> Result<Self> {
        let spec = PartsSpec::read(dir)?;
        let foreign = spec.kind == Some(ModelKind::StableDiffusion);
        ensure!(!foreign, "{} is a Stable Diffusion model; parts come from one of this family", dir.display());
        let mut hashes = BTreeMap::new();
        for name in [spec.autoencoder.weights(), &spec.text.weights, &spec.text.tokenizer] {
            let path = dir.join(name);
            let hash = hash_file(&path).with_context(|| format!("cannot read {}", path.display()))?;
            if spec.hashes.get(name).is_some_and(|stated| *stated != hash) {
                bail!("{} is not the file that its model.toml states; restore it", path.display());
            }
            hashes.insert(name.to_owned(), hash);
        }
        Ok(Self { dir: dir.to_owned(), spec, hashes, device: device.clone() })
    }

    /// The tensors of a file under their official names, `f32` on the device.
    fn tensors(&self, name: &str) -> Result<VarBuilder<'static>> {
        let file = TensorFile::open(&self.dir.join(name), None)?.translated(names::official_name, names::official_shape);
        let mut file = file.with_context(|| name.to_owned())?;
        let mut tensors = HashMap::new();
        for name in file.in_file_order() {
            let tensor = file.read_f32(&name)?.to_device(&self.device)?;
            tensors.insert(name, tensor);
        }
        Ok(VarBuilder::from_tensors(tensors, DType::F32, &self.device))
    }

    fn config<T: serde::de::DeserializeOwned>(&self, field: &str, table: &toml::Table) -> Result<T> {
        let read = table.clone().try_into::<T>();
        read.map_err(|error| anyhow!("{}: field {field}: {}", self.dir.join("model.toml").display(), error.message()))
    }

    /// The autoencoder.
    ///
    /// # Errors
    /// When its weights are damaged or do not fit.
    pub fn autoencoder(&self) -> Result<Box<dyn Autoencoder>> {
        let vb = self.tensors(self.spec.autoencoder.weights())?;
        Ok(match &self.spec.autoencoder {
            AutoencoderSpec::Kl { config, .. } => Box::new(AutoencoderKl::new(vb, &self.config("autoencoder.config", config)?)?),
            AutoencoderSpec::Practice { config, .. } => {
                Box::new(PracticeAe::new(vb, &self.config("autoencoder.config", config)?)?)
            }
        })
    }

    /// Width of caption rows.
    ///
    /// # Errors
    /// When the description is damaged.
    pub fn text_width(&self) -> Result<usize> {
        Ok(self.config::<T5Config>("text.config", &self.spec.text.config)?.d_model)
    }

    /// The text encoder; captions are cut to `max_tokens`.
    ///
    /// # Errors
    /// When its weights are damaged or do not fit.
    pub fn text(&self, max_tokens: usize) -> Result<TextSide> {
        Ok(TextSide { encoders: Encoders::open(&self.dir, &DeviceKind::Cpu, TextMemory::Auto)?, max_tokens })
    }

    /// Maps of picture and condition latents.
    ///
    /// # Errors
    /// When the description states neither one value nor one for each channel.
    pub fn maps(&self, channels: usize) -> Result<(Normaliser, Normaliser)> {
        let l = &self.spec.latent;
        let spread = |values: &[f32]| -> Result<Vec<f32>> {
            match values {
                [one] => Ok(vec![*one; channels]),
                all if all.len() == channels => Ok(all.to_vec()),
                _ => bail!("{}: table latent needs 1 or {channels} values", self.dir.join("model.toml").display()),
            }
        };
        let map =
            |shift: &[f32], scale: &[f32]| Ok::<_, anyhow::Error>(Normaliser { shift: spread(shift)?, scale: spread(scale)? });
        Ok((map(&l.shift, &l.scale)?, map(&l.condition_shift, &l.condition_scale)?))
    }

    /// Greys of condition pictures.
    ///
    /// # Errors
    /// When the description names none that is known.
    pub fn palette(&self) -> Result<Palette> {
        Ok(self.spec.palette.parse()?)
    }
}

impl TextSide {
    /// Rows of a caption `(tokens, width)`, cleaned and encoded alone, as generation does it.
    ///
    /// # Errors
    /// When the text cannot be cleaned or the device fails.
    pub fn embed(&self, text: &str) -> Result<Vec<f32>> {
        let tokens = self.encoders.tokenizer().encode(&engine::text::clean(text)?.text, self.max_tokens)?;
        Ok(self.encoders.embed(&tokens.ids[..tokens.used()])?.flatten_all()?.to_vec1()?)
    }
}

/// Grey pictures `(n, 1, S, S)` in `-1..=1` of normalised latents, at most 16 at a time.
///
/// # Errors
/// When the device fails.
pub fn decode(autoencoder: &dyn Autoencoder, map: &Normaliser, latents: &Tensor) -> Result<Tensor> {
    let mut parts = Vec::new();
    for start in (0..latents.dim(0)?).step_by(16) {
        let rows = 16.min(latents.dim(0)? - start);
        let picture = autoencoder.decode(&map.invert(&latents.narrow(0, start, rows)?)?)?;
        parts.push(picture.mean_keepdim(1)?.detach().clamp(-1.0, 1.0)?);
    }
    Ok(Tensor::cat(&parts, 0)?)
}
