//! What the room knows.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use engine::domain::{Finding, GrayImage, Mask};

use super::reading::Reading;
use super::review::Item;
use crate::dataset::Case;
use crate::dataset::cases::Rows;
use crate::dataset::collect::Collection;
use crate::dataset::coverage::Axis;
use crate::dataset::duplicates::Pair;
use crate::dataset::recipe::Recipe;
use engine::store::record::Tier;

/// Changes of the recipe that can be taken back.
pub const UNDO: usize = 100;

/// Small pictures that are kept.
pub const THUMBS: usize = 800;

/// A page of the middle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Page {
    /// Coverage, examples and warnings.
    #[default]
    Plan,
    /// Images and verdicts.
    Images,
    /// Runs that were put together by hand.
    Collected,
}

/// A path that is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The recipe file.
    Recipe,
    /// The cohort table.
    Table,
    /// The folder of masks.
    Masks,
    /// The job folder.
    Job,
    /// The folder of the export.
    Export,
}

/// An example of the plan: where the finding will be asked for.
#[derive(Clone, Debug)]
pub struct Example {
    /// Number of its row.
    pub row: u32,
    /// Finding, side, zone and size in words.
    pub title: String,
    /// The text without prefix.
    pub impression: String,
    /// Outlines of the lungs on the same grid.
    pub lungs: [Vec<(f32, f32)>; 2],
    /// The regions on a small grid, with their classes for the colours.
    pub regions: Vec<(Finding, Mask)>,
}

/// What a recipe makes.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Its rows.
    pub rows: Arc<Rows>,
    /// Its images.
    pub cases: Arc<Vec<Case>>,
    /// Twelve rows, drawn without the model.
    pub examples: Vec<Example>,
    /// What a person should know, one sentence each.
    pub warnings: Vec<String>,
    /// Why rows cannot be made, one phrase each.
    pub impossible: Vec<String>,
}

/// Work in progress.
#[derive(Clone, Debug)]
pub struct Busy {
    /// What is being done, as in "Writing the data set".
    pub what: &'static str,
    /// How far it is.
    pub done: usize,
    /// Of how many.
    pub of: usize,
    /// Raised to stop it.
    pub stop: Arc<AtomicBool>,
}

/// Paths that were typed.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    /// The recipe file.
    pub recipe: PathBuf,
    /// The cohort table.
    pub table: PathBuf,
    /// The job folder.
    pub job: PathBuf,
    /// The folder of the export.
    pub export: PathBuf,
}

/// What the room knows.
#[derive(Debug)]
pub struct State {
    /// The recipe.
    pub recipe: Recipe,
    /// Recipes before its last changes.
    pub past: Vec<Recipe>,
    /// What it makes, or one phrase why it cannot.
    pub plan: Option<Result<Plan, String>>,
    /// Counts changes of the recipe; the newest is shared with the thread that plans.
    pub asked: u64,
    /// The change that the plan is for; an older one is shown until the newest is there, and nothing is made of it.
    pub planned: u64,
    /// The newest change, to let old planning stop.
    pub newest: Arc<AtomicU64>,
    /// Typed paths.
    pub paths: Paths,
    /// Columns of the coverage.
    pub axis: Axis,
    /// The page of the middle.
    pub page: Page,
    /// The chosen image.
    pub chosen: Option<Case>,
    /// Every image of the plan and what became of it.
    pub items: Vec<Item>,
    /// How the library is read, and marks that it has not confirmed.
    pub reading: Reading,
    /// Small pictures of runs that were asked for; `None` until they are there.
    pub thumbs: BTreeMap<i64, Option<Arc<GrayImage>>>,
    /// The reason for the next image that is set aside.
    pub reason: String,
    /// Pairs of accepted images that are nearly the same, once they were looked for.
    pub duplicates: Option<Vec<(Case, Case, Pair)>>,
    /// How much exported images tell.
    pub tells: Tier,
    /// Whether shards are exported, too.
    pub shards: bool,
    /// Runs that were put together by hand.
    pub collected: Arc<Collection>,
    /// What their set is called.
    pub collected_name: String,
    /// The work in progress.
    pub busy: Option<Busy>,
    /// What the last work said, one sentence.
    pub said: Option<Result<String, String>>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            recipe: Recipe::default(),
            past: Vec::new(),
            plan: None,
            asked: 0,
            newest: Arc::default(),
            planned: 0,
            reading: Reading::default(),
            paths: Paths::default(),
            axis: Axis::default(),
            page: Page::default(),
            chosen: None,
            items: Vec::new(),
            thumbs: BTreeMap::new(),
            reason: String::new(),
            duplicates: None,
            tells: Tier::default(),
            shards: false,
            collected: Arc::default(),
            collected_name: "Collected".to_owned(),
            busy: None,
            said: None,
        }
    }
}

impl State {
    /// The plan, when the recipe makes one.
    pub fn ready(&self) -> Option<&Plan> {
        self.plan.as_ref().and_then(|plan| plan.as_ref().ok())
    }

    /// The item of a case.
    pub fn item(&self, case: Case) -> Option<&Item> {
        self.items.iter().find(|item| item.case == case)
    }
}
