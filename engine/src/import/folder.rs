//! Small helpers for published folders: their `config.json`, their weight files, their indices.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ImportError;

/// A configuration or index is far smaller than this.
const MAX_JSON_BYTES: u64 = 64 << 20;

/// Where diffusers puts the weights of a network, in this order.
pub(super) const DIFFUSERS_WEIGHTS: [&str; 4] = [
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.bin",
    "diffusion_pytorch_model.fp16.safetensors",
    "diffusion_pytorch_model.fp16.bin",
];

/// A serialisable value as a TOML table.
pub(super) fn table<T: Serialize>(value: &T) -> Result<toml::Table, ImportError> {
    toml::Table::try_from(value).map_err(|error| ImportError::Description(error.to_string()))
}

/// The error of a folder that is not what it should be.
pub(super) fn refuse(path: &Path, message: impl Into<String>) -> ImportError {
    ImportError::Folder { path: path.to_owned(), message: message.into() }
}

/// Reads a JSON file.
pub(super) fn json(path: &Path) -> Result<Value, ImportError> {
    let fail = |source| ImportError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(fail)?.take(MAX_JSON_BYTES).read_to_end(&mut bytes).map_err(fail)?;
    serde_json::from_slice(&bytes).map_err(|error| refuse(path, format!("is damaged: {error}")))
}

/// A published folder's `config.json`; `what` says what the folder should be, `kind` tells by the configuration's
/// own words whether it is.
pub(super) fn config<T: DeserializeOwned>(
    dir: &Path,
    what: &str,
    kind: impl Fn(&Value) -> Result<(), String>,
) -> Result<T, ImportError> {
    if !dir.is_dir() {
        return Err(refuse(dir, format!("is not a folder; name the folder of {what}")));
    }
    let path = dir.join("config.json");
    if !path.is_file() {
        return Err(refuse(dir, format!("holds no config.json, so it is not {what} as published")));
    }
    let value = json(&path)?;
    kind(&value).map_err(|found| refuse(&path, format!("describes {found}, and {what} is needed")))?;
    serde_json::from_value(value).map_err(|error| refuse(&path, format!("is not the configuration of {what}: {error}")))
}

/// Weight files of a folder, and the tensors that each should hold where an index says so.
pub(super) struct Listed {
    pub(super) files: Vec<PathBuf>,
    pub(super) index: BTreeMap<String, BTreeSet<String>>,
}

/// Finds the weights in a folder: for each of `names` in turn, an index of pieces or the one file.
pub(super) fn weight_files(dir: &Path, names: &[&str]) -> Result<Listed, ImportError> {
    for name in names {
        let index = dir.join(format!("{name}.index.json"));
        if index.is_file() {
            return pieces(dir, &index);
        }
        let single = dir.join(name);
        if single.is_file() {
            return Ok(Listed { files: vec![single], index: BTreeMap::new() });
        }
    }
    Err(refuse(dir, format!("holds no weights; expected one of {}", names.join(", "))))
}

fn pieces(dir: &Path, path: &Path) -> Result<Listed, ImportError> {
    let value = json(path)?;
    let map = value.get("weight_map").cloned().ok_or_else(|| refuse(path, "has no weight_map"))?;
    let map: BTreeMap<String, String> =
        serde_json::from_value(map).map_err(|error| refuse(path, format!("has a weight_map that is none: {error}")))?;
    let mut index: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (tensor, file) in map {
        if !matches!(Path::new(&file).components().collect::<Vec<_>>().as_slice(), [Component::Normal(_)]) {
            return Err(refuse(path, format!("names the file {file:?}, which is not in its folder")));
        }
        index.entry(file).or_default().insert(tensor);
    }
    let files: Vec<PathBuf> = index.keys().map(|file| dir.join(file)).collect();
    if files.is_empty() {
        return Err(refuse(path, "names no file"));
    }
    if let Some(missing) = files.iter().find(|file| !file.is_file()) {
        return Err(refuse(missing, "is named in the index but does not exist; fetch it, too"));
    }
    Ok(Listed { files, index })
}
