//! Writing safetensors, one tensor at a time: the header with all shapes first, then the values.
//!
//! The file appears whole or not at all (see [`super::atomic`]), and is hashed on the way.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;

use candle_core::{DType, Tensor};
use half::slice::HalfFloatSliceExt;
use safetensors::tensor::{Dtype, Metadata, TensorInfo};

use super::atomic::{AtomicFile, WriteError};

/// Why a weight file could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A number type that weights are not stored in.
    #[error("tensor {name} is {dtype:?}; weights are stored as f32, f16, bf16 or packed bytes")]
    NumberType {
        /// The tensor.
        name: String,
        /// Its type.
        dtype: DType,
    },
    /// Tensors that are not those of the header, or not in its order.
    #[error("tensor {got} {shape:?} {dtype:?} is written where {expected} belongs")]
    Order {
        /// What came.
        got: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Its type.
        dtype: DType,
        /// What was announced.
        expected: String,
    },
    /// The header cannot be made.
    #[error("the header cannot be written: {0}")]
    Header(String),
    /// A failure of the tensor library.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// A file that is being written.
#[derive(Debug)]
pub struct SafetensorsWriter {
    file: AtomicFile,
    hasher: blake3::Hasher,
    /// What is still to come, last first.
    waiting: Vec<(String, DType, Vec<usize>)>,
}

impl SafetensorsWriter {
    /// Starts a file that will hold `tensors` (name, type, shape), which must then be written in this order.
    ///
    /// # Errors
    /// When the folder cannot be written, or a type is not one of f32, f16, bf16 and u8.
    pub fn create(path: &Path, tensors: Vec<(String, DType, Vec<usize>)>) -> Result<Self, SaveError> {
        let mut offset = 0;
        let mut infos = Vec::with_capacity(tensors.len());
        for (name, dtype, shape) in &tensors {
            let stored = match dtype {
                DType::F32 => Dtype::F32,
                DType::F16 => Dtype::F16,
                DType::BF16 => Dtype::BF16,
                DType::U8 => Dtype::U8,
                _ => return Err(SaveError::NumberType { name: name.clone(), dtype: *dtype }),
            };
            let end = offset + shape.iter().product::<usize>() * dtype.size_in_bytes();
            infos.push((name.clone(), TensorInfo { dtype: stored, shape: shape.clone(), data_offsets: (offset, end) }));
            offset = end;
        }
        let note = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        let header = Metadata::new(Some(note), infos).map_err(|error| SaveError::Header(error.to_string()))?;
        let mut header = serde_json::to_vec(&header).map_err(|error| SaveError::Header(error.to_string()))?;
        // Values begin at a multiple of eight.
        header.resize(header.len().next_multiple_of(8), b' ');
        let mut waiting = tensors;
        waiting.reverse();
        let mut writer = Self { file: AtomicFile::create(path)?, hasher: blake3::Hasher::new(), waiting };
        writer.put(&(header.len() as u64).to_le_bytes())?;
        writer.put(&header)?;
        Ok(writer)
    }

    /// Writes the next tensor.
    ///
    /// # Errors
    /// When it is not the next one, or the disk is full.
    pub fn write(&mut self, name: &str, tensor: &Tensor) -> Result<(), SaveError> {
        let fits = |(next, dtype, shape): &(String, DType, Vec<usize>)| {
            next == name && *dtype == tensor.dtype() && shape == tensor.dims()
        };
        let next = self.waiting.pop();
        if !next.as_ref().is_some_and(fits) {
            return Err(SaveError::Order {
                got: name.to_owned(),
                shape: tensor.dims().to_vec(),
                dtype: tensor.dtype(),
                expected: next.map_or_else(|| "nothing".to_owned(), |(next, dtype, shape)| format!("{next} {shape:?} {dtype:?}")),
            });
        }
        let flat = tensor.flatten_all()?;
        match tensor.dtype() {
            DType::U8 => self.put(&flat.to_vec1::<u8>()?),
            DType::F32 => self.put_all(&flat.to_vec1::<f32>()?, |value| value.to_le_bytes()),
            DType::F16 => self.put_all(flat.to_vec1::<half::f16>()?.reinterpret_cast(), |value| value.to_le_bytes()),
            DType::BF16 => self.put_all(flat.to_vec1::<half::bf16>()?.reinterpret_cast(), |value| value.to_le_bytes()),
            dtype => Err(SaveError::NumberType { name: name.to_owned(), dtype }),
        }
    }

    /// Finishes the file and returns its hash.
    ///
    /// # Errors
    /// When a tensor is missing, or the file cannot be flushed or renamed.
    pub fn finish(mut self) -> Result<String, SaveError> {
        if let Some((name, dtype, shape)) = self.waiting.pop() {
            return Err(SaveError::Order { got: "the end".to_owned(), shape, dtype, expected: name });
        }
        self.file.commit()?;
        Ok(self.hasher.finalize().to_hex().to_string())
    }

    fn put_all<T: Copy, const N: usize>(&mut self, values: &[T], bytes_of: impl Fn(T) -> [u8; N]) -> Result<(), SaveError> {
        let mut buffer = Vec::with_capacity(N << 16);
        for chunk in values.chunks(1 << 16) {
            buffer.clear();
            buffer.extend(chunk.iter().flat_map(|&value| bytes_of(value)));
            self.put(&buffer)?;
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), SaveError> {
        self.hasher.update(bytes);
        let written: io::Result<()> = self.file.write_all(bytes);
        written.map_err(|error| self.file.failed(error).into())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::store::hash::hash_file;
    use crate::store::weights::{TensorFile, load};

    #[test]
    fn what_is_written_is_read_in_any_type() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w.safetensors");
        let base = Tensor::randn(0f32, 1.0, (5, 3), &Device::Cpu).unwrap();
        let list = [("a", DType::F32), ("b.c", DType::BF16), ("d", DType::F16)];
        let announced = list.iter().map(|(name, dtype)| ((*name).to_owned(), *dtype, vec![5, 3])).collect();
        let mut writer = SafetensorsWriter::create(&path, announced).unwrap();
        for (name, dtype) in list {
            assert!(!path.exists(), "not before it is whole");
            writer.write(name, &base.to_dtype(dtype).unwrap()).unwrap();
        }
        assert_eq!(writer.finish().unwrap(), hash_file(&path).unwrap());
        let values = |t: &Tensor| t.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let map = load(&path, None).unwrap();
        let mut file = TensorFile::open(&path, None).unwrap();
        assert_eq!(file.in_file_order(), ["a", "b.c", "d"]);
        for (name, dtype) in list {
            let expected = base.to_dtype(dtype).unwrap();
            assert_eq!((map[name].dtype(), values(&map[name])), (dtype, values(&expected)), "{name}");
            assert_eq!(values(&file.read_f32(name).unwrap()), values(&expected), "{name}");
            let rows = file.read_rows_f32(name, &[4, 0, 4]).unwrap();
            let index = Tensor::new(&[4u32, 0, 4], &Device::Cpu).unwrap();
            assert_eq!(values(&rows), values(&expected.index_select(&index, 0).unwrap()));
            assert!(file.read_rows_f32(name, &[5]).is_err());
        }
        assert!(file.read("x").unwrap_err().to_string().contains("no tensor named x"));
        assert_eq!(candle_core::safetensors::load(&path, &Device::Cpu).unwrap().len(), 3, "others read it, too");
    }

    #[test]
    fn another_order_another_shape_and_a_missing_tensor_leave_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w.safetensors");
        let start = || {
            let list = vec![("a".to_owned(), DType::F32, vec![2]), ("b".to_owned(), DType::F32, vec![2])];
            SafetensorsWriter::create(&path, list).unwrap()
        };
        let tensor = Tensor::zeros(2, DType::F32, &Device::Cpu).unwrap();
        assert!(start().write("b", &tensor).is_err());
        assert!(start().write("a", &tensor.unsqueeze(0).unwrap()).is_err());
        assert!(start().write("a", &tensor.to_dtype(DType::F16).unwrap()).is_err());
        let mut writer = start();
        writer.write("a", &tensor).unwrap();
        assert!(writer.finish().unwrap_err().to_string().contains('b'));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        let odd = vec![("a".to_owned(), DType::I64, vec![2])];
        assert!(SafetensorsWriter::create(&path, odd).unwrap_err().to_string().contains("I64"));
    }
}
