//! All that is known of one run: its row, its record and its file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::store::record::RunRecord;
use rusqlite::{Connection, OptionalExtension as _};

use super::{LibraryError, RunId, RunRow, runs};

/// One run for the inspector.
#[derive(Clone, Debug, PartialEq)]
pub struct Details {
    /// Its row.
    pub row: RunRow,
    /// The image on disk.
    pub file: PathBuf,
    /// Its record from the file, or one sentence why there is none.
    pub record: Result<Arc<RunRecord>, String>,
}

/// Reads a run; `None` where there is no such number. `folder` is the library's.
///
/// # Errors
/// When SQLite refuses. A file that is gone or damaged is told in [`Details::record`].
pub fn details(connection: &Connection, folder: &Path, id: RunId) -> Result<Option<Details>, LibraryError> {
    let row = match runs::get(connection, id) {
        Ok(row) => row,
        Err(LibraryError::Sql { source: rusqlite::Error::QueryReturnedNoRows, .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let file = runs::path(folder, &row);
    let record = RunRecord::read(&file).map(Arc::new).map_err(|e| crate::jobs::sentence(&e.into()));
    Ok(Some(Details { row, file, record }))
}

/// The file of a run, absolute; `None` where there is no such number.
///
/// # Errors
/// When SQLite refuses.
pub fn file_of(connection: &Connection, folder: &Path, id: RunId) -> Result<Option<PathBuf>, LibraryError> {
    let reading = || LibraryError::sql("cannot be read");
    let mut statement = connection.prepare_cached("SELECT file FROM runs WHERE id = ?1").map_err(reading())?;
    let file: Option<String> = statement.query_row([id], |r| r.get(0)).optional().map_err(reading())?;
    Ok(file.map(|f| folder.join(f)))
}

/// Bytes of the library: its database and the images in its folder.
pub fn store_bytes(folder: &Path) -> u64 {
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |m| m.len());
    let mut bytes = size(&folder.join(super::db::FILE_NAME)) + size(&folder.join(format!("{}-wal", super::db::FILE_NAME)));
    let mut open = vec![folder.join("images")];
    while let Some(dir) = open.pop() {
        // A folder that cannot be read, or is not there yet, holds nothing that could be counted.
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(m) if m.is_dir() => open.push(entry.path()),
                Ok(m) => bytes += m.len(),
                Err(_) => {}
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Sample, library};
    use super::*;

    #[test]
    fn a_run_is_read_with_its_file_or_with_the_reason() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let db = library(dir.path());
        Sample { seed: u64::MAX, note: "look again", parent: None, ..Sample::default() }.insert(&db);
        let details = details(&db.connection, &db.folder, 1).expect("it reads").expect("run 1");
        assert_eq!((details.row.seed, details.row.note.as_str()), (u64::MAX, "look again"));
        let why = details.record.expect_err("there is no file");
        assert!(why.contains("1.png"), "{why}");
        assert_eq!(super::details(&db.connection, &db.folder, 2).expect("it reads"), None);
        let file = file_of(&db.connection, &db.folder, 1).expect("it reads").expect("run 1");
        assert_eq!(file, dir.path().join("images/1.png"));
        std::fs::create_dir_all(dir.path().join("images/a")).expect("a folder");
        let before = store_bytes(dir.path());
        std::fs::write(dir.path().join("images/a/x.png"), [0; 100]).expect("a file");
        assert_eq!(store_bytes(dir.path()), before + 100);
    }
}
