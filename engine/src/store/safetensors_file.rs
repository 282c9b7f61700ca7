//! Reading safetensors, one tensor or a few rows at a time.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use safetensors::tensor::Metadata;

use super::element::Element;
use super::weights::Problem;

/// A header larger than this is refused (the format's own limit).
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// An open file whose header was understood.
#[derive(Debug)]
pub(super) struct SafetensorsFile {
    file: File,
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    element: Element,
    shape: Vec<usize>,
    start: u64,
    bytes: usize,
}

impl SafetensorsFile {
    /// Reads the header; `head` are the first bytes of the file, `select` a prefix of names.
    pub(super) fn open(mut file: File, length: u64, head: &[u8], select: Option<&str>) -> Result<Self, Problem> {
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
        file.seek(SeekFrom::Start(0))?;
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
        let mut entries = BTreeMap::new();
        for (name, info) in infos {
            let element = Element::from_safetensors(info.dtype)
                .ok_or_else(|| Problem::NumberType { tensor: name.clone(), dtype: format!("{:?}", info.dtype) })?;
            let (start, end) = info.data_offsets;
            let entry = Entry { element, shape: info.shape.clone(), start: data_start + start as u64, bytes: end - start };
            entries.insert(name, entry);
        }
        Ok(Self { file, entries })
    }

    /// Names, number types and shapes, in the order of the data.
    pub(super) fn list(&self) -> Vec<(String, Element, Vec<usize>)> {
        let mut list: Vec<_> = self.entries.iter().collect();
        list.sort_by_key(|(_, entry)| entry.start);
        list.into_iter().map(|(name, entry)| (name.clone(), entry.element, entry.shape.clone())).collect()
    }

    /// The little-endian bytes of one tensor, in row order.
    pub(super) fn bytes(&mut self, name: &str) -> Result<Vec<u8>, Problem> {
        let entry = self.entries.get(name).ok_or_else(|| Problem::NoSuchTensor(name.to_owned()))?;
        let mut bytes = vec![0; entry.bytes];
        self.file.seek(SeekFrom::Start(entry.start))?;
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// The bytes of some rows of a tensor, one behind the other; a row is everything under one first index.
    pub(super) fn row_bytes(&mut self, name: &str, rows: &[u32]) -> Result<Vec<u8>, Problem> {
        let entry = self.entries.get(name).ok_or_else(|| Problem::NoSuchTensor(name.to_owned()))?;
        let count = entry.shape.first().copied().unwrap_or(0);
        let row_bytes = entry.bytes.checked_div(count).unwrap_or(0);
        let mut bytes = vec![0; row_bytes * rows.len()];
        for (&row, place) in rows.iter().zip(bytes.chunks_exact_mut(row_bytes.max(1))) {
            if row as usize >= count {
                return Err(Problem::Damaged(format!("row {row} of {name} is asked for, and it has {count}")));
            }
            self.file.seek(SeekFrom::Start(entry.start + u64::from(row) * row_bytes as u64))?;
            self.file.read_exact(place)?;
        }
        Ok(bytes)
    }
}

/// First components of dotted names.
fn prefixes<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<String> = names.filter_map(|name| name.split_once('.')).map(|(head, _)| head.to_owned()).collect();
    found.sort();
    found.dedup();
    found
}
