//! Weight files: safetensors and PyTorch `.pth`, told apart by content, read without running anything.
//!
//! [`load`] gives the tensors of a file by name, in their stored dtypes, on the CPU; [`TensorFile`] keeps the file
//! open and gives them one by one. [`check_strict`] compares names and shapes with the list a network expects and
//! names everything that is missing, extra or misshapen. Files are read with ordinary reads, so a file that changes
//! meanwhile is an error and not undefined behaviour. Spellings of other releases are translated by `model::names`,
//! not here.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use candle_core::Tensor;

pub use super::tensor_file::{TensorFile, TensorInfo};

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
    #[error("is neither a safetensors file nor a PyTorch .pth archive; name a weight file")]
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
    /// One tensor is there under two names, with different values.
    #[error("holds {first} and {second}, two names of one tensor, and the two differ")]
    TwoSpellings {
        /// One name.
        first: String,
        /// The other name.
        second: String,
    },
    /// A tensor that was asked for is not there.
    #[error("holds no tensor named {0}")]
    NoSuchTensor(String),
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
    let mut file = TensorFile::open(path, select)?;
    let mut tensors = BTreeMap::new();
    for name in file.in_file_order() {
        let tensor = file.read(&name)?;
        tensors.insert(name, tensor);
    }
    Ok(tensors)
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
    check_shapes(found.iter().map(|(name, tensor)| (name.as_str(), tensor.dims())), expected)
}

/// As [`check_strict`], of names and shapes alone.
///
/// # Errors
/// Any difference.
pub fn check_shapes<'a>(
    found: impl Iterator<Item = (&'a str, &'a [usize])>,
    expected: &[(String, Vec<usize>)],
) -> Result<(), Mismatch> {
    let found: BTreeMap<&str, &[usize]> = found.collect();
    let wanted: BTreeMap<&str, &[usize]> = expected.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())).collect();
    let mut mismatch = Mismatch::default();
    for (name, shape) in &wanted {
        match found.get(name) {
            None => mismatch.missing.push((*name).to_owned()),
            Some(there) if there != shape => {
                mismatch.misshapen.push(((*name).to_owned(), there.to_vec(), shape.to_vec()));
            }
            Some(_) => {}
        }
    }
    mismatch.extra = found.keys().filter(|name| !wanted.contains_key(*name)).map(|name| (*name).to_owned()).collect();
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
