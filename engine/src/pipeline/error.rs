//! Why a model cannot be opened or an image not be made.

use std::path::PathBuf;

use crate::device::DeviceError;
use crate::diffusion::DiffusionError;
use crate::domain::RequestError;
use crate::model::ModelError;
use crate::store::atomic::WriteError;
use crate::store::model_dir::{ModelDirError, ModelKind};
use crate::store::weights::{Mismatch, WeightsError};
use crate::text::{CleaningError, TokenizerError};

/// Why a model cannot be opened or an image not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A request that cannot be run.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A device that cannot be used.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A model folder whose description cannot be used.
    #[error(transparent)]
    ModelDir(#[from] ModelDirError),
    /// A field of `model.toml` that fits no network.
    #[error("{}: field {field}: {message}; correct it or export the model again", path.display())]
    Description {
        /// The description.
        path: PathBuf,
        /// Dotted name of the field.
        field: &'static str,
        /// What is wrong.
        message: String,
    },
    /// A file whose content is not what the description says.
    #[error("{} is not the file that model.toml describes: its hash differs; restore it or export the model again", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A weight file that cannot be read.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// Weights of another network.
    #[error("{}: {mismatch}", path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// Missing, extra and misshapen tensors.
        mismatch: Mismatch,
    },
    /// A file that cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A folder for embeddings that cannot be written.
    #[error(transparent)]
    Cache(#[from] WriteError),
    /// A tokenizer that cannot be read or used.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// An impression that cannot be cleaned.
    #[error("impression: {0}")]
    Cleaning(#[from] CleaningError),
    /// Findings are drawn, and the model has no control branch.
    #[error("model {model} cannot follow masks or boxes; remove them or choose a model with control")]
    NoControl {
        /// The model.
        model: String,
    },
    /// The release preset is made for latents of four channels.
    #[error("preset release needs a model with 4 latent channels, but model {model} has {channels}; choose preset paper or ours")]
    Preset {
        /// The model.
        model: String,
        /// Its latent channels.
        channels: usize,
    },
    /// The release preset is what the published code does with its own networks.
    #[error("preset release acts as the published code of another network, and {model} is a {kind} model; choose preset paper")]
    ForeignPreset {
        /// The model.
        model: String,
        /// What it is.
        kind: ModelKind,
    },
    /// Attention of a network that does not tell it.
    #[error("attention to the words is told by diffusion transformers only, and {model} is a {kind} model")]
    NoAttention {
        /// The model.
        model: String,
        /// What it is.
        kind: ModelKind,
    },
    /// Requests of one batch with different sampler settings.
    #[error("the requests of a batch differ in {field}; generate them one after another")]
    MixedBatch {
        /// The first field that differs.
        field: &'static str,
    },
    /// An image to edit that has another size than the model's.
    #[error("the image to edit is {width}×{height}, but the model makes {size}×{size}; resize it first")]
    ImageSize {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// The model's size.
        size: u32,
    },
    /// Latents of another model.
    #[error(
        "the kept latents are {got:?} (channels, height, width), but the model has {expected:?}; they come from another model"
    )]
    LatentSize {
        /// Channels, height and width.
        got: (usize, usize, usize),
        /// Those of the model.
        expected: (usize, usize, usize),
    },
    /// Attention of a block that the network does not have.
    #[error("attention of block {block} was asked for, but the network has blocks 0 to {last}")]
    NoBlock {
        /// What was asked for.
        block: usize,
        /// The last block.
        last: usize,
    },
    /// A file of noise that cannot be used.
    #[error("{name} cannot be used as noise: {reason}")]
    Noise {
        /// The file.
        name: String,
        /// Why.
        reason: String,
    },
    /// The network gave NaN or infinity.
    #[error("the model produced NaN or infinity at step {step} of {of}; its weights are damaged or guidance is too strong")]
    NotFinite {
        /// The step, from 1.
        step: usize,
        /// Of how many.
        of: usize,
    },
    /// The sampler's settings do not fit the model.
    #[error(transparent)]
    Diffusion(#[from] DiffusionError),
    /// A network cannot be built or run.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A tensor operation failed.
    #[error("the model failed: {0}")]
    Tensor(#[from] candle_core::Error),
}
