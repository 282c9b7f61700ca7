//! Shards: a tar file of samples and its index, written whole or not at all, read at any place.
//!
//! The tar file holds `KEY.safetensors` one after another, with no date and no owner, so that the same samples give
//! the same bytes. The index is written after it and says that it is whole.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use engine::store::atomic::{AtomicFile, WriteError, write_atomic};
use engine::store::hash::hash_bytes;

use super::form::{About, Binding, LostWord, Reject, SHARD_FORMAT, SampleEntry, ShardForm, VERSION};
use super::sample::Sample;

/// Block of a tar file.
const BLOCK: u64 = 512;
/// Largest sample that is read; a latent of 128² with 300 tokens is far smaller.
const MAX_SAMPLE_BYTES: u64 = 256 << 20;

/// Name of the tar file of a shard.
pub fn shard_file(split: &str, number: usize) -> String {
    format!("{split}-{number:05}.tar")
}

/// The index of a shard.
pub fn index_path(dir: &Path, file: &str) -> PathBuf {
    dir.join(file).with_extension("json")
}

/// A shard that is being written.
pub struct ShardWriter {
    path: PathBuf,
    tar: tar::Builder<AtomicFile>,
    at: u64,
    form: ShardForm,
}

impl ShardWriter {
    /// Starts shard `number` of a split; nothing is seen of it before [`ShardWriter::finish`].
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn create(dir: &Path, split: &str, number: usize, recipe: &str) -> Result<Self> {
        let path = dir.join(shard_file(split, number));
        let tar = tar::Builder::new(AtomicFile::create(&path)?);
        let form = ShardForm {
            format: SHARD_FORMAT.to_owned(),
            version: VERSION,
            recipe: recipe.to_owned(),
            tar_bytes: 0,
            samples: Vec::new(),
            rejects: Vec::new(),
            lost_words: std::collections::BTreeMap::new(),
        };
        Ok(Self { path, tar, at: 0, form })
    }

    /// Adds a sample whose file is `bytes`.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn add(&mut self, about: About, bytes: &[u8]) -> Result<()> {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        let name = format!("{}.safetensors", about.key);
        let written = self.tar.append_data(&mut header, &name, bytes);
        written.map_err(|source| WriteError::Io { path: self.path.clone(), source })?;
        let offset = self.at + BLOCK;
        self.at = (offset + bytes.len() as u64).next_multiple_of(BLOCK);
        let entry = SampleEntry { offset, bytes: bytes.len() as u64, blake3: hash_bytes(bytes), about };
        self.form.samples.push(entry);
        Ok(())
    }

    /// Notes words that the cleaning of a caption destroyed.
    pub fn lost(&mut self, words: &[String], before: &str, after: &str) {
        for word in words {
            let one = LostWord { count: 1, before: before.to_owned(), after: after.to_owned() };
            self.form.lost_words.entry(word.to_lowercase()).or_default().join(one);
        }
    }

    /// Notes a case that is not there.
    pub fn reject(&mut self, reject: Reject) {
        self.form.rejects.push(reject);
    }

    /// Ends the tar file, then writes the index; gives the index.
    ///
    /// # Errors
    /// When the disk is full; nothing is left then.
    pub fn finish(self) -> Result<ShardForm> {
        let Self { path, tar, at, mut form } = self;
        let fail = |source| WriteError::Io { path: path.clone(), source };
        tar.into_inner().map_err(fail)?.commit()?;
        // Two empty blocks end a tar file.
        form.tar_bytes = at + 2 * BLOCK;
        let index = path.with_extension("json");
        write_atomic(&index, &index_bytes(&form)?)?;
        Ok(form)
    }
}

/// The bytes of an index.
pub(crate) fn index_bytes(form: &ShardForm) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(form)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads and checks a shard's index; gives it with its hash. `None` where the shard was not written to its end.
///
/// # Errors
/// When the index is damaged, or belongs to another data set.
pub fn read_index(dir: &Path, file: &str, recipe: &str) -> Result<Option<(ShardForm, String)>> {
    let path = index_path(dir, file);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let form: ShardForm = serde_json::from_slice(&bytes)
        .with_context(|| format!("{} is damaged; remove it and prepare again, only this shard is made anew", path.display()))?;
    ensure!(form.format == SHARD_FORMAT, "{}: field format is {:?}, not {SHARD_FORMAT}", path.display(), form.format);
    ensure!(form.version == VERSION, "{} has version {}, and this program reads {VERSION}", path.display(), form.version);
    if form.recipe != recipe {
        bail!(
            "{} belongs to other settings, other cases or another model; choose another folder, or remove this one",
            path.display()
        );
    }
    let tar = dir.join(file);
    let found = std::fs::metadata(&tar).with_context(|| format!("cannot read {}", tar.display()))?.len();
    ensure!(
        found == form.tar_bytes,
        "{} is damaged: it has {found} bytes instead of {}; remove it and {} and prepare again, only this shard is made anew",
        tar.display(),
        form.tar_bytes,
        path.display()
    );
    Ok(Some((form, hash_bytes(&bytes))))
}

/// A shard that samples are read from.
#[derive(Debug)]
pub struct ShardReader {
    path: PathBuf,
    file: Mutex<Option<File>>,
}

impl ShardReader {
    /// A shard's tar file; it is opened when a sample is asked for.
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: Mutex::new(None) }
    }

    /// The checked bytes of a sample.
    ///
    /// # Errors
    /// When they cannot be read, or are not those of the index.
    pub fn bytes(&self, offset: u64, length: u64, blake3: &str) -> Result<Vec<u8>> {
        ensure!(length <= MAX_SAMPLE_BYTES, "{}: a sample of {length} bytes is none", self.path.display());
        let mut bytes = vec![0u8; length as usize];
        let mut slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let read = (|| {
            let file = match slot.take() {
                Some(file) => slot.insert(file),
                None => slot.insert(File::open(&self.path)?),
            };
            file.seek(SeekFrom::Start(offset))?;
            file.read_exact(&mut bytes)
        })();
        drop(slot);
        read.with_context(|| format!("cannot read {}", self.path.display()))?;
        ensure!(
            hash_bytes(&bytes) == blake3,
            "{} is damaged: the sample at byte {offset} is not the one that was written; remove the shard and its .json and \
             prepare again, only this shard is made anew",
            self.path.display()
        );
        Ok(bytes)
    }

    /// A sample.
    ///
    /// # Errors
    /// As [`ShardReader::bytes`].
    pub fn sample(&self, offset: u64, length: u64, blake3: &str, binding: &Binding) -> Result<Sample> {
        let bytes = self.bytes(offset, length, blake3)?;
        Sample::from_bytes(&bytes, binding).with_context(|| format!("{}: the sample at byte {offset}", self.path.display()))
    }

    /// Closes the file; it is opened again when it is needed.
    pub fn close(&self) {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
