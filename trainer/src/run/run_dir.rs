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
