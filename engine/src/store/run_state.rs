//! A run between two steps, in memory and as a file from which it goes on with the same bits.
//!
//! The file is safetensors: the latents, what the solver remembers, and in its notes the record of every image. It is
//! written whole, and a hash over notes and numbers says whether it still is.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use safetensors::tensor::{SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::atomic::{WriteError, write_atomic};
use super::record::{RecordError, RunRecord};

/// Value of the note `format`.
const FORMAT: &str = "chexgen-state";
/// Value of the note `version`.
const VERSION: &str = "1";
/// Largest file that is read.
const MAX_BYTES: u64 = 1 << 30;

/// A run between two steps.
#[derive(Clone, Debug)]
pub struct RunState {
    /// What each image is made of. `steps_ran` counts the steps so far, and `pixels_blake3` is the hash of the image's
    /// latents, for there are no pixels yet.
    pub records: Vec<RunRecord>,
    /// The step that comes next, from 0; the count of steps when only decoding is left.
    pub step: usize,
    /// Steps in all.
    pub of: usize,
    /// Step and order that the solver remembers, where it remembers anything.
    pub solver: Option<(usize, usize)>,
    /// Latents with the noise of the next step `(n, C, h, w)`, `f32`.
    pub latents: Tensor,
    /// What the solver remembers, by name, each of the latents' shape, `f32`.
    pub memory: BTreeMap<String, Tensor>,
}

/// Why a kept run cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The file cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Not a kept run, of a later version, or damaged.
    #[error("{} {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong, as words behind its name.
        reason: String,
    },
    /// A record inside is damaged.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A failure of the tensor library.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Notes {
    step: usize,
    of: usize,
    solver: Option<(usize, usize)>,
    records: Vec<String>,
}

impl RunState {
    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// When the folder cannot be written, or a number in a request is not finite.
    pub fn write(&self, path: &Path) -> Result<(), StateError> {
        let unusable = |reason: String| StateError::Unusable { path: path.to_owned(), reason };
        let records = self.records.iter().map(RunRecord::to_json).collect::<Result<Vec<_>, _>>();
        let records = records.map_err(|error| unusable(format!("cannot be made: {error}")))?;
        let notes = Notes { step: self.step, of: self.of, solver: self.solver, records };
        let notes = serde_json::to_string(&notes).map_err(|error| unusable(format!("cannot be made: {error}")))?;
        let mut tensors = BTreeMap::from([("latents".to_owned(), &self.latents)]);
        tensors.extend(self.memory.iter().map(|(name, tensor)| (format!("memory.{name}"), tensor)));
        let values = tensors
            .into_iter()
            .map(|(name, tensor)| Ok((name, tensor.dims().to_vec(), bytes_of(tensor)?)))
            .collect::<candle_core::Result<Vec<_>>>()?;
        let hash = hash(&notes, values.iter().map(|(name, _, bytes)| (name.as_str(), bytes.as_slice())));
        let known = [("format", FORMAT.to_owned()), ("version", VERSION.to_owned()), ("state", notes), ("blake3", hash)];
        let known: HashMap<String, String> = known.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let views = values
            .iter()
            .map(|(name, shape, bytes)| Ok((name.as_str(), TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes)?)))
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>();
        let file = views.and_then(|views| safetensors::serialize(views, Some(known)));
        let file = file.map_err(|error| unusable(format!("cannot be made: {error}")))?;
        Ok(write_atomic(path, &file)?)
    }

    /// Reads a file; its tensors are on the CPU.
    ///
    /// # Errors
    /// When it cannot be read, is no kept run, of a later version, or damaged.
    pub fn read(path: &Path) -> Result<Self, StateError> {
        let io = |reason: String| StateError::Io { path: path.to_owned(), reason };
        let unusable = |reason: &str| StateError::Unusable { path: path.to_owned(), reason: reason.to_owned() };
        let length = std::fs::metadata(path).map_err(|error| io(error.to_string()))?.len();
        if length > MAX_BYTES {
            return Err(io(format!("it has {length} bytes, and a kept run has at most {MAX_BYTES}")));
        }
        let bytes = std::fs::read(path).map_err(|error| io(error.to_string()))?;
        let foreign = || unusable("is not a kept run of ChexGen");
        let damaged = || unusable("is damaged; begin the run again");
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|_| foreign())?;
        let known = metadata.metadata().clone().unwrap_or_default();
        let note = |name: &str| known.get(name).map(String::as_str).unwrap_or_default();
        if note("format") != FORMAT {
            return Err(foreign());
        }
        if note("version") != VERSION {
            return Err(unusable("was kept by a later version; use a newer program"));
        }
        let file = SafeTensors::deserialize(&bytes).map_err(|_| damaged())?;
        let views: BTreeMap<String, TensorView<'_>> = file.tensors().into_iter().collect();
        if hash(note("state"), views.iter().map(|(name, view)| (name.as_str(), view.data()))) != note("blake3") {
            return Err(damaged());
        }
        let notes: Notes = serde_json::from_str(note("state")).map_err(|_| damaged())?;
        let name = path.display().to_string();
        let records = notes.records.iter().map(|text| RunRecord::from_json(text, &name)).collect::<Result<_, _>>()?;
        let mut memory = BTreeMap::new();
        let mut latents = None;
        for (name, view) in views {
            if view.dtype() != safetensors::Dtype::F32 {
                return Err(damaged());
            }
            let tensor = Tensor::from_raw_buffer(view.data(), DType::F32, view.shape(), &Device::Cpu)?;
            match name.strip_prefix("memory.") {
                Some(name) => drop(memory.insert(name.to_owned(), tensor)),
                None => latents = Some(tensor),
            }
        }
        let latents = latents.ok_or_else(damaged)?;
        Ok(Self { records, step: notes.step, of: notes.of, solver: notes.solver, latents, memory })
    }
}

/// Little-endian bytes of a tensor as `f32`, in row order.
pub(crate) fn bytes_of(tensor: &Tensor) -> candle_core::Result<Vec<u8>> {
    let values = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
    Ok(values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

fn hash<'a>(notes: &str, tensors: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [notes.as_bytes()].into_iter().chain(tensors.flat_map(|(name, bytes)| [name.as_bytes(), bytes])) {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().to_hex().to_string()
}
