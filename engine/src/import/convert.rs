//! One file of a model folder from its source, with memory for one tensor.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use candle_core::{DType, Tensor};
use rayon::prelude::*;

use super::{ImportError, Progress};
use crate::cancel::Cancel;
use crate::model::t5::{Quantization, packed_row};
use crate::store::atomic::{AtomicFile, write_atomic};
use crate::store::hash::{hash_bytes, hash_file, sample_hash};
use crate::store::safetensors_writer::SafetensorsWriter;
use crate::store::weights::{TensorFile, check_shapes};

/// What a file is made of.
pub(super) enum Source {
    /// Tensors of one or more files, all of them.
    Tensors {
        /// The open files, and where they are.
        files: Vec<(PathBuf, TensorFile)>,
        /// Which dictionary of them was chosen.
        select: Option<String>,
        /// The type in which they are stored; their own if not said.
        dtype: Option<DType>,
        /// How matrices of a text encoder are packed.
        packing: Option<Quantization>,
    },
    /// A file as it is; its hash, if a description states one.
    Copy { path: PathBuf, hash: Option<String> },
    /// Content made of several small files.
    Bytes(Vec<u8>),
}

/// A file to make.
pub(super) struct Job {
    pub(super) file: &'static str,
    pub(super) source: Source,
}

/// Adds up what was read and tells it.
pub(super) struct Meter<'a> {
    pub(super) part: &'static str,
    pub(super) done_bytes: u64,
    pub(super) total_bytes: u64,
    pub(super) on_progress: &'a mut dyn FnMut(Progress<'_>),
}

impl Meter<'_> {
    pub(super) fn add(&mut self, bytes: u64) {
        self.done_bytes += bytes;
        let Self { part, done_bytes, total_bytes, .. } = *self;
        (self.on_progress)(Progress { part, done_bytes, total_bytes });
    }
}

impl Source {
    /// The tensors of open files, which must be exactly those `expected`; `file` names them in messages.
    pub(super) fn checked(
        files: Vec<(PathBuf, TensorFile)>,
        expected: &[(String, Vec<usize>)],
        file: &str,
        select: Option<String>,
        dtype: Option<DType>,
    ) -> Result<Self, ImportError> {
        let infos = files.iter().flat_map(|(_, file)| file.infos());
        check_shapes(infos.map(|(name, info)| (name, info.shape.as_slice())), expected)
            .map_err(|mismatch| ImportError::Mismatch { file: file.to_owned(), mismatch })?;
        Ok(Self::Tensors { files, select, dtype, packing: None })
    }

    /// The same with the matrices of a text encoder packed.
    pub(super) fn packed(mut self, quantization: Option<Quantization>) -> Self {
        if let Self::Tensors { packing, .. } = &mut self {
            *packing = quantization;
        }
        self
    }

    /// Bytes to read.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Tensors { files, .. } => {
                files.iter().flat_map(|(_, file)| file.infos()).fold(0, |sum, (_, info)| sum.saturating_add(info.bytes))
            }
            Self::Copy { path, .. } => path.metadata().map_or(0, |metadata| metadata.len()),
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }

    /// Says what the result depends on.
    pub(super) fn fingerprint(&self) -> Result<String, ImportError> {
        let sample = |path: &Path| sample_hash(path).map_err(|source| ImportError::Read { path: path.to_owned(), source });
        match self {
            Self::Tensors { files, select, dtype, packing } => {
                let hashes = files.iter().map(|(path, _)| sample(path)).collect::<Result<Vec<_>, _>>()?;
                let names: Vec<String> = files.iter().flat_map(|(_, file)| file.in_file_order()).collect();
                let names = hash_bytes(names.join("\n").as_bytes());
                let packing = packing.map_or_else(String::new, |kind| format!(" {kind}"));
                Ok(format!("{} {} {select:?} {dtype:?}{packing}", hashes.join(" "), &names[..16]))
            }
            Self::Copy { path, .. } => sample(path),
            Self::Bytes(bytes) => Ok(hash_bytes(bytes)),
        }
    }
}

impl Job {
    /// Makes the file and gives its hash; `None` if cancelled.
    pub(super) fn run(self, out: &Path, cancel: &Cancel, meter: &mut Meter<'_>) -> Result<Option<String>, ImportError> {
        let target = out.join(self.file);
        match self.source {
            Source::Tensors { files, dtype, packing, .. } => tensors(files, dtype, packing, &target, cancel, meter),
            Source::Copy { path, hash } => take_over(&path, hash.as_deref(), &target, cancel, meter),
            Source::Bytes(bytes) => {
                write_atomic(&target, &bytes)?;
                meter.add(bytes.len() as u64);
                Ok(Some(hash_bytes(&bytes)))
            }
        }
    }
}

fn tensors(
    files: Vec<(PathBuf, TensorFile)>,
    dtype: Option<DType>,
    packing: Option<Quantization>,
    target: &Path,
    cancel: &Cancel,
    meter: &mut Meter<'_>,
) -> Result<Option<String>, ImportError> {
    let stored = |found: DType| match (dtype, found) {
        (Some(dtype), _) => dtype,
        (None, DType::F64) => DType::F32,
        (None, found) => found,
    };
    let row = |name: &str, shape: &[usize]| packing.and_then(|kind| packed_row(name, shape, kind));
    let list: Vec<(String, DType, Vec<usize>)> = files
        .iter()
        .flat_map(|(_, file)| {
            let infos: BTreeMap<_, _> = file.infos().collect();
            let entry = |name: String| {
                let info = infos[name.as_str()];
                match row(&name, &info.shape) {
                    Some(bytes) => (name, DType::U8, vec![info.shape[0], bytes]),
                    None => (name, stored(info.dtype), info.shape.clone()),
                }
            };
            file.in_file_order().into_iter().map(entry).collect::<Vec<_>>()
        })
        .collect();
    let mut writer = SafetensorsWriter::create(target, list)?;
    for (_, mut file) in files {
        for name in file.in_file_order() {
            if cancel.is_cancelled() {
                return Ok(None);
            }
            let bytes = file.info(&name).map_or(0, |info| info.bytes);
            let tensor = file.read(&name)?;
            // Packed matrices come from all their digits.
            let packs = row(&name, tensor.dims()).is_some();
            let tensor = tensor.to_dtype(if packs { DType::F32 } else { stored(tensor.dtype()) })?;
            if !is_finite(&tensor)? {
                return Err(ImportError::NotFinite { file: file.file().to_owned(), tensor: name, dtype: tensor.dtype() });
            }
            match packing.filter(|kind| packed_row(&name, tensor.dims(), *kind).is_some()) {
                Some(kind) => writer.write(&name, &kind.pack(&tensor)?)?,
                None => writer.write(&name, &tensor)?,
            }
            meter.add(bytes);
        }
    }
    Ok(Some(writer.finish()?))
}

fn is_finite(tensor: &Tensor) -> candle_core::Result<bool> {
    fn all<T: Copy + Sync>(values: &[T], is_finite: impl Fn(T) -> bool + Sync) -> bool {
        values.par_chunks(1 << 16).all(|values| values.iter().all(|&value| is_finite(value)))
    }
    let flat = tensor.flatten_all()?;
    Ok(match tensor.dtype() {
        DType::F32 => all(&flat.to_vec1()?, f32::is_finite),
        DType::F16 => all(&flat.to_vec1()?, half::f16::is_finite),
        DType::BF16 => all(&flat.to_vec1()?, half::bf16::is_finite),
        // Refused when it is written.
        _ => true,
    })
}

/// Takes over a whole file: stays where it is, becomes a second name of the same bytes, or is copied.
fn take_over(
    path: &Path,
    stated: Option<&str>,
    target: &Path,
    cancel: &Cancel,
    meter: &mut Meter<'_>,
) -> Result<Option<String>, ImportError> {
    let fail = |source| ImportError::Read { path: path.to_owned(), source };
    let same = |a: &Path, b: &Path| matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b);
    if let Some(stated) = stated {
        let hash = hash_file(path).map_err(fail)?;
        if hash != stated {
            return Err(ImportError::Changed { path: path.to_owned() });
        }
        meter.add(path.metadata().map_or(0, |metadata| metadata.len()));
        if same(path, target) {
            return Ok(Some(hash));
        }
        // Weight files are never changed in place, so two folders may share one.
        let linked = !target.exists() && std::fs::hard_link(path, target).is_ok();
        if linked {
            return Ok(Some(hash));
        }
    }
    let mut from = File::open(path).map_err(fail)?;
    let mut to = AtomicFile::create(target)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0u8; 1 << 20];
    loop {
        if cancel.is_cancelled() {
            return Ok(None);
        }
        let count = from.read(&mut buffer).map_err(fail)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        to.write_all(&buffer[..count]).map_err(|error| to.failed(error))?;
        if stated.is_none() {
            meter.add(count as u64);
        }
    }
    to.commit()?;
    Ok(Some(hasher.finalize().to_hex().to_string()))
}
