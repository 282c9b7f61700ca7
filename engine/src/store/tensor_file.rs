//! An open weight file of either format: everything known of its tensors, their values read one at a time.
//!
//! So a file that is larger than memory can be checked, converted and used.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use candle_core::{DType, Tensor};

use super::element::Element;
use super::pth::PthFile;
use super::safetensors_file::SafetensorsFile;
use super::weights::{Mismatch, Problem, WeightsError, check_shapes};

/// The first bytes of a zip archive.
const ZIP_MAGIC: &[u8] = b"PK\x03\x04";
/// The first bytes of a pickle of protocol 2, with which PyTorch's old format starts.
const PICKLE_MAGIC: &[u8] = b"\x80\x02";
/// How a Git LFS pointer starts.
const LFS_MAGIC: &[u8] = b"version https://git-lfs";

/// What is known of a tensor before its values are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Shape.
    pub shape: Vec<usize>,
    /// Type of its numbers once read.
    pub dtype: DType,
    /// Bytes of its values in the file.
    pub bytes: u64,
}

/// An open weight file; see [`super::weights::load`] for what is accepted.
#[derive(Debug)]
pub struct TensorFile {
    file: String,
    source: Source,
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
enum Source {
    Safetensors(SafetensorsFile),
    Pth(PthFile),
}

#[derive(Debug)]
struct Entry {
    /// Name inside the file.
    found: String,
    element: Element,
    /// Place in the order of the data.
    order: usize,
    info: TensorInfo,
}

impl TensorFile {
    /// Opens a weight file and reads its description; `select` as in [`super::weights::load`].
    ///
    /// # Errors
    /// See [`Problem`].
    pub fn open(path: &Path, select: Option<&str>) -> Result<Self, WeightsError> {
        let file = path.file_name().map_or_else(|| "the weight file".into(), |name| name.to_string_lossy().into_owned());
        let opened = source(path, select).and_then(|source| Ok((entries(&source)?, source)));
        match opened {
            Ok((entries, source)) => Ok(Self { file, source, entries }),
            Err(problem) => Err(WeightsError { file, problem }),
        }
    }

    /// File name, without folders.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Names and what is known of them, sorted by name.
    pub fn infos(&self) -> impl Iterator<Item = (&str, &TensorInfo)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), &entry.info))
    }

    /// What is known of one tensor.
    pub fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.entries.get(name).map(|entry| &entry.info)
    }

    /// Names in the order of the data: reading in this order is fastest.
    pub fn in_file_order(&self) -> Vec<String> {
        let mut names: Vec<_> = self.entries.iter().collect();
        names.sort_by_key(|(_, entry)| entry.order);
        names.into_iter().map(|(name, _)| name.clone()).collect()
    }

    /// Reads one tensor in its stored dtype, on the CPU.
    ///
    /// # Errors
    /// A name that is not there, or a damaged file.
    pub fn read(&mut self, name: &str) -> Result<Tensor, WeightsError> {
        let read = self.bytes(name).and_then(|(bytes, element, shape)| element.tensor(&bytes, &shape));
        self.named(read)
    }

    /// Reads one tensor as `f32`, on the CPU: the bits of [`TensorFile::read`] followed by a cast.
    ///
    /// # Errors
    /// As [`TensorFile::read`].
    pub fn read_f32(&mut self, name: &str) -> Result<Tensor, WeightsError> {
        let read = self.bytes(name).and_then(|(bytes, element, shape)| element.tensor_f32(&bytes, &shape));
        self.named(read)
    }

    /// Reads some rows of a tensor as `f32`, on the CPU; from safetensors nothing else is read.
    ///
    /// # Errors
    /// As [`TensorFile::read`], or a row that is not there.
    pub fn read_rows_f32(&mut self, name: &str, rows: &[u32]) -> Result<Tensor, WeightsError> {
        let read = self.rows_f32(name, rows);
        self.named(read)
    }

    /// Keeps the tensors whose name fits; returns how many were left out.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) -> usize {
        let before = self.entries.len();
        self.entries.retain(|name, _| keep(name));
        before - self.entries.len()
    }

    /// Gives tensors other names, and with them shapes of as many numbers.
    ///
    /// A tensor that is there under two names is kept once if both hold the same numbers.
    ///
    /// # Errors
    /// Two different tensors that would get one name.
    pub fn translated(
        mut self,
        name_of: impl Fn(&str) -> String,
        shape_of: impl Fn(&str, &[usize]) -> Vec<usize>,
    ) -> Result<Self, WeightsError> {
        let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
        for (name, mut entry) in std::mem::take(&mut self.entries) {
            let official = name_of(&name);
            entry.info.shape = shape_of(&official, &entry.info.shape);
            let Some(known) = entries.get(&official) else {
                entries.insert(official, entry);
                continue;
            };
            let alike = known.info == entry.info && {
                let first = self.source.bytes(&known.found);
                let second = self.source.bytes(&entry.found);
                self.named(first)? == self.named(second)?
            };
            if !alike {
                let problem = Problem::TwoSpellings { first: known.found.clone(), second: entry.found };
                return Err(WeightsError { file: self.file, problem });
            }
        }
        self.entries = entries;
        Ok(self)
    }

    /// Compares names and shapes with the `expected` list.
    ///
    /// # Errors
    /// Any difference.
    pub fn check_strict(&self, expected: &[(String, Vec<usize>)]) -> Result<(), Mismatch> {
        check_shapes(self.infos().map(|(name, info)| (name, info.shape.as_slice())), expected)
    }

    fn bytes(&mut self, name: &str) -> Result<(Vec<u8>, Element, Vec<usize>), Problem> {
        let entry = self.entries.get(name).ok_or_else(|| Problem::NoSuchTensor(name.to_owned()))?;
        Ok((self.source.bytes(&entry.found)?, entry.element, entry.info.shape.clone()))
    }

    fn rows_f32(&mut self, name: &str, rows: &[u32]) -> Result<Tensor, Problem> {
        let entry = self.entries.get(name).ok_or_else(|| Problem::NoSuchTensor(name.to_owned()))?;
        let mut shape = entry.info.shape.clone();
        if let Source::Safetensors(file) = &mut self.source
            && let Some(first) = shape.first_mut()
        {
            *first = rows.len();
            return entry.element.tensor_f32(&file.row_bytes(&entry.found, rows)?, &shape);
        }
        let (bytes, element, shape) = self.bytes(name)?;
        let rows = Tensor::new(rows, &candle_core::Device::Cpu)?;
        Ok(element.tensor_f32(&bytes, &shape)?.index_select(&rows, 0)?)
    }

    fn named<T>(&self, result: Result<T, Problem>) -> Result<T, WeightsError> {
        result.map_err(|problem| WeightsError { file: self.file.clone(), problem })
    }
}

impl Source {
    fn list(&self) -> Vec<(String, Element, Vec<usize>)> {
        match self {
            Self::Safetensors(file) => file.list(),
            Self::Pth(file) => file.list(),
        }
    }

    fn bytes(&mut self, name: &str) -> Result<Vec<u8>, Problem> {
        match self {
            Self::Safetensors(file) => file.bytes(name),
            Self::Pth(file) => file.bytes(name),
        }
    }
}

/// Opens a file of whichever format.
fn source(path: &Path, select: Option<&str>) -> Result<Source, Problem> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    if file.metadata()?.is_dir() {
        return Err(Problem::Io(std::io::Error::from(std::io::ErrorKind::IsADirectory)));
    }
    let mut head = Vec::with_capacity(64);
    (&mut file).take(64).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    if head.starts_with(ZIP_MAGIC) {
        Ok(Source::Pth(PthFile::open(file, length, select)?))
    } else if head.starts_with(PICKLE_MAGIC) {
        Err(Problem::Legacy)
    } else if head.starts_with(LFS_MAGIC) {
        Err(Problem::LfsPointer)
    } else {
        Ok(Source::Safetensors(SafetensorsFile::open(file, length, &head, select)?))
    }
}

/// The tensors by name, without the prefix `module.`.
fn entries(source: &Source) -> Result<BTreeMap<String, Entry>, Problem> {
    let mut entries = BTreeMap::new();
    for (order, (found, element, shape)) in source.list().into_iter().enumerate() {
        let name = found.strip_prefix("module.").unwrap_or(&found).to_owned();
        // Shapes are claims until the values are read; an impossible one counts as endless.
        let count = shape.iter().try_fold(1u64, |count, &side| count.checked_mul(side as u64));
        let bytes = count.and_then(|count| count.checked_mul(element.bytes() as u64)).unwrap_or(u64::MAX);
        let info = TensorInfo { shape, dtype: element.dtype(), bytes };
        if entries.insert(name.clone(), Entry { found, element, order, info }).is_some() {
            return Err(Problem::Duplicate(name));
        }
    }
    if entries.is_empty() {
        return Err(Problem::Empty);
    }
    Ok(entries)
}
