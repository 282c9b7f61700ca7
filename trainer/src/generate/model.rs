//! Which model folder is meant, and opening it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use engine::device::DeviceKind;
use engine::pipeline::Pipeline;
use engine::store::find_model::practice_model_dir;

/// The word that stands for the practice model.
pub const PRACTICE: &str = "practice";

/// The folder of `name`: the practice model for `practice` or nothing, else the folder itself.
///
/// # Errors
/// When the practice model is nowhere.
pub fn model_dir(name: Option<&str>) -> Result<PathBuf> {
    match name {
        None | Some(PRACTICE) => {
            let exe = std::env::current_exe().ok();
            let source_tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
            Ok(practice_model_dir(exe.as_deref(), &source_tree).context("--model")?)
        }
        Some(dir) => Ok(PathBuf::from(dir)),
    }
}

/// Loads a model folder.
///
/// # Errors
/// Names the file that is missing, damaged or foreign, or the device that cannot be used.
pub fn open(dir: &Path, device: DeviceKind) -> Result<Pipeline> {
    Pipeline::open_cached(dir, &device).with_context(|| format!("--model {}", dir.display()))
}
