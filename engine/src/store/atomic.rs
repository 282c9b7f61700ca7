//! Whole files or none: write aside, flush the file, rename, flush the folder.
//!
//! A reader sees the old content or the new, never a part, also after a crash or a full disk.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Beginning and end of the names of files aside.
const PREFIX: &str = ".writing-";
const SUFFIX: &str = ".tmp";

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
        io::ErrorKind::FileTooLarge => "it is larger than the file system or its limits allow; choose another folder".to_owned(),
        io::ErrorKind::NotFound => "its folder does not exist".to_owned(),
        io::ErrorKind::NotADirectory => "a part of this path is a file; choose another folder".to_owned(),
        io::ErrorKind::AlreadyExists => "a file has this name, where a folder is needed; choose another name".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder, where a file is needed; choose another name".to_owned(),
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

/// Removes the files aside that killed programs left in a folder; those that a program still writes stay. Gives
/// their number; a folder that is not there has none.
///
/// # Errors
/// When the folder cannot be listed or a file not be removed.
pub fn remove_leftovers(dir: &Path) -> Result<usize, WriteError> {
    let fail = |source| WriteError::Io { path: dir.to_owned(), source };
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(fail(error)),
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        if !ours || !entry.file_type().map_err(fail)?.is_file() {
            continue;
        }
        let path = entry.path();
        // Its writer holds a lock, and the system gives that up when the writer dies. Where nothing can be told,
        // or the file is gone meanwhile, nothing is done.
        let Ok(file) = File::options().read(true).write(true).open(&path) else { continue };
        if file.try_lock().is_err() {
            continue;
        }
        std::fs::remove_file(&path).map_err(|source| WriteError::Io { path, source })?;
        removed += 1;
    }
    Ok(removed)
}

/// A file beside the target that vanishes when dropped; its mode is that of an ordinary new file. It is locked as
/// long as it is open, which tells [`remove_leftovers`] that it is in use.
fn aside(dir: &Path) -> io::Result<tempfile::NamedTempFile> {
    loop {
        let file = create_aside(dir)?;
        // A file system without locks is written to all the same; no leftovers are removed there.
        if file.as_file().lock().is_err() || file.path().exists() {
            return Ok(file);
        }
        // Taken away between making and locking it.
    }
}

fn create_aside(dir: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
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
    fn leftovers_go_and_files_in_use_stay() {
        let dir = tempfile::tempdir().unwrap();
        let mut writing = AtomicFile::create(&dir.path().join("a.png")).unwrap();
        writing.write_all(b"half").unwrap();
        std::fs::write(dir.path().join(".writing-dead.tmp"), b"half").unwrap();
        std::fs::write(dir.path().join(".writing-mine"), b"not ours").unwrap();
        std::fs::create_dir(dir.path().join(".writing-folder.tmp")).unwrap();
        assert_eq!(remove_leftovers(dir.path()).unwrap(), 1);
        assert_eq!(remove_leftovers(dir.path()).unwrap(), 0);
        writing.commit().unwrap();
        assert_eq!(names(dir.path()), [".writing-folder.tmp", ".writing-mine", "a.png"]);
        assert_eq!(remove_leftovers(&dir.path().join("none")).unwrap(), 0);
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
