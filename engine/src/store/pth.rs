//! Official PyTorch checkpoints: the zip archive that `torch.save` writes since version 1.6.
//!
//! `NAME/data.pkl` describes the values ([`super::pickle`] walks it without running anything), `NAME/data/KEY`
//! holds one block of numbers each. A block is read when one of its tensors is asked for; neighbours in file order
//! that share a block read it once.
//!
//! # Source
//! PyTorch `torch/serialization.py` (`_save`, `_load`), `torch/_utils.py`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};

use zip::ZipArchive;
use zip::read::ZipReadOptions;
use zip::result::ZipError;

use super::element::Element;
use super::pickle::{self, Id, Node, Tree, View};
use super::weights::Problem;

/// The description of a checkpoint is far smaller than this.
const MAX_PICKLE_BYTES: u64 = 1 << 30;
/// A view may repeat numbers (stride 0); beyond its storage only up to this many.
const MAX_REPEATED: usize = 1 << 24;
/// Dictionaries looked at, and how deep, when a file is searched for tensors.
const MAX_VISITED: usize = 100_000;
const MAX_DEPTH: usize = 8;
/// What is taken when nothing is asked for, in this order: the release samples from the averaged weights.
const USUAL: [&str; 3] = ["state_dict_ema", "state_dict", "model"];

type Archive = ZipArchive<BufReader<File>>;

/// An open checkpoint, with one of its dictionaries chosen.
#[derive(Debug)]
pub(super) struct PthFile {
    archive: Archive,
    root: String,
    length: u64,
    views: BTreeMap<String, (View, Element)>,
    /// How many of the chosen tensors share a block.
    shared: BTreeMap<(String, usize), usize>,
    /// The block read last, kept while other tensors may want it.
    kept: Option<((String, usize), Vec<u8>)>,
}

impl PthFile {
    /// Reads the description of a checkpoint and chooses one dictionary of tensors.
    pub(super) fn open(file: File, length: u64, select: Option<&str>) -> Result<Self, Problem> {
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|error| match error {
            ZipError::Io(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => Problem::Io(error),
            _ => Problem::Damaged("its zip directory is missing or broken; the file may be cut off".to_owned()),
        })?;
        if archive.has_duplicate_names() {
            return Err(Problem::Damaged("its zip directory holds a name twice".to_owned()));
        }
        let pickle_root = |name: &str| name.strip_suffix("data.pkl").map(str::to_owned);
        let Some(root) = archive.file_names().find_map(|name| pickle_root(&name.ok()?)) else {
            return Err(Problem::Foreign);
        };
        if entry(&mut archive, &format!("{root}byteorder"), 16)?.is_some_and(|order| order == b"big") {
            return Err(Problem::Damaged("its numbers are big endian, which is not read".to_owned()));
        }
        let description = entry(&mut archive, &format!("{root}data.pkl"), MAX_PICKLE_BYTES)?.unwrap_or_default();
        let tree = pickle::parse(&description).map_err(Problem::Damaged)?;
        let chosen = choose(&tree, select)?;

        let (mut views, mut shared) = (BTreeMap::new(), BTreeMap::new());
        for (name, id) in tree.entries(chosen) {
            if let Some(Node::Tensor(view)) = tree.node(id) {
                views.insert(name.to_owned(), (view.clone(), element(name, view)?));
            }
        }
        for (view, _) in views.values() {
            *shared.entry(block_of(view)).or_insert(0) += 1;
        }
        Ok(Self { archive, root, length, views, shared, kept: None })
    }

    /// Names, number types and shapes, in the order of the blocks.
    pub(super) fn list(&self) -> Vec<(String, Element, Vec<usize>)> {
        let mut list: Vec<_> = self.views.iter().collect();
        // Blocks are numbered: 9 before 10.
        list.sort_by_key(|(_, (view, _))| (view.storage.key.len(), block_of(view)));
        list.into_iter().map(|(name, (view, element))| (name.clone(), *element, view.shape.clone())).collect()
    }

    /// The little-endian bytes of one tensor, in row order.
    pub(super) fn bytes(&mut self, name: &str) -> Result<Vec<u8>, Problem> {
        let (view, element) = self.views.get(name).ok_or_else(|| Problem::NoSuchTensor(name.to_owned()))?;
        let block_name = block_of(view);
        let (key, count) = &block_name;
        let need = count.checked_mul(storage_bytes(view, *element)).map(|need| need as u64);
        let need = need.filter(|&need| need <= self.length.saturating_mul(1100)).ok_or_else(|| damaged(key))?;
        let kept = self.kept.take().filter(|(kept, _)| *kept == block_name);
        let block = match kept {
            Some((_, block)) => block,
            None => {
                let part = format!("{}data/{key}", self.root);
                entry(&mut self.archive, &part, need)?.ok_or_else(|| damaged(key))?
            }
        };
        if block.len() as u64 != need {
            return Err(Problem::Damaged(format!("its block data/{key} has {} bytes instead of {need}", block.len())));
        }
        let bytes = cut_out(name, view, *element, &block)?;
        if self.shared.get(&block_name).is_some_and(|&users| users > 1) {
            self.kept = Some((block_name, block));
        }
        Ok(bytes)
    }
}

/// Name and length of the block that a view looks at.
fn block_of(view: &View) -> (String, usize) {
    (view.storage.key.clone(), view.storage.count)
}

fn damaged(key: &str) -> Problem {
    Problem::Damaged(format!("its block data/{key} is missing or has an impossible size"))
}

/// An entry of the archive, if there; one that is longer than `limit` is cut there plus one byte.
fn entry(archive: &mut Archive, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Problem> {
    let broken = |what: String| Problem::Damaged(format!("its part {name} cannot be read: {what}"));
    // A name that was damaged would otherwise lead to another part.
    let strict = ZipReadOptions::new().enforce_header_consistency(true);
    let file = match archive.by_name_with_options(name, strict) {
        Ok(file) => file,
        Err(ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(broken(error.to_string())),
    };
    let mut bytes = Vec::new();
    let expected = usize::try_from(limit.min(file.size())).unwrap_or(usize::MAX);
    bytes.try_reserve_exact(expected).map_err(|_| broken(format!("{expected} bytes do not fit into memory")))?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| broken(error.to_string()))?;
    Ok(Some(bytes))
}

/// The dictionary to read.
fn choose(tree: &Tree, select: Option<&str>) -> Result<Id, Problem> {
    let found = dictionaries(tree);
    let names = || found.iter().filter(|(name, _)| !name.is_empty()).map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let (name, chosen) = match select {
        Some(wanted) => match find(tree, tree.root, wanted) {
            Some(id) => (wanted, id),
            None => return Err(Problem::NoSuchDictionary { wanted: wanted.to_owned(), available: names() }),
        },
        None => {
            let named = |name: &str| found.iter().find(|(known, _)| known == name);
            let root = found.iter().find(|(known, _)| known.is_empty());
            match USUAL.iter().find_map(|name| named(name)).or(root) {
                Some((name, id)) => (name.as_str(), *id),
                None => match found.as_slice() {
                    [] => return Err(Problem::Empty),
                    [(name, id)] => (name.as_str(), *id),
                    _ => return Err(Problem::Ambiguous { available: names() }),
                },
            }
        }
    };
    let inside = |known: &String| if name.is_empty() { !known.is_empty() } else { known.starts_with(&format!("{name}.")) };
    let inner: Vec<String> = found.iter().filter(|(known, _)| inside(known)).map(|(known, _)| known.clone()).collect();
    let direct = found.iter().any(|&(_, id)| id == chosen);
    match (direct, inner.is_empty()) {
        (_, false) => Err(Problem::Nested { chosen: if name.is_empty() { "at the top".into() } else { name.to_owned() }, inner }),
        (true, true) => Ok(chosen),
        (false, true) => Err(Problem::NoSuchDictionary { wanted: name.to_owned(), available: names() }),
    }
}

/// Follows a dotted path; keys that contain dots themselves are tried too.
fn find(tree: &Tree, from: Id, path: &str) -> Option<Id> {
    let entries = tree.entries(from);
    if let Some((_, id)) = entries.iter().rev().find(|(key, _)| *key == path) {
        return Some(*id);
    }
    path.match_indices('.').find_map(|(dot, _)| {
        let (_, inner) = entries.iter().rev().find(|(key, _)| *key == &path[..dot])?;
        find(tree, *inner, &path[dot + 1..])
    })
}

/// Every dictionary that directly holds a tensor, with its dotted path; the top itself is "".
fn dictionaries(tree: &Tree) -> Vec<(String, Id)> {
    let mut found = Vec::new();
    let mut waiting = vec![(String::new(), tree.root, 0)];
    let mut visited = 0;
    while let Some((path, id, depth)) = waiting.pop() {
        visited += 1;
        if visited > MAX_VISITED {
            break;
        }
        let entries = tree.entries(id);
        if entries.iter().any(|&(_, value)| matches!(tree.node(value), Some(Node::Tensor(_)))) {
            found.push((path.clone(), id));
        }
        for (key, value) in entries {
            if depth < MAX_DEPTH && matches!(tree.node(value), Some(Node::Dict(_))) {
                let inner = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
                waiting.push((inner, value, depth + 1));
            }
        }
    }
    found.sort();
    found
}

/// The number type of a tensor.
fn element(name: &str, view: &View) -> Result<Element, Problem> {
    let spelled = view.dtype.as_deref().unwrap_or(&view.storage.class);
    let bare = spelled.rsplit('.').next().unwrap_or(spelled);
    Ok(match bare {
        "FloatStorage" | "float32" => Element::F32,
        "DoubleStorage" | "float64" => Element::F64,
        "HalfStorage" | "float16" => Element::F16,
        "BFloat16Storage" | "bfloat16" => Element::BF16,
        "LongStorage" | "int64" => Element::I64,
        "IntStorage" | "int32" => Element::I32,
        "ShortStorage" | "int16" => Element::I16,
        "CharStorage" | "int8" => Element::I8,
        "ByteStorage" | "BoolStorage" | "uint8" | "bool" => Element::U8,
        "uint16" => Element::U16,
        "uint32" => Element::U32,
        _ => return Err(Problem::NumberType { tensor: name.to_owned(), dtype: spelled.to_owned() }),
    })
}

/// Bytes of one number of the storage; untyped storages count bytes.
fn storage_bytes(view: &View, element: Element) -> usize {
    if view.storage.class.ends_with("UntypedStorage") { 1 } else { element.bytes() }
}

/// Cuts a view out of its block.
fn cut_out(name: &str, view: &View, element: Element, block: &[u8]) -> Result<Vec<u8>, Problem> {
    let impossible = || Problem::Damaged(format!("tensor {name} reaches out of its block"));
    let size = element.bytes();
    let held = block.len() / size;
    let count = view.shape.iter().try_fold(1usize, |count, &side| count.checked_mul(side)).ok_or_else(impossible)?;
    if count == 0 {
        return Ok(Vec::new());
    }
    let axes = view.shape.iter().zip(&view.stride);
    let last = axes.clone().try_fold(view.offset, |last, (&side, &stride)| (side - 1).checked_mul(stride)?.checked_add(last));
    if last.is_none_or(|last| last >= held) || count > held.max(MAX_REPEATED) {
        return Err(impossible());
    }
    let mut dense = 1;
    let contiguous = axes.rev().all(|(&side, &stride)| {
        let fits = side == 1 || stride == dense;
        dense *= side;
        fits
    });
    if contiguous {
        return Ok(block[view.offset * size..(view.offset + count) * size].to_vec());
    }
    let mut bytes = Vec::with_capacity(count * size);
    let mut index = vec![0usize; view.shape.len()];
    for _ in 0..count {
        let at: usize = view.offset + index.iter().zip(&view.stride).map(|(&i, &stride)| i * stride).sum::<usize>();
        bytes.extend_from_slice(&block[at * size..(at + 1) * size]);
        for axis in (0..index.len()).rev() {
            index[axis] += 1;
            if index[axis] < view.shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
