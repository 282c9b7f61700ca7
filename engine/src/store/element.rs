//! The number types of weight files, and little-endian bytes as tensors.

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;
use safetensors::tensor::Dtype;

use super::weights::Problem;

/// Numbers that one thread converts at a time.
const CHUNK: usize = 1 << 16;

/// The number types that weight files use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    U8,
    I8,
    I16,
    U16,
    I32,
    U32,
    I64,
    F16,
    BF16,
    F32,
    F64,
}

impl Element {
    /// The type of a safetensors header, if it is one of these.
    pub(super) fn from_safetensors(dtype: Dtype) -> Option<Self> {
        Some(match dtype {
            Dtype::BOOL | Dtype::U8 => Self::U8,
            Dtype::I8 => Self::I8,
            Dtype::I16 => Self::I16,
            Dtype::U16 => Self::U16,
            Dtype::I32 => Self::I32,
            Dtype::U32 => Self::U32,
            Dtype::I64 => Self::I64,
            Dtype::F16 => Self::F16,
            Dtype::BF16 => Self::BF16,
            Dtype::F32 => Self::F32,
            Dtype::F64 => Self::F64,
            _ => return None,
        })
    }

    /// Bytes of one number.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::I16 | Self::U16 | Self::F16 | Self::BF16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::F64 => 8,
        }
    }

    /// A CPU tensor of little-endian `bytes` in row order; their count must fit `shape`.
    pub(super) fn tensor(self, bytes: &[u8], shape: &[usize]) -> Result<Tensor, Problem> {
        let count = shape.iter().try_fold(1usize, |count, &side| count.checked_mul(side));
        if count.and_then(|count| count.checked_mul(self.bytes())) != Some(bytes.len()) {
            return Err(Problem::Damaged(format!("{} bytes do not fill a tensor of shape {shape:?}", bytes.len())));
        }
        match self {
            Self::I8 => {
                let values: Vec<i64> = bytes.iter().map(|&byte| i64::from(byte as i8)).collect();
                Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
            }
            Self::U16 => {
                let values: Vec<u32> =
                    bytes.chunks_exact(2).map(|pair| u32::from(u16::from_le_bytes([pair[0], pair[1]]))).collect();
                Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
            }
            _ => Ok(Tensor::from_raw_buffer(bytes, self.dtype(), shape, &Device::Cpu)?),
        }
    }

    /// The type of the tensor that [`Element::tensor`] gives.
    pub(super) fn dtype(self) -> DType {
        match self {
            Self::U8 => DType::U8,
            Self::I16 => DType::I16,
            Self::I32 => DType::I32,
            Self::U16 | Self::U32 => DType::U32,
            Self::I8 | Self::I64 => DType::I64,
            Self::F16 => DType::F16,
            Self::BF16 => DType::BF16,
            Self::F32 => DType::F32,
            Self::F64 => DType::F64,
        }
    }

    /// As [`Element::tensor`] followed by a cast to `f32`: the same bits, the two usual half types on all threads.
    pub(super) fn tensor_f32(self, bytes: &[u8], shape: &[usize]) -> Result<Tensor, Problem> {
        if !matches!(self, Self::BF16 | Self::F16) {
            return Ok(self.tensor(bytes, shape)?.to_dtype(DType::F32)?);
        }
        if shape.iter().try_fold(2usize, |count, &side| count.checked_mul(side)) != Some(bytes.len()) {
            return Err(Problem::Damaged(format!("{} bytes do not fill a tensor of shape {shape:?}", bytes.len())));
        }
        let values = match self {
            Self::BF16 => converted(bytes, |pair| half::bf16::from_le_bytes(pair).to_f32()),
            _ => converted(bytes, |pair| half::f16::from_le_bytes(pair).to_f32()),
        };
        Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
    }
}

/// Numbers of two bytes on all threads, in the widest vectors that the processor has.
fn converted(bytes: &[u8], single: impl Fn([u8; 2]) -> f32 + Sync) -> Vec<f32> {
    let mut values = vec![0f32; bytes.len() / 2];
    values.par_chunks_mut(CHUNK).zip(bytes.par_chunks(2 * CHUNK)).for_each(|(values, bytes)| {
        pulp::Arch::new().dispatch(|| {
            for (value, pair) in values.iter_mut().zip(bytes.as_chunks().0) {
                *value = single(*pair);
            }
        });
    });
    values
}
