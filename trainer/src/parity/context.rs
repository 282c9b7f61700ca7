//! The manifest, its entries and the files beside it.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use candle_core::{DType, Device, Tensor};
use engine::device::Precision;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Allowance, Tolerance};

/// A folder of goldens.
#[derive(Debug)]
pub struct Context {
    dir: PathBuf,
    entries: Vec<Entry>,
    device: Device,
    dtype: DType,
}

impl Context {
    /// Reads `dir/manifest.json`, to be run on the CPU in `f32`.
    ///
    /// # Errors
    /// When the file is missing, is not JSON or has no `goldens`.
    pub fn open(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join("manifest.json");
        let text = std::fs::read_to_string(&path);
        let text = text.with_context(|| format!("{} holds no goldens: cannot read {}", dir.display(), path.display()))?;
        let manifest = super::parse_json(&text).with_context(|| path.display().to_string())?;
        let goldens = manifest
            .get("goldens")
            .and_then(Value::as_object)
            .ok_or_else(|| anyhow!("{} has no object `goldens`", path.display()))?;
        let entries = goldens.iter().map(|(name, raw)| Entry::new(name, raw.clone())).collect();
        Ok(Self { dir: dir.to_owned(), entries, device: Device::Cpu, dtype: DType::F32 })
    }

    /// The same goldens, run on a device and with a transformer of this precision; tolerances follow.
    #[must_use]
    pub fn on(mut self, device: Device, precision: Precision) -> Self {
        for entry in &mut self.entries {
            entry.allowance = Allowance::of(entry, &device, precision);
        }
        (self.device, self.dtype) = (device, precision.dtype());
        self
    }

    /// Where networks and samplers run.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// What the transformer computes in; everything else is `f32`.
    pub fn dtype(&self) -> DType {
        self.dtype
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

    /// The tensors of an entry's safetensors file, on the CPU in their stored dtypes until they are asked for as `f32`.
    ///
    /// # Errors
    /// When the entry names no file or it cannot be read.
    pub fn tensors(&self, entry: &Entry) -> anyhow::Result<Tensors> {
        let path = self.path(entry.file()?)?;
        let map = candle_core::safetensors::load(&path, &Device::Cpu).with_context(|| format!("reading {}", path.display()))?;
        Ok(Tensors { map: map.into_iter().collect(), device: self.device.clone() })
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
    allowance: Allowance,
}

impl Entry {
    /// An entry from its JSON object.
    pub fn new(name: impl Into<String>, raw: Value) -> Self {
        Self { name: name.into(), raw, allowance: Allowance::None }
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
    /// else the entry's, else `rtol` 1e-4 and `atol` 1e-5; wider where it does not run on the CPU in `f32`.
    pub fn tolerance(&self, output: &str) -> Tolerance {
        let all = self.raw.get("tolerance").unwrap_or(&Value::Null);
        let own = all.as_object().and_then(|map| {
            map.iter()
                .filter(|(key, value)| value.is_object() && output.starts_with(key.as_str()))
                .max_by_key(|(key, _)| key.len())
                .and_then(|(_, value)| Tolerance::from_json(value))
        });
        let stated =
            own.or_else(|| Tolerance::from_json(all)).unwrap_or(Tolerance { rtol: 1e-4, atol: 1e-5, ..Tolerance::EXACT });
        self.allowance.widen(stated)
    }
}

/// The tensors of one file, by name.
#[derive(Clone, Debug)]
pub struct Tensors {
    map: BTreeMap<String, Tensor>,
    device: Device,
}

impl Tensors {
    /// A tensor in its stored dtype, on the CPU.
    ///
    /// # Errors
    /// Names the missing tensor.
    pub fn get(&self, name: &str) -> anyhow::Result<&Tensor> {
        self.map.get(name).ok_or_else(|| anyhow!("tensor {name:?} is missing from the file"))
    }

    /// A tensor in its stored dtype, on the CPU, if there.
    pub fn find(&self, name: &str) -> Option<&Tensor> {
        self.map.get(name)
    }

    /// A tensor as `f32`, where the goldens run.
    ///
    /// # Errors
    /// Names the missing tensor.
    pub fn f32(&self, name: &str) -> anyhow::Result<Tensor> {
        Ok(self.get(name)?.to_dtype(DType::F32)?.to_device(&self.device)?)
    }

    /// Where the goldens run.
    pub fn device(&self) -> &Device {
        &self.device
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
        self.map.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The map itself, for a variable builder.
    pub fn into_map(self) -> BTreeMap<String, Tensor> {
        self.map
    }
}
