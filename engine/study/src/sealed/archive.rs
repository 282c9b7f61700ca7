//! The container of a sealed study: a zip of stored entries in the order of their names, closed by a hash over all of it.
//!
//! Written by the `zip` crate, so that any unpacker opens it. Read by the few lines here, which accept that one form and
//! nothing else: no packed entry, no entry over another, no name but the expected ones. So a file from outside cannot make
//! the program unpack, allocate or write anything that its own length does not cover.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Mutex;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::error::StudyError;

/// Largest sealed study.
pub(super) const MAX_BYTES: u64 = 2 << 30;
/// Most entries.
const MAX_ENTRIES: usize = 60_000;
/// The archive's comment: this, then the hash of every byte before the hash, as 64 hexadecimal digits.
const MARK: &[u8] = b"chexgen-study ";
const HASH: usize = 64;
/// Length of the end record without its comment.
const END: usize = 22;
const CENTRAL: usize = 46;
const LOCAL: usize = 30;

/// An archive on its way. Entries must come in the order of their names.
pub(super) struct Packer {
    zip: ZipWriter<Cursor<Vec<u8>>>,
    bytes: u64,
}

impl Packer {
    pub(super) fn new() -> Self {
        Self { zip: ZipWriter::new(Cursor::new(Vec::new())), bytes: 0 }
    }

    /// Adds an entry.
    pub(super) fn add(&mut self, name: &str, content: &[u8]) -> Result<(), String> {
        self.bytes += content.len() as u64 + 200;
        room(self.bytes)?;
        // Fixed time and mode, so that the same content gives the same bytes.
        let options = SimpleFileOptions::DEFAULT.compression_method(CompressionMethod::Stored).unix_permissions(0o644);
        self.zip.start_file(name, options).map_err(|error| error.to_string())?;
        self.zip.write_all(content).map_err(|error| error.to_string())
    }

    /// The bytes of the file.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, String> {
        let comment = [MARK, &[b'0'; HASH]].concat();
        self.zip.set_raw_comment(comment.into_boxed_slice()).map_err(|error| error.to_string())?;
        let mut bytes = self.zip.finish().map_err(|error| error.to_string())?.into_inner();
        let body = bytes.len() - HASH;
        let hash = blake3::hash(&bytes[..body]).to_hex();
        bytes[body..].copy_from_slice(hash.as_bytes());
        Ok(bytes)
    }
}

/// Says whether a study of that many bytes can be.
pub(super) fn room(bytes: u64) -> Result<(), String> {
    if bytes <= MAX_BYTES {
        return Ok(());
    }
    Err(format!("the study would be larger than {} GiB; make the images smaller or take fewer cases", MAX_BYTES >> 30))
}

/// Where an entry lies.
#[derive(Clone, Copy, Debug)]
struct Span {
    header: u64,
    size: u64,
}

/// A sealed file that is open.
#[derive(Debug)]
pub(super) struct Archive {
    file: Mutex<File>,
    name: String,
    entries: BTreeMap<String, Span>,
    central: u64,
}

impl Archive {
    /// Opens a file, checks every byte of it against its closing hash, and gives the hash of the whole file.
    pub(super) fn open(path: &Path) -> Result<(Self, String), StudyError> {
        let name = path.display().to_string();
        let fail = |error: std::io::Error| StudyError::unreadable(path, &error);
        let mut file = File::open(path).map_err(fail)?;
        let about = file.metadata().map_err(fail)?;
        if !about.is_file() {
            return Err(fail(std::io::ErrorKind::IsADirectory.into()));
        }
        let length = about.len();
        let foreign =
            || StudyError::input(&name, "this is not a sealed study (.cxstudy); seal a design with `chexgen study seal`");
        let tail = END + MARK.len() + HASH;
        if length < tail as u64 || length > MAX_BYTES {
            return Err(foreign());
        }
        let mut end = vec![0; tail];
        file.seek(SeekFrom::Start(length - tail as u64)).map_err(fail)?;
        file.read_exact(&mut end).map_err(fail)?;
        let mut first = [0; 4];
        file.seek(SeekFrom::Start(0)).map_err(fail)?;
        file.read_exact(&mut first).map_err(fail)?;
        // A file with neither mark was never one; with one of them it was, and something happened to it.
        let (closed, zip) = (end[END..].starts_with(MARK), end.starts_with(b"PK\x05\x06"));
        if !closed && !zip {
            return Err(if &first == b"PK\x03\x04" { StudyError::changed(&name, "its end is missing") } else { foreign() });
        }
        let (body, whole) = hashes(&mut file, length).map_err(fail)?;
        if !closed || !zip || body.as_bytes() != &end[tail - HASH..] {
            return Err(StudyError::changed(&name, "its bytes do not fit the hash that closes it"));
        }
        let damaged = |what: &str| StudyError::changed(&name, what);
        let count = usize::from(u16_at(&end, 10));
        let (size, start) = (u64::from(u32_at(&end, 12)), u64::from(u32_at(&end, 16)));
        if count > MAX_ENTRIES || start + size + tail as u64 != length {
            return Err(damaged("its list of entries is not where it should be"));
        }
        file.seek(SeekFrom::Start(start)).map_err(fail)?;
        let mut list = vec![0; usize::try_from(size).unwrap_or(0)];
        file.read_exact(&mut list).map_err(fail)?;
        let entries = entries(&list, count, start).map_err(damaged)?;
        Ok((Self { file: Mutex::new(file), name, entries, central: start }, whole))
    }

    /// Names of the entries, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The content of an entry of at most `max` bytes.
    pub(super) fn read(&self, entry: &str, max: u64) -> Result<Vec<u8>, StudyError> {
        let span = *self.entries.get(entry).ok_or_else(|| StudyError::changed(&self.name, format!("{entry} is missing")))?;
        if span.size > max {
            return Err(StudyError::changed(&self.name, format!("{entry} is larger than the {} MiB that are read", max >> 20)));
        }
        let fail = |error: std::io::Error| StudyError::unreadable(Path::new(&self.name), &error);
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut header = [0; LOCAL];
        file.seek(SeekFrom::Start(span.header)).map_err(fail)?;
        file.read_exact(&mut header).map_err(fail)?;
        let start = span.header + LOCAL as u64 + u64::from(u16_at(&header, 26)) + u64::from(u16_at(&header, 28));
        if !header.starts_with(b"PK\x03\x04") || start + span.size > self.central {
            return Err(StudyError::changed(&self.name, format!("{entry} is not where it should be")));
        }
        let mut content = vec![0; usize::try_from(span.size).unwrap_or(0)];
        file.seek(SeekFrom::Start(start)).map_err(fail)?;
        file.read_exact(&mut content).map_err(fail)?;
        Ok(content)
    }
}

/// Hash of all bytes but the closing digits, and hash of all bytes, in one pass.
fn hashes(file: &mut File, length: u64) -> std::io::Result<(String, String)> {
    file.seek(SeekFrom::Start(0))?;
    let (mut body, mut left) = (blake3::Hasher::new(), length - HASH as u64);
    let mut buffer = vec![0; 1 << 20];
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        file.read_exact(&mut buffer[..part])?;
        body.update(&buffer[..part]);
        left -= part as u64;
    }
    let mut whole = body.clone();
    let mut digits = [0; HASH];
    file.read_exact(&mut digits)?;
    whole.update(&digits);
    Ok((body.finalize().to_hex().to_string(), whole.finalize().to_hex().to_string()))
}

/// The list of entries: stored, in the order of their names, one after the other from the start of the file.
fn entries(list: &[u8], count: usize, end: u64) -> Result<BTreeMap<String, Span>, &'static str> {
    let mut found = BTreeMap::new();
    let (mut at, mut last, mut from) = (0, String::new(), 0);
    for _ in 0..count {
        let record = list.get(at..at + CENTRAL).ok_or("its list of entries is cut off")?;
        let (size, unpacked) = (u64::from(u32_at(record, 20)), u64::from(u32_at(record, 24)));
        let lengths = [28, 30, 32].map(|field| usize::from(u16_at(record, field)));
        let header = u64::from(u32_at(record, 42));
        if !record.starts_with(b"PK\x01\x02") || u16_at(record, 10) != 0 || size != unpacked || u16_at(record, 8) & 1 != 0 {
            return Err("an entry of it is packed or damaged");
        }
        let name = list.get(at + CENTRAL..at + CENTRAL + lengths[0]).and_then(|name| std::str::from_utf8(name).ok());
        let name = name.ok_or("the name of an entry is damaged")?;
        if name <= last.as_str() || header < from || header + LOCAL as u64 + size > end {
            return Err("its entries are not in order");
        }
        from = header + LOCAL as u64 + size;
        name.clone_into(&mut last);
        found.insert(last.clone(), Span { header, size });
        at += CENTRAL + lengths.iter().sum::<usize>();
    }
    if at == list.len() { Ok(found) } else { Err("its list of entries is longer than it says") }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |b| u16::from_le_bytes([b[0], b[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}
