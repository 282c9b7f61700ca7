//! One training at a time in a run folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How often the lock is asked for, and the pause between.
const TRIES: usize = 20;
const PAUSE: Duration = Duration::from_millis(25);

/// Held while a run is worked on; the system gives it up when the process ends, however it ends.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// Takes the folder.
    ///
    /// # Errors
    /// When another process works in it, or the lock file cannot be made.
    pub fn take(dir: &Path) -> Result<Self> {
        Self::take_for(dir, "chexgen train")
    }

    /// As [`RunLock::take`], of another command with a folder of its own.
    ///
    /// # Errors
    /// As [`RunLock::take`].
    pub fn take_for(dir: &Path, command: &str) -> Result<Self> {
        let path = dir.join("lock");
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).read(true).write(true).open(&path);
        let file = file.with_context(|| format!("cannot open {}", path.display()))?;
        // Who only looks whether a run goes on, such as the studio, holds the lock for a moment.
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) => return Err(error).with_context(|| format!("cannot lock {}", path.display())),
            }
        }
        bail!("another {command} works in {}; wait for it, or choose another folder with --out", dir.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_run_at_a_time() -> Result<()> {
        let dir = tempfile::tempdir()?;
        let first = RunLock::take(dir.path())?;
        let refused = RunLock::take(dir.path()).map(|_| ()).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused.contains("another chexgen train"), "{refused}");
        drop(first);
        RunLock::take(dir.path()).map(|_| ())
    }
}
