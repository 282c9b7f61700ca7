//! What a person can do with the queue, with variants, and with a finished run.

use std::path::PathBuf;

use crate::library::{JobId, Mark, Rule, RunId};

/// A command about the queue or a run.
#[derive(Clone, Debug, PartialEq)]
pub enum QueueAction {
    /// Puts the case before everything that waits.
    GenerateFirst,
    /// Sets how many images Generate makes, 1 to 64.
    SetVariants(usize),
    /// Sets what happens with the results of the next group.
    SetRule(Rule),
    /// Opens or closes the fields of the rule.
    ToggleRule,
    /// Stops the queue after the step in progress; `true` gives the model's memory back too.
    Pause(bool),
    /// Lets the queue go on.
    Resume,
    /// Takes jobs back, running or not.
    CancelJobs(Vec<JobId>),
    /// Takes back everything that waits.
    Clear,
    /// Puts cancelled jobs back where they were.
    PutBack(Vec<JobId>),
    /// Lets failed jobs wait once more.
    Again(Vec<JobId>),
    /// Moves jobs before another one, or to the end.
    Move(Vec<JobId>, Option<JobId>),
    /// Asks where to write what waits.
    PickExport,
    /// Asks for a file whose jobs are to wait.
    PickImport,
    /// Writes what waits into a file, one job a line.
    Export(PathBuf),
    /// Puts the jobs of such a file into the queue.
    Import(PathBuf),
    /// Stars the shown result, or takes the star away.
    ToggleStar,
    /// Rejects the shown result, or takes that back; it is kept all the same.
    ToggleReject,
    /// Marks runs.
    MarkRuns(Vec<RunId>, Mark),
    /// Writes about a run.
    SetNote(RunId, String),
    /// Takes the shown result's seed, and nothing else of it.
    RecallSeed,
}
