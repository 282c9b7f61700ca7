//! How jobs end, wait, move and come back.

use rusqlite::{Transaction, params};

use super::{get, open, rows, update};
use crate::library::db::{Database, LibraryError};
use crate::library::rows::{JobId, JobRow, JobState, RunRow};
use crate::library::rules;

/// Gap between two positions below which they are counted anew.
const SMALLEST_GAP: f64 = 1e-6;

/// Keeps a running job for later: so many steps are done in so many seconds, and its state lies in a file.
///
/// # Errors
/// When the library cannot be written.
pub fn pause(db: &mut Database, id: JobId, steps_done: u32, spent_secs: f64, state_file: &str) -> Result<JobRow, LibraryError> {
    let set = "state = 'paused', steps_done = ?2, spent_secs = ?3, state_file = ?4";
    db.write("cannot change a job", |t| update(t, id, set, params![id, steps_done, spent_secs, state_file]))
}

/// Jobs that ended without an image.
#[derive(Clone, Debug, Default)]
pub struct Ended {
    /// The jobs.
    pub jobs: Vec<JobRow>,
    /// Runs that the rule of a group marked, because nothing of it is to come any more.
    pub marked: Vec<RunRow>,
}

/// Ends a running job without an image.
///
/// # Errors
/// When the library cannot be written.
pub fn end(
    db: &mut Database,
    id: JobId,
    state: JobState,
    steps_done: u32,
    reason: &str,
    now_ms: i64,
) -> Result<(JobRow, Vec<RunRow>), LibraryError> {
    let set = "state = ?2, steps_done = ?3, reason = ?4, ended_ms = ?5, state_file = ''";
    db.write("cannot change a job", |t| {
        let row = update(t, id, set, params![id, state.word(), steps_done, reason, now_ms])?;
        let marked = rules::keep_best(t, &row)?;
        Ok((row, marked))
    })
}

/// Takes back jobs that wait or are paused; gives what changed. Those that run are left alone.
///
/// # Errors
/// When the library cannot be written.
pub fn cancel(db: &mut Database, ids: &[JobId], now_ms: i64) -> Result<Ended, LibraryError> {
    db.write("cannot change a job", |t| {
        let mut ended = Ended::default();
        let set = "state = 'cancelled', ended_ms = ?2, reason = ''";
        for &id in ids {
            if matches!(get(t, id)?.state, JobState::Waiting | JobState::Paused) {
                ended.jobs.push(update(t, id, set, params![id, now_ms])?);
            }
        }
        // Groups whose last job this was, each once.
        let mut groups: Vec<&JobRow> = Vec::new();
        for row in ended.jobs.iter().filter(|row| row.task.rule.keep_best) {
            if !groups.iter().any(|known| known.group == row.group) {
                groups.push(row);
            }
        }
        for row in groups {
            ended.marked.extend(rules::keep_best(t, row)?);
        }
        Ok(ended)
    })
}

/// Puts cancelled jobs back where they were; those that were paused go on from their kept state.
///
/// # Errors
/// When the library cannot be written.
pub fn put_back(db: &mut Database, ids: &[JobId]) -> Result<Vec<JobRow>, LibraryError> {
    each(db, ids, |t, row| {
        let set = "state = CASE state_file WHEN '' THEN 'waiting' ELSE 'paused' END, ended_ms = NULL";
        (row.state == JobState::Cancelled).then(|| update(t, row.id, set, [row.id])).transpose()
    })
}

/// Lets failed jobs wait once more.
///
/// # Errors
/// When the library cannot be written.
pub fn again(db: &mut Database, ids: &[JobId]) -> Result<Vec<JobRow>, LibraryError> {
    each(db, ids, |t, row| {
        let set = "state = 'waiting', ended_ms = NULL, reason = '', steps_done = 0, spent_secs = 0";
        (row.state == JobState::Failed).then(|| update(t, row.id, set, [row.id])).transpose()
    })
}

/// Lets all paused jobs wait for their turn.
///
/// # Errors
/// When the library cannot be written.
pub fn resume(db: &mut Database) -> Result<Vec<JobRow>, LibraryError> {
    let paused: Vec<JobId> = open(&db.connection)?.iter().filter(|r| r.state == JobState::Paused).map(|r| r.id).collect();
    each(db, &paused, |t, row| update(t, row.id, "state = 'waiting'", [row.id]).map(Some))
}

fn each(
    db: &mut Database,
    ids: &[JobId],
    mut work: impl FnMut(&Transaction<'_>, &JobRow) -> Result<Option<JobRow>, LibraryError>,
) -> Result<Vec<JobRow>, LibraryError> {
    db.write("cannot change a job", |t| {
        let mut changed = Vec::new();
        for &id in ids {
            changed.extend(work(t, &get(t, id)?)?);
        }
        Ok(changed)
    })
}

/// Moves jobs before another one of the queue, or to its end; gives the rows that changed.
///
/// # Errors
/// When the library cannot be written.
pub fn move_before(db: &mut Database, ids: &[JobId], before: Option<JobId>) -> Result<Vec<JobRow>, LibraryError> {
    db.write("cannot change a job", |t| {
        let all = open(t)?;
        let (moved, stay): (Vec<_>, Vec<_>) =
            all.into_iter().filter(|r| r.state != JobState::Running).partition(|r| ids.contains(&r.id));
        let at = before.and_then(|b| stay.iter().position(|r| r.id == b)).unwrap_or(stay.len());
        let low = at.checked_sub(1).and_then(|i| stay.get(i)).map(|r| r.position);
        let high = stay.get(at).map(|r| r.position);
        let n = moved.len() as f64;
        let (start, gap) = match (low, high) {
            (Some(low), Some(high)) => (low, (high - low) / (n + 1.0)),
            (Some(low), None) => (low, 1.0),
            (None, Some(high)) => (high - n - 1.0, 1.0),
            (None, None) => (0.0, 1.0),
        };
        if gap > SMALLEST_GAP {
            let place = |(i, r): (usize, &JobRow)| update(t, r.id, "position = ?2", params![r.id, start + gap * (i + 1) as f64]);
            return moved.iter().enumerate().map(place).collect();
        }
        let (before, after) = stay.split_at(at);
        let order = before.iter().chain(&moved).chain(after).enumerate();
        order.map(|(i, r)| update(t, r.id, "position = ?2", params![r.id, (i + 1) as f64])).collect()
    })
}

/// After a start: jobs that a killed program was making wait again, or are paused where their state was kept. Gives the
/// rows that changed.
///
/// # Errors
/// When the library cannot be written.
pub fn recover(db: &mut Database) -> Result<Vec<JobRow>, LibraryError> {
    let folder = db.folder.clone();
    db.write("cannot change a job", |t| {
        let reading = || LibraryError::sql("cannot be read");
        let mut statement =
            t.prepare("SELECT id, state_file FROM jobs WHERE state IN ('running', 'paused')").map_err(reading())?;
        let found = statement.query_map([], |r| Ok((r.get::<_, JobId>(0)?, r.get::<_, String>(1)?))).map_err(reading())?;
        let mut changed = Vec::new();
        for pair in found {
            let (id, file) = pair.map_err(reading())?;
            let kept = !file.is_empty() && folder.join(&file).is_file();
            let is = get(t, id)?.state;
            match (kept, is) {
                (true, JobState::Paused) => {}
                (true, _) => changed.push(update(t, id, "state = 'paused'", [id])?),
                (false, _) => {
                    changed.push(update(t, id, "state = 'waiting', state_file = '', steps_done = 0, spent_secs = 0", [id])?);
                }
            }
        }
        Ok(changed)
    })
}

/// Says of waiting jobs of other models why they wait; gives the rows that changed.
///
/// # Errors
/// When the library cannot be written.
pub fn explain_foreign(db: &mut Database, model_hash: &str) -> Result<Vec<JobRow>, LibraryError> {
    let foreign = "WHERE state = 'waiting' AND reason = '' AND model_hash NOT IN ('', ?1)";
    let ids: Vec<JobId> = rows(&db.connection, foreign, [model_hash])?.iter().map(|r| r.id).collect();
    each(db, &ids, |t, row| {
        let hash: String = row.task.model_hash.chars().take(8).collect();
        let reason = format!("It was asked for weights {hash}, which are not loaded.");
        update(t, row.id, "reason = ?2", params![row.id, reason]).map(Some)
    })
}
