//! Whole files or none: write aside, flush the file, rename, flush the folder.
//!
//! A reader sees the old content or the new, never a part, also after a crash or a full disk.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Why a file could not be written; the old content, if any, is untouched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The target has no file name, such as `..` or a root.
    #[error("cannot write {}: it does not name a file", path.display())]
    NoFileName {
        /// The target.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot write {}: {reason}", path.display(), reason = reason(source))]
    Io {
        /// The target.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// One sentence for the usual causes; the system's own words for the others.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full; free some space or choose another folder".to_owned()
        }
        io::ErrorKind::PermissionDenied => "permission denied; choose a folder you may write to".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only; choose another folder".to_owned(),
        io::ErrorKind::NotFound => "its folder does not exist".to_owned(),
        _ => error.to_string(),
    }
}

/// Writes a whole file, replacing an older one of that name.
///
/// # Errors
/// When the folder is missing or not writable, the disk is full, or flushing fails; nothing is left behind.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes).map_err(|error| file.failed(error))?;
    file.commit()
}

/// A file that is written piece by piece and appears under its name when it is committed; dropped before that,
/// it leaves nothing.
#[derive(Debug)]
pub struct AtomicFile {
    path: PathBuf,
    dir: PathBuf,
    file: BufWriter<tempfile::NamedTempFile>,
}

impl AtomicFile {
    /// Starts a file beside the target.
    ///
    /// # Errors
    /// When the folder is missing or not writable.
    pub fn create(path: &Path) -> Result<Self, WriteError> {
        if path.file_name().is_none() {
            return Err(WriteError::NoFileName { path: path.to_owned() });
        }
        let dir = match path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir,
            _ => Path::new("."),
        };
        let file = aside(dir).map_err(|source| WriteError::Io { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), dir: dir.to_owned(), file: BufWriter::with_capacity(1 << 20, file) })
    }

    /// The error of a write that failed.
    pub fn failed(&self, source: io::Error) -> WriteError {
        WriteError::Io { path: self.path.clone(), source }
    }

    /// Flushes the file, gives it its name and flushes the folder.
    ///
    /// # Errors
    /// When the disk is full or flushing fails; the old content is untouched.
    pub fn commit(self) -> Result<(), WriteError> {
        let Self { path, dir, file } = self;
        let fail = |source| WriteError::Io { path: path.clone(), source };
        let file = file.into_inner().map_err(|error| fail(error.into_error()))?;
        file.as_file().sync_all().map_err(fail)?;
        file.persist(&path).map_err(|error| fail(error.error))?;
        sync_dir(&dir).map_err(fail)
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Makes a folder and its parents, and proves that files can be written there.
///
/// # Errors
/// When the path is a file, or the folder cannot be made or written to.
pub fn ensure_writable_dir(dir: &Path) -> Result<(), WriteError> {
    let fail = |source| WriteError::Io { path: dir.to_owned(), source };
    if dir.exists() && !dir.is_dir() {
        return Err(fail(io::Error::other("it is a file, and a folder is needed")));
    }
    std::fs::create_dir_all(dir).map_err(fail)?;
    aside(dir).map(drop).map_err(fail)
}

/// A file beside the target that vanishes when dropped; its mode is that of an ordinary new file.
fn aside(dir: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".writing-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(dir)
}

/// Makes the rename durable; only Unix can flush a folder.
fn sync_dir(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn writes_and_replaces_and_leaves_nothing_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(names(dir.path()), ["a.json"]);
    }

    #[test]
    fn a_missing_folder_and_a_folder_as_target_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = write_atomic(&dir.path().join("none/a.png"), b"x").unwrap_err().to_string();
        assert!(error.contains("a.png") && error.contains("folder does not exist"), "{error}");
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        assert!(write_atomic(&dir.path().join("sub"), b"x").is_err());
        assert_eq!(names(dir.path()), ["sub"], "the file aside must vanish after a failed rename");
        assert!(matches!(write_atomic(Path::new(".."), b"x"), Err(WriteError::NoFileName { .. })));
    }

    #[test]
    fn a_full_disk_is_a_sentence() {
        let error = WriteError::Io { path: "a.png".into(), source: io::ErrorKind::StorageFull.into() };
        assert!(error.to_string().contains("a.png: the disk is full"));
    }

    #[test]
    fn ensure_writable_dir_makes_parents_and_refuses_files() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("x/y");
        ensure_writable_dir(&deep).unwrap();
        assert!(names(&deep).is_empty());
        let file = dir.path().join("f");
        std::fs::write(&file, b"").unwrap();
        assert!(ensure_writable_dir(&file).unwrap_err().to_string().contains("folder is needed"));
    }
}
