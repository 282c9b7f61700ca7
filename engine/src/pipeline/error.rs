//! Why a model cannot be opened or an image not be made.

use std::path::PathBuf;

use crate::device::{DeviceError, DeviceKind, Precision};
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
    #[error("{} is not the file that model.toml describes: its hash differs, as after an export that was cut off; restore it or export the model again", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A file that is read again, and was written to in between.
    #[error("{} changed after the model was opened; open the model again", path.display())]
    ChangedSince {
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
    /// The release preset leaves the channels after the third, and there are none.
    #[error(
        "preset release needs a model with at least 4 latent channels, but model {model} has {channels}; choose preset paper or ours"
    )]
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
    /// A number type that this kind of model does not compute in.
    #[error("{model} is a {kind} model, which computes in f32 only, and {precision} was asked for; choose auto or f32")]
    ForeignPrecision {
        /// The model.
        model: String,
        /// What it is.
        kind: ModelKind,
        /// What was asked for.
        precision: Precision,
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
    /// A kept run that this model cannot go on with.
    #[error("the kept run cannot go on: {reason}")]
    State {
        /// Why.
        reason: String,
    },
    /// More memory is needed than there is.
    #[error("{device} has too little memory: {reason}")]
    OutOfMemory {
        /// Where.
        device: String,
        /// What needs how much, and what to lower.
        reason: String,
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

/// How a driver says that its memory is full.
const FULL: [&str; 3] = ["OUT_OF_MEMORY", "out of memory", "ALLOC_FAILED"];

impl Error {
    /// Gives a driver's cry for memory a name, while `images` were made on `device`; other errors stay as they are.
    pub(super) fn on_device(self, device: &DeviceKind, images: usize) -> Self {
        let words = match &self {
            Self::Tensor(error) => error.to_string(),
            Self::Model(error) => error.to_string(),
            Self::Diffusion(error) => error.to_string(),
            _ => return self,
        };
        if !FULL.iter().any(|word| words.contains(word)) {
            return self;
        }
        let lower = match images {
            0 | 1 => "close what else uses the card, open the model in bf16, or choose a smaller model".to_owned(),
            _ => format!("make fewer than {images} images at once, or open the model in bf16"),
        };
        Self::OutOfMemory { device: device.to_string(), reason: format!("it is full; {lower}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_card_is_an_error_that_says_what_to_lower() {
        let driver = || candle_core::Error::Msg("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")".into());
        let nested = || driver().context("while it ran");
        for error in [
            Error::Tensor(driver()),
            Error::Tensor(nested()),
            Error::Model(ModelError::from(driver())),
            Error::Diffusion(DiffusionError::from(driver())),
        ] {
            let text = error.on_device(&DeviceKind::Cuda(1), 4).to_string();
            assert!(text.starts_with("cuda:1 has too little memory") && text.contains("fewer than 4 images"), "{text}");
        }
        let one = Error::Tensor(driver()).on_device(&DeviceKind::Cuda(0), 1).to_string();
        assert!(one.contains("bf16") && one.lines().count() == 1, "{one}");
        let other = Error::Tensor(candle_core::Error::Msg("shape".into())).on_device(&DeviceKind::Cuda(0), 1);
        assert!(matches!(other, Error::Tensor(_)));
    }
}
