//! The manifest, its entries and the files beside it.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use candle_core::{DType, Device, Tensor};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Tolerance;

/// A folder of goldens.
#[derive(Debug)]
pub struct Context {
    dir: PathBuf,
    entries: Vec<Entry>,
}

impl Context {
    /// Reads `dir/manifest.json`.
    ///
    /// # Errors
    /// When the file is missing, is not JSON or has no `goldens`.
    pub fn open(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join("manifest.json");
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let manifest = super::parse_json(&text).with_context(|| path.display().to_string())?;
        let goldens = manifest
            .get("goldens")
            .and_then(Value::as_object)
            .ok_or_else(|| anyhow!("{} has no object `goldens`", path.display()))?;
        let entries = goldens.iter().map(|(name, raw)| Entry { name: name.clone(), raw: raw.clone() }).collect();
        Ok(Self { dir: dir.to_owned(), entries })
    }

    /// All entries, by name.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of a name, such as the one that holds weights.
    ///
    /// # Errors
    /// When the manifest has none.
    pub fn entry(&self, name: &str) -> anyhow::Result<&Entry> {
        self.entries.iter().find(|e| e.name == name).ok_or_else(|| anyhow!("the manifest has no entry {name:?}"))
    }

    /// Path of a file named in the manifest; it must lie inside the folder.
    ///
    /// # Errors
    /// When the name leads out of the folder.
    pub fn path(&self, file: &str) -> anyhow::Result<PathBuf> {
        if Path::new(file).components().any(|c| !matches!(c, Component::Normal(_))) {
            bail!("{file:?} leads out of the folder of goldens");
        }
        Ok(self.dir.join(file))
    }

    /// The tensors of an entry's safetensors file, on the CPU, in their stored dtypes.
    ///
    /// # Errors
    /// When the entry names no file or it cannot be read.
    pub fn tensors(&self, entry: &Entry) -> anyhow::Result<Tensors> {
        let path = self.path(entry.file()?)?;
        let map = candle_core::safetensors::load(&path, &Device::Cpu).with_context(|| format!("reading {}", path.display()))?;
        Ok(Tensors(map.into_iter().collect()))
    }

    /// The JSON of an entry's file.
    ///
    /// # Errors
    /// When the entry names no file or it cannot be read.
    pub fn json(&self, entry: &Entry) -> anyhow::Result<Value> {
        let path = self.path(entry.file()?)?;
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        super::parse_json(&text).with_context(|| path.display().to_string())
    }

    /// The weights that an entry's `config.weights` names, and the entry that holds them.
    ///
    /// # Errors
    /// When the name is missing or the file cannot be read.
    pub fn weights(&self, entry: &Entry) -> anyhow::Result<(&Entry, Tensors)> {
        let name = entry
            .config()
            .get("weights")
            .and_then(Value::as_str)
            .ok_or_else(|| anyhow!("{}: config.weights names no entry", entry.name()))?;
        let holder = self.entry(name)?;
        Ok((holder, self.tensors(holder)?))
    }
}

/// One golden.
#[derive(Clone, Debug)]
pub struct Entry {
    name: String,
    raw: Value,
}

impl Entry {
    /// An entry from its JSON object.
    pub fn new(name: impl Into<String>, raw: Value) -> Self {
        Self { name: name.into(), raw }
    }

    /// Its name; for messages only.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its kind; empty when missing.
    pub fn kind(&self) -> &str {
        self.raw.get("kind").and_then(Value::as_str).unwrap_or("")
    }

    /// The whole object, for kinds with keys of their own.
    pub fn raw(&self) -> &Value {
        &self.raw
    }

    /// Its configuration; null when missing.
    pub fn config(&self) -> &Value {
        self.raw.get("config").unwrap_or(&Value::Null)
    }

    /// Its configuration as a typed value; unknown keys are left to the type.
    ///
    /// # Errors
    /// Names the entry and the field.
    pub fn config_as<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        serde_path_to_error::deserialize(self.config()).with_context(|| format!("{}: config", self.name))
    }

    /// Name of its file.
    ///
    /// # Errors
    /// When it names none.
    pub fn file(&self) -> anyhow::Result<&str> {
        self.raw.get("file").and_then(Value::as_str).ok_or_else(|| anyhow!("{} names no file", self.name))
    }

    /// Names under `outputs`.
    pub fn outputs(&self) -> Vec<&str> {
        self.raw
            .get("outputs")
            .and_then(Value::as_array)
            .map(|a| a.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default()
    }

    /// The tolerance of one output: its own, else that of the longest key its name starts with,
    /// else the entry's, else `rtol` 1e-4 and `atol` 1e-5.
    pub fn tolerance(&self, output: &str) -> Tolerance {
        let all = self.raw.get("tolerance").unwrap_or(&Value::Null);
        let own = all.as_object().and_then(|map| {
            map.iter()
                .filter(|(key, value)| value.is_object() && output.starts_with(key.as_str()))
                .max_by_key(|(key, _)| key.len())
                .and_then(|(_, value)| Tolerance::from_json(value))
        });
        own.or_else(|| Tolerance::from_json(all)).unwrap_or(Tolerance { rtol: 1e-4, atol: 1e-5, ..Tolerance::EXACT })
    }
}

/// The tensors of one file, by name.
#[derive(Clone, Debug)]
pub struct Tensors(BTreeMap<String, Tensor>);

impl Tensors {
    /// A tensor in its stored dtype.
    ///
    /// # Errors
    /// Names the missing tensor.
    pub fn get(&self, name: &str) -> anyhow::Result<&Tensor> {
        self.0.get(name).ok_or_else(|| anyhow!("tensor {name:?} is missing from the file"))
    }

    /// A tensor in its stored dtype, if there.
    pub fn find(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name)
    }

    /// A tensor as `f32`.
    ///
    /// # Errors
    /// Names the missing tensor.
    pub fn f32(&self, name: &str) -> anyhow::Result<Tensor> {
        Ok(self.get(name)?.to_dtype(DType::F32)?)
    }

    /// The values of an integer tensor, flattened.
    ///
    /// # Errors
    /// Names the missing tensor.
    pub fn integers(&self, name: &str) -> anyhow::Result<Vec<i64>> {
        Ok(self.get(name)?.to_dtype(DType::I64)?.flatten_all()?.to_vec1()?)
    }

    /// Names and tensors, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.0.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The map itself, for a variable builder.
    pub fn into_map(self) -> BTreeMap<String, Tensor> {
        self.0
    }
}
