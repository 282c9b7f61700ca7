//! Small text files that a person names: read whole, but never more than a limit, and from files only.
//!
//! A device or a pipe would never end, and a file of the wrong kind may be larger than memory.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Result};
use std::path::Path;

/// Most bytes of a configuration.
pub const CONFIG_BYTES: u64 = 4 << 20;
/// Most bytes of a list: cases, boxes, descriptions.
pub const LIST_BYTES: u64 = 512 << 20;

/// The text of a file of at most `most` bytes.
///
/// # Errors
/// As the system; [`ErrorKind::InvalidData`] where it is not UTF-8, [`ErrorKind::FileTooLarge`] where it is longer.
pub fn read(path: &Path, most: u64) -> Result<String> {
    let about = std::fs::metadata(path)?;
    if about.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if !about.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "it is a device or a pipe; name an ordinary file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let words = format!("it is larger than the {} MiB that are read; name a file of the right kind", most >> 20);
        return Err(Error::new(ErrorKind::FileTooLarge, words));
    }
    String::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::InvalidData, "it is not text in UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_up_to_the_limit_are_read() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.txt");
        std::fs::write(&path, "four").expect("written");
        assert_eq!(read(&path, 4).expect("it fits"), "four");
        let kind = |path: &Path, most: u64| read(path, most).expect_err("refused").kind();
        assert_eq!(kind(&path, 3), ErrorKind::FileTooLarge);
        assert_eq!(kind(dir.path(), 9), ErrorKind::IsADirectory);
        assert_eq!(kind(&dir.path().join("none"), 9), ErrorKind::NotFound);
        std::fs::write(&path, [0xff, 0xfe]).expect("written");
        assert_eq!(kind(&path, 9), ErrorKind::InvalidData);
        #[cfg(unix)]
        assert_eq!(kind(Path::new("/dev/zero"), 9), ErrorKind::InvalidInput);
    }
}
