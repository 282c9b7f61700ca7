//! Grids: one image for every pair of values of two parameters; only what is missing is made.

pub mod axis;
mod file;
mod find;
mod show;
mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::domain::{GenerateRequest, GrayImage};

pub use axis::{Parameter, Value};
pub use find::Found;
pub use show::{header, show};

use super::sheet::{self, Sheet, Tile};
use super::{News as RoomNews, work::Effect as RoomEffect};
use crate::action;
use crate::canvas::picture::Window;
use crate::jobs::sentence;
use crate::library::{Command, NewGroup, NewJob, Relation};
use crate::state::{Level, State as Studio};

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

fn effect(effect: Effect) -> Vec<action::Effect> {
    vec![action::Effect::Compare(RoomEffect::Grid(effect))]
}

/// Applies an action and names what the app must do.
pub fn reduce(state: &mut Studio, action: Action) -> Vec<action::Effect> {
    match action {
        Action::Look => {
            if !state.compare.grid.loaded {
                state.compare.grid.loaded = true;
                return effect(Effect::Load);
            }
            return look(state, false);
        }
        Action::TakeCase => {
            let case = Case { name: state.document.name.clone(), request: state.document.request(&state.sampling) };
            if let Err(error) = case.request.check() {
                state.messages.push(Level::Error, format!("The case cannot be varied: {error}."));
                return Vec::new();
            }
            state.compare.grid.case = Some(case);
            state.compare.grid.changed();
            return look(state, false);
        }
        Action::SetParameter(across, parameter) => {
            let axis = axis(state, across);
            *axis = Axis { parameter, typed: String::new() };
            state.compare.grid.changed();
            return look(state, false);
        }
        Action::SetTyped(across, typed) => {
            axis(state, across).typed = typed;
            state.compare.grid.changed();
            return look(state, false);
        }
        Action::SwapAxes => {
            let grid = &mut state.compare.grid;
            std::mem::swap(&mut grid.x, &mut grid.y);
            grid.changed();
            return look(state, false);
        }
        Action::Run => return run(state),
        Action::Choose(cell) => state.compare.grid.chosen = cell.filter(|&c| c < state.compare.grid.cells.len()),
        Action::AddCell(cell) => {
            if let Some(file) = made(state, cell).map(|f| f.file.clone()) {
                return super::reduce(state, super::Action::AddFiles(vec![file]));
            }
        }
        Action::Restore(cell) => {
            if let Some(file) = made(state, cell).map(|f| f.file.clone()) {
                state.room = crate::state::Room::Canvas;
                return vec![action::Effect::OpenFile(file)];
            }
        }
        Action::SaveSheet => return save_sheet(state),
        Action::SaveTable => {
            if let Ok(plan) = state.compare.grid.plan() {
                let text = table::csv(&state.compare.grid, &plan);
                return effect(Effect::Table { text, folder: state.save_folder.clone() });
            }
        }
    }
    Vec::new()
}

/// Something from the grid's threads arrived.
pub fn arrived(state: &mut Studio, news: News) -> Vec<action::Effect> {
    match news {
        News::Loaded(Ok(Some((case, [x, y])))) if state.compare.grid.case.is_none() => {
            let grid = &mut state.compare.grid;
            (grid.case, grid.x, grid.y) = (Some(case), x, y);
            grid.changed();
            return look(state, false);
        }
        News::Loaded(Ok(_)) if state.compare.grid.case.is_none() => return reduce(state, Action::TakeCase),
        News::Loaded(Ok(_)) => return look(state, false),
        News::Loaded(Err(why)) => state.messages.push(Level::Error, format!("The last grid cannot be read: {why}")),
        News::NotKept(why) => state.messages.push(Level::Error, format!("The grid is not kept for the next start: {why}")),
        News::Found { version, cells, queue, requests } => return found(state, version, cells, queue, &requests),
    }
    Vec::new()
}

/// A run of the library was made or changed: cells of the grid are looked up again.
pub fn library_changed(state: &mut Studio, recipe: &str) -> Vec<action::Effect> {
    if recipe == RECIPE && state.compare.grid.loaded { look(state, false) } else { Vec::new() }
}

fn axis(state: &mut Studio, across: bool) -> &mut Axis {
    let grid = &mut state.compare.grid;
    if across { &mut grid.x } else { &mut grid.y }
}

fn made(state: &Studio, cell: usize) -> Option<&Arc<Found>> {
    match state.compare.grid.cells.get(cell) {
        Some(Cell::Made(found)) => Some(found),
        _ => None,
    }
}

/// Asks the library for the cells, one question at a time.
fn look(state: &mut Studio, queue: bool) -> Vec<action::Effect> {
    let model_hash = state.model.ready().map_or_else(String::new, |m| m.card().hash.clone());
    let grid = &mut state.compare.grid;
    if grid.finding && !queue {
        grid.again = true;
        return Vec::new();
    }
    let Ok(plan) = grid.plan() else { return Vec::new() };
    (grid.finding, grid.again) = (true, false);
    effect(Effect::Find { version: grid.version, requests: plan.requests, model_hash, queue })
}

fn run(state: &mut Studio) -> Vec<action::Effect> {
    if let Err(why) = state.compare.grid.plan() {
        state.messages.push(Level::Error, why);
        return Vec::new();
    }
    if state.model.ready().is_none() {
        state.messages.push(Level::Note, "The model is not ready yet; the grid runs as soon as it is.");
        return Vec::new();
    }
    let mut effects = Vec::new();
    let grid = &state.compare.grid;
    if let Some(case) = grid.case.clone() {
        effects.extend(effect(Effect::Keep { case, axes: [grid.x.clone(), grid.y.clone()] }));
    }
    effects.extend(look(state, true));
    effects
}

fn found(
    state: &mut Studio,
    version: u64,
    cells: Result<Vec<(String, Cell)>, String>,
    queue: bool,
    requests: &[GenerateRequest],
) -> Vec<action::Effect> {
    let grid = &mut state.compare.grid;
    grid.finding = false;
    let mut effects = Vec::new();
    match cells {
        Err(why) => state.messages.push(Level::Error, format!("The grid cannot be looked up: {why}")),
        Ok(cells) if version == grid.version => {
            let missing: Vec<usize> = (0..cells.len()).filter(|&i| matches!(cells[i].1, Cell::Missing)).collect();
            let keys: Vec<String> = cells.iter().map(|c| c.0.clone()).collect();
            grid.cells = cells.into_iter().map(|c| c.1).collect();
            if queue {
                effects = enqueue(state, &missing, &keys, requests);
            }
        }
        Ok(_) => grid.again = true,
    }
    if std::mem::take(&mut state.compare.grid.again) {
        effects.extend(look(state, false));
    }
    effects
}

fn enqueue(state: &mut Studio, missing: &[usize], keys: &[String], requests: &[GenerateRequest]) -> Vec<action::Effect> {
    if missing.is_empty() {
        state.messages.push(Level::Done, "Every cell of the grid is there or in the queue already; nothing was added.");
        return Vec::new();
    }
    let model_hash = state.model.ready().map_or_else(String::new, |m| m.card().hash.clone());
    let name = state.compare.grid.case.as_ref().map_or("Grid", |c| c.name.as_str()).to_owned();
    let jobs = missing.iter().map(|&i| NewJob {
        relation: Relation::Cell,
        recipe: RECIPE.to_owned(),
        cell: keys[i].clone(),
        ..NewJob::new(name.clone(), requests[i].clone(), model_hash.clone())
    });
    let group = NewGroup { jobs: jobs.collect(), first: false };
    for &i in missing {
        state.compare.grid.cells[i] = Cell::Queued;
    }
    let words = if missing.len() == 1 { "1 missing cell is".to_owned() } else { format!("{} missing cells are", missing.len()) };
    state.messages.push(Level::Done, format!("{words} in the queue; the grid fills as they come."));
    vec![action::Effect::Library(Command::Enqueue(group))]
}

fn save_sheet(state: &mut Studio) -> Vec<action::Effect> {
    let grid = &state.compare.grid;
    let Ok(plan) = grid.plan() else { return Vec::new() };
    let file = |i: usize| made(state, i).map(|f| f.file.clone());
    let files: Vec<Option<PathBuf>> = (0..plan.requests.len()).map(file).collect();
    let tile = |i: usize| {
        let value = made(state, i).and_then(|f| f.row.adherence).map(|a| format!("adherence {a:.2}"));
        Tile { image: None::<Arc<GrayImage>>, lines: value.into_iter().collect() }
    };
    let words = |axis: &Axis, values: &[Value]| match axis.parameter {
        Parameter::Nothing => Vec::new(),
        _ => values.iter().map(Value::title).collect(),
    };
    let name = grid.case.as_ref().map_or("", |c| c.name.as_str());
    let down = if grid.y.parameter == Parameter::Nothing {
        String::new()
    } else {
        format!(" by {}", grid.y.parameter.title().to_lowercase())
    };
    let sheet = Sheet {
        title: format!("{name}: {}{down}", grid.x.parameter.title().to_lowercase()),
        columns: words(&grid.x, &plan.xs),
        rows: words(&grid.y, &plan.ys),
        across: plan.xs.len(),
        tiles: (0..plan.requests.len()).map(tile).collect(),
        window: Window { width: 1.0, level: 0.5, inverted: false },
    };
    effect(Effect::Sheet { sheet, files, folder: state.save_folder.clone() })
}

#[cfg(test)]
mod tests;
