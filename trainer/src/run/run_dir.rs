//! Names inside a run folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The folder of a run: `config.toml`, `metrics.jsonl`, and one folder a stage.
#[derive(Clone, Debug)]
pub struct RunDir {
    root: PathBuf,
}

impl RunDir {
    /// Uses or makes the folder.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(root: &Path) -> Result<Self> {
        std::fs::create_dir_all(root).with_context(|| format!("cannot make the run folder {}", root.display()))?;
        Ok(Self { root: root.to_owned() })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Keeps the effective configuration, for people; what counts stands in the checkpoints.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_config(&self, text: &str) -> Result<()> {
        Ok(engine::store::atomic::write_atomic(&self.root.join("config.toml"), text.as_bytes())?)
    }

    /// Folder of a stage.
    pub fn stage(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Averaged weights of a finished stage.
    pub fn final_weights(&self, stage: &str) -> PathBuf {
        self.stage(stage).join("final.safetensors")
    }

    /// The log of all stages.
    pub fn metrics(&self) -> PathBuf {
        self.root.join("metrics.jsonl")
    }
}
