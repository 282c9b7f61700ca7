//! The checker's file beside a practice model, and running it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;

use super::Seen;
use crate::domain::GrayImage;
use crate::model::checker::{CLASSES, Checker, CheckerConfig, CheckerOutput};

/// Name of the checker's file in a practice model's folder.
const FILE: &str = "checker.safetensors";
/// Longest file that is read; the shipped one has 1.4 MB.
const MAX_BYTES: u64 = 256 << 20;
/// Widest stage that a checker may have.
const MAX_WIDTH: usize = 4096;

/// A checker that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckerError {
    /// The file cannot be read.
    #[error("the checker cannot be read: {reason} ({})", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file is damaged or of another network.
    #[error("the checker is damaged: {reason}; put the practice model's file back ({})", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// An image whose sides the network cannot take.
    #[error("the checker takes square images whose side is a multiple of 32, this one has {width} × {height} pixels")]
    Size {
        /// Width of the image.
        width: u32,
        /// Height of the image.
        height: u32,
    },
    /// A tensor operation failed.
    #[error("the checker failed: {0}")]
    Tensor(#[from] candle_core::Error),
}

/// The checker of a practice model, ready to look at images.
pub struct PracticeChecker {
    network: Checker,
    device: Device,
}

impl std::fmt::Debug for PracticeChecker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PracticeChecker").finish_non_exhaustive()
    }
}

impl PracticeChecker {
    /// Opens the checker in a model folder; `None` where the folder has none.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, or belongs to another network.
    pub fn open(dir: &Path, device: &Device) -> Result<Option<Self>, CheckerError> {
        let path = dir.join(FILE);
        let damaged = |reason: String| CheckerError::Damaged { path: path.clone(), reason };
        match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CheckerError::Read { path, reason: error.to_string() }),
            Ok(about) if about.len() > MAX_BYTES => return Err(damaged(format!("it has {} bytes", about.len()))),
            Ok(_) => {}
        }
        let bytes = std::fs::read(&path).map_err(|error| CheckerError::Read { path: path.clone(), reason: error.to_string() })?;
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).map_err(|error| damaged(error.to_string()))?;
        let notes: BTreeMap<String, String> = header.metadata().clone().unwrap_or_default().into_iter().collect();
        let config = notes.get("config").ok_or_else(|| damaged("it carries no config".to_owned()))?;
        let config: CheckerConfig = serde_json::from_str(config).map_err(|error| damaged(format!("its config: {error}")))?;
        // Stages are normalised in groups of eight channels, and their channels are spread over 2 × 2 pixels.
        if config.widths.iter().any(|&width| width == 0 || width % 8 != 0 || width > MAX_WIDTH) {
            return Err(damaged(format!("its config has the widths {:?}", config.widths)));
        }
        let tensors = candle_core::safetensors::load_buffer(&bytes, device).map_err(|error| damaged(error.to_string()))?;
        let tensors = tensors.into_iter().map(|(name, tensor)| Ok((name, tensor.to_dtype(DType::F32)?)));
        let tensors = tensors.collect::<candle_core::Result<_>>()?;
        let network = Checker::new(VarBuilder::from_tensors(tensors, DType::F32, device), &config)
            .map_err(|error| damaged(error.to_string()))?;
        Ok(Some(Self { network, device: device.clone() }))
    }

    /// What it sees in one image.
    ///
    /// # Errors
    /// When the image is not square with a side of whole 32 pixels, or a tensor operation fails.
    pub fn look(&self, image: &GrayImage) -> Result<Seen, CheckerError> {
        let (width, height) = (image.width(), image.height());
        if width != height || width % 32 != 0 {
            return Err(CheckerError::Size { width, height });
        }
        let grey = self.look_at(&[image.to_unit()], width as usize)?;
        grey.into_iter().next().ok_or(CheckerError::Size { width, height })
    }

    /// What it sees in pictures with values in `0..=1` of side `size`, row by row.
    ///
    /// # Errors
    /// When a picture has another size, or a tensor operation fails.
    pub fn look_at(&self, pictures: &[Vec<f32>], size: usize) -> Result<Vec<Seen>, CheckerError> {
        let mut seen = Vec::with_capacity(pictures.len());
        for batch in pictures.chunks(32) {
            let flat: Vec<f32> = batch.iter().flatten().map(|v| 2.0 * v - 1.0).collect();
            let image = Tensor::from_vec(flat, (batch.len(), 1, size, size), &self.device)?;
            let CheckerOutput { regions, presence } = self.network.forward(&image)?;
            for (row, presence) in presence.to_vec2::<f32>()?.into_iter().enumerate() {
                let planes = regions.get(row)?.flatten_from(1)?.to_vec2::<f32>()?;
                debug_assert_eq!(planes.len(), CLASSES.len());
                seen.push(Seen { size_px: size as u32, regions: planes, presence });
            }
        }
        Ok(seen)
    }
}
