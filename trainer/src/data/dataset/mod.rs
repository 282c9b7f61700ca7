//! Data sets on disk: encoded pictures and captions in verified shards.
//!
//! `chexgen prepare` writes them, [`Dataset`] opens them, [`crate::data::prepared_cases`] gives them to training. A data
//! set belongs to the networks that encoded it ([`Binding`]).

mod form;
mod sample;
mod shard;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail, ensure};
use engine::store::atomic::write_atomic;

use crate::text_file::{self, LIST_BYTES};

pub use form::{
    About, Binding, DATASET_FILE, DATASET_FORMAT, DatasetForm, LostWord, Reject, SHARD_FORMAT, SampleEntry, ShardEntry,
    ShardForm, VERSION,
};
pub use sample::{ConditionKind, Moments, Sample, Stored};
pub use shard::{ShardReader, ShardWriter, index_path, read_index, shard_file};

/// Open tar files at most; a cluster's usual limit is 1024 for a process.
const OPEN_FILES: usize = 256;

/// An open data set.
#[derive(Clone, Debug)]
pub struct Dataset {
    dir: PathBuf,
    form: DatasetForm,
}

impl Dataset {
    /// Opens a finished data set.
    ///
    /// # Errors
    /// When the folder holds none, or one that was not prepared to its end.
    pub fn open(dir: &Path) -> Result<Self> {
        let path = dir.join(DATASET_FILE);
        let text = text_file::read(&path, LIST_BYTES)
            .with_context(|| format!("cannot read {}; name a folder that chexgen prepare finished", path.display()))?;
        let form: DatasetForm = serde_json::from_str(&text)
            .with_context(|| format!("{} is damaged; prepare again, finished shards are kept", path.display()))?;
        ensure!(form.format == DATASET_FORMAT, "{}: field format is {:?}, not {DATASET_FORMAT}", path.display(), form.format);
        ensure!(form.version == VERSION, "{} has version {}, and this program reads {VERSION}", path.display(), form.version);
        Ok(Self { dir: dir.to_owned(), form })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its description.
    pub fn form(&self) -> &DatasetForm {
        &self.form
    }

    /// The networks it belongs to.
    pub fn binding(&self) -> &Binding {
        &self.form.binding
    }

    /// Refuses a model other than the one it was encoded with.
    ///
    /// # Errors
    /// Says in what the two differ.
    pub fn check(&self, model: &Binding) -> Result<()> {
        match self.binding().difference(model) {
            None => Ok(()),
            Some(difference) => bail!(
                "the data set {} was prepared with the model {:?}, and this one ({:?}) has {difference}; prepare it again with \
                 this model, or train with that one",
                self.dir.display(),
                self.binding().model,
                model.model
            ),
        }
    }

    /// The samples of a split that `keep` wants, in the order of the shards.
    ///
    /// # Errors
    /// When there is no such split, an index is damaged, or no sample is left.
    pub fn subset(&self, split: &str, keep: &dyn Fn(&About) -> bool) -> Result<Subset> {
        let mut subset = Subset {
            dir: self.dir.clone(),
            binding: self.form.binding.clone(),
            recipe: self.form.recipe.clone(),
            shards: Vec::new(),
            entries: Vec::new(),
            open: AtomicUsize::new(0),
        };
        self.visit(split, &mut |shard, form| {
            while subset.shards.len() <= shard {
                let file = &self.form.splits[split][subset.shards.len()].file;
                subset.shards.push(ShardReader::new(self.dir.join(file)));
            }
            for sample in form.samples.into_iter().filter(|sample| keep(&sample.about)) {
                let SampleEntry { offset, bytes, blake3, about } = sample;
                subset.entries.push(Entry { key: about.key, shard: shard as u32, offset, bytes, blake3 });
            }
            Ok(())
        })?;
        ensure!(!subset.entries.is_empty(), "the data set {} has no sample of {split:?} that is asked for", self.dir.display());
        Ok(subset)
    }

    /// Shows the index of each shard of a split, with its number, one after another.
    ///
    /// # Errors
    /// When there is no such split or an index is damaged; or an error of `show`.
    pub fn visit(&self, split: &str, show: &mut dyn FnMut(usize, ShardForm) -> Result<()>) -> Result<()> {
        let Some(shards) = self.form.splits.get(split) else {
            let known: Vec<&str> = self.form.splits.keys().map(String::as_str).collect();
            bail!("the data set {} has no split {split:?}; it has {}", self.dir.display(), known.join(", "));
        };
        for (number, shard) in shards.iter().enumerate() {
            show(number, self.index(shard)?)?;
        }
        Ok(())
    }

    /// The index of a shard.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn index(&self, shard: &ShardEntry) -> Result<ShardForm> {
        let path = index_path(&self.dir, &shard.file);
        let Some((form, hash)) = read_index(&self.dir, &shard.file, &self.form.recipe)? else {
            bail!("{} is missing; prepare again, finished shards are kept", path.display());
        };
        ensure!(hash == shard.index_blake3, "{} is not the one that was written; prepare again", path.display());
        Ok(form)
    }

    /// Writes the description; the last act of preparing.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(dir: &Path, form: &DatasetForm) -> Result<()> {
        let mut bytes = serde_json::to_vec_pretty(form)?;
        bytes.push(b'\n');
        Ok(write_atomic(&dir.join(DATASET_FILE), &bytes)?)
    }
}

/// Where a sample is.
#[derive(Clone, Debug)]
struct Entry {
    key: String,
    shard: u32,
    offset: u64,
    bytes: u64,
    blake3: String,
}

/// Some samples of a data set in a fixed order, read at any place by any thread.
#[derive(Debug)]
pub struct Subset {
    dir: PathBuf,
    binding: Binding,
    recipe: String,
    shards: Vec<ShardReader>,
    entries: Vec<Entry>,
    open: AtomicUsize,
}

impl Subset {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The networks it belongs to.
    pub fn binding(&self) -> &Binding {
        &self.binding
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Name of sample `index` in the data set; empty beyond the last.
    pub fn key(&self, index: usize) -> &str {
        self.entries.get(index).map_or("", |entry| entry.key.as_str())
    }

    /// A hash of which samples these are and in what order: a place of a training is valid for one subset only.
    pub fn fingerprint(&self) -> String {
        let mut text = self.recipe.clone();
        for entry in &self.entries {
            text.push_str(&entry.blake3);
        }
        engine::store::hash::hash_bytes(text.as_bytes())
    }

    /// Sample `index`, checked against its hash.
    ///
    /// # Errors
    /// When it is out of range, or its shard is damaged or gone.
    pub fn sample(&self, index: usize) -> Result<Sample> {
        let entry = self.entries.get(index).with_context(|| format!("there is no sample {index} of {}", self.len()))?;
        let shard = &self.shards[entry.shard as usize];
        let sample = shard.sample(entry.offset, entry.bytes, &entry.blake3, &self.binding)?;
        // Readers of the same moment may close each other's files; they are opened again.
        if self.shards.len() > OPEN_FILES && self.open.fetch_add(1, Ordering::Relaxed) % OPEN_FILES == OPEN_FILES - 1 {
            self.shards.iter().for_each(ShardReader::close);
        }
        Ok(sample)
    }
}
