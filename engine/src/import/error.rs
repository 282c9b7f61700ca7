//! Why weights cannot be imported, each in one sentence.

use std::path::PathBuf;

use candle_core::DType;

use crate::model::ModelError;
use crate::store::atomic::WriteError;
use crate::store::model_dir::ModelDirError;
use crate::store::safetensors_writer::SaveError;
use crate::store::weights::{Mismatch, WeightsError};
use crate::text::TokenizerError;

/// Why weights cannot be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A weight file that cannot be read.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// Weights of another network.
    #[error("{file}: {mismatch}")]
    Mismatch {
        /// The file.
        file: String,
        /// Missing, extra and misshapen tensors.
        mismatch: Mismatch,
    },
    /// Tensors that belong to no network of this family.
    #[error("{file} is no diffusion transformer of this family: {source}")]
    NoTransformer {
        /// The file.
        file: String,
        /// What is wrong.
        source: ModelError,
    },
    /// A folder of another kind.
    #[error("{} {message}", path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong, as words behind its name.
        message: String,
    },
    /// A part that was not named and is not there yet.
    #[error("{what} is needed: name its folder with {flag}")]
    Needed {
        /// Which part.
        what: &'static str,
        /// How to name it.
        flag: &'static str,
    },
    /// Parts that do not belong together.
    #[error("{0}")]
    Unfit(String),
    /// Numbers that no network can have.
    #[error("{file}: tensor {tensor} holds NaN, or a number too large for {dtype:?}")]
    NotFinite {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// The type it was to be stored in.
        dtype: DType,
    },
    /// A file that cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file whose content is not what its description says.
    #[error("{} is not the file that its model.toml describes; import it again from its source", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A weight file that cannot be written.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// A file that cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A model folder that parts were to be taken from.
    #[error(transparent)]
    ModelDir(#[from] ModelDirError),
    /// A tokenizer that cannot be used.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The description cannot be written.
    #[error("model.toml cannot be written: {0}")]
    Description(String),
    /// A network cannot be built or run.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A tensor operation failed.
    #[error("the conversion failed: {0}")]
    Tensor(#[from] candle_core::Error),
}
