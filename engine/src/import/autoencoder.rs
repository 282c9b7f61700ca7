//! The autoencoder folder in diffusers' layout, or that of a model folder.

use std::path::Path;

use serde_json::Value;

use super::convert::Source;
use super::folder::{DIFFUSERS_WEIGHTS, config, refuse, weight_files};
use super::{ImportError, ImportRequest};
use crate::model::{KlConfig, names, vae_params};
use crate::store::model_dir::{AutoencoderSpec, PartsSpec};
use crate::store::weights::TensorFile;

/// What it is, in messages.
const WHAT: &str = "a KL autoencoder";

/// An open autoencoder whose tensors are those of its configuration.
pub(super) struct AutoencoderPart {
    pub(super) config: KlConfig,
    pub(super) source: Source,
}

impl AutoencoderPart {
    /// Opens the folder the request names, or takes what the model folder holds already.
    pub(super) fn open(request: &ImportRequest) -> Result<Self, ImportError> {
        match &request.autoencoder {
            Some(dir) if dir.join("model.toml").is_file() => Self::of_model(dir),
            Some(dir) => Self::published(dir),
            None if request.out.join("model.toml").is_file() => Self::of_model(&request.out),
            None => Err(ImportError::Needed { what: "the autoencoder", flag: "--vae DIR" }),
        }
    }

    /// Opens a folder in diffusers' layout.
    pub(super) fn published(dir: &Path) -> Result<Self, ImportError> {
        let inner = dir.join("vae");
        let dir = if !dir.join("config.json").is_file() && inner.is_dir() { inner.as_path() } else { dir };
        let config: KlConfig = config(dir, WHAT, kind)?;
        config.check()?;
        let listed = weight_files(dir, &DIFFUSERS_WEIGHTS)?;
        let [path] = listed.files.as_slice() else {
            return Err(refuse(dir, "holds its weights in several pieces, which is not read for an autoencoder"));
        };
        let file = TensorFile::open(path, None)?.translated(names::official_name, names::official_shape)?;
        let name = file.file().to_owned();
        let expected: Vec<_> = vae_params(&config)?.into_iter().map(|param| (param.name, param.shape)).collect();
        let source = Source::checked(vec![(path.clone(), file)], &expected, &name, None, None)?;
        Ok(Self { config, source })
    }

    fn of_model(dir: &Path) -> Result<Self, ImportError> {
        let spec = PartsSpec::read(dir)?;
        let AutoencoderSpec::Kl { weights, config } = spec.autoencoder else {
            return Err(refuse(dir, format!("has an autoencoder of another kind, and {WHAT} is needed")));
        };
        let config: KlConfig = config.try_into().map_err(|error| refuse(dir, format!("has a damaged model.toml: {error}")))?;
        let path = dir.join(&weights);
        let Some(hash) = spec.hashes.get(&weights) else {
            return Err(refuse(&path, "has no hash in its model.toml, so it cannot be taken over"));
        };
        Ok(Self { config, source: Source::Copy { path, hash: Some(hash.clone()) } })
    }
}

/// Whether a configuration is an autoencoder's; else what it is.
fn kind(value: &Value) -> Result<(), String> {
    let class = value.get("_class_name").and_then(Value::as_str);
    let model = value.get("model_type").and_then(Value::as_str);
    match (class, model) {
        (Some("AutoencoderKL"), _) => Ok(()),
        (Some(other), _) | (None, Some(other)) => Err(other.to_owned()),
        (None, None) if value.get("block_out_channels").is_some() => Ok(()),
        (None, None) => Err("something else".to_owned()),
    }
}
