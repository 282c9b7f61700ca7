//! Every image with what made it: inserted together with the end of its job, marked, never deleted.

use engine::domain::{Annotation, Finding, GenerateRequest, Shape, Side, Source, patient_side};
use rusqlite::{Connection, Row, Transaction, params};

use super::db::{Database, LibraryError};
use super::jobs::update;
use super::rows::{JobId, JobRow, Mark, Relation, RunId, RunRow, Verified};
use super::rules;
use crate::jobs::Artifact;
use crate::state::document::mask_side;
use crate::state::measure::{self, LayerMeasure};

/// Side of the small pictures of the wall in pixels.
pub const THUMB_PX: u32 = 160;

/// A run that is to be put into the library.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Its row; the number is given when it goes in.
    pub row: RunRow,
    /// Class, side and kind of each of its layers.
    pub findings: Vec<(Finding, Side, &'static str)>,
    /// Its small picture, 8-bit PNG.
    pub thumb: Vec<u8>,
}

impl NewRun {
    /// A run from a finished image whose files lie on disk; `file` is its PNG, `model_hash` that of the model's card.
    ///
    /// # Errors
    /// When the small picture cannot be made.
    pub fn new(name: &str, artifact: &Artifact, model_hash: &str, file: String, now_ms: i64) -> Result<Self, LibraryError> {
        let (request, record) = (&artifact.request, &artifact.record);
        let thumb = engine::imageio::png::encode_thumbnail(&artifact.image, THUMB_PX)
            .map_err(|e| LibraryError::Request { reason: e.to_string() })?;
        let row = RunRow {
            created_ms: now_ms,
            name: name.to_owned(),
            file,
            impression: request.impression.clone(),
            seed: request.seed.0,
            steps: count(request.calls()),
            steps_ran: count(record.steps_ran),
            guidance: request.guidance_scale,
            sampler: request.sampler.name().to_owned(),
            preset: request.preset.name().to_owned(),
            size_px: record.size_px,
            model_name: record.model_name.clone(),
            model_hash: model_hash.to_owned(),
            image_hash: record.pixels_blake3.clone(),
            edited: matches!(request.source, Source::Region { .. } | Source::Image { .. }),
            ..RunRow::default()
        };
        Ok(Self { row, findings: findings(request), thumb })
    }

    /// The same run with what its job knows: the parent, the recipe, and which job it was.
    #[must_use]
    pub fn of_job(mut self, job: &JobRow) -> Self {
        let (row, task) = (&mut self.row, &job.task);
        row.job = Some(job.id);
        (row.relation, row.parent_run, row.parent_step) = (task.relation, task.parent_run, task.parent_step);
        (row.recipe, row.cell) = (task.recipe.clone(), task.cell.clone());
        self
    }

    /// The same run with what was measured of it.
    #[must_use]
    pub fn measured(mut self, measures: Vec<LayerMeasure>) -> Self {
        self.row.adherence = measure::least(&measures);
        self.row.measures = measures;
        self
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Class, side and kind of each drawn finding.
fn findings(request: &GenerateRequest) -> Vec<(Finding, Side, &'static str)> {
    let of = |annotation: &Annotation| match &annotation.shape {
        Shape::Mask(mask) => (annotation.finding, mask_side(mask).unwrap_or(Side::Both), "mask"),
        Shape::Box { rect, width, .. } => (annotation.finding, patient_side(rect.center().0, (*width).max(1)), "box"),
    };
    request.annotations.iter().map(of).collect()
}

/// Columns of a [`RunRow`], in the order of [`row`].
pub const COLUMNS: &str = "id, job, created_ms, name, file, impression, seed, steps, steps_ran, guidance, sampler, preset, size_px, \
                           model_name, model_hash, image_hash, secs, edited, mark, note, adherence, measures, conflict, verified, \
                           relation, parent_run, parent_step, recipe, cell";

/// A row of a query that selects [`COLUMNS`].
///
/// # Errors
/// When a column has another type.
pub fn row(r: &Row<'_>) -> rusqlite::Result<RunRow> {
    let text = |i: usize| r.get::<_, String>(i);
    Ok(RunRow {
        id: r.get(0)?,
        job: r.get(1)?,
        created_ms: r.get(2)?,
        name: text(3)?,
        file: text(4)?,
        impression: text(5)?,
        seed: r.get::<_, i64>(6)?.cast_unsigned(),
        steps: r.get(7)?,
        steps_ran: r.get(8)?,
        guidance: r.get(9)?,
        sampler: text(10)?,
        preset: text(11)?,
        size_px: r.get(12)?,
        model_name: text(13)?,
        model_hash: text(14)?,
        image_hash: text(15)?,
        secs: r.get(16)?,
        edited: r.get(17)?,
        mark: Mark::from_word(&text(18)?).unwrap_or_default(),
        note: text(19)?,
        adherence: r.get(20)?,
        measures: measure::from_json(&text(21)?).unwrap_or_default(),
        conflict: r.get(22)?,
        verified: Verified::from_word(&text(23)?).unwrap_or_default(),
        relation: Relation::from_word(&text(24)?).unwrap_or_default(),
        parent_run: r.get(25)?,
        parent_step: r.get(26)?,
        recipe: text(27)?,
        cell: text(28)?,
    })
}

/// One run.
///
/// # Errors
/// When the library cannot be read or there is no such run.
pub fn get(connection: &Connection, id: RunId) -> Result<RunRow, LibraryError> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM runs WHERE id = ?1"))
        .and_then(|mut s| s.query_row([id], row))
        .map_err(LibraryError::sql("cannot be read"))
}

/// The newest runs, newest first.
///
/// # Errors
/// When the library cannot be read.
pub fn newest(connection: &Connection, most: usize) -> Result<Vec<RunRow>, LibraryError> {
    let reading = || LibraryError::sql("cannot be read");
    let sql = format!("SELECT {COLUMNS} FROM runs ORDER BY id DESC LIMIT ?1");
    let mut statement = connection.prepare_cached(&sql).map_err(reading())?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let found = statement.query_map([most], row).map_err(reading())?;
    found.collect::<rusqlite::Result<_>>().map_err(reading())
}

/// Whether a file belongs to a run.
///
/// # Errors
/// When the library cannot be read.
pub fn holds_file(connection: &Connection, file: &str) -> Result<bool, LibraryError> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM runs WHERE file = ?1)")
        .and_then(|mut s| s.query_row([file], |r| r.get(0)))
        .map_err(LibraryError::sql("cannot be read"))
}

/// Seconds a step took with a model, from its newest runs; `None` without any.
///
/// # Errors
/// When the library cannot be read.
pub fn secs_per_step(connection: &Connection, model_hash: &str, size_px: u32) -> Result<Option<f64>, LibraryError> {
    let sql = "SELECT sum(secs) / sum(steps_ran) FROM (SELECT secs, steps_ran FROM runs WHERE model_hash = ?1 AND size_px = ?2 AND \
               steps_ran > 0 AND secs > 0 ORDER BY id DESC LIMIT 16)";
    connection
        .prepare_cached(sql)
        .and_then(|mut s| s.query_row(params![model_hash, size_px], |r| r.get(0)))
        .map_err(LibraryError::sql("cannot be read"))
}

/// What a finished job left in the library.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The run.
    pub run: RunRow,
    /// Jobs that changed: the finished one first, then those that its rule added.
    pub jobs: Vec<JobRow>,
    /// Further runs that changed, because a rule marked them.
    pub marked: Vec<RunRow>,
}

/// Puts a run into the library and ends its job, and does what the job's rule asks for: all of it or nothing.
///
/// # Errors
/// When the library cannot be written, for example because the disk is full.
pub fn finish(db: &mut Database, job: JobId, new: &NewRun, now_ms: i64) -> Result<Finished, LibraryError> {
    db.write("takes no image", |t| {
        let id = insert(t, new)?;
        let set = "state = 'done', ended_ms = ?2, run = ?3, steps_done = ?4, reason = '', state_file = ''";
        let ended = update(t, job, set, params![job, now_ms, id, new.row.steps])?;
        let mut finished = Finished { run: get(t, id)?, jobs: vec![ended], marked: Vec::new() };
        rules::apply(t, &mut finished, now_ms)?;
        Ok(finished)
    })
}

/// Puts a run without a job into the library, such as an imported one.
///
/// # Errors
/// When the library cannot be written, or the file belongs to a run already.
pub fn add(db: &mut Database, new: &NewRun) -> Result<RunRow, LibraryError> {
    db.write("takes no image", |t| {
        let id = insert(t, new)?;
        get(t, id)
    })
}

fn insert(t: &Transaction<'_>, new: &NewRun) -> Result<RunId, LibraryError> {
    let refused = || LibraryError::sql("takes no image");
    let r = &new.row;
    let sql = "INSERT INTO runs (job, created_ms, name, file, impression, seed, steps, steps_ran, guidance, sampler, preset, size_px, \
               model_name, model_hash, image_hash, secs, edited, mark, note, adherence, measures, conflict, verified, relation, \
               parent_run, parent_step, recipe, cell) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, \
               ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28)";
    let values = params![
        r.job,
        r.created_ms,
        r.name,
        r.file,
        r.impression,
        r.seed.cast_signed(),
        r.steps,
        r.steps_ran,
        r.guidance,
        r.sampler,
        r.preset,
        r.size_px,
        r.model_name,
        r.model_hash,
        r.image_hash,
        r.secs,
        r.edited,
        r.mark.word(),
        r.note,
        r.adherence,
        measure::to_json(&r.measures),
        r.conflict,
        r.verified.word(),
        r.relation.word(),
        r.parent_run,
        r.parent_step,
        r.recipe,
        r.cell,
    ];
    let id = t.prepare_cached(sql).and_then(|mut s| s.insert(values)).map_err(refused())?;
    let layer = "INSERT INTO run_findings (run, finding, side, kind) VALUES (?1, ?2, ?3, ?4)";
    for (finding, side, kind) in &new.findings {
        t.prepare_cached(layer).and_then(|mut s| s.execute(params![id, finding.name(), side.name(), kind])).map_err(refused())?;
    }
    t.prepare_cached("INSERT INTO thumbs (run, png) VALUES (?1, ?2)")
        .and_then(|mut s| s.execute(params![id, new.thumb]))
        .map_err(refused())?;
    Ok(id)
}

/// What may be changed of a run that is in the library.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// What the person thinks of it.
    Mark(Mark),
    /// What the person writes about it.
    Note(String),
    /// What was measured of it.
    Measures(Vec<LayerMeasure>),
    /// What a replay showed.
    Verified(Verified),
    /// Whether text and layers disagree and were kept so.
    Conflict(bool),
}

/// Changes runs; gives their rows.
///
/// # Errors
/// When the library cannot be written.
pub fn change(db: &mut Database, ids: &[RunId], change: &Change) -> Result<Vec<RunRow>, LibraryError> {
    db.write("cannot change a run", |t| ids.iter().map(|&id| change_one(t, id, change)).collect())
}

pub(super) fn change_one(t: &Connection, id: RunId, change: &Change) -> Result<RunRow, LibraryError> {
    let set = |column: &str, value: &dyn rusqlite::ToSql| {
        t.prepare_cached(&format!("UPDATE runs SET {column} = ?2 WHERE id = ?1"))
            .and_then(|mut s| s.execute(params![id, value]))
            .map(drop)
            .map_err(LibraryError::sql("cannot change a run"))
    };
    match change {
        Change::Mark(mark) => set("mark", &mark.word())?,
        Change::Note(note) => set("note", note)?,
        Change::Measures(measures) => {
            set("adherence", &measure::least(measures))?;
            set("measures", &measure::to_json(measures))?;
        }
        Change::Verified(verified) => set("verified", &verified.word())?,
        Change::Conflict(conflict) => set("conflict", conflict)?,
    }
    get(t, id)
}

/// Runs of a group of jobs, in the order of its queue.
pub(super) fn of_group(connection: &Connection, grp: i64) -> Result<Vec<RunRow>, LibraryError> {
    let reading = || LibraryError::sql("cannot be read");
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE job IN (SELECT id FROM jobs WHERE grp = ?1) ORDER BY id");
    let mut statement = connection.prepare_cached(&sql).map_err(reading())?;
    let found = statement.query_map([grp], row).map_err(reading())?;
    found.collect::<rusqlite::Result<_>>().map_err(reading())
}

/// The small picture of a run, 8-bit PNG; `None` where there is none.
///
/// # Errors
/// When the library cannot be read.
pub fn thumb(connection: &Connection, id: RunId) -> Result<Option<Vec<u8>>, LibraryError> {
    let read = connection.prepare_cached("SELECT png FROM thumbs WHERE run = ?1").and_then(|mut s| {
        let mut found = s.query([id])?;
        found.next()?.map(|r| r.get(0)).transpose()
    });
    read.map_err(LibraryError::sql("cannot be read"))
}

/// Where a run's PNG lies.
pub fn path(folder: &std::path::Path, run: &RunRow) -> std::path::PathBuf {
    // An absolute path stays as it is.
    folder.join(&run.file)
}
