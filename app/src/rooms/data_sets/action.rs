//! What a person can do in the room.

use std::path::PathBuf;

use super::state::{Field, Page};
use crate::dataset::Case;
use crate::dataset::collect::Change;
use crate::dataset::coverage::Axis;
use crate::dataset::recipe::Recipe;
use crate::library::RunId;
use engine::store::record::Tier;

/// What a person can do in the room.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Changes the recipe to this one.
    Edit(Box<Recipe>),
    /// One change of the recipe back.
    UndoEdit,
    /// Sets a path field.
    SetPath(Field, PathBuf),
    /// Reads the recipe file.
    OpenRecipe,
    /// Writes the recipe file.
    SaveRecipe,
    /// Reads the cohort table.
    ImportTable,
    /// Goes back from a table to quotas.
    UseQuotas,
    /// Takes the layers of the open case as regions.
    TakeLayers,
    /// Counts columns of the coverage by this.
    SetAxis(Axis),
    /// Turns to a page of the middle.
    SetPage(Page),
    /// Chooses an image.
    Choose(Option<Case>),
    /// Plans the recipe and reads what the library has of it, when the room is shown for the first time.
    Begin,
    /// Puts everything that is missing into the queue.
    Queue,
    /// Writes a job folder for a cluster.
    WriteJob,
    /// Brings the results of a job folder in.
    ImportResults,
    /// Reads again what the library has of this data set.
    Refresh,
    /// Keeps an image, whatever the rules say.
    Accept(Case),
    /// Sets an image aside with the reason that was typed.
    Quarantine(Case),
    /// Sets the reason for the next image that is set aside.
    SetReason(String),
    /// Makes an image again from another seed.
    Retry(Case),
    /// Looks for near duplicates among the accepted images.
    FindDuplicates,
    /// Asks for the small pictures of runs.
    ShowRuns(Vec<i64>),
    /// How much exported images tell.
    SetTells(Tier),
    /// Whether shards are exported, too.
    SetShards(bool),
    /// Exports the accepted images.
    Export,
    /// Asks for a path in the system's dialog.
    Browse(Field),
    /// Puts runs into the collected set and shows it.
    CollectRuns(Vec<RunId>),
    /// Changes the collected set.
    Collect(Change),
    /// Names the collected set.
    NameCollected(String),
    /// Makes the collected runs a table of rows.
    CollectedAsRows,
    /// Exports the collected runs.
    ExportCollected,
    /// Stops the work in progress.
    Stop,
}
