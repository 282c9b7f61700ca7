//! Configurations of training: TOML in, checked values out.

pub mod differences;
pub mod parse;
pub mod practice;
pub mod stage;

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::text_file::{self, CONFIG_BYTES};

pub use differences::toml_differences;
pub use practice::TrainConfig;
pub use stage::StageConfig;

/// Most phantoms that a training draws.
const MOST_PHANTOMS: usize = 100_000_000;

/// Largest sizes of a network by the name of their field; the list of tensors of one that is larger would fill the memory.
const MOST_SIZES: [(&str, usize); 10] = [
    ("depth", 512),
    ("layers", 512),
    ("hidden_size", 1 << 16),
    ("width", 1 << 16),
    ("num_heads", 1 << 12),
    ("heads", 1 << 12),
    ("token_num", 1 << 16),
    ("max_tokens", 1 << 16),
    ("export_tokens", 1 << 16),
    ("vocab_size", 1 << 20),
];

/// Refuses sizes of a table that are 0 or that no memory holds.
fn sizes_are_possible(table: &str, sizes: &[(&str, usize)]) -> Result<()> {
    for (name, size) in sizes {
        let most = MOST_SIZES.iter().find(|(known, _)| known == name).map_or(usize::MAX, |(_, most)| *most);
        ensure!((1..=most).contains(size), "field {table}.{name} is {size}; choose 1 to {most}");
    }
    Ok(())
}

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
        let text = text_file::read(path, CONFIG_BYTES).with_context(|| format!("cannot read {}", path.display()))?;
        Self::from_text(&text, changes).with_context(|| path.display().to_string())
    }

    /// As [`AnyConfig::read`], from text.
    ///
    /// # Errors
    /// Names the field.
    pub fn from_text(text: &str, changes: &[String]) -> Result<Self> {
        let table = parse::table(text)?;
        if table.contains_key("stage") {
            let config: StageConfig = parse::from_text(text, changes)?;
            config.check()?;
            Ok(Self::Stage(Box::new(config)))
        } else if table.contains_key("autoencoder") {
            let config: TrainConfig = parse::from_text(text, changes)?;
            config.check()?;
            Ok(Self::Practice(Box::new(config)))
        } else if table.contains_key("source") {
            bail!("these are settings for chexgen prepare, and no configuration of training; name one with a key stage")
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
