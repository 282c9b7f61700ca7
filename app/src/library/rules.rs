//! Rules of a group: keep the best, try another seed where a result is below the bound.
//!
//! They are applied in the transaction that ends a job, so a rule survives whatever a job survives. Results that a rule
//! does not want are marked, never deleted. Where nothing was measured a rule does nothing.

use engine::domain::Seed;
use rusqlite::Transaction;

use super::db::LibraryError;
use super::jobs::{self, NewJob, insert_into, open_of_group};
use super::rows::{JobRow, Mark, Relation, RunRow, Task};
use super::runs::{Change, Finished, change_one, of_group};

/// Does what the rule of a job asks for, now that its result is in the library.
pub(super) fn apply(t: &Transaction<'_>, finished: &mut Finished, now_ms: i64) -> Result<(), LibraryError> {
    let Some(job) = finished.jobs.first().cloned().filter(|job| job.task.rule.is_set()) else { return Ok(()) };
    let Some(adherence) = finished.run.adherence else { return Ok(()) };
    if let Some(below) = job.task.rule.below.filter(|below| adherence < *below) {
        finished.run = change_one(t, finished.run.id, &Change::Mark(Mark::Reject))?;
        // Further seeds, not further attempts: the first one counts as one.
        if job.task.attempt <= job.task.rule.retries {
            let mut request = jobs::request(t, job.id)?;
            request.seed = Seed(next_seed(t, job.group)?);
            let task = Task {
                relation: Relation::Retry,
                parent_run: Some(finished.run.id),
                parent_step: None,
                attempt: job.task.attempt + 1,
                ..job.task.clone()
            };
            finished.jobs.push(insert_into(t, &NewJob { task, request }, job.group, now_ms)?);
        }
        tracing::debug!("run {} has {adherence:.2}, below {below:.2}", finished.run.id);
    }
    for marked in keep_best(t, &job)? {
        if marked.id == finished.run.id {
            finished.run = marked;
        } else {
            finished.marked.push(marked);
        }
    }
    Ok(())
}

/// Once nothing of a job's group is to come any more, however its last job ended, marks all but the best; gives the
/// runs that changed.
pub(super) fn keep_best(t: &Transaction<'_>, job: &JobRow) -> Result<Vec<RunRow>, LibraryError> {
    if !job.task.rule.keep_best || open_of_group(t, job.group)? > 0 {
        return Ok(Vec::new());
    }
    let runs = of_group(t, job.group)?;
    let Some(best) = best(&runs) else { return Ok(Vec::new()) };
    let others = runs.iter().filter(|run| run.id != best && run.mark == Mark::None);
    others.map(|run| change_one(t, run.id, &Change::Mark(Mark::Reject))).collect()
}

/// The run whose least value is largest; of equal ones the first.
fn best(runs: &[RunRow]) -> Option<i64> {
    let mut best: Option<(f32, i64)> = None;
    for run in runs {
        if let Some(value) = run.adherence
            && best.is_none_or(|(most, _)| value > most)
        {
            best = Some((value, run.id));
        }
    }
    best.map(|(_, id)| id)
}

/// A seed that no job of the group has: one above the largest.
fn next_seed(t: &Transaction<'_>, grp: i64) -> Result<u64, LibraryError> {
    let reading = || LibraryError::sql("cannot be read");
    let mut statement = t.prepare_cached("SELECT seed FROM jobs WHERE grp = ?1").map_err(reading())?;
    let seeds = statement.query_map([grp], |r| r.get::<_, i64>(0)).map_err(reading())?;
    let seeds = seeds.collect::<rusqlite::Result<Vec<_>>>().map_err(reading())?;
    Ok(seeds.into_iter().map(i64::cast_unsigned).max().unwrap_or(0).wrapping_add(1))
}
