//! Last layer: modulated norm, projection to patches, and patches to image.

use candle_core::Tensor;
use candle_nn::VarBuilder;

use crate::ops;

use super::block::NORM_EPS;
use super::config::DitConfig;
use super::error::Result;
use super::linear::Linear;

/// Maps tokens to flattened output patches.
#[derive(Clone, Debug)]
pub struct FinalLayer {
    linear: Linear,
    table: Tensor, // (2, D)
}

impl FinalLayer {
    /// Takes `linear (p²·C', D)` and `shift_scale_table (2, D)`, whose rows are shift and scale.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(vb: VarBuilder<'_>, cfg: &DitConfig) -> Result<Self> {
        let outputs = cfg.patch_size * cfg.patch_size * cfg.out_channels();
        let table = vb.get((2, cfg.hidden_size), "shift_scale_table")?;
        Ok(Self { linear: Linear::new(vb.pp("linear"), cfg.hidden_size, outputs)?, table })
    }

    /// Maps tokens `(B, N, D)` and the time vector `(B, D)` to patches `(B, N, p²·C')`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, x: &Tensor, time: &Tensor) -> Result<Tensor> {
        let row = |index: usize| -> Result<Tensor> { Ok(time.broadcast_add(&self.table.narrow(0, index, 1)?)?) };
        self.linear.forward(&ops::layer_norm_modulate(x, &row(0)?, &row(1)?, NORM_EPS)?)
    }
}

/// Flattened patches `(B, N, p²·C)` to an image `(B, C, grid·p, grid·p)`.
///
/// The numbers of a token are ordered row in patch, column in patch, channel.
///
/// # Errors
/// When the sizes do not fit.
pub fn unpatchify(patches: &Tensor, grid: usize, patch: usize, channels: usize) -> Result<Tensor> {
    let b = patches.dim(0)?;
    Ok(patches
        .reshape(&[b, grid, grid, patch, patch, channels][..])?
        .permute(vec![0, 5, 1, 3, 2, 4])?
        .contiguous()?
        .reshape((b, channels, grid * patch, grid * patch))?)
}
