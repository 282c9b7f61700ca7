//! Opening the library's file: write-ahead log, whole writes, schema steps.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

/// Schema steps in order; the file's `user_version` counts those that were taken.
const STEPS: &[&str] = &[include_str!("schema_1.sql")];
/// Name of the file inside the studio's folder.
pub const FILE_NAME: &str = "library.sqlite";
/// How long a writer waits for another one.
const BUSY: Duration = Duration::from_secs(10);

/// Why the library cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// The folder cannot be made.
    #[error("the library's folder cannot be made: {reason}; choose another with --data ({})", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A later program wrote it.
    #[error("the library was written by a later version (schema {found}, this program knows {known}); use that one ({})", path.display())]
    Later {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// SQLite refused.
    #[error("the library {doing}: {source}")]
    Sql {
        /// What was being done, as in "cannot be opened".
        doing: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// A request cannot be kept or read back.
    #[error("the request cannot be kept in the library: {reason}")]
    Request {
        /// Why.
        reason: String,
    },
    /// Another studio works with it.
    #[error("another window of the studio works with this library; close it, or choose another folder with --data ({})", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// A value in the library is none of ours.
    #[error("the library holds {what}; it was changed by another program")]
    Foreign {
        /// What was found.
        what: String,
    },
}

impl LibraryError {
    /// Says what was being done when SQLite refused.
    pub fn sql(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Sql { doing, source }
    }
}

/// One connection to the library; every thread opens its own.
#[derive(Debug)]
pub struct Database {
    /// The connection.
    pub connection: Connection,
    /// The folder that the file lies in.
    pub folder: PathBuf,
}

impl Database {
    /// Opens the library in `folder`, made when missing.
    ///
    /// # Errors
    /// When the folder cannot be written, the file is none of ours, or a later program wrote it.
    pub fn open(folder: &Path) -> Result<Self, LibraryError> {
        std::fs::create_dir_all(folder)
            .map_err(|e| LibraryError::Folder { path: folder.to_path_buf(), reason: e.to_string() })?;
        let path = folder.join(FILE_NAME);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opening = || LibraryError::sql("cannot be opened");
        let connection = Connection::open_with_flags(&path, flags).map_err(opening())?;
        connection.busy_timeout(BUSY).map_err(opening())?;
        write_ahead(&connection).map_err(opening())?;
        // A result that was shown as done survives a power cut.
        connection.pragma_update(None, "synchronous", "FULL").map_err(opening())?;
        connection.pragma_update(None, "foreign_keys", true).map_err(opening())?;
        let mut database = Self { connection, folder: folder.to_path_buf() };
        database.migrate(&path)?;
        Ok(database)
    }

    /// Does some work as one transaction: all of it counts, or nothing.
    ///
    /// # Errors
    /// Those of the work, or `doing` with SQLite's reason when it cannot be written.
    pub fn write<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<T, LibraryError>,
    ) -> Result<T, LibraryError> {
        // Taken at once as a writer: two that read first and write later could not both go on.
        let begun = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate);
        let transaction = begun.map_err(LibraryError::sql(doing))?;
        let made = work(&transaction)?;
        transaction.commit().map_err(LibraryError::sql(doing))?;
        Ok(made)
    }

    fn migrate(&mut self, path: &Path) -> Result<(), LibraryError> {
        let stepping = || LibraryError::sql("cannot be brought up to date");
        // One writer at a time: two windows that start together must not both take a step.
        let step = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(stepping())?;
        let found: i64 = step.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(stepping())?;
        let known = STEPS.len() as i64;
        if found > known {
            return Err(LibraryError::Later { path: path.to_path_buf(), found, known });
        }
        for sql in STEPS.iter().skip(usize::try_from(found).unwrap_or(0)) {
            step.execute_batch(sql).map_err(stepping())?;
        }
        step.pragma_update(None, "user_version", known).map_err(stepping())?;
        step.commit().map_err(stepping())
    }
}

/// Turns the write-ahead log on. Threads that make the file at the same time hold it for a moment, and for this one
/// thing SQLite does not wait by itself.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let begun = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && begun.elapsed() < BUSY => {
                std::thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_make_a_library_at_the_same_time_all_get_it() {
        for _ in 0..12 {
            let dir = tempfile::tempdir().expect("a temporary folder");
            let opened = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| Database::open(dir.path()).map(drop))).collect();
                threads.into_iter().map(|thread| thread.join().expect("no panic")).collect::<Vec<_>>()
            });
            opened.into_iter().for_each(|opened| opened.expect("a new library opens"));
        }
    }

    #[test]
    fn a_library_opens_twice_and_keeps_its_rows() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let count = |db: &Database| -> i64 {
            db.connection.query_row("SELECT count(*) FROM jobs", [], |r| r.get(0)).expect("jobs can be counted")
        };
        let db = Database::open(dir.path()).expect("a new library opens");
        db.connection
            .execute_batch(
                "INSERT INTO requests (id, hash, json) VALUES (1, 'h', '{}'); INSERT INTO jobs (grp, position, state, created_ms, \
                 name, request, seed, steps, model_hash) VALUES (1, 1, 'waiting', 0, 'a', 1, 1, 1, '')",
            )
            .expect("a job goes in");
        let again = Database::open(dir.path()).expect("it opens beside the first");
        assert_eq!((count(&db), count(&again)), (1, 1));
        let mode: String = again.connection.pragma_query_value(None, "journal_mode", |r| r.get(0)).expect("a mode");
        assert_eq!(mode, "wal");
    }

    #[test]
    fn later_and_foreign_files_are_refused_with_a_sentence() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let db = Database::open(dir.path()).expect("a new library opens");
        db.connection.pragma_update(None, "user_version", 99).expect("the version is set");
        drop(db);
        let error = Database::open(dir.path()).expect_err("it is of a later program").to_string();
        assert!(error.contains("99") && error.contains("later version"), "{error}");
        std::fs::write(dir.path().join(FILE_NAME), vec![7u8; 8192]).expect("the folder is writable");
        assert!(Database::open(dir.path()).is_err());
    }

    #[test]
    fn words_are_found() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let db = Database::open(dir.path()).expect("a new library opens");
        db.connection
            .execute(
                "INSERT INTO runs (created_ms, name, file, impression, seed, steps, steps_ran, guidance, sampler, preset, size_px, \
                 model_name, model_hash, image_hash, secs) VALUES (0, 'case', 'a.png', 'Small left effusion.', 1, 1, 1, 1, 'ddim', \
                 'paper', 64, 'm', 'h', 'i', 1)",
                [],
            )
            .expect("a run goes in");
        let found: i64 = db
            .connection
            .query_row("SELECT count(*) FROM run_words WHERE run_words MATCH 'effusion'", [], |r| r.get(0))
            .expect("a search works");
        assert_eq!(found, 1);
    }
}
