//! Configurations of training: TOML in, checked values out.

pub mod differences;
pub mod parse;
pub mod practice;
pub mod stage;

use std::path::Path;

use anyhow::{Context, Result, bail};

pub use differences::toml_differences;
pub use practice::TrainConfig;
pub use stage::StageConfig;

/// A configuration of either form.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyConfig {
    /// All stages of a practice model.
    Practice(Box<TrainConfig>),
    /// One stage of a diffusion transformer.
    Stage(Box<StageConfig>),
}

impl AnyConfig {
    /// Reads and checks a file, with `changes` laid over it; the key `stage` tells the form.
    ///
    /// # Errors
    /// Names the file and the field.
    pub fn read(path: &Path, changes: &[String]) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::from_text(&text, changes).with_context(|| path.display().to_string())
    }

    /// As [`AnyConfig::read`], from text.
    ///
    /// # Errors
    /// Names the field.
    pub fn from_text(text: &str, changes: &[String]) -> Result<Self> {
        let table: toml::Table = toml::from_str(text).map_err(|error| anyhow::anyhow!("{}", error.to_string().trim()))?;
        if table.contains_key("stage") {
            let config: StageConfig = parse::from_text(text, changes)?;
            config.check()?;
            Ok(Self::Stage(Box::new(config)))
        } else if table.contains_key("autoencoder") {
            let config: TrainConfig = parse::from_text(text, changes)?;
            config.check()?;
            Ok(Self::Practice(Box::new(config)))
        } else {
            bail!("it has neither the key stage (one stage) nor the table autoencoder (a practice model)")
        }
    }

    /// The configuration with all its values, as TOML.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn to_text(&self) -> Result<String> {
        match self {
            Self::Practice(config) => parse::to_text(config),
            Self::Stage(config) => parse::to_text(config),
        }
    }
}

#[cfg(test)]
mod tests;
