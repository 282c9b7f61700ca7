//! The queue: what is in it, what goes in, what is taken.
//!
//! Every change is one transaction and counts the row's `rev`, so that a copy of a row that comes late is known to be old.

mod change;

pub use change::{again, cancel, end, explain_foreign, move_before, pause, put_back, recover, resume};

use engine::domain::{GenerateRequest, Seed};
use engine::store::hash::hash_bytes;
use engine::store::record::{request_from_json, request_to_json};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::db::{Database, LibraryError};
use super::rows::{JobId, JobRow, JobState, Relation, Task};

/// One job to be put into the queue.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    /// What it is asked as.
    pub task: Task,
    /// What it shall show.
    pub request: GenerateRequest,
}

impl NewJob {
    /// A job without parent, recipe and rule.
    pub fn new(name: impl Into<String>, request: GenerateRequest, model_hash: impl Into<String>) -> Self {
        Self { task: Task::new(name, model_hash), request }
    }
}

/// Jobs that are asked for together.
#[derive(Clone, Debug, PartialEq)]
pub struct NewGroup {
    /// The jobs, in the order in which they are made.
    pub jobs: Vec<NewJob>,
    /// Whether they go before all that wait.
    pub first: bool,
}

/// A job that was taken from the queue.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// Its row.
    pub row: JobRow,
    /// What is asked for.
    pub request: GenerateRequest,
    /// Where the run is kept, relative to the library's folder, when it was paused; else empty.
    pub state_file: String,
    /// Seconds that were spent before it was paused.
    pub spent_secs: f64,
}

/// How many jobs there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All that were ever queued.
    pub queued: usize,
    /// Waiting, running or paused.
    pub open: usize,
    /// Images in the library.
    pub done: usize,
    /// Taken back.
    pub cancelled: usize,
    /// Failed.
    pub failed: usize,
}

impl Counts {
    /// Whether what went in is what came out or is still open.
    pub fn adds_up(&self) -> bool {
        self.queued == self.open + self.done + self.cancelled + self.failed
    }
}

/// Columns of a [`JobRow`], in the order of [`row`].
const COLUMNS: &str = "id, grp, position, state, rev, created_ms, started_ms, ended_ms, name, seed, steps, model_hash, relation, \
                       parent_run, parent_step, recipe, cell, rule, attempt, steps_done, reason, run";

fn row(r: &Row<'_>) -> rusqlite::Result<JobRow> {
    let text = |i: usize| r.get::<_, String>(i);
    Ok(JobRow {
        id: r.get(0)?,
        group: r.get(1)?,
        position: r.get(2)?,
        state: JobState::from_word(&text(3)?).unwrap_or(JobState::Failed),
        rev: r.get(4)?,
        created_ms: r.get(5)?,
        started_ms: r.get(6)?,
        ended_ms: r.get(7)?,
        task: Task {
            name: text(8)?,
            model_hash: text(11)?,
            relation: Relation::from_word(&text(12)?).unwrap_or_default(),
            parent_run: r.get(13)?,
            parent_step: r.get(14)?,
            recipe: text(15)?,
            cell: text(16)?,
            rule: serde_json::from_str(&text(17)?).unwrap_or_default(),
            attempt: r.get(18)?,
        },
        seed: r.get::<_, i64>(9)?.cast_unsigned(),
        steps: r.get(10)?,
        steps_done: r.get(19)?,
        reason: text(20)?,
        run: r.get(21)?,
    })
}

fn rows(connection: &Connection, rest: &str, values: impl rusqlite::Params) -> Result<Vec<JobRow>, LibraryError> {
    let reading = || LibraryError::sql("cannot be read");
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM jobs {rest}")).map_err(reading())?;
    let found = statement.query_map(values, row).map_err(reading())?;
    found.collect::<rusqlite::Result<_>>().map_err(reading())
}

/// One job.
///
/// # Errors
/// When the library cannot be read or there is no such job.
pub fn get(connection: &Connection, id: JobId) -> Result<JobRow, LibraryError> {
    let found = rows(connection, "WHERE id = ?1", [id])?;
    found.into_iter().next().ok_or_else(|| LibraryError::Foreign { what: format!("no job {id}") })
}

/// All jobs whose image is still to come, in the order of the queue.
///
/// # Errors
/// When the library cannot be read.
pub fn open(connection: &Connection) -> Result<Vec<JobRow>, LibraryError> {
    rows(connection, "WHERE state IN ('waiting', 'running', 'paused') ORDER BY state <> 'running', position, id", [])
}

/// The jobs that ended last, newest first.
///
/// # Errors
/// When the library cannot be read.
pub fn ended(connection: &Connection, most: usize) -> Result<Vec<JobRow>, LibraryError> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    rows(connection, "WHERE state IN ('done', 'cancelled', 'failed') ORDER BY ended_ms DESC, id DESC LIMIT ?1", [most])
}

/// How many jobs there are of each kind.
///
/// # Errors
/// When the library cannot be read.
pub fn counts(connection: &Connection) -> Result<Counts, LibraryError> {
    let reading = || LibraryError::sql("cannot be read");
    let mut statement = connection.prepare_cached("SELECT state, count(*) FROM jobs GROUP BY state").map_err(reading())?;
    let found = statement.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, u32>(1)? as usize))).map_err(reading())?;
    let mut counts = Counts::default();
    for pair in found {
        let (state, n) = pair.map_err(reading())?;
        counts.queued += n;
        match JobState::from_word(&state) {
            Some(JobState::Done) => counts.done += n,
            Some(JobState::Cancelled) => counts.cancelled += n,
            Some(JobState::Failed) => counts.failed += n,
            Some(_) => counts.open += n,
            None => {}
        }
    }
    Ok(counts)
}

/// What a job asks for.
///
/// # Errors
/// When the library cannot be read, or the request in it is damaged.
pub fn request(connection: &Connection, id: JobId) -> Result<GenerateRequest, LibraryError> {
    let (json, seed): (String, i64) = connection
        .query_row("SELECT r.json, j.seed FROM jobs j JOIN requests r ON r.id = j.request WHERE j.id = ?1", [id], |r| {
            Ok((r.get(0)?, r.get(1)?))
        })
        .map_err(LibraryError::sql("cannot be read"))?;
    let mut request =
        request_from_json(&json, &format!("job {id}")).map_err(|e| LibraryError::Request { reason: e.to_string() })?;
    request.seed = Seed(seed.cast_unsigned());
    Ok(request)
}

/// Puts a group into the queue; gives its rows.
///
/// # Errors
/// When the library cannot be written, or a request cannot be kept; then nothing goes in.
pub fn enqueue(db: &mut Database, group: &NewGroup, now_ms: i64) -> Result<Vec<JobRow>, LibraryError> {
    db.write("takes no job", |t| {
        let number = || LibraryError::sql("cannot be read");
        let grp: i64 = t.query_row("SELECT coalesce(max(grp), 0) + 1 FROM jobs", [], |r| r.get(0)).map_err(number())?;
        let ends =
            "SELECT coalesce(min(position), 0.0), coalesce(max(position), 0.0) FROM jobs WHERE state IN ('waiting', 'paused')";
        let (least, most): (f64, f64) = t.query_row(ends, [], |r| Ok((r.get(0)?, r.get(1)?))).map_err(number())?;
        let start = if group.first { least - group.jobs.len() as f64 } else { most + 1.0 };
        let ids = group.jobs.iter().enumerate().map(|(i, job)| insert(t, job, grp, start + i as f64, now_ms));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        ids.into_iter().map(|id| get(t, id)).collect()
    })
}

/// Puts one more job into a group that is there already, before all others of the queue.
pub(super) fn insert_into(t: &Transaction<'_>, job: &NewJob, grp: i64, now_ms: i64) -> Result<JobRow, LibraryError> {
    let least = "SELECT coalesce(min(position), 1.0) - 1.0 FROM jobs WHERE state IN ('waiting', 'paused')";
    let position = t.query_row(least, [], |r| r.get(0)).map_err(LibraryError::sql("cannot be read"))?;
    let id = insert(t, job, grp, position, now_ms)?;
    get(t, id)
}

fn insert(
    t: &Transaction<'_>,
    NewJob { task, request }: &NewJob,
    grp: i64,
    position: f64,
    now_ms: i64,
) -> Result<JobId, LibraryError> {
    let unkept = |e: &dyn std::fmt::Display| LibraryError::Request { reason: e.to_string() };
    // Seeds stand beside, so that a group of variants keeps its masks and images once.
    let seedless = GenerateRequest { seed: Seed(0), ..request.clone() };
    let json = request_to_json(&seedless).map_err(|e| unkept(&e))?;
    let hash = hash_bytes(json.as_bytes());
    let refused = || LibraryError::sql("takes no job");
    let known: Option<i64> = t
        .prepare_cached("SELECT id FROM requests WHERE hash = ?1")
        .and_then(|mut s| s.query_row([&hash], |r| r.get(0)).optional())
        .map_err(refused())?;
    let kept = match known {
        Some(id) => id,
        None => {
            t.execute("INSERT INTO requests (hash, json) VALUES (?1, ?2)", params![hash, json]).map_err(refused())?;
            t.last_insert_rowid()
        }
    };
    let rule = if task.rule.is_set() { serde_json::to_string(&task.rule).map_err(|e| unkept(&e))? } else { String::new() };
    let steps = u32::try_from(request.calls()).unwrap_or(u32::MAX);
    let mut statement = t
        .prepare_cached(
            "INSERT INTO jobs (grp, position, state, created_ms, name, request, seed, steps, model_hash, relation, parent_run, \
             parent_step, recipe, cell, rule, attempt) VALUES (?1, ?2, 'waiting', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, \
             ?14, ?15)",
        )
        .map_err(refused())?;
    let values = params![
        grp,
        position,
        now_ms,
        task.name,
        kept,
        request.seed.0.cast_signed(),
        steps,
        task.model_hash,
        task.relation.word(),
        task.parent_run,
        task.parent_step,
        task.recipe,
        task.cell,
        rule,
        task.attempt,
    ];
    statement.insert(values).map_err(refused())
}

/// Takes the next waiting job that this model can make and marks it as running.
///
/// Jobs before it that wait for another model get that as their reason.
///
/// # Errors
/// When the library cannot be written. A job whose stored request is damaged is marked as failed and left out.
pub fn claim(db: &mut Database, model_hash: &str, now_ms: i64) -> Result<Option<Claimed>, LibraryError> {
    db.write("gives no job", |t| {
        loop {
            let fits = "WHERE state = 'waiting' AND model_hash IN ('', ?1) ORDER BY position, id LIMIT 1";
            let Some(next) = rows(t, fits, [model_hash])?.into_iter().next() else { return Ok(None) };
            let request = match request(t, next.id) {
                Ok(request) => request,
                Err(error) => {
                    let end = "state = 'failed', ended_ms = ?2, reason = ?3";
                    update(t, next.id, end, params![next.id, now_ms, format!("{error}.")])?;
                    continue;
                }
            };
            update(t, next.id, "state = 'running', started_ms = ?2, reason = ''", params![next.id, now_ms])?;
            let kept = "SELECT state_file, spent_secs FROM jobs WHERE id = ?1";
            let kept = t.query_row(kept, [next.id], |r| Ok((r.get(0)?, r.get(1)?)));
            let (state_file, spent_secs) = kept.map_err(LibraryError::sql("gives no job"))?;
            return Ok(Some(Claimed { row: get(t, next.id)?, request, state_file, spent_secs }));
        }
    })
}

/// Changes columns of one row, whose number is the first value.
pub(super) fn update(t: &Connection, id: JobId, set: &str, values: impl rusqlite::Params) -> Result<JobRow, LibraryError> {
    t.prepare_cached(&format!("UPDATE jobs SET {set}, rev = rev + 1 WHERE id = ?1"))
        .and_then(|mut s| s.execute(values))
        .map_err(LibraryError::sql("cannot change a job"))?;
    get(t, id)
}

/// How many jobs of a group are still open.
pub(super) fn open_of_group(connection: &Connection, grp: i64) -> Result<usize, LibraryError> {
    let open = "SELECT count(*) FROM jobs WHERE grp = ?1 AND state IN ('waiting', 'running', 'paused')";
    connection.query_row(open, [grp], |r| Ok(r.get::<_, u32>(0)? as usize)).map_err(LibraryError::sql("cannot be read"))
}

#[cfg(test)]
mod tests;
