//! Noise from a file instead of from seeds, for parity with a run of another program.

use std::path::Path;

use candle_core::{DType, Device, Tensor};

use super::Error;
use crate::store::hash::hash_bytes;
use crate::store::record::NoiseOrigin;

/// Noise of a whole batch, read from one safetensors file.
///
/// `start (rows, C, h, w)` is where the run begins; `step (steps, rows, C, h, w)` is added at the steps, counted
/// from the first; `posterior (rows, C, h, w)` samples the condition's latent. Each may be missing, then seeds
/// give it. Rows beyond those of the batch are ignored: the published scripts draw twice as many.
#[derive(Clone, Debug)]
pub struct ImportedNoise {
    start: Option<Tensor>,
    step: Option<Tensor>,
    posterior: Option<Tensor>,
    blake3: String,
    first_row: usize,
}

/// A use of noise that a file may give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Start,
    Step(u32),
    Posterior,
}

impl ImportedNoise {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, is no safetensors file, or holds other tensors.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Self::from_bytes(&bytes, &path.display().to_string())
    }

    /// As [`ImportedNoise::read`], from the content of a file that errors call `name`.
    ///
    /// # Errors
    /// As [`ImportedNoise::read`].
    pub fn from_bytes(bytes: &[u8], name: &str) -> Result<Self, Error> {
        let fault = |reason: String| Error::Noise { name: name.to_owned(), reason };
        let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu)
            .map_err(|error| fault(format!("it is no safetensors file ({error}); save start, step or posterior in one")))?;
        let mut noise = Self { start: None, step: None, posterior: None, blake3: hash_bytes(bytes), first_row: 0 };
        let mut names: Vec<_> = tensors.into_iter().collect();
        names.sort_by(|a, b| a.0.cmp(&b.0));
        for (tensor_name, tensor) in names {
            let (place, rank) = match tensor_name.as_str() {
                "start" => (&mut noise.start, 4),
                "step" => (&mut noise.step, 5),
                "posterior" => (&mut noise.posterior, 4),
                other => return Err(fault(format!("tensor {other:?} is none of start, step, posterior"))),
            };
            if tensor.rank() != rank {
                return Err(fault(format!("{tensor_name} has {} axes, expected {rank}", tensor.rank())));
            }
            let tensor = tensor.to_dtype(DType::F32)?;
            // One sum sees every NaN and infinity.
            if !tensor.sqr()?.sum_all()?.to_scalar::<f32>()?.is_finite() {
                return Err(fault(format!("{tensor_name} holds NaN, infinity or huge numbers")));
            }
            *place = Some(tensor);
        }
        Ok(noise)
    }

    /// Hash of the file's bytes, 64 hexadecimal digits.
    pub fn blake3(&self) -> &str {
        &self.blake3
    }

    /// Rows that every one of its tensors has.
    pub fn rows(&self) -> usize {
        let rows = |tensor: &Option<Tensor>, axis: usize| tensor.as_ref().map(|tensor| tensor.dims()[axis]);
        [rows(&self.start, 0), rows(&self.step, 1), rows(&self.posterior, 0)].into_iter().flatten().min().unwrap_or(0)
    }

    /// The same noise from a row on: that row goes to the first request.
    #[must_use]
    pub fn starting_at(self, row: usize) -> Self {
        Self { first_row: row, ..self }
    }

    /// Where row `row` of a batch gets its noise.
    pub(super) fn origin(&self, row: usize) -> NoiseOrigin {
        NoiseOrigin { blake3: self.blake3.clone(), row: self.first_row + row }
    }

    /// Noise of `shape` for the rows from `first_row` on, where the file gives this use.
    ///
    /// # Errors
    /// When the file has another shape, too few rows or too few steps.
    pub(super) fn find(
        &self,
        what: Use,
        first_row: usize,
        shape: &[usize],
        device: &Device,
    ) -> candle_core::Result<Option<Tensor>> {
        let found = match what {
            Use::Start => self.start.clone(),
            Use::Posterior => self.posterior.clone(),
            Use::Step(step) => match &self.step {
                None => None,
                Some(all) if (step as usize) < all.dim(0)? => Some(all.get(step as usize)?),
                Some(all) => {
                    candle_core::bail!("the imported noise ends after {} steps; step {} needs more", all.dim(0)?, step + 1)
                }
            },
        };
        let Some(noise) = found else { return Ok(None) };
        let dims = noise.dims();
        let first_row = self.first_row + first_row;
        if dims[1..] != shape[1..] || dims[0] < first_row + shape[0] {
            candle_core::bail!("the imported noise has shape {dims:?}, but rows {first_row}.. of {shape:?} are needed");
        }
        Ok(Some(noise.narrow(0, first_row, shape[0])?.contiguous()?.to_device(device)?))
    }
}
