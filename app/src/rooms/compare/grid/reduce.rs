//! How each action changes the grid, and what must then be done.

use std::path::PathBuf;
use std::sync::Arc;

use engine::domain::{GenerateRequest, GrayImage};

use super::{Action, Axis, Case, Cell, Effect, Found, News, Parameter, RECIPE, Studio, Value, table};
use crate::action;
use crate::canvas::picture::Window;
use crate::library::{NewGroup, NewJob, Relation, Task};
use crate::reduce::queue;
use crate::rooms::compare;
use crate::rooms::compare::sheet::{Sheet, Tile};
use crate::rooms::compare::work::Effect as RoomEffect;
use crate::state::Level;

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
                return compare::reduce(state, compare::Action::AddFiles(vec![file]));
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
    let jobs = missing.iter().map(|&i| {
        let task = Task::new(name.clone(), model_hash.clone());
        let task = Task { relation: Relation::Cell, recipe: RECIPE.to_owned(), cell: keys[i].clone(), ..task };
        NewJob { task, request: requests[i].clone() }
    });
    let group = NewGroup { jobs: jobs.collect(), first: false };
    let effects = queue::enqueue(state, group);
    if effects.is_empty() {
        return effects;
    }
    for &i in missing {
        state.compare.grid.cells[i] = Cell::Queued;
    }
    let words = if missing.len() == 1 { "1 missing cell is".to_owned() } else { format!("{} missing cells are", missing.len()) };
    state.messages.push(Level::Done, format!("{words} in the queue; the grid fills as they come."));
    effects
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
        foreign: false,
    };
    effect(Effect::Sheet { sheet, files, folder: state.save_folder.clone() })
}
