//! Rows for tests and benches of the library.

use std::path::Path;

use engine::domain::{Finding, Side};
use rusqlite::params;

use super::Database;

/// A library in a folder.
///
/// # Panics
/// When it cannot be opened.
pub fn library(folder: &Path) -> Database {
    Database::open(folder).unwrap_or_else(|error| panic!("a new library opens: {error}"))
}

/// A run as it is put into a test's library.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// Name of the case.
    pub name: &'a str,
    /// Its text.
    pub impression: &'a str,
    /// Its seed.
    pub seed: u64,
    /// When it was made.
    pub created_ms: i64,
    /// Name of its model; the hash is made of it.
    pub model: &'a str,
    /// Adherence.
    pub adherence: Option<f32>,
    /// Star, reject or nothing.
    pub mark: &'a str,
    /// Its note.
    pub note: &'a str,
    /// Changed a real image.
    pub edited: bool,
    /// Text and layers disagree.
    pub conflict: bool,
    /// What it came from.
    pub parent: Option<i64>,
    /// How it came from there.
    pub relation: &'a str,
    /// The step it was forked at.
    pub parent_step: Option<i64>,
    /// Its recipe.
    pub recipe: &'a str,
    /// Its file; made of its number when empty.
    pub file: &'a str,
    /// Its layers: class, side, whether boxed.
    pub layers: &'a [(Finding, Side, bool)],
    /// Its small picture.
    pub thumb: &'a [u8],
}

impl Default for Sample<'_> {
    fn default() -> Self {
        Self {
            name: "Case",
            impression: "No acute findings.",
            seed: 1,
            created_ms: 0,
            model: "Fake",
            adherence: None,
            mark: "",
            note: "",
            edited: false,
            conflict: false,
            parent: None,
            relation: "",
            parent_step: None,
            recipe: "",
            file: "",
            layers: &[],
            thumb: &[],
        }
    }
}

impl Sample<'_> {
    /// Puts it in and returns its number.
    ///
    /// # Panics
    /// When the library refuses.
    pub fn insert(&self, db: &Database) -> i64 {
        self.try_insert(db).unwrap_or_else(|error| panic!("a run goes in: {error}"))
    }

    fn try_insert(&self, db: &Database) -> rusqlite::Result<i64> {
        let c = &db.connection;
        let next: i64 = c.query_row("SELECT coalesce(max(id), 0) + 1 FROM runs", [], |r| r.get(0))?;
        let file = if self.file.is_empty() { format!("images/{next}.png") } else { self.file.to_owned() };
        c.prepare_cached(
            "INSERT INTO runs (created_ms, name, file, impression, seed, steps, steps_ran, guidance, sampler, preset, size_px, \
             model_name, model_hash, image_hash, secs, edited, mark, note, adherence, conflict, relation, parent_run, parent_step, \
             recipe) VALUES (?1, ?2, ?3, ?4, ?5, 25, 25, 4.0, 'dpmpp', 'paper', 64, ?6, ?7, ?8, 2.9, ?9, ?10, ?11, ?12, ?13, ?14, \
             ?15, ?16, ?17)",
        )?
        .execute(params![
            self.created_ms,
            self.name,
            file,
            self.impression,
            self.seed.cast_signed(),
            self.model,
            format!("hash of {}", self.model),
            format!("image {next}"),
            self.edited,
            self.mark,
            self.note,
            self.adherence,
            self.conflict,
            self.relation,
            self.parent,
            self.parent_step,
            self.recipe,
        ])?;
        let id = c.last_insert_rowid();
        for (finding, side, boxed) in self.layers {
            let kind = if *boxed { "box" } else { "mask" };
            c.prepare_cached("INSERT INTO run_findings (run, finding, side, kind) VALUES (?1, ?2, ?3, ?4)")?.execute(params![
                id,
                finding.name(),
                side.name(),
                kind
            ])?;
        }
        if !self.thumb.is_empty() {
            c.prepare_cached("INSERT INTO thumbs (run, png) VALUES (?1, ?2)")?.execute(params![id, self.thumb])?;
        }
        Ok(id)
    }
}
