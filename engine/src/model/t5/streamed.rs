//! The encoder over weights in their file, for a machine whose memory does not hold it, or whose weights are packed.
//!
//! A text needs its rows of the embedding table and one block after the other; each block is read, converted to
//! `f32`, used and dropped. So about one block is in memory, and the numbers are those of [`super::T5Encoder`].
//! Packed matrices stay packed; they may be kept in memory, which changes no number.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Shape, Tensor};
use candle_nn::VarBuilder;
use candle_nn::var_builder::SimpleBackend;

use super::matrix::Matrix;
use super::{Block, EMBEDDING_NAMES, Quantization, T5Config, final_norm, packed_row, position_bias, relative_bias};
use crate::ops;

/// Where weights come from when they are needed.
pub trait WeightSource: Send + Sync {
    /// One tensor as `f32`, on the CPU.
    ///
    /// # Errors
    /// A name that is not there, or a source that cannot be read.
    fn tensor(&self, name: &str) -> Result<Tensor>;

    /// Rows of a matrix as `f32`, on the CPU.
    ///
    /// # Errors
    /// As [`WeightSource::tensor`], or a row that is not there.
    fn rows(&self, name: &str, rows: &[u32]) -> Result<Tensor>;

    /// Bytes of a packed matrix `(outputs, row bytes)`, `u8`, on the CPU.
    ///
    /// # Errors
    /// As [`WeightSource::tensor`], or a source without such.
    fn packed(&self, name: &str) -> Result<Tensor> {
        candle_core::bail!("{name} is not packed")
    }
}

/// The encoder over a [`WeightSource`].
pub struct StreamedT5 {
    source: Arc<dyn WeightSource>,
    weights: VarBuilder<'static>,
    position_bias: Tensor,
    final_norm: Tensor,
    config: T5Config,
    device: Device,
    quantization: Option<Quantization>,
    /// All blocks, where they are kept.
    kept: Option<Vec<Block>>,
}

impl std::fmt::Debug for StreamedT5 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamedT5").field("config", &self.config).finish_non_exhaustive()
    }
}

impl StreamedT5 {
    /// Reads what is small; the source must hold the tensors of [`T5Config::param_shapes`].
    ///
    /// # Errors
    /// A missing or misshapen tensor, or a configuration with a zero size.
    pub fn new(source: Arc<dyn WeightSource>, config: &T5Config, device: &Device) -> Result<Self> {
        config.check()?;
        let backend = Box::new(FromSource(Arc::clone(&source)));
        let weights = VarBuilder::from_backend(backend, DType::F32, device.clone());
        let encoder = weights.pp("encoder");
        Ok(Self {
            source,
            position_bias: position_bias(&encoder, config)?,
            final_norm: final_norm(&encoder, config)?,
            weights,
            config: config.clone(),
            device: device.clone(),
            quantization: None,
            kept: None,
        })
    }

    /// As [`StreamedT5::new`], over matrices in blocks; computes on the CPU.
    ///
    /// # Errors
    /// As [`StreamedT5::new`].
    pub fn packed(source: Arc<dyn WeightSource>, config: &T5Config, quantization: Quantization) -> Result<Self> {
        Ok(Self { quantization: Some(quantization), ..Self::new(source, config, &Device::Cpu)? })
    }

    /// Reads all blocks now and keeps them; the numbers stay the same.
    ///
    /// # Errors
    /// A source that cannot be read.
    pub fn kept(mut self) -> Result<Self> {
        self.kept = Some((0..self.config.num_layers).map(|index| self.block(index)).collect::<Result<_>>()?);
        Ok(self)
    }

    fn block(&self, index: usize) -> Result<Block> {
        let packed = |name: &str, shape: (usize, usize)| match self.quantization {
            Some(kind) if packed_row(name, &[shape.0, shape.1], kind).is_some() => {
                Matrix::packed(kind, shape, &self.source.packed(name)?).map(Some)
            }
            _ => Ok(None),
        };
        Block::new(&self.weights.pp("encoder"), index, &self.config, &packed)
    }

    /// Last hidden state `(1, length, d_model)` of one text, in `f32`.
    ///
    /// # Errors
    /// An id beyond the embedding table, or a source that cannot be read.
    pub fn forward(&self, ids: &[u32]) -> Result<Tensor> {
        if let Some(id) = ids.iter().find(|&&id| id as usize >= self.config.vocab_size) {
            candle_core::bail!("token {id} lies beyond the {} rows of the embedding", self.config.vocab_size);
        }
        let rows = self.source.rows(EMBEDDING_NAMES[0], ids)?;
        let mut x = rows.reshape((1, ids.len(), self.config.d_model))?.to_device(&self.device)?;
        let bias = relative_bias(&self.position_bias, ids.len(), &self.config)?;
        for index in 0..self.config.num_layers {
            x = match &self.kept {
                Some(blocks) => blocks[index].forward(&x, &bias, &self.config)?,
                None => self.block(index)?.forward(&x, &bias, &self.config)?,
            };
        }
        ops::rms_norm(&x, &self.final_norm, self.config.layer_norm_epsilon)
    }
}

/// Lets a network be built over a source as over a file in memory.
struct FromSource(Arc<dyn WeightSource>);

impl SimpleBackend for FromSource {
    fn get(&self, shape: Shape, name: &str, _: candle_nn::Init, dtype: DType, device: &Device) -> Result<Tensor> {
        let tensor = self.0.tensor(name)?;
        if tensor.dims() != shape.dims() {
            candle_core::bail!("tensor {name} is {:?}, expected {:?}", tensor.dims(), shape.dims());
        }
        tensor.to_dtype(dtype)?.to_device(device)
    }

    fn get_unchecked(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor> {
        self.0.tensor(name)?.to_dtype(dtype)?.to_device(device)
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}
