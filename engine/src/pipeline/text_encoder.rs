//! The text encoder in memory, or in its file where memory is short. The numbers are the same.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{Device, Result, Tensor};

use crate::device::available_memory_bytes;
use crate::model::sd::ClipText;
use crate::model::t5::{EMBEDDING_NAMES, Quantization, WeightSource, packed_row};
use crate::model::{StreamedT5, T5Config, T5Encoder};
use crate::store::weights::TensorFile;

/// An encoder that takes more memory than this is streamed, wherever there is more.
const MAX_IN_MEMORY_BYTES: u64 = 4_000_000_000;
/// Share of the free memory that the encoder may take: one part of so many.
const SHARE: u64 = 4;

/// How a model's text encoder is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextMemory {
    /// In memory if it takes at most a quarter of what is free and 4 GB, else streamed.
    #[default]
    Auto,
    /// All weights in memory, as `f32`.
    InMemory,
    /// Weights stay in their file and are read block by block for each text.
    Streamed,
}

impl TextMemory {
    /// Whether an encoder of `bytes` (as `f32`) is streamed.
    pub fn streams(self, bytes: u64) -> bool {
        match self {
            Self::InMemory => false,
            Self::Streamed => true,
            Self::Auto => {
                let room = available_memory_bytes().map_or(MAX_IN_MEMORY_BYTES, |free| free / SHARE);
                bytes > room.min(MAX_IN_MEMORY_BYTES)
            }
        }
    }
}

/// An encoder, wherever its weights are.
#[derive(Debug)]
pub(super) enum TextEncoder {
    InMemory(Box<T5Encoder>),
    Streamed(StreamedT5),
    Clip(Box<ClipText>),
}

impl TextEncoder {
    /// An encoder over an open file whose tensors were checked.
    pub(super) fn streamed(file: TensorFile, config: &T5Config, device: &Device) -> Result<Self> {
        let source = Arc::new(FileSource(Mutex::new(file)));
        Ok(Self::Streamed(StreamedT5::new(source, config, device)?))
    }

    /// An encoder over an open file whose matrices are packed, read from it for every text or kept in memory.
    pub(super) fn packed(file: TensorFile, config: &T5Config, quantization: Quantization, kept: bool) -> Result<Self> {
        let encoder = StreamedT5::packed(Arc::new(FileSource(Mutex::new(file))), config, quantization)?;
        Ok(Self::Streamed(if kept { encoder.kept()? } else { encoder }))
    }

    /// The embedding `(1, length, width)` of one text.
    pub(super) fn forward(&self, ids: &[u32], device: &Device) -> Result<Tensor> {
        let row = || Tensor::from_slice(ids, (1, ids.len()), device);
        match self {
            Self::InMemory(encoder) => encoder.forward(&row()?, None),
            Self::Streamed(encoder) => encoder.forward(ids)?.to_device(device),
            Self::Clip(encoder) => Ok(encoder.forward(&row()?)?),
        }
    }
}

/// A weight file that several texts may want at once; they wait for each other.
struct FileSource(Mutex<TensorFile>);

impl WeightSource for FileSource {
    fn tensor(&self, name: &str) -> Result<Tensor> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.read_f32(name).map_err(candle_core::Error::wrap)
    }

    fn packed(&self, name: &str) -> Result<Tensor> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.read(name).map_err(candle_core::Error::wrap)
    }

    fn rows(&self, name: &str, rows: &[u32]) -> Result<Tensor> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.read_rows_f32(name, rows).map_err(candle_core::Error::wrap)
    }
}

/// Bytes of an encoder's weights in memory: packed, or as `f32`.
pub(super) fn bytes_of(config: &T5Config, quantization: Option<Quantization>) -> u64 {
    let bytes = |(name, shape): &(String, Vec<usize>)| {
        let count = |side: usize| shape.first().map_or(0, |&rows| rows as u64) * side as u64;
        match quantization.and_then(|kind| packed_row(name, shape, kind)) {
            Some(row) => count(row),
            // Its rows are read from the file, as they are needed.
            None if quantization.is_some() && EMBEDDING_NAMES.contains(&name.as_str()) => 0,
            None => 4 * shape.iter().map(|&side| side as u64).product::<u64>(),
        }
    };
    config.param_shapes().iter().map(bytes).sum()
}
