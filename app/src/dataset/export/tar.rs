//! Archives of plain files (ustar) with nothing in them that changes from day to day.

use std::io::Write as _;
use std::path::Path;

use engine::store::atomic::AtomicFile;

/// Bytes of a block.
const BLOCK: usize = 512;

/// An archive that appears when it is finished.
pub(super) struct Writer(AtomicFile);

impl Writer {
    pub(super) fn create(path: &Path) -> Result<Self, String> {
        AtomicFile::create(path).map(Self).map_err(|e| e.to_string())
    }

    /// Adds a file; names have at most 100 bytes.
    pub(super) fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), String> {
        let header = header(name, bytes.len())?;
        let padding = [0u8; BLOCK];
        let rest = bytes.len().next_multiple_of(BLOCK) - bytes.len();
        for part in [&header[..], bytes, &padding[..rest]] {
            self.0.write_all(part).map_err(|e| self.0.failed(e).to_string())?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), String> {
        self.0.write_all(&[0u8; 2 * BLOCK]).map_err(|e| self.0.failed(e).to_string())?;
        self.0.commit().map_err(|e| e.to_string())
    }
}

fn header(name: &str, length: usize) -> Result<[u8; BLOCK], String> {
    if name.len() > 100 || length >= 1 << 33 {
        return Err(format!("{name} has a name or a size that a shard cannot hold; use shorter row names"));
    }
    let mut h = [0u8; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| h[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{length:011o}\0").as_bytes());
    // 1970: the same bytes every day.
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = h.iter().map(|&b| u32::from(b)).sum();
    h[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(h)
}
