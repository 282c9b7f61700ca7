//! Checkpoints: whole or absent, verified on load, kept by a rule.
//!
//! A checkpoint is a tensor file (weights, moments, averages) and a description, which is written last: without it
//! the tensor file does not count. What a step draws and reads is a function of its place in the training, so nothing
//! else is needed for exact resume.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use candle_core::Tensor;
use engine::store::atomic::{remove_leftovers, write_atomic};
use engine::store::hash::{hash_bytes, hash_file};
use engine::store::safetensors_writer::SafetensorsWriter;
use serde::{Deserialize, Serialize};

use super::settings::CheckpointRule;
use crate::text_file::{self, LIST_BYTES};

/// Mark of a description.
const FORMAT: &str = "chexgen-checkpoint";
/// Its version.
const VERSION: u32 = 1;

/// What stands beside the tensors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    /// Always `chexgen-checkpoint`.
    pub format: String,
    /// Version of this form.
    pub version: u32,
    /// Stage.
    pub stage: String,
    /// Updates done.
    pub step: usize,
    /// Updates that were applied; those with gradients that are not finite are not.
    pub applied: u64,
    /// Samples taken so far, over all ranks: the place in the data.
    pub samples: u64,
    /// Ranks that shared them.
    pub world: usize,
    /// Hash of the settings its state depends on; others are refused.
    pub identity: String,
    /// What the data is; other data is refused.
    pub data: String,
    /// The effective configuration, TOML.
    pub config: String,
    /// Hash of that text.
    pub config_hash: String,
    /// Hashes of the frozen models it was trained with, by file.
    #[serde(default)]
    pub models: BTreeMap<String, String>,
    /// The name of a milestone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milestone: Option<String>,
    /// Version of the program.
    pub program: String,
    /// Hash of the tensor file.
    pub tensors_hash: String,
}

impl Meta {
    /// A description without step and tensors.
    pub fn new(stage: &str, identity: String, data: String, config: &str, models: BTreeMap<String, String>) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            stage: stage.to_owned(),
            step: 0,
            applied: 0,
            samples: 0,
            world: 1,
            identity,
            data,
            config_hash: hash_bytes(config.as_bytes()),
            config: config.to_owned(),
            models,
            milestone: None,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            tensors_hash: String::new(),
        }
    }
}

/// A place where a checkpoint lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its description.
    pub meta: Meta,
    /// The tensor file.
    pub tensors: PathBuf,
}

impl Found {
    /// The checkpoint whose description or tensor file is named.
    ///
    /// # Errors
    /// When there is none, or the description is damaged.
    pub fn at(path: &Path) -> Result<Self> {
        let description = path.with_extension("json");
        let text = text_file::read(&description, LIST_BYTES)
            .with_context(|| format!("cannot read {}; a checkpoint has one", description.display()))?;
        let meta: Meta = serde_json::from_str(&text).with_context(|| {
            format!("{} is damaged, or of another version; remove it to go back to the one before", description.display())
        })?;
        ensure!(
            meta.format == FORMAT && meta.version == VERSION,
            "{} has version {}, and this program reads {VERSION}",
            description.display(),
            meta.version
        );
        Ok(Self { meta, tensors: path.with_extension("safetensors") })
    }

    /// Its tensors, compared with their hash.
    ///
    /// # Errors
    /// When the file is missing or damaged.
    pub fn load(&self) -> Result<BTreeMap<String, Tensor>> {
        let path = &self.tensors;
        let hash = hash_file(path).with_context(|| format!("cannot read {}", path.display()))?;
        if hash != self.meta.tensors_hash {
            bail!("{} is damaged: its hash differs from the one noted; remove it to go back to the one before", path.display());
        }
        Ok(engine::store::weights::load(path, None)?)
    }
}

/// Writes `step-NNNNNNNN` under `dir`, then removes what the rule does not keep.
///
/// # Errors
/// Names the file that cannot be written; older checkpoints are untouched.
pub fn save(dir: &Path, meta: &Meta, tensors: &BTreeMap<String, Tensor>, rule: &CheckpointRule) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let path = path_of(dir, meta.step).with_extension("safetensors");
    let list = tensors.iter().map(|(name, tensor)| (name.clone(), tensor.dtype(), tensor.dims().to_vec())).collect();
    let mut writer = SafetensorsWriter::create(&path, list)?;
    for (name, tensor) in tensors {
        writer.write(name, tensor)?;
    }
    let meta = Meta { tensors_hash: writer.finish()?, ..meta.clone() };
    write_atomic(&path.with_extension("json"), &serde_json::to_vec_pretty(&meta)?)?;
    retain(dir, rule)
}

/// Removes what the rule does not keep.
fn retain(dir: &Path, rule: &CheckpointRule) -> Result<()> {
    let all = list(dir)?;
    let old = all.len().saturating_sub(rule.keep_last.max(1));
    for (step, description) in &all[..old] {
        let regular = rule.keep_every > 0 && step.is_multiple_of(rule.keep_every);
        // What cannot be read is not removed: it may be what somebody looks for.
        if regular || Found::at(description).map_or(true, |found| found.meta.milestone.is_some()) {
            continue;
        }
        for path in [description.clone(), description.with_extension("safetensors")] {
            std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

/// The newest checkpoint under `dir`, or `None` when there is none.
///
/// # Errors
/// When its description is damaged.
pub fn newest(dir: &Path) -> Result<Option<Found>> {
    list(dir)?.pop().map(|(_, description)| Found::at(&description)).transpose()
}

/// Removes what a killed run left half-written.
///
/// # Errors
/// When a file cannot be removed.
pub fn clear_leftovers(dir: &Path) -> Result<()> {
    remove_leftovers(dir)?;
    if !dir.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let path = entry?.path();
        let is_tensors = path.extension().is_some_and(|e| e == "safetensors") && step_of(&path).is_some();
        if is_tensors && !path.with_extension("json").exists() {
            std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

/// Description of the checkpoint of a step.
pub fn path_of(dir: &Path, step: usize) -> PathBuf {
    dir.join(format!("step-{step:08}.json"))
}

fn step_of(path: &Path) -> Option<usize> {
    path.file_stem()?.to_str()?.strip_prefix("step-")?.parse().ok()
}

/// Steps and descriptions, oldest first.
fn list(dir: &Path) -> Result<Vec<(usize, PathBuf)>> {
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let path = entry?.path();
        if let Some(step) = step_of(&path).filter(|_| path.extension().is_some_and(|e| e == "json")) {
            found.push((step, path));
        }
    }
    found.sort();
    Ok(found)
}

/// Hash of a configuration value, for [`Meta::identity`].
///
/// # Errors
/// When the value cannot be written as JSON.
pub fn identity_hash<T: Serialize>(value: &T) -> Result<String> {
    Ok(hash_bytes(&serde_json::to_vec(value)?))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn state(value: f32) -> Result<BTreeMap<String, Tensor>> {
        Ok([("weights".to_owned(), Tensor::new(&[value, 2.0], &Device::Cpu)?)].into())
    }

    fn meta(step: usize) -> Meta {
        Meta { step, ..Meta::new("base", "i".to_owned(), "d".to_owned(), "steps = 1\n", BTreeMap::new()) }
    }

    fn rule(keep_last: usize) -> CheckpointRule {
        CheckpointRule { every_secs: 0, every_steps: 0, keep_last, keep_every: 0, milestones: BTreeMap::new(), give_up_after: 0 }
    }

    #[test]
    fn the_newest_whole_checkpoint_is_loaded_and_old_ones_go_by_the_rule() -> Result<()> {
        let dir = tempfile::tempdir()?;
        let rule = CheckpointRule { keep_every: 20, ..rule(2) };
        for step in [5, 10, 20, 30, 40, 50] {
            let milestone = (step == 5).then(|| "warm".to_owned());
            save(dir.path(), &Meta { milestone, ..meta(step) }, &state(step as f32)?, &rule)?;
        }
        // A tensor file without its description was cut off by a kill and does not count.
        std::fs::copy(dir.path().join("step-00000050.safetensors"), dir.path().join("step-00000060.safetensors"))?;
        let found = newest(dir.path())?.context("expected a checkpoint")?;
        assert_eq!((found.meta.step, found.load()?["weights"].to_vec1::<f32>()?[0]), (50, 50.0));
        clear_leftovers(dir.path())?;
        assert!(!dir.path().join("step-00000060.safetensors").exists());
        let steps: Vec<usize> = list(dir.path())?.into_iter().map(|(step, _)| step).collect();
        assert_eq!(steps, [5, 20, 40, 50], "a milestone, every twentieth, the last two");
        Ok(())
    }

    #[test]
    fn a_damaged_checkpoint_is_refused() -> Result<()> {
        let dir = tempfile::tempdir()?;
        save(dir.path(), &meta(1), &state(1.0)?, &rule(2))?;
        let path = dir.path().join("step-00000001.safetensors");
        let mut bytes = std::fs::read(&path)?;
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        write_atomic(&path, &bytes)?;
        let said = Found::at(&path)?.load().err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said.contains("damaged") && said.contains("step-00000001"), "{said}");
        Ok(())
    }
}
