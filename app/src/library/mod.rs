//! What the studio keeps between starts: the queue and every run, in one SQLite file beside the images.
//!
//! The images lie on disk as files with their records; the database is the index and the queue. A row of the queue
//! is never deleted, so what went in can be counted against what came out. The window speaks to a thread of its own
//! ([`Keeper`]); the worker has a connection of its own; both write whole transactions.

pub mod db;
pub mod details;
pub mod diff;
pub mod facets;
pub mod import;
pub mod index;
pub mod jobs;
pub mod keeper;
pub mod lineage;
pub mod owner;
pub mod query;
pub mod reader;
pub mod rows;
mod rules;
pub mod runs;
pub mod testing;
pub mod thumbs;
pub mod transfer;

pub use db::{Database, LibraryError};
pub use jobs::{Counts, NewGroup, NewJob};
pub use keeper::{Command, Keeper, News};
pub use rows::{JobId, JobRow, JobState, Mark, Relation, Rule, RunId, RunRow, Task, Verified};
pub use runs::{Change, NewRun};

/// Now, in milliseconds since 1970.
pub fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
