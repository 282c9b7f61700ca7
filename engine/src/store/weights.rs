//! Weight files: safetensors and PyTorch `.pth`, told apart by content, read without running anything.
//!
//! [`load`] gives the tensors of a file by name, in their stored dtypes, on the CPU; [`check_strict`] compares
//! them with the list a network expects and names everything that is missing, extra or misshapen. Files are
//! read with ordinary buffered reads, one tensor at a time, so a file that changes meanwhile is an error and
//! not undefined behaviour. Spellings of other releases are translated by `model::names`, not here.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use safetensors::tensor::{Dtype, Metadata};

use super::pth;

/// The first bytes of a zip archive.
const ZIP_MAGIC: &[u8] = b"PK\x03\x04";
/// The first bytes of a pickle of protocol 2, with which PyTorch's old format starts.
const PICKLE_MAGIC: &[u8] = b"\x80\x02";
/// How a Git LFS pointer starts.
const LFS_MAGIC: &[u8] = b"version https://git-lfs";
/// A safetensors header larger than this is refused (the format's own limit).
const MAX_HEADER_BYTES: u64 = 100_000_000;
/// How many names of each sort an error lists before it only counts.
const LISTED: usize = 8;

/// A weight file that cannot be used: which one and why, in one sentence.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct WeightsError {
    /// File name, without folders.
    pub file: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a weight file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The system does not give it.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// Some other kind of file.
    #[error("is neither a safetensors file nor a PyTorch .pth archive")]
    Foreign,
    /// The placeholder that Git LFS leaves where the file was not fetched.
    #[error("is only a Git LFS pointer; fetch the real file first")]
    LfsPointer,
    /// PyTorch's format from before version 1.6.
    #[error("is in PyTorch's old format, which is not read; load it in PyTorch and save it again with torch.save")]
    Legacy,
    /// The file ends too early.
    #[error("is cut off: it has {have} bytes where {need} are needed")]
    Truncated {
        /// Bytes there.
        have: u64,
        /// Bytes its header promises.
        need: u64,
    },
    /// It contradicts itself.
    #[error("is damaged: {0}")]
    Damaged(String),
    /// A tensor of a number type that no network here uses.
    #[error("tensor {tensor} has the number type {dtype}, which is not supported")]
    NumberType {
        /// Name of the tensor.
        tensor: String,
        /// The type as the file spells it.
        dtype: String,
    },
    /// The wanted dictionary is not in the file.
    #[error("holds no dictionary of tensors named {wanted}; it holds {}", list(.available))]
    NoSuchDictionary {
        /// What was asked for.
        wanted: String,
        /// What could have been asked for.
        available: Vec<String>,
    },
    /// Nothing was asked for and the file leaves a choice.
    #[error("holds several dictionaries of tensors; name one of {}", list(.available))]
    Ambiguous {
        /// The choices.
        available: Vec<String>,
    },
    /// The chosen dictionary holds further dictionaries of tensors, which would be lost.
    #[error("the dictionary {chosen} holds further dictionaries of tensors ({}); name one of them", list(.inner))]
    Nested {
        /// The dictionary that was chosen.
        chosen: String,
        /// What it holds, as names that could be asked for.
        inner: Vec<String>,
    },
    /// No tensor at all.
    #[error("holds no tensors")]
    Empty,
    /// Two tensors would get the same name.
    #[error("holds two tensors named {0} once the prefix `module.` is removed")]
    Duplicate(String),
    /// A failure of the tensor library.
    #[error("cannot be turned into tensors: {0}")]
    Tensor(#[from] candle_core::Error),
}

/// Reads all tensors of a weight file, by name, in their stored dtypes, on the CPU.
///
/// `select` names the dictionary inside a `.pth` (`state_dict`, or a dotted path); in a safetensors file it
/// names a prefix. Without it a `.pth` gives its `state_dict_ema`, else `state_dict`, else `model`, else its
/// only dictionary of tensors. The prefix `module.` that PyTorch's parallel wrappers add is removed. Booleans
/// become `u8`, signed bytes `i64`, 16-bit unsigned numbers `u32`.
///
/// # Errors
/// See [`Problem`].
pub fn load(path: &Path, select: Option<&str>) -> Result<BTreeMap<String, Tensor>, WeightsError> {
    let file = path.file_name().map_or_else(|| "the weight file".into(), |name| name.to_string_lossy().into_owned());
    read(path, select).map_err(|problem| WeightsError { file, problem })
}

fn read(path: &Path, select: Option<&str>) -> Result<BTreeMap<String, Tensor>, Problem> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    if file.metadata()?.is_dir() {
        return Err(Problem::Io(std::io::Error::from(std::io::ErrorKind::IsADirectory)));
    }
    let mut head = Vec::with_capacity(64);
    (&mut file).take(64).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    let tensors = if head.starts_with(ZIP_MAGIC) {
        pth::read(file, length, select)?
    } else if head.starts_with(PICKLE_MAGIC) {
        return Err(Problem::Legacy);
    } else if head.starts_with(LFS_MAGIC) {
        return Err(Problem::LfsPointer);
    } else {
        safetensors(file, length, &head, select)?
    };
    if tensors.is_empty() {
        return Err(Problem::Empty);
    }
    without_module_prefix(tensors)
}

fn without_module_prefix(tensors: Vec<(String, Tensor)>) -> Result<BTreeMap<String, Tensor>, Problem> {
    let mut map = BTreeMap::new();
    for (name, tensor) in tensors {
        let name = name.strip_prefix("module.").map_or(name.clone(), str::to_owned);
        if map.insert(name.clone(), tensor).is_some() {
            return Err(Problem::Duplicate(name));
        }
    }
    Ok(map)
}

fn safetensors(mut file: File, length: u64, head: &[u8], select: Option<&str>) -> Result<Vec<(String, Tensor)>, Problem> {
    let Some((size, rest)) = head.split_first_chunk::<8>() else { return Err(Problem::Foreign) };
    let header_bytes = u64::from_le_bytes(*size);
    if rest.first() != Some(&b'{') || header_bytes > MAX_HEADER_BYTES {
        return Err(Problem::Foreign);
    }
    let data_start = 8 + header_bytes;
    if data_start > length {
        return Err(Problem::Truncated { have: length, need: data_start });
    }
    let mut header = vec![0; data_start as usize];
    file.read_exact(&mut header)?;
    let metadata: Metadata = serde_json::from_slice(&header[8..])
        .map_err(|error| Problem::Damaged(format!("its header cannot be understood: {error}")))?;
    let need = data_start + metadata.data_len() as u64;
    if need > length {
        return Err(Problem::Truncated { have: length, need });
    }
    if need < length {
        return Err(Problem::Damaged(format!("{} bytes lie behind the last tensor", length - need)));
    }
    let mut infos: Vec<_> = metadata.tensors().into_iter().collect();
    infos.sort_by_key(|(_, info)| info.data_offsets.0);
    if let Some(prefix) = select {
        let available = prefixes(infos.iter().map(|(name, _)| name.as_str()));
        infos.retain_mut(|(name, _)| {
            let inner = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')).map(str::to_owned);
            inner.map(|inner| *name = inner).is_some()
        });
        if infos.is_empty() {
            return Err(Problem::NoSuchDictionary { wanted: prefix.to_owned(), available });
        }
    }
    let mut tensors = Vec::with_capacity(infos.len());
    for (name, info) in infos {
        let element = Element::from_safetensors(info.dtype)
            .ok_or_else(|| Problem::NumberType { tensor: name.clone(), dtype: format!("{:?}", info.dtype) })?;
        let (start, end) = info.data_offsets;
        let mut bytes = vec![0; end - start];
        file.seek(SeekFrom::Start(data_start + start as u64))?;
        file.read_exact(&mut bytes)?;
        tensors.push((name, element.tensor(&bytes, &info.shape)?));
    }
    Ok(tensors)
}

/// First components of dotted names.
fn prefixes<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<String> = names.filter_map(|name| name.split_once('.')).map(|(head, _)| head.to_owned()).collect();
    found.sort();
    found.dedup();
    found
}

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
    fn from_safetensors(dtype: Dtype) -> Option<Self> {
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
        let dtype = match self {
            Self::I8 => {
                let values: Vec<i64> = bytes.iter().map(|&byte| i64::from(byte as i8)).collect();
                return Ok(Tensor::from_vec(values, shape, &Device::Cpu)?);
            }
            Self::U16 => {
                let values: Vec<u32> =
                    bytes.chunks_exact(2).map(|pair| u32::from(u16::from_le_bytes([pair[0], pair[1]]))).collect();
                return Ok(Tensor::from_vec(values, shape, &Device::Cpu)?);
            }
            Self::U8 => DType::U8,
            Self::I16 => DType::I16,
            Self::I32 => DType::I32,
            Self::U32 => DType::U32,
            Self::I64 => DType::I64,
            Self::F16 => DType::F16,
            Self::BF16 => DType::BF16,
            Self::F32 => DType::F32,
            Self::F64 => DType::F64,
        };
        Ok(Tensor::from_raw_buffer(bytes, dtype, shape, &Device::Cpu)?)
    }
}

/// How a set of tensors differs from what a network expects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// Expected and not there.
    pub missing: Vec<String>,
    /// There and not expected.
    pub extra: Vec<String>,
    /// There with another shape: name, shape found, shape expected.
    pub misshapen: Vec<(String, Vec<usize>, Vec<usize>)>,
}

impl std::error::Error for Mismatch {}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the weights do not fit the network: ")?;
        let mut parts = Vec::new();
        for (what, names) in [("missing", &self.missing), ("not expected", &self.extra)] {
            if !names.is_empty() {
                parts.push(format!("{} {what} ({})", names.len(), list(names)));
            }
        }
        if !self.misshapen.is_empty() {
            let names: Vec<String> = self
                .misshapen
                .iter()
                .map(|(name, found, expected)| format!("{name} is {found:?}, expected {expected:?}"))
                .collect();
            parts.push(format!("{} of another shape ({})", names.len(), list(&names)));
        }
        f.write_str(&parts.join("; "))
    }
}

/// Compares names and shapes with the `expected` list; all differences are found, the message shows the
/// first eight of each sort.
///
/// # Errors
/// Any difference.
pub fn check_strict(found: &BTreeMap<String, Tensor>, expected: &[(String, Vec<usize>)]) -> Result<(), Mismatch> {
    let wanted: BTreeMap<&str, &[usize]> = expected.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())).collect();
    let mut mismatch = Mismatch::default();
    for (name, shape) in &wanted {
        match found.get(*name) {
            None => mismatch.missing.push((*name).to_owned()),
            Some(tensor) if tensor.dims() != *shape => {
                mismatch.misshapen.push(((*name).to_owned(), tensor.dims().to_vec(), shape.to_vec()));
            }
            Some(_) => {}
        }
    }
    mismatch.extra = found.keys().filter(|name| !wanted.contains_key(name.as_str())).cloned().collect();
    if mismatch == Mismatch::default() { Ok(()) } else { Err(mismatch) }
}

/// The first names of a list, and how many more there are.
pub(super) fn list(names: &[String]) -> String {
    let shown = names.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => "nothing".to_owned(),
        count if count <= LISTED => shown,
        count => format!("{shown} and {} more", count - LISTED),
    }
}

#[cfg(test)]
mod tests;
