//! What an import has finished: a small file beside the parts.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::ImportError;
use crate::store::atomic::write_atomic;
use crate::store::hash::{hash_file, sample_hash};

/// The file's name.
const FILE: &str = "import.json";
const FORMAT: u32 = 1;

/// Finished files, with what they were made of.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    format: u32,
    files: BTreeMap<String, Finished>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Finished {
    /// What the file was made of.
    source: String,
    /// Hash of the file.
    blake3: String,
}

impl State {
    /// Reads the state of a folder; a missing or unreadable one means that nothing is finished.
    pub(super) fn read(out: &Path) -> Self {
        let read = std::fs::read(out.join(FILE)).ok().and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        read.filter(|state| state.format == FORMAT).unwrap_or_else(|| Self { format: FORMAT, files: BTreeMap::new() })
    }

    /// The hash of a file that was made of the same source and is still the same.
    pub(super) fn finished(&self, out: &Path, name: &str, source: &str) -> Result<Option<String>, ImportError> {
        let path = out.join(name);
        let Some(known) = self.files.get(name).filter(|known| known.source == source && path.is_file()) else {
            return Ok(None);
        };
        let hash = hash_file(&path).map_err(|source| ImportError::Read { path, source })?;
        Ok((hash == known.blake3).then_some(hash))
    }

    /// Whether a file is there that was not made of this source, nor is the source itself.
    pub(super) fn is_of_another(&self, out: &Path, name: &str, source: &str) -> bool {
        let path = out.join(name);
        let is_of_it = self.files.get(name).is_some_and(|known| known.source == source);
        path.is_file() && !is_of_it && !sample_hash(&path).is_ok_and(|sample| sample == source)
    }

    /// Notes that a file is finished.
    pub(super) fn finish(&mut self, out: &Path, name: &str, source: &str, blake3: &str) -> Result<(), ImportError> {
        let finished = Finished { source: source.to_owned(), blake3: blake3.to_owned() };
        self.files.insert(name.to_owned(), finished);
        let text = serde_json::to_vec_pretty(self).map_err(|error| ImportError::Description(error.to_string()))?;
        Ok(write_atomic(&out.join(FILE), &text)?)
    }
}
