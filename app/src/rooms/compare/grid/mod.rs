//! Grids: one image for every pair of values of two parameters; only what is missing is made.

pub mod axis;
mod file;
mod find;
mod reduce;
mod show;
mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::domain::GenerateRequest;

pub use axis::{Parameter, Value};
pub use find::Found;
pub use reduce::{arrived, library_changed, reduce};
pub use show::{header, show};

use super::News as RoomNews;
use super::sheet::{self, Sheet};
use crate::jobs::sentence;
use crate::state::State as Studio;

/// The recipe that every cell of every grid belongs to: a cell is found again by what it asks for.
pub const RECIPE: &str = "grid";
/// Cells that a grid has at most.
pub const MOST_CELLS: usize = 1024;

/// One axis as it is typed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    /// What changes.
    pub parameter: Parameter,
    /// Its values as typed.
    pub typed: String,
}

/// The case that a grid varies.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// What it asks for where nothing varies.
    pub request: GenerateRequest,
}

/// What is known of a cell.
#[derive(Clone, Debug, Default)]
pub enum Cell {
    /// Nothing is known yet.
    #[default]
    Unknown,
    /// It was never made.
    Missing,
    /// It is in the queue.
    Queued,
    /// It is in the library.
    Made(Arc<Found>),
}

/// What the grid knows.
#[derive(Debug, Default)]
pub struct State {
    /// The case; `None` until one is taken from the canvas.
    pub case: Option<Case>,
    /// Across.
    pub x: Axis,
    /// Down.
    pub y: Axis,
    /// The cells row by row, as last looked up.
    pub cells: Vec<Cell>,
    /// The cell that is looked at.
    pub chosen: Option<usize>,
    /// Seconds of an image, as far as the library tells.
    pub finding: bool,
    /// Whether the library is to be asked once more when it has answered.
    again: bool,
    /// Counts changes, so that an answer to an older grid is known.
    version: u64,
    /// Whether the grid of the last start was asked for.
    loaded: bool,
}

/// A grid that can be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Values across.
    pub xs: Vec<Value>,
    /// Values down.
    pub ys: Vec<Value>,
    /// What each cell asks for, row by row.
    pub requests: Vec<GenerateRequest>,
}

impl State {
    /// The values of both axes, or one sentence what is wrong with them.
    ///
    /// # Errors
    /// When no case is there, a value is wrong, or the grid is too large.
    pub fn values(&self) -> Result<(Vec<Value>, Vec<Value>), String> {
        if self.case.is_none() {
            return Err("Take a case from the canvas first.".to_owned());
        }
        let (xs, ys) = (self.x.parameter.parse(&self.x.typed)?, self.y.parameter.parse(&self.y.typed)?);
        if self.x.parameter == self.y.parameter {
            return Err(match self.x.parameter {
                Parameter::Nothing => "Choose what changes across the grid.".to_owned(),
                same => format!("{} cannot change across and down; choose another.", same.title()),
            });
        }
        if xs.len() * ys.len() > MOST_CELLS {
            return Err(format!("The grid has {} cells; choose at most {MOST_CELLS}.", xs.len() * ys.len()));
        }
        Ok((xs, ys))
    }

    /// The whole grid, each cell checked.
    ///
    /// # Errors
    /// As [`State::values`], or when a cell asks for what cannot be made.
    pub fn plan(&self) -> Result<Plan, String> {
        let (xs, ys) = self.values()?;
        let base = self.case.as_ref().map(|c| &c.request).ok_or("Take a case from the canvas first.")?;
        let mut requests = Vec::with_capacity(xs.len() * ys.len());
        for y in &ys {
            for x in &xs {
                let mut request = base.clone();
                self.x.parameter.apply(x, &mut request)?;
                self.y.parameter.apply(y, &mut request)?;
                if let Err(error) = request.check() {
                    let place = [x.title(), y.title()].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(", ");
                    return Err(format!("The cell {place} cannot be made: {error}."));
                }
                requests.push(request);
            }
        }
        Ok(Plan { xs, ys, requests })
    }

    /// Cells that are made, in the queue, and still to come.
    pub fn counts(&self) -> (usize, usize, usize) {
        let of = |is: fn(&Cell) -> bool| self.cells.iter().filter(|c| is(c)).count();
        (of(|c| matches!(c, Cell::Made(_))), of(|c| matches!(c, Cell::Queued)), of(|c| matches!(c, Cell::Missing)))
    }

    fn changed(&mut self) {
        self.version += 1;
        self.cells.clear();
        self.chosen = None;
    }
}

/// What a person can do with the grid.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Looks the grid up: on opening, and when something was made.
    Look,
    /// Takes the open case of the canvas.
    TakeCase,
    /// Sets what changes across (`true`) or down.
    SetParameter(bool, Parameter),
    /// Sets the values across (`true`) or down, as typed.
    SetTyped(bool, String),
    /// Swaps across and down.
    SwapAxes,
    /// Queues every missing cell.
    Run,
    /// Chooses a cell.
    Choose(Option<usize>),
    /// Puts a cell's image among the pictures of the room.
    AddCell(usize),
    /// Brings a cell's case back to the canvas.
    Restore(usize),
    /// Saves the grid as a contact sheet.
    SaveSheet,
    /// Saves the figures of the cells as a table.
    SaveTable,
}

/// What the grid asks its threads for.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Read the grid of the last start.
    Load,
    /// Keep the grid for the next start.
    Keep {
        /// The case.
        case: Case,
        /// Across and down.
        axes: [Axis; 2],
    },
    /// Look cells up in the library.
    Find {
        /// Which state of the grid asks.
        version: u64,
        /// What the cells ask for.
        requests: Vec<GenerateRequest>,
        /// The model they are asked for.
        model_hash: String,
        /// Whether missing cells go into the queue.
        queue: bool,
    },
    /// Draw and save a contact sheet from files.
    Sheet {
        /// Words around the pictures; the tiles' pictures are read.
        sheet: Sheet,
        /// The file of each tile.
        files: Vec<Option<PathBuf>>,
        /// Where it goes.
        folder: PathBuf,
    },
    /// Save a table.
    Table {
        /// Its text.
        text: String,
        /// Where it goes.
        folder: PathBuf,
    },
}

/// What the grid's threads have to say.
#[derive(Debug)]
pub enum News {
    /// The grid of the last start; `None` when there was none.
    Loaded(Result<Option<(Case, [Axis; 2])>, String>),
    /// What the library knows of the cells.
    Found {
        /// Which state of the grid asked.
        version: u64,
        /// The cells, or why not.
        cells: Result<Vec<(String, Cell)>, String>,
        /// Whether missing cells go into the queue.
        queue: bool,
        /// What the cells ask for.
        requests: Vec<GenerateRequest>,
    },
    /// The grid could not be kept.
    NotKept(String),
}

/// Runs an effect; on a thread of its own.
pub fn work(effect: Effect, folder: &Path, tell: &dyn Fn(RoomNews)) {
    match effect {
        Effect::Load => tell(RoomNews::Grid(Box::new(News::Loaded(file::load(folder).map_err(|e| sentence(&e)))))),
        Effect::Keep { case, axes } => {
            if let Err(error) = file::keep(folder, &case, &axes) {
                tell(RoomNews::Grid(Box::new(News::NotKept(sentence(&error)))));
            }
        }
        Effect::Find { version, requests, model_hash, queue } => {
            let cells = find::find(folder, &requests, &model_hash).map_err(|e| sentence(&e));
            tell(RoomNews::Grid(Box::new(News::Found { version, cells, queue, requests })));
        }
        Effect::Sheet { mut sheet, files, folder } => {
            for (tile, file) in sheet.tiles.iter_mut().zip(files) {
                tile.image = file.and_then(|f| engine::imageio::png::read_gray(&f).ok()).map(Arc::new);
            }
            tell(RoomNews::Saved(sheet::save(&sheet, &folder, "grid").map_err(|e| sentence(&e))));
        }
        Effect::Table { text, folder } => {
            let saved = sheet::free_path(&folder, "grid", "csv")
                .and_then(|path| engine::store::atomic::write_atomic(&path, text.as_bytes()).map(|()| path).map_err(Into::into));
            tell(RoomNews::Saved(saved.map_err(|e| sentence(&e))));
        }
    }
}

#[cfg(test)]
mod tests;
