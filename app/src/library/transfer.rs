//! The queue as text: one job a line, to keep it, to read it, or to take it to another computer.

use std::path::Path;

use anyhow::{Context as _, bail};
use engine::store::atomic::write_atomic;
use engine::store::record::{request_from_json, request_to_json};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::jobs::{self, NewGroup, NewJob};
use super::rows::{JobState, Rule, Task};

/// Largest file that is read.
const MAX_BYTES: u64 = 512 << 20;
/// Most jobs that are read.
const MAX_JOBS: usize = 100_000;

/// One line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// Name of the case.
    name: String,
    /// Hash of the model it was asked for; empty for any.
    model: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    recipe: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    cell: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<Rule>,
    /// As the engine writes requests.
    request: serde_json::Value,
}

/// Writes all jobs that wait or are paused, in their order; gives their number.
///
/// # Errors
/// When the library cannot be read or the file not be written.
pub fn export(connection: &Connection, path: &Path) -> anyhow::Result<usize> {
    let mut text = String::new();
    let mut count = 0;
    for row in jobs::open(connection)?.into_iter().filter(|row| row.state != JobState::Running) {
        let request = request_to_json(&jobs::request(connection, row.id)?).context("a request cannot be written as text")?;
        let line = Line {
            name: row.task.name,
            model: row.task.model_hash,
            recipe: row.task.recipe,
            cell: row.task.cell,
            rule: row.task.rule.is_set().then_some(row.task.rule),
            request: serde_json::from_str(&request).context("a request cannot be written as text")?,
        };
        text.push_str(&serde_json::to_string(&line).context("a job cannot be written as text")?);
        text.push('\n');
        count += 1;
    }
    write_atomic(path, text.as_bytes())?;
    Ok(count)
}

/// Reads the jobs of a file as one group.
///
/// # Errors
/// Names the file and the line.
pub fn import(path: &Path) -> anyhow::Result<NewGroup> {
    let shown = path.display();
    let bytes = std::fs::metadata(path).with_context(|| format!("the queue cannot be read ({shown})"))?.len();
    if bytes > MAX_BYTES {
        bail!("the queue has {bytes} bytes, and at most {MAX_BYTES} are read ({shown})");
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("the queue cannot be read ({shown})"))?;
    let mut jobs = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        if jobs.len() == MAX_JOBS {
            bail!("the queue has more than {MAX_JOBS} jobs; split it ({shown})");
        }
        jobs.push(job(line, number + 1).with_context(|| format!("the queue was not read ({shown})"))?);
    }
    if jobs.is_empty() {
        bail!("there is no job in it; choose a file that the queue was written into ({shown})");
    }
    Ok(NewGroup { jobs, first: false })
}

fn job(line: &str, number: usize) -> anyhow::Result<NewJob> {
    let name = format!("line {number}");
    let line: Line = serde_json::from_str(line).with_context(|| format!("{name} is no job"))?;
    let request = request_from_json(&line.request.to_string(), &name)?;
    let rule = line.rule.unwrap_or_default();
    let task = Task { recipe: line.recipe, cell: line.cell, rule, ..Task::new(line.name, line.model) };
    Ok(NewJob { task, request })
}
