//! Checkpoints: whole or absent, verified on load, the newest few kept.
//!
//! A checkpoint holds the optimiser's state (weights, moments, average) and the step. Data position
//! and random streams are functions of the step, so nothing else is needed for exact resume.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

/// What stands beside the tensors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    /// Updates done.
    pub step: usize,
    /// Hash of the stage's part of the configuration; another one is refused.
    pub config_hash: String,
    /// Hash of the tensor file.
    pub tensors_hash: String,
}

/// Saves `step-NNNNNNNN` under `dir` and removes all but the newest `keep`.
///
/// # Errors
/// Names the file that cannot be written.
pub fn save(dir: &Path, step: usize, config_hash: &str, tensors: &BTreeMap<String, Tensor>, keep: usize) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let bytes = safetensors::serialize(tensors, None).context("cannot lay out the checkpoint")?;
    let meta = Meta { step, config_hash: config_hash.to_owned(), tensors_hash: blake3_hex(&bytes) };
    let path = dir.join(format!("step-{step:08}.safetensors"));
    engine::store::atomic::write_atomic(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
    // The description is written last: without it a tensor file does not count.
    let done = path.with_extension("json");
    engine::store::atomic::write_atomic(&done, &serde_json::to_vec_pretty(&meta)?)
        .with_context(|| format!("cannot write {}", done.display()))?;
    let mut old = list(dir)?;
    old.truncate(old.len().saturating_sub(keep.max(1)));
    for (_, done) in old {
        for path in [done.clone(), done.with_extension("safetensors")] {
            std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

/// The newest checkpoint under `dir`, or `None` when there is none.
///
/// # Errors
/// When the newest is damaged or belongs to another configuration.
pub fn load_newest(dir: &Path, config_hash: &str) -> Result<Option<(usize, BTreeMap<String, Tensor>)>> {
    let Some((step, done)) = list(dir)?.pop() else { return Ok(None) };
    let text = std::fs::read_to_string(&done).with_context(|| format!("cannot read {}", done.display()))?;
    let meta: Meta = serde_json::from_str(&text).with_context(|| format!("{} is damaged", done.display()))?;
    let path = done.with_extension("safetensors");
    if meta.config_hash != config_hash {
        bail!(
            "{} was written with another configuration of this stage; restore that configuration or choose another run folder",
            path.display()
        );
    }
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    if blake3_hex(&bytes) != meta.tensors_hash {
        bail!("{} is damaged: its hash differs from the one noted; remove it to go back to the one before", path.display());
    }
    let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(Some((step, tensors.into_iter().collect())))
}

fn list(dir: &Path) -> Result<Vec<(usize, PathBuf)>> {
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let number = name.strip_prefix("step-").and_then(|n| n.strip_suffix(".json"));
        if let Some(step) = number.and_then(|n| n.parse().ok()) {
            found.push((step, path));
        }
    }
    found.sort();
    Ok(found)
}

/// Hash of a configuration value, for [`Meta::config_hash`].
///
/// # Errors
/// When the value cannot be written as JSON.
pub fn config_hash<T: Serialize>(config: &T) -> Result<String> {
    Ok(blake3_hex(&serde_json::to_vec(config)?))
}

fn blake3_hex(bytes: &[u8]) -> String {
    engine::store::hash::hash_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(value: f32) -> Result<BTreeMap<String, Tensor>> {
        Ok([("weights".to_owned(), Tensor::new(&[value, 2.0], &Device::Cpu)?)].into())
    }

    #[test]
    fn the_newest_whole_checkpoint_is_loaded_and_old_ones_go() -> Result<()> {
        let dir = tempfile::tempdir()?;
        for step in [10, 20, 30] {
            save(dir.path(), step, "c", &state(step as f32)?, 2)?;
        }
        // A tensor file without its description was cut off by a kill and does not count.
        std::fs::copy(dir.path().join("step-00000030.safetensors"), dir.path().join("step-00000040.safetensors"))?;
        let (step, tensors) = load_newest(dir.path(), "c")?.context("expected a checkpoint")?;
        assert_eq!((step, tensors["weights"].to_vec1::<f32>()?[0]), (30, 30.0));
        assert!(!dir.path().join("step-00000010.json").exists());
        assert!(load_newest(dir.path(), "other").is_err());
        Ok(())
    }

    #[test]
    fn a_damaged_checkpoint_is_refused() -> Result<()> {
        let dir = tempfile::tempdir()?;
        save(dir.path(), 1, "c", &state(1.0)?, 2)?;
        let path = dir.path().join("step-00000001.safetensors");
        let mut bytes = std::fs::read(&path)?;
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        engine::store::atomic::write_atomic(&path, &bytes)?;
        assert!(load_newest(dir.path(), "c").is_err());
        Ok(())
    }
}
