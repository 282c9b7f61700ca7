//! Cells in the library: found by what they ask for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::domain::{GenerateRequest, GrayImage};
use engine::store::hash::hash_bytes;
use engine::store::record::request_to_json;

use super::{Cell, RECIPE};
use crate::library::db::{Database, LibraryError};
use crate::library::{RunRow, runs};

/// A cell that was made.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its run.
    pub row: RunRow,
    /// Its PNG.
    pub file: PathBuf,
    /// A small picture of it.
    pub thumb: Option<Arc<GrayImage>>,
}

/// What a cell is found by: the hash of everything its image depends on.
///
/// # Errors
/// When a request cannot be written as text.
pub(super) fn key(request: &GenerateRequest, model_hash: &str) -> anyhow::Result<String> {
    let json = request_to_json(request)?;
    Ok(hash_bytes(format!("{model_hash}\n{json}").as_bytes()))
}

/// Looks cells up; gives each with its key.
///
/// # Errors
/// When the library cannot be read.
pub(super) fn find(folder: &Path, requests: &[GenerateRequest], model_hash: &str) -> anyhow::Result<Vec<(String, Cell)>> {
    let db = Database::open(folder)?;
    requests
        .iter()
        .map(|request| {
            let key = key(request, model_hash)?;
            let cell = cell(&db, &key)?;
            Ok((key, cell))
        })
        .collect()
}

fn cell(db: &Database, key: &str) -> Result<Cell, LibraryError> {
    let reading = || LibraryError::sql("cannot be read");
    let one = |sql: &str| -> Result<Option<i64>, LibraryError> {
        let mut statement = db.connection.prepare_cached(sql).map_err(reading())?;
        let mut found = statement.query([RECIPE, key]).map_err(reading())?;
        found.next().map_err(reading())?.map(|r| r.get(0)).transpose().map_err(reading())
    };
    if let Some(id) = one("SELECT id FROM runs WHERE recipe = ?1 AND cell = ?2 ORDER BY id DESC LIMIT 1")? {
        let row = runs::get(&db.connection, id)?;
        let file = runs::path(&db.folder, &row);
        if file.exists() {
            let png = runs::thumb(&db.connection, id)?;
            let thumb = png.and_then(|png| engine::imageio::png::decode_gray(&png, "a small picture").ok()).map(Arc::new);
            return Ok(Cell::Made(Arc::new(Found { row, file, thumb })));
        }
    }
    let open = one("SELECT id FROM jobs WHERE recipe = ?1 AND cell = ?2 AND state IN ('waiting', 'running', 'paused') LIMIT 1")?;
    Ok(if open.is_some() { Cell::Queued } else { Cell::Missing })
}
