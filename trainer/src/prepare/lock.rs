//! One preparation at a time in a folder; several processes of one job share it.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::work::WorkShare;

/// The file of the folder's lock; it stays, the lock ends with the process.
const FOLDER: &str = ".prepare.lock";

/// The file that the processes which end together lock one after the other.
const END: &str = ".prepare-end.lock";

/// Locks that are held as long as this lives.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _files: Vec<File>,
}

impl FolderLock {
    /// Locks a folder for a process: alone, or beside the other ranks of the same job.
    ///
    /// # Errors
    /// When another program prepares there.
    pub(crate) fn take(dir: &Path, share: WorkShare) -> Result<Self> {
        let busy = || format!("another chexgen prepare works in {}; wait until it ends, or choose another folder", dir.display());
        let open = |name: &str| {
            let path = dir.join(name);
            let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
            opened.with_context(|| format!("cannot write {}", path.display()))
        };
        let folder = open(FOLDER)?;
        let mut files = Vec::new();
        let locked = if share.world() == 1 { folder.try_lock() } else { folder.try_lock_shared() };
        taken(locked, busy)?;
        files.push(folder);
        if share.world() > 1 {
            let rank = open(&format!(".prepare-{}-of-{}.lock", share.rank(), share.world()))?;
            taken(rank.try_lock(), busy)?;
            files.push(rank);
        }
        Ok(Self { _files: files })
    }
}

/// Waits until no other process of the job completes the set; held by the result.
///
/// # Errors
/// When the file of the lock cannot be made.
pub(crate) fn last_turn(dir: &Path, share: WorkShare) -> Result<Option<File>> {
    if share.world() == 1 {
        return Ok(None);
    }
    let path = dir.join(END);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("cannot write {}", path.display()))?;
    // Without locks two processes write the same bytes, each whole.
    drop(file.lock());
    Ok(Some(file))
}

/// A file system without locks is used all the same: files are written whole there, too.
fn taken(result: std::result::Result<(), TryLockError>, busy: impl Fn() -> String) -> Result<()> {
    match result {
        Err(TryLockError::WouldBlock) => bail!(busy()),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_job_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let share = |rank, world| WorkShare::new(rank, world).unwrap();
        let alone = FolderLock::take(dir.path(), WorkShare::WHOLE).unwrap();
        let error = FolderLock::take(dir.path(), WorkShare::WHOLE).unwrap_err().to_string();
        assert!(error.contains("another chexgen prepare works in"), "{error}");
        assert!(FolderLock::take(dir.path(), share(0, 2)).is_err());
        drop(alone);
        let first = FolderLock::take(dir.path(), share(0, 2)).unwrap();
        let _second = FolderLock::take(dir.path(), share(1, 2)).unwrap();
        assert!(FolderLock::take(dir.path(), share(1, 2)).is_err());
        assert!(FolderLock::take(dir.path(), WorkShare::WHOLE).is_err());
        drop(first);
        assert!(FolderLock::take(dir.path(), share(0, 2)).is_ok());
    }
}
