//! A file of lines that another program appends to, read piece by piece.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes of a piece.
const PIECE: usize = 4 << 20;
/// Bytes before the place one came to that must still be the same.
const CHECKED: usize = 64;

/// How a look at the file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing new.
    Same,
    /// Lines came; nothing is left now.
    All,
    /// Lines came, and more are there.
    More,
    /// The file was written anew: what was read of it no longer counts.
    Anew,
    /// It is not there.
    Gone,
}

/// Where one came to.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    offset: u64,
    /// What stood just before.
    before: Vec<u8>,
    /// Lines read.
    pub(super) lines: u64,
    /// Bytes of the file when it was looked at.
    pub(super) length: u64,
}

impl Tail {
    /// From the file's beginning.
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), offset: 0, before: Vec::new(), lines: 0, length: 0 }
    }

    /// Share of the file that was read.
    pub(super) fn share(&self) -> f32 {
        if self.length == 0 { 1.0 } else { (self.offset as f64 / self.length as f64) as f32 }
    }

    /// Reads whole lines of a piece; one without its end waits.
    ///
    /// # Errors
    /// When the file cannot be read, or a line is longer than a piece.
    pub(super) fn look(&mut self, line: &mut dyn FnMut(u64, &[u8])) -> io::Result<Look> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.begin_anew();
                return Ok(Look::Gone);
            }
            Err(error) => return Err(error),
        };
        self.length = file.metadata()?.len();
        if self.length < self.offset || !self.follows(&mut file)? {
            self.begin_anew();
            return Ok(Look::Anew);
        }
        if self.length == self.offset {
            return Ok(Look::Same);
        }
        let mut piece = Vec::new();
        file.seek(SeekFrom::Start(self.offset))?;
        file.take(PIECE as u64).read_to_end(&mut piece)?;
        let Some(end) = piece.iter().rposition(|byte| *byte == b'\n') else {
            if piece.len() == PIECE {
                return Err(io::Error::other("it holds a line of more than 4 MB, so it is no log of a training"));
            }
            return Ok(Look::Same);
        };
        let whole = &piece[..=end];
        for text in whole[..end].split(|byte| *byte == b'\n') {
            self.lines += 1;
            line(self.lines, text);
        }
        self.offset += whole.len() as u64;
        self.before = whole[whole.len().saturating_sub(CHECKED)..].to_vec();
        Ok(if self.offset < self.length && piece.len() == PIECE { Look::More } else { Look::All })
    }

    fn begin_anew(&mut self) {
        (self.offset, self.lines) = (0, 0);
        self.before.clear();
    }

    /// Whether what was read last still stands where it stood.
    fn follows(&self, file: &mut File) -> io::Result<bool> {
        let mut now = vec![0; self.before.len()];
        file.seek(SeekFrom::Start(self.offset - self.before.len() as u64))?;
        file.read_exact(&mut now)?;
        Ok(now == self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn lines(tail: &mut Tail) -> (Look, Vec<String>) {
        let mut found = Vec::new();
        let look = tail.look(&mut |_, line| found.push(String::from_utf8_lossy(line).into_owned())).expect("readable");
        (look, found)
    }

    #[test]
    fn lines_come_once_each_and_a_half_one_waits() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("metrics.jsonl");
        let mut tail = Tail::new(&path);
        assert_eq!(lines(&mut tail), (Look::Gone, vec![]));
        std::fs::write(&path, "a\nb\nha").expect("writable");
        assert_eq!(lines(&mut tail), (Look::All, vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(lines(&mut tail), (Look::Same, vec![]));
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).expect("writable");
        file.write_all(b"lf\n").expect("writable");
        assert_eq!(lines(&mut tail), (Look::All, vec!["half".to_owned()]));
        // A run that goes on writes the file anew, without what it does again.
        std::fs::write(&path, "a\nb\nhoof\nc\n").expect("writable");
        assert_eq!(lines(&mut tail), (Look::Anew, vec![]));
        assert_eq!(lines(&mut tail).1, ["a", "b", "hoof", "c"]);
        assert_eq!((tail.lines, tail.share()), (4, 1.0));
        std::fs::write(&path, "a\n").expect("writable");
        assert_eq!(lines(&mut tail).0, Look::Anew);
        std::fs::write(&path, vec![b'x'; PIECE + 1]).expect("writable");
        assert!(tail.look(&mut |_, _| {}).is_err(), "no line ever ends");
    }
}
