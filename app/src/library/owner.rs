//! Who works with a library: one window at a time, told by a lock that the system gives up when its holder dies.

use std::fs::File;
use std::path::Path;

use super::LibraryError;

/// Name of the locked file inside the studio's folder.
const FILE_NAME: &str = "library.lock";

/// Held by the window that works on the queue, as long as it lives.
#[derive(Debug)]
pub struct Owner(File);

impl Owner {
    /// Takes the library in `folder`.
    ///
    /// # Errors
    /// When another window has it, or the folder cannot be written.
    pub fn take(folder: &Path) -> Result<Self, LibraryError> {
        let unusable = |e: std::io::Error| LibraryError::Folder { path: folder.to_path_buf(), reason: e.to_string() };
        std::fs::create_dir_all(folder).map_err(unusable)?;
        let file = File::options().create(true).truncate(false).write(true).open(folder.join(FILE_NAME)).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(std::fs::TryLockError::WouldBlock) => Err(LibraryError::InUse { path: folder.to_path_buf() }),
            // A file system without locks: whoever uses two windows there is on their own.
            Err(std::fs::TryLockError::Error(error)) => {
                tracing::warn!("the library cannot be locked: {error}");
                Ok(Self(file))
            }
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::debug!("the library's lock goes with its file: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_window_at_a_time() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let first = Owner::take(dir.path()).expect("the library is free");
        let error = Owner::take(dir.path()).expect_err("it is taken").to_string();
        assert!(error.contains("another window") && error.contains("--data"), "{error}");
        drop(first);
        assert!(Owner::take(dir.path()).is_ok());
    }
}
