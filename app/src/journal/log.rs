//! One case's journal as an append-only file.
//!
//! After a first line come frames: length of the payload (4 bytes, little endian), kind (1 byte), half a hash over
//! kind and payload (16 hexadecimal digits), payload. Masks have frames of their own and are named by their hash. A
//! frame that was cut off by a crash is dropped with what follows; a file that was damaged in the middle is copied
//! aside first. A file that grew is written anew, as a whole, with what undo and redo still need.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::domain::{GrayImage, PackedMask};
use engine::store::atomic::write_atomic;
use engine::store::hash::hash_bytes;

use super::form::{self, Store};
use crate::state::history::{History, MAX_ENTRIES, Record, Snapshot};

/// First line of every file.
const HEADER: &[u8] = b"chexgen-journal 1\n";
/// Bytes of a frame before its payload.
const HEAD: usize = 4 + 1 + 16;
/// A file is written anew when it has grown to this and to four times what it needed last time.
const COMPACT_BYTES: u64 = 8 << 20;
/// A file that is written anew takes so much at most; the oldest entries go first.
const MAX_BYTES: usize = 64 << 20;
/// Files beyond this are none of ours.
const MAX_READ_BYTES: u64 = 1 << 30;

const MASK: u8 = b'M';
const BEGIN: u8 = b'B';
const PUSH: u8 = b'P';
const AMEND: u8 = b'A';
const UNDO: u8 = b'U';
const REDO: u8 = b'R';

/// What a file says: entries before, the case, entries that were undone, the nearest last.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    undo: Vec<Arc<Snapshot>>,
    now: Option<Arc<Snapshot>>,
    redo: Vec<Arc<Snapshot>>,
}

impl Chain {
    /// Follows the journal by one record.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::Begin(now) => *self = Self { now: Some(Arc::clone(now)), ..Self::default() },
            Record::Push(next) => {
                self.undo.extend(self.now.replace(Arc::clone(next)));
                self.redo.clear();
                if self.undo.len() > MAX_ENTRIES {
                    self.undo.remove(0);
                }
            }
            Record::Amend(now) => self.now = Some(Arc::clone(now)),
            Record::Undo => {
                if let Some(before) = self.undo.pop() {
                    self.redo.extend(self.now.replace(before));
                }
            }
            Record::Redo => {
                if let Some(after) = self.redo.pop() {
                    self.undo.extend(self.now.replace(after));
                }
            }
        }
    }

    /// The case as it is, if the file has one.
    pub fn now(&self) -> Option<&Arc<Snapshot>> {
        self.now.as_ref()
    }

    /// The journal for the window.
    pub fn history(&self) -> Option<History> {
        Some(History::restored(self.undo.clone(), Arc::clone(self.now.as_ref()?), self.redo.clone()))
    }

    /// The records that lead here.
    fn records(&self) -> Vec<Record> {
        let states = self.undo.iter().chain(&self.now).chain(self.redo.iter().rev());
        let mut records: Vec<Record> = states.cloned().map(Record::Push).collect();
        if let Some(Record::Push(first)) = records.first().cloned() {
            records[0] = Record::Begin(first);
        }
        records.extend(self.redo.iter().map(|_| Record::Undo));
        records
    }
}

/// What was found when a file was opened.
#[derive(Debug, Default)]
pub struct Found {
    /// Whether something at the end, or after a damage, was dropped.
    pub dropped_bytes: u64,
    /// Where the file was copied to before that, when it was damaged and not just cut off.
    pub copy: Option<PathBuf>,
}

/// An open journal file.
pub struct Log {
    path: PathBuf,
    file: File,
    masks: HashSet<String>,
    bytes: u64,
    needed: u64,
    /// Whether the file lacks something that could not be written.
    behind: bool,
    /// What the file says.
    pub chain: Chain,
}

impl Log {
    /// Opens a file, or begins one; `image` finds an image by its hash.
    ///
    /// # Errors
    /// When the file cannot be read or written, or is none of ours.
    pub fn open(path: &Path, image: &mut dyn FnMut(&str) -> Option<Arc<GrayImage>>) -> io::Result<(Self, Found)> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let length = file.metadata()?.len();
        if length > MAX_READ_BYTES {
            return Err(io::Error::other("it is larger than a journal can be"));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        file.read_to_end(&mut bytes)?;
        let mut found = Found::default();
        if !bytes.starts_with(HEADER) {
            if !HEADER.starts_with(&bytes) {
                return Err(io::Error::other("it is not a journal of this program"));
            }
            // New, or cut off in its first line.
            file.set_len(0)?;
            file.write_all(HEADER)?;
            bytes = HEADER.to_vec();
        }
        let read = read_frames(&bytes, image);
        if read.end < bytes.len() {
            found.dropped_bytes = (bytes.len() - read.end) as u64;
            if read.damaged {
                let copy = path.with_extension("damaged");
                std::fs::copy(path, &copy)?;
                found.copy = Some(copy);
            }
            file.set_len(read.end as u64)?;
        }
        let bytes = read.end as u64;
        Ok((
            Self { path: path.to_owned(), file, masks: read.masks, bytes, needed: bytes, behind: false, chain: read.chain },
            found,
        ))
    }

    /// Adds what happened.
    ///
    /// # Errors
    /// When the disk is full or the file is gone.
    pub fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let mut out = Vec::new();
        for record in records {
            encode(record, &mut self.masks, &mut out)?;
            self.chain.apply(record);
        }
        if self.behind {
            return self.compact();
        }
        if let Err(error) = self.file.write_all(&out) {
            // Half a frame would hide all that follow it: the next attempt writes the whole file anew.
            self.behind = true;
            return Err(error);
        }
        self.bytes += out.len() as u64;
        if self.bytes > COMPACT_BYTES.max(self.needed.saturating_mul(4)) {
            self.compact()?;
        }
        Ok(())
    }

    /// Waits until the disk has it.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Writes the file anew with what is still needed.
    ///
    /// # Errors
    /// When the folder cannot be written; the old file stays.
    pub fn compact(&mut self) -> io::Result<()> {
        let (bytes, masks) = loop {
            let (mut bytes, mut masks) = (HEADER.to_vec(), HashSet::new());
            for record in self.chain.records() {
                encode(&record, &mut masks, &mut bytes)?;
            }
            if bytes.len() <= MAX_BYTES || self.chain.undo.is_empty() {
                break (bytes, masks);
            }
            let half = self.chain.undo.len().div_ceil(2);
            self.chain.undo.drain(..half);
        };
        write_atomic(&self.path, &bytes).map_err(io::Error::other)?;
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        (self.bytes, self.needed, self.masks) = (bytes.len() as u64, bytes.len() as u64, masks);
        self.behind = false;
        Ok(())
    }

    /// Bytes of the file.
    pub fn num_bytes(&self) -> u64 {
        self.bytes
    }
}

fn frame(kind: u8, payload: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let length = u32::try_from(payload.len()).map_err(|_| io::Error::other("an entry is too large"))?;
    out.extend_from_slice(&length.to_le_bytes());
    out.push(kind);
    out.extend_from_slice(&check(kind, payload));
    out.extend_from_slice(payload);
    Ok(())
}

fn check(kind: u8, payload: &[u8]) -> [u8; 16] {
    let mut all = Vec::with_capacity(payload.len() + 1);
    all.push(kind);
    all.extend_from_slice(payload);
    let mut half = [b'0'; 16];
    for (to, from) in half.iter_mut().zip(hash_bytes(&all).bytes()) {
        *to = from;
    }
    half
}

fn encode(record: &Record, masks: &mut HashSet<String>, out: &mut Vec<u8>) -> io::Result<()> {
    let (kind, snapshot) = match record {
        Record::Begin(s) => (BEGIN, s),
        Record::Push(s) => (PUSH, s),
        Record::Amend(s) => (AMEND, s),
        Record::Undo => return frame(UNDO, &[], out),
        Record::Redo => return frame(REDO, &[], out),
    };
    for mask in snapshot.masks.iter().flatten() {
        if masks.insert(form::mask_hash(mask)) {
            frame(MASK, &mask.to_bytes(), out)?;
        }
    }
    frame(kind, &form::write(snapshot).map_err(io::Error::other)?, out)
}

struct Frames {
    chain: Chain,
    masks: HashSet<String>,
    /// Where the good part ends.
    end: usize,
    /// Whether something whole but wrong follows it.
    damaged: bool,
}

fn read_frames(bytes: &[u8], image: &mut dyn FnMut(&str) -> Option<Arc<GrayImage>>) -> Frames {
    let mut store = Store::default();
    let mut frames = Frames { chain: Chain::default(), masks: HashSet::new(), end: HEADER.len(), damaged: false };
    while let Some(head) = bytes.get(frames.end..frames.end + HEAD) {
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let begin = frames.end + HEAD;
        let whole = begin.checked_add(length).and_then(|end| bytes.get(begin..end));
        let Some(payload) = whole.filter(|p| head[5..HEAD] == check(head[4], p)) else { break };
        if take(head[4], payload, &mut frames, &mut store, image).is_none() {
            frames.damaged = true;
            return frames;
        }
        frames.end = begin + length;
    }
    // What a crash cut off is the last frame; behind a damage whole frames follow.
    frames.damaged = (frames.end + 1..bytes.len()).any(|at| is_frame(&bytes[at..]));
    frames
}

fn is_frame(bytes: &[u8]) -> bool {
    let Some(head) = bytes.get(..HEAD) else { return false };
    if !matches!(head[4], MASK | BEGIN | PUSH | AMEND | UNDO | REDO) || !head[5..].iter().all(u8::is_ascii_hexdigit) {
        return false;
    }
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    bytes.get(HEAD..).and_then(|rest| rest.get(..length)).is_some_and(|payload| head[5..] == check(head[4], payload))
}

fn take(
    kind: u8,
    payload: &[u8],
    frames: &mut Frames,
    store: &mut Store,
    image: &mut dyn FnMut(&str) -> Option<Arc<GrayImage>>,
) -> Option<()> {
    let mut snapshot = || {
        for hash in form::image_hashes(payload) {
            if !store.images.contains_key(&hash)
                && let Some(found) = image(&hash)
            {
                store.images.insert(hash, found);
            }
        }
        form::read(payload, store).ok().map(Arc::new)
    };
    let record = match kind {
        MASK => {
            let mask = PackedMask::from_bytes(payload).ok()?;
            let hash = form::mask_hash(&mask);
            store.masks.insert(hash.clone(), Arc::new(mask));
            frames.masks.insert(hash);
            return Some(());
        }
        BEGIN => Record::Begin(snapshot()?),
        PUSH => Record::Push(snapshot()?),
        AMEND => Record::Amend(snapshot()?),
        UNDO => Record::Undo,
        REDO => Record::Redo,
        _ => return None,
    };
    frames.chain.apply(&record);
    Some(())
}

#[cfg(test)]
mod tests;
