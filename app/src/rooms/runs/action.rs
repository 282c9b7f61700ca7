//! What a person can do in the Runs room, and what the app must then do.

use std::path::PathBuf;
use std::sync::Arc;

use engine::store::record::RunRecord;

use super::state::Pick;
use crate::library::query::{Age, Condition, Order};
use crate::library::reader::{Purpose, Question};
use crate::library::{Mark, RunId};

/// One choice among the facets.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// A class, by its place in key order; after the last comes "nothing drawn".
    Finding(usize),
    /// A patient's side, by its place in `Side`.
    Side(usize),
    /// What is true of a run.
    State(Condition),
    /// A model, by its hash.
    Model(String),
    /// A recipe; the empty one is "by hand".
    Recipe(String),
    /// When it was made.
    Age(Age),
}

/// A command.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Reads the wall (again).
    Refresh,
    /// Searches for words, seed, model, note or number.
    Search(String),
    /// Narrows the wall to a choice, or no longer.
    Toggle(Choice),
    /// Narrows it to an adherence between two bounds.
    SetAdherence(Option<(f32, f32)>),
    /// Shows all runs again.
    ShowAll,
    /// Sets the order.
    SetOrder(Order),
    /// Sets the least width of a column, in points.
    SetColumn(f32),
    /// In a narrow window: shows the facets in the queue's place, or the queue.
    ShowFacets(bool),
    /// Chooses a run.
    Choose(i64, Pick),
    /// Moves the cursor by places on the wall; extends the choice from where it began.
    Move {
        /// Places, negative is back.
        by: i64,
        /// Whether everything between is chosen.
        extend: bool,
    },
    /// Chooses everything on the wall.
    ChooseAll,
    /// Chooses nothing.
    ChooseNone,
    /// The wall has scrolled where it was asked to.
    Scrolled,
    /// Stars, rejects or unmarks runs; the same mark again takes it away.
    Mark(Vec<i64>, Mark),
    /// The note of a run as it is typed.
    TypeNote(i64, String),
    /// Keeps the note.
    KeepNote,
    /// Lists fields that are the same, or no longer.
    ShowSame(bool),
    /// Does something with the files of runs.
    Use(Vec<i64>, Purpose),
    /// Replaces the drawn findings of the open case by those of a record.
    TakeLayers(Arc<RunRecord>),
    /// Stops the replay in progress.
    StopVerifying,
    /// Takes images with records, and what lies in folders, into the library.
    Import(Vec<PathBuf>),
}

/// What the app must do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask the library.
    Ask(Question),
    /// Put a text on the clipboard.
    Copy(String),
    /// Make a run again and compare.
    Verify(RunId, Arc<RunRecord>, PathBuf),
    /// Write copies: name and file of each, and the folder.
    Export(Vec<(String, PathBuf)>, PathBuf),
    /// Take images with records into the library.
    Import(Vec<PathBuf>),
}
