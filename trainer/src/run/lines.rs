//! A file that lines are added to, which outlives a full disk: lines that are not taken wait, and come later in order.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The file and what waits for it.
pub struct Lines<W = File> {
    file: W,
    path: PathBuf,
    waiting: Vec<u8>,
}

impl Lines {
    /// Opens a file to add to it.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.with_context(|| format!("cannot open {}", path.display()))?;
        Ok(Self { file, path: path.to_owned(), waiting: Vec::new() })
    }
}

impl<W: Write> Lines<W> {
    /// Adds a line; a sentence when it is the first that the disk does not take.
    pub fn add(&mut self, line: &[u8]) -> Option<String> {
        let waited = !self.waiting.is_empty();
        self.waiting.extend(line);
        self.waiting.push(b'\n');
        let error = self.write().err().filter(|_| !waited)?;
        Some(format!("cannot write {}: {error}; training goes on, and its lines are written later", self.path.display()))
    }

    /// Tries once more; a sentence when lines are left.
    pub fn finish(&mut self) -> Option<String> {
        self.write().err()?;
        let left = self.waiting.iter().filter(|byte| **byte == b'\n').count();
        Some(format!("the last {left} lines could not be written to {}; free some space", self.path.display()))
    }

    /// Writes as much as is taken; the rest waits.
    fn write(&mut self) -> std::io::Result<()> {
        while !self.waiting.is_empty() {
            match self.file.write(&self.waiting) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => drop(self.waiting.drain(..count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk that takes so many bytes, seven at once.
    struct Disk(Vec<u8>, usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let count = bytes.len().min(self.1.saturating_sub(self.0.len())).min(7);
            self.0.extend(&bytes[..count]);
            if count == 0 { Err(ErrorKind::StorageFull.into()) } else { Ok(count) }
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_a_full_disk_does_not_take_come_later_and_whole() {
        let mut lines = Lines { file: Disk(Vec::new(), 20), path: "metrics.jsonl".into(), waiting: Vec::new() };
        assert_eq!(lines.add(b"the first line"), None);
        let said = lines.add(b"the second line").unwrap_or_default();
        assert!(said.contains("cannot write metrics.jsonl") && said.contains("written later"), "{said}");
        assert_eq!(lines.add(b"the third line"), None, "said once");
        assert!(lines.finish().is_some_and(|said| said.contains("the last 2 lines")));
        assert_eq!(lines.file.0, b"the first line\nthe s");
        lines.file.1 = 1000;
        assert_eq!(lines.finish(), None);
        assert_eq!(lines.file.0, b"the first line\nthe second line\nthe third line\n");
    }
}
