//! A model folder: `model.toml` beside the weight files it names.
//!
//! The file says what the parts are and where they lie; it holds no tensor. Paths are relative to
//! the folder and may not leave it.

mod parts;
mod tables;

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use parts::PartsSpec;
use tables::Tables;

/// The only format this build reads and writes.
pub const FORMAT: u32 = 1;

/// Why a model folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelDirError {
    /// The description cannot be read.
    #[error("cannot read {path}: {source}; choose a folder that holds a model.toml")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The description is not valid.
    #[error("{path}: field {field}: {message}; correct it or export the model again")]
    Field {
        /// The file.
        path: PathBuf,
        /// Dotted name of the field.
        field: String,
        /// What is wrong.
        message: String,
    },
    /// A named file is not there.
    #[error("{path} is named in model.toml ({field}) but does not exist; restore the file or export the model again")]
    Missing {
        /// The file.
        path: PathBuf,
        /// Dotted name of the field.
        field: &'static str,
    },
}

/// Which autoencoder the folder holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AutoencoderSpec {
    /// Stable Diffusion's KL autoencoder; `config` in diffusers' words.
    Kl {
        /// Weight file.
        weights: String,
        /// Architecture.
        config: toml::Table,
    },
    /// The small autoencoder of the practice model.
    Practice {
        /// Weight file.
        weights: String,
        /// Architecture.
        config: toml::Table,
    },
}

impl AutoencoderSpec {
    /// The weight file.
    pub fn weights(&self) -> &str {
        match self {
            Self::Kl { weights, .. } | Self::Practice { weights, .. } => weights,
        }
    }
}

/// The text encoder and its tokenizer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextSpec {
    /// Weight file of the T5 or CLIP encoder.
    pub weights: String,
    /// `tokenizer.json` or `spiece.model`.
    pub tokenizer: String,
    /// Captions are cut to this many tokens, marks of beginning and end included.
    pub max_tokens: usize,
    /// How the matrices are packed, `q6k` or `q4k`; absent where they are plain numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantized: Option<String>,
    /// Architecture, in the published configuration's words.
    pub config: toml::Table,
}

/// The diffusion transformer and its control branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DitSpec {
    /// Weight file; with control it holds `base_model.*` and `controlnet.*`.
    pub weights: String,
    /// `epsilon` or `velocity`.
    pub prediction: String,
    /// Copied blocks of the control branch; 0 means text only.
    pub control_blocks: usize,
    /// Whether guidance's unconditional half sees the condition too, as in the release.
    #[serde(default = "yes")]
    pub control_unconditional: bool,
    /// Architecture.
    pub config: toml::Table,
}

fn yes() -> bool {
    true
}

/// The U-Net of Stable Diffusion and the process it was trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnetSpec {
    /// Weight file.
    pub weights: String,
    /// `epsilon` or `velocity`.
    pub prediction: String,
    /// The process and the walk down it.
    pub scheduler: SchedulerSpec,
    /// Architecture, in diffusers' words.
    pub config: toml::Table,
}

/// A noise process and where samplers that come with it take their timesteps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchedulerSpec {
    /// Timesteps of the process.
    pub num_train_timesteps: usize,
    /// `linear` or `scaled_linear`.
    pub beta_schedule: String,
    /// First beta.
    pub beta_start: f64,
    /// Last beta.
    pub beta_end: f64,
    /// `leading`, `linspace` or `trailing`.
    pub timestep_spacing: String,
    /// Added to leading timesteps.
    pub steps_offset: usize,
    /// Whether the last step ends clean, or at the noise of timestep 0.
    pub set_alpha_to_one: bool,
}

/// The network that predicts noise, and by it the kind of model.
#[derive(Clone, Debug, PartialEq)]
pub enum NetworkSpec {
    /// A diffusion transformer, told by a T5 text encoder: table `[dit]`.
    Dit(DitSpec),
    /// A U-Net, told by a CLIP text encoder: table `[unet]`.
    Unet(UnetSpec),
}

impl NetworkSpec {
    /// The weight file.
    pub fn weights(&self) -> &str {
        match self {
            Self::Dit(dit) => &dit.weights,
            Self::Unet(unet) => &unet.weights,
        }
    }

    /// What kind of model it makes the folder.
    pub fn kind(&self) -> ModelKind {
        match self {
            Self::Dit(_) => ModelKind::DiffusionTransformer,
            Self::Unet(_) => ModelKind::StableDiffusion,
        }
    }
}

/// What kind of model a folder holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelKind {
    /// A diffusion transformer of the ChexGen family.
    DiffusionTransformer,
    /// A Stable Diffusion model, for comparison.
    StableDiffusion,
}

impl std::fmt::Display for ModelKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::DiffusionTransformer => "diffusion transformer",
            Self::StableDiffusion => "Stable Diffusion",
        })
    }
}

/// Affine map between autoencoder latents and what the network sees: `(z - shift) * scale`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatentSpec {
    /// Subtracted, per channel or one for all.
    pub shift: Vec<f32>,
    /// Factor, per channel or one for all.
    pub scale: Vec<f32>,
    /// The same for latents of condition images.
    pub condition_shift: Vec<f32>,
    /// The same for latents of condition images.
    pub condition_scale: Vec<f32>,
    /// Whether a condition's latent is drawn from the posterior (release) or is its mean.
    pub condition_sampled: bool,
}

/// What the window and the command line start with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefaultsSpec {
    /// `release` or `paper`.
    pub preset: String,
    /// Name of the integrator, such as `ddpm` or `dpmpp`.
    pub sampler: String,
    /// Sampler steps.
    pub num_steps: usize,
    /// Guidance strength.
    pub guidance_scale: f32,
}

/// An image that the model made once, to see later that it still does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceSpec {
    /// What it shows.
    pub impression: String,
    /// Its seed.
    pub seed: u64,
    /// The integrator's name.
    pub sampler: String,
    /// Sampler steps.
    pub num_steps: usize,
    /// Guidance strength.
    pub guidance_scale: f32,
    /// `release` or `paper`.
    pub preset: String,
    /// Hash of its size and grey values.
    pub pixels_blake3: String,
    /// Where it was made, such as `cpu avx2`; elsewhere the last bits may differ.
    pub device: String,
    /// Mean grey value of each of 4×4 fields, row by row, for a comparison that forgives the last bits.
    pub fields: Vec<u16>,
}

/// `model.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Tables", into = "Tables")]
pub struct ModelSpec {
    /// Format of this file.
    pub format: u32,
    /// Name shown to people.
    pub name: String,
    /// Whether this is a practice model, trained on drawn phantoms.
    pub practice: bool,
    /// Side of the generated square image in pixels.
    pub size_px: u32,
    /// Licence and origin in one sentence.
    pub notice: String,
    /// `release` (white) or `practice` (one grey per class).
    pub palette: String,
    /// Linear latent-to-grey map for previews, if there is one: tensors `weight` `[p*p, C]` and
    /// `bias` `[p*p]`, giving the p×p pixels of a latent position in `-1..=1`.
    pub preview: Option<String>,
    /// Text side.
    pub text: TextSpec,
    /// Network that predicts noise.
    pub network: NetworkSpec,
    /// Autoencoder.
    pub autoencoder: AutoencoderSpec,
    /// Latent normalisation.
    pub latent: LatentSpec,
    /// Starting values.
    pub defaults: DefaultsSpec,
    /// BLAKE3 of each weight file, hexadecimal, by file name; checked when loading.
    pub hashes: BTreeMap<String, String>,
    /// An image to compare with, if one was made.
    pub reference: Option<ReferenceSpec>,
}

impl ModelSpec {
    /// Reads and checks `DIR/model.toml`; every file it names must exist.
    ///
    /// # Errors
    /// Names the file and the field.
    pub fn read(dir: &Path) -> Result<Self, ModelDirError> {
        let tables = Tables::read(dir)?;
        let spec = Self::try_from(tables).map_err(|message| field_error(dir, "(tables)", message.to_owned()))?;
        need_files(dir, &spec.files())?;
        Ok(spec)
    }

    /// The diffusion transformer, of a model of that kind.
    pub fn dit(&self) -> Option<&DitSpec> {
        match &self.network {
            NetworkSpec::Dit(dit) => Some(dit),
            NetworkSpec::Unet(_) => None,
        }
    }

    /// All files the description names, with the field that names them.
    pub fn files(&self) -> Vec<(&'static str, &str)> {
        let network = match &self.network {
            NetworkSpec::Dit(dit) => ("dit.weights", dit.weights.as_str()),
            NetworkSpec::Unet(unet) => ("unet.weights", unet.weights.as_str()),
        };
        parts::files(&self.text, Some(network), &self.autoencoder, self.preview.as_deref())
    }

    /// The text of `model.toml`.
    ///
    /// # Errors
    /// When a value cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string_pretty(self)
    }
}

fn field_error(dir: &Path, field: &str, message: String) -> ModelDirError {
    ModelDirError::Field { path: dir.join("model.toml"), field: field.to_owned(), message }
}

/// Files that a description names must lie in its folder.
fn need_files(dir: &Path, files: &[(&'static str, &str)]) -> Result<(), ModelDirError> {
    for (field, file) in files {
        let relative = Path::new(file);
        if !relative.components().all(|c| matches!(c, Component::Normal(_))) {
            return Err(field_error(dir, field, format!("{file:?} leaves the model folder")));
        }
        let path = dir.join(relative);
        if !path.is_file() {
            return Err(ModelDirError::Missing { path, field });
        }
    }
    Ok(())
}
