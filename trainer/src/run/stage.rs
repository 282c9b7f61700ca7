//! What differs from stage to stage.

use std::path::Path;

use anyhow::Result;
use candle_core::Tensor;

use super::rows::{RowRange, RowSource};
use crate::step::Gradients;

/// Losses of some rows of an update.
#[derive(Clone, Debug, Default)]
pub struct Losses {
    /// Their part of the update's mean loss: what is minimised, summed over the rows and divided by all rows.
    pub mean: f64,
    /// For the log, parts of it in the same way.
    pub parts: Vec<(&'static str, f64)>,
    /// Noise level from 0 to 1 and loss of each row.
    pub levels: Vec<(f64, f64)>,
}

/// A kind of training.
pub trait Stage {
    /// Data of some rows.
    type Batch: Send + 'static;
    /// Name of the stage and of its folder.
    fn name(&self) -> &'static str;
    /// Makes batches in background threads.
    fn source(&self) -> RowSource<Self::Batch>;
    /// Forward and backward: adds the gradients of these rows' part of the mean loss.
    ///
    /// # Errors
    /// When the device fails.
    fn backward(&self, batch: &Self::Batch, at: &RowRange, gradients: &mut Gradients) -> Result<Losses>;
    /// Which samples these rows are, for a message.
    fn ids(&self, at: &RowRange) -> Vec<String>;
    /// Whether a variable may be without a gradient in some updates.
    fn may_rest(&self, name: &str) -> bool;
    /// Whether ranks may share the rows of an update: not where its loss looks at all of them together.
    fn can_be_shared(&self) -> bool {
        true
    }
    /// Draws a panel of samples into `dir` with the weights that are in place.
    ///
    /// # Errors
    /// When the device fails or the picture cannot be written.
    fn sheet(&self, dir: &Path, step: usize) -> Result<()>;
}

/// The backward pass of a loss that was computed in one piece: `total` is a mean over its rows.
///
/// # Errors
/// When the device fails.
pub fn whole_graph(
    total: &Tensor,
    parts: &[(&'static str, &Tensor)],
    at: &RowRange,
    gradients: &mut Gradients,
) -> Result<Losses> {
    let share = at.rows.len() as f64 / at.of.max(1) as f64;
    gradients.absorb(&mut total.affine(share, 0.0)?.backward()?)?;
    let value = |tensor: &Tensor| -> Result<f64> { Ok(share * f64::from(tensor.detach().to_scalar::<f32>()?)) };
    let parts = parts.iter().map(|(name, part)| Ok((*name, value(part)?))).collect::<Result<_>>()?;
    Ok(Losses { mean: value(total)?, parts, levels: Vec::new() })
}
