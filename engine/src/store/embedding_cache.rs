//! Text embeddings kept on disk, so that a prompt is encoded once.
//!
//! A file's name is a hash of everything the embedding depends on; the text itself is not stored. A file that is
//! damaged counts as absent and is written again. With and without a cache the same bits come out.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use safetensors::SafeTensors;

use super::atomic::{WriteError, ensure_writable_dir, write_atomic};
use super::hash::hash_bytes;

/// Changes whenever the encoder's numbers or this file format do.
const VERSION: u32 = 1;
/// Name of the tensor in a file.
const TENSOR: &str = "embedding";
/// Name of the note that holds the hash of the values.
const NOTE: &str = "blake3";

/// A folder of embeddings of one text encoder.
#[derive(Clone, Debug)]
pub struct EmbeddingCache {
    dir: PathBuf,
    encoder: String,
}

impl EmbeddingCache {
    /// Opens or makes the folder; `encoder` says everything beside the text that the numbers depend on: the
    /// hashes of weights and tokenizer, the token limit, the device.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub fn open(dir: &Path, encoder: &str) -> Result<Self, WriteError> {
        ensure_writable_dir(dir)?;
        Ok(Self { dir: dir.to_owned(), encoder: encoder.to_owned() })
    }

    /// The embedding `(1, length, width)` of a cleaned text, if it is there and whole.
    pub fn get(&self, text: &str, length: usize, width: usize) -> Option<Tensor> {
        let bytes = std::fs::read(self.path(text)).ok()?;
        let (_, metadata) = SafeTensors::read_metadata(&bytes).ok()?;
        let stated = metadata.metadata().as_ref()?.get(NOTE)?;
        let file = SafeTensors::deserialize(&bytes).ok()?;
        let view = file.tensor(TENSOR).ok()?;
        let whole =
            view.shape() == [1, length, width] && view.dtype() == safetensors::Dtype::F32 && hash_bytes(view.data()) == *stated;
        whole.then(|| Tensor::from_raw_buffer(view.data(), DType::F32, view.shape(), &Device::Cpu).ok())?
    }

    /// Keeps an embedding `(1, length, width)`.
    ///
    /// # Errors
    /// When the tensor cannot be read, or the file not be written.
    pub fn put(&self, text: &str, embedding: &Tensor) -> Result<(), CacheError> {
        let values = embedding.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let note = HashMap::from([(NOTE.to_owned(), hash_bytes(&bytes))]);
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, embedding.dims().to_vec(), &bytes)?;
        let file = safetensors::serialize([(TENSOR, view)], Some(note))?;
        Ok(write_atomic(&self.path(text), &file)?)
    }

    fn path(&self, text: &str) -> PathBuf {
        let key = format!("{VERSION}\n{}\n{text}", self.encoder);
        self.dir.join(format!("{}.safetensors", hash_bytes(key.as_bytes())))
    }
}

/// Why an embedding could not be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The file cannot be made.
    #[error(transparent)]
    Format(#[from] safetensors::SafeTensorError),
    /// A failure of the tensor library.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(tensor: &Tensor) -> Vec<u32> {
        tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn what_is_kept_comes_back_bit_for_bit() {
        let dir = tempfile::tempdir().unwrap();
        let cache = EmbeddingCache::open(&dir.path().join("new/folder"), "weights tokenizer 120").unwrap();
        let embedding = Tensor::randn(0f32, 1.0, (1, 5, 12), &Device::Cpu).unwrap();
        assert!(cache.get("no acute findings.", 5, 12).is_none());
        cache.put("no acute findings.", &embedding).unwrap();
        assert_eq!(bits(&cache.get("no acute findings.", 5, 12).unwrap()), bits(&embedding));
        assert!(cache.get("no acute findings", 5, 12).is_none(), "another text");
        assert!(cache.get("no acute findings.", 6, 12).is_none(), "another length");
        let other = EmbeddingCache::open(&dir.path().join("new/folder"), "weights tokenizer 60").unwrap();
        assert!(other.get("no acute findings.", 5, 12).is_none(), "another encoder");
    }

    #[test]
    fn a_damaged_file_counts_as_absent_and_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let cache = EmbeddingCache::open(dir.path(), "e").unwrap();
        let embedding = Tensor::randn(0f32, 1.0, (1, 2, 4), &Device::Cpu).unwrap();
        cache.put("t", &embedding).unwrap();
        let path = cache.path("t");
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut broken = whole.clone();
            broken[at] ^= 0x10;
            std::fs::write(&path, &broken).unwrap();
            if let Some(read) = cache.get("t", 2, 4) {
                assert_eq!(bits(&read), bits(&embedding), "byte {at}");
            }
            std::fs::write(&path, &whole[..at]).unwrap();
            assert!(cache.get("t", 2, 4).is_none(), "cut at {at}");
        }
        cache.put("t", &embedding).unwrap();
        assert!(cache.get("t", 2, 4).is_some());
    }
}
