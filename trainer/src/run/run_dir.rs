//! Names inside a run folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// File of the effective configuration.
const CONFIG: &str = "config.toml";

/// Name of the run folder of a configuration: its own, up to the first dot (`stage1-256.paper.toml` gives `stage1-256`).
pub fn named_after(config: &Path) -> String {
    let name = config.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    name.split('.').next().unwrap_or(&name).to_owned()
}

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

    /// Keeps the effective configuration of a run that is new, so that those who look know its length.
    ///
    /// The configuration of a run that is there stays until it is known that the run goes on with another one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin_config(&self, text: &str) -> Result<()> {
        if self.root.join(CONFIG).is_file() { Ok(()) } else { self.keep_config(text) }
    }

    /// Keeps the effective configuration, for people; what counts stands in the checkpoints.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_config(&self, text: &str) -> Result<()> {
        Ok(engine::store::atomic::write_atomic(&self.root.join(CONFIG), text.as_bytes())?)
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
