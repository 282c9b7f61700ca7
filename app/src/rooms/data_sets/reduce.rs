//! How the room's actions and news change its state.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::action::Action;
use super::collected;
use super::judge::{export_accepted, find_duplicates, mark, retry};
use super::review::{self, Item, Verdict};
use super::state::{Busy, Field, Page, Plan, State as Room, UNDO};
use super::work::{GROUP, Model, News, Work};
use crate::action::Effect;
use crate::dataset::collect::Change;
use crate::dataset::recipe::{Quotas, Recipe, Source, Who};
use crate::dataset::{Case, place};
use crate::library::{Command, Mark, NewGroup, RunRow};
use crate::state::{Level, Room as Rooms, State};

/// Applies an action and names what the app must do.
pub fn reduce(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Edit(recipe) => return edit(&mut state.data_sets, *recipe),
        Action::UndoEdit => match state.data_sets.past.pop() {
            Some(recipe) => return replace(&mut state.data_sets, recipe),
            None => note(state, "No change of the recipe is left to take back."),
        },
        Action::SetPath(field, path) => return set_path(&mut state.data_sets, field, path),
        Action::OpenRecipe => return with_path(state, Field::Recipe, Work::Open),
        Action::SaveRecipe => {
            let recipe = Box::new(state.data_sets.recipe.clone());
            return with_path(state, Field::Recipe, |path| Work::Save(path, recipe));
        }
        Action::ImportTable => return with_path(state, Field::Table, Work::Table),
        Action::UseQuotas => {
            let who = Who { quotas: Some(Quotas::default()), table: None };
            let recipe = Recipe { who, ..state.data_sets.recipe.clone() };
            return edit(&mut state.data_sets, recipe);
        }
        Action::TakeLayers => return take_layers(state),
        Action::SetAxis(axis) => state.data_sets.axis = axis,
        Action::SetPage(page) => state.data_sets.page = page,
        Action::Choose(case) => state.data_sets.chosen = case,
        Action::Begin => return opened(state),
        Action::Queue => return queue_missing(state),
        Action::WriteJob => return write_job(state),
        Action::ImportResults => return with_path(state, Field::Job, |path| Work::Import(path, Arc::default())),
        Action::Refresh => return read(&mut state.data_sets),
        Action::Accept(case) => return mark(state, case, Mark::Star, None),
        Action::Quarantine(case) => {
            let reason = std::mem::take(&mut state.data_sets.reason);
            return mark(state, case, Mark::Reject, Some(reason));
        }
        Action::SetReason(reason) => state.data_sets.reason = reason,
        Action::Retry(case) => return retry(state, case),
        Action::FindDuplicates => return find_duplicates(state),
        Action::ShowRuns(ids) => {
            let room = &mut state.data_sets;
            if room.thumbs.len() + ids.len() > super::state::THUMBS {
                room.thumbs.clear();
            }
            room.thumbs.extend(ids.iter().map(|id| (*id, None)));
            return vec![Effect::DataSets(Work::Thumbs(ids))];
        }
        Action::SetTells(tells) => state.data_sets.tells = tells,
        Action::SetShards(shards) => state.data_sets.shards = shards,
        Action::Export => return export_accepted(state),
        Action::Browse(field) => {
            let recipe = &state.data_sets.recipe;
            return vec![Effect::DataSets(Work::Pick(field, crate::jobs::files::stem(&recipe.name, recipe.seed)))];
        }
        Action::CollectRuns(runs) => {
            state.room = Rooms::DataSets;
            state.data_sets.page = Page::Collected;
            let mut effects = opened(state);
            effects.push(Effect::DataSets(Work::Collect(Change::Add(runs))));
            return effects;
        }
        Action::Collect(change) => return vec![Effect::DataSets(Work::Collect(change))],
        Action::NameCollected(name) => state.data_sets.collected_name = name.trim().to_owned(),
        Action::CollectedAsRows => return collected::as_rows(state),
        Action::ExportCollected => return collected::export_collected(state),
        Action::Stop => {
            if let Some(busy) = &state.data_sets.busy {
                busy.stop.store(true, Ordering::Relaxed);
            }
        }
    }
    Vec::new()
}

pub(super) fn note(state: &mut State, text: &str) {
    state.messages.push(Level::Note, text);
}

/// A change of the recipe, which can be taken back.
pub(super) fn edit(room: &mut Room, recipe: Recipe) -> Vec<Effect> {
    if recipe == room.recipe {
        return Vec::new();
    }
    room.past.push(room.recipe.clone());
    if room.past.len() > UNDO {
        room.past.remove(0);
    }
    replace(room, recipe)
}

fn replace(room: &mut Room, recipe: Recipe) -> Vec<Effect> {
    let load = recipe.tag() != room.recipe.tag();
    room.recipe = recipe;
    room.duplicates = None;
    room.chosen = None;
    let mut effects = vec![plan(room)];
    if load {
        room.items.clear();
        effects.extend(read(room));
    }
    effects
}

/// Asks for the plan of the recipe as it is now.
pub fn plan(room: &mut Room) -> Effect {
    room.asked += 1;
    room.newest.store(room.asked, Ordering::Relaxed);
    Effect::DataSets(Work::Plan { recipe: Box::new(room.recipe.clone()), asked: room.asked, newest: Arc::clone(&room.newest) })
}

/// What the room needs when it is opened.
pub fn opened(state: &mut State) -> Vec<Effect> {
    let room = &mut state.data_sets;
    let mut effects = read(room);
    effects.push(Effect::DataSets(Work::Collect(Change::Read)));
    if room.plan.is_none() {
        effects.push(plan(room));
    }
    effects
}

fn set_path(room: &mut Room, field: Field, path: PathBuf) -> Vec<Effect> {
    match field {
        Field::Recipe => room.paths.recipe = path,
        Field::Table => room.paths.table = path,
        Field::Job => room.paths.job = path,
        Field::Export => room.paths.export = path,
        Field::Masks => {
            let mut recipe = room.recipe.clone();
            recipe.place.folder = path;
            return edit(room, recipe);
        }
    }
    Vec::new()
}

/// Starts work on a typed path.
pub(super) fn with_path(state: &mut State, field: Field, work: impl FnOnce(PathBuf) -> Work) -> Vec<Effect> {
    let paths = &state.data_sets.paths;
    let (path, what) = match field {
        Field::Recipe => (&paths.recipe, "recipe file"),
        Field::Table => (&paths.table, "table"),
        Field::Masks => (&state.data_sets.recipe.place.folder, "folder of masks"),
        Field::Job => (&paths.job, "job folder"),
        Field::Export => (&paths.export, "folder of the export"),
    };
    if path.as_os_str().is_empty() {
        let text = format!("Type or choose the path of the {what} first.");
        state.messages.push(Level::Note, text);
        return Vec::new();
    }
    start(state, work(path.clone()))
}

/// Starts work and shows it, one at a time.
pub(super) fn start(state: &mut State, work: Work) -> Vec<Effect> {
    let room = &mut state.data_sets;
    if let Some(busy) = &room.busy {
        let text = format!("{} is still going on; wait for it or stop it.", busy.what);
        state.messages.push(Level::Note, text);
        return Vec::new();
    }
    let (what, of, stop) = match &work {
        Work::Open(_) => ("Reading the recipe", 0, Arc::default()),
        Work::Save(..) => ("Saving the recipe", 0, Arc::default()),
        Work::Table(_) => ("Reading the table", 0, Arc::default()),
        Work::Jobs(_, _, wanted, _, stop) => ("Preparing the queue", wanted.len(), Arc::clone(stop)),
        Work::Folder(_, _, _, cases, _, stop) => ("Writing the job folder", cases.len(), Arc::clone(stop)),
        Work::Import(_, stop) => ("Checking the results", 0, Arc::clone(stop)),
        Work::Duplicates(images, stop) => ("Looking for near duplicates", images.len(), Arc::clone(stop)),
        Work::Export(_, plan, stop) => ("Exporting", plan.items.len(), Arc::clone(stop)),
        Work::Plan { .. } | Work::Load(_) | Work::Thumbs(_) | Work::Pick(..) | Work::Collect(_) => {
            return vec![Effect::DataSets(work)];
        }
    };
    room.busy = Some(Busy { what, done: 0, of, stop });
    room.said = None;
    vec![Effect::DataSets(work)]
}

fn take_layers(state: &mut State) -> Vec<Effect> {
    let layers: Vec<_> = state.document.annotations().iter().map(place::drawn_layer).collect();
    if layers.is_empty() {
        note(state, "The open case has no visible mask or box; draw one on the canvas first.");
        return Vec::new();
    }
    let mut recipe = state.data_sets.recipe.clone();
    recipe.place.drawn = layers;
    recipe.place.source = Source::Drawn;
    edit(&mut state.data_sets, recipe)
}

/// The model in the window, or a note that there is none.
pub(super) fn model(state: &mut State) -> Option<Model> {
    let found = state.model.ready().map(|model| {
        let card = model.card();
        Model { name: card.name.clone(), hash: card.hash.clone(), natural: card.natural.clone(), size_px: card.size_px }
    });
    if found.is_none() {
        note(state, "There is no model yet; the data set can be made when one is loaded.");
    }
    found
}

/// The plan, or a note why there is none.
pub(super) fn ready(state: &mut State) -> Option<Plan> {
    let room = &state.data_sets;
    match room.plan.as_ref().filter(|_| room.planned == room.asked) {
        Some(Ok(plan)) if plan.impossible.is_empty() => return Some(plan.clone()),
        Some(Ok(_)) => note(state, "Some rows cannot be placed; mend them first, the plan names them."),
        Some(Err(why)) => {
            let text = format!("The recipe cannot run: {why}.");
            state.messages.push(Level::Note, text);
        }
        None => note(state, "The plan is still being made; try again in a moment."),
    }
    None
}

fn queue_missing(state: &mut State) -> Vec<Effect> {
    let Some(plan) = ready(state) else { return Vec::new() };
    let Some(model) = model(state) else { return Vec::new() };
    let room = &state.data_sets;
    let wanted: Vec<(Case, u32)> = if room.items.is_empty() {
        plan.cases.iter().map(|case| (*case, 1)).collect()
    } else {
        let asked = |item: &&Item| matches!(item.verdict, Verdict::Missing | Verdict::Failed(_));
        room.items.iter().filter(asked).map(|item| (item.case, 1)).collect()
    };
    if wanted.is_empty() {
        note(state, "Every image of the plan is made or waits already.");
        return Vec::new();
    }
    let recipe = Box::new(room.recipe.clone());
    start(state, Work::Jobs(recipe, plan.rows, wanted, Box::new(model), Arc::new(AtomicBool::new(false))))
}

fn write_job(state: &mut State) -> Vec<Effect> {
    let Some(plan) = ready(state) else { return Vec::new() };
    let Some(model) = model(state) else { return Vec::new() };
    let recipe = Box::new(state.data_sets.recipe.clone());
    with_path(state, Field::Job, |path| Work::Folder(path, recipe, plan.rows, plan.cases, Box::new(model), Arc::default()))
}

/// Reads what the library has of the recipe.
fn read(room: &mut Room) -> Vec<Effect> {
    room.reading.ask(room.recipe.tag())
}

/// A run or job of a recipe changed in the library: when it is this data set's, what became of it is read again.
pub fn runs_changed(state: &mut State, recipe: &str) -> Vec<Effect> {
    let room = &mut state.data_sets;
    if recipe == room.recipe.tag() { read(room) } else { Vec::new() }
}

/// The library tells runs as they are now, such as after a mark.
pub fn runs_told(state: &mut State, rows: &[RunRow]) -> Vec<Effect> {
    let room = &mut state.data_sets;
    room.reading.written(rows);
    let tag = room.recipe.tag();
    if rows.iter().any(|run| run.recipe == tag) { read(room) } else { Vec::new() }
}

/// The library did not write something: what is shown is read again.
pub fn refused(state: &mut State) -> Vec<Effect> {
    state.data_sets.reading.refused();
    again(state)
}

/// The library is open, and what a killed window left in it is mended: a room that was opened before reads it again.
pub fn library_opened(state: &mut State) -> Vec<Effect> {
    let room = &mut state.data_sets;
    if room.asked > 0 { read(room) } else { Vec::new() }
}

/// News may have been missed: what is shown is read again.
pub fn again(state: &mut State) -> Vec<Effect> {
    let room = &mut state.data_sets;
    if room.items.is_empty() { Vec::new() } else { read(room) }
}

/// Takes what a thread has to say.
pub fn hear(state: &mut State, news: News) -> Vec<Effect> {
    let room = &mut state.data_sets;
    match news {
        News::Tick(done, of) => {
            if let Some(busy) = &mut room.busy {
                (busy.done, busy.of) = (done, of.max(busy.of));
            }
            return Vec::new();
        }
        News::Planned(asked, planned) => {
            if asked == room.asked {
                (room.plan, room.planned) = (Some(*planned), asked);
                return read(room);
            }
            return Vec::new();
        }
        News::Thumbs(pictures) => {
            room.thumbs.extend(pictures.into_iter().map(|(id, picture)| (id, Some(picture))));
            return Vec::new();
        }
        News::Picked(field, Some(path)) => return set_path(room, field, path),
        News::Picked(_, None) => {
            note(state, "Nothing was chosen; if no dialog appeared, type the path instead.");
            return Vec::new();
        }
        News::Collected(Ok(collection)) => {
            collected::arrived(state, collection);
            return Vec::new();
        }
        News::Collected(Err(why)) => {
            state.messages.push(Level::Error, sentence(&why));
            return Vec::new();
        }
        News::Loaded(tag, loaded) => {
            if tag == room.recipe.tag() && room.planned == room.asked {
                match (loaded, &room.plan) {
                    (Ok((mut runs, jobs)), Some(Ok(plan))) => {
                        room.reading.lay_over(&mut runs);
                        room.items = review::judge(&room.recipe, &plan.cases, &runs, &jobs);
                    }
                    (Err(why), _) => room.said = Some(Err(sentence(&why))),
                    (Ok(_), _) => {}
                }
            }
            return room.reading.ended(room.recipe.tag());
        }
        _ => room.busy = None,
    }
    match news {
        News::Opened(path, read) => match *read {
            Ok(recipe) => {
                room.said = Some(Ok(format!("Opened the recipe {}.", recipe.name)));
                room.paths.recipe = path;
                return edit(room, recipe);
            }
            Err(why) => room.said = Some(Err(sentence(&why))),
        },
        News::Table(Ok(rows)) => {
            room.said = Some(Ok(format!("The table has {} rows.", rows.len())));
            let recipe = Recipe { who: Who { quotas: None, table: Some(rows) }, ..room.recipe.clone() };
            return edit(room, recipe);
        }
        News::Jobs(Ok(jobs)) => return enqueue(state, jobs),
        News::Imported(result) => match *result {
            Ok((returned, new)) => {
                room.said = Some(Ok(returned.sentence()));
                room.page = Page::Images;
                let mut effects = edit(room, returned.recipe);
                effects.push(Effect::Library(Command::Add(new)));
                return effects;
            }
            Err(why) => room.said = Some(Err(sentence(&why))),
        },
        News::Duplicates(Ok(pairs)) => {
            room.said = Some(Ok(match pairs.len() {
                0 => "No two accepted images are nearly the same.".to_owned(),
                1 => "One pair of accepted images is nearly the same.".to_owned(),
                n => format!("{n} pairs of accepted images are nearly the same."),
            }));
            room.duplicates = Some(pairs);
        }
        News::Said(said) => room.said = Some(said.map_err(|why| sentence(&why))),
        News::Table(Err(why)) | News::Jobs(Err(why)) | News::Duplicates(Err(why)) => room.said = Some(Err(sentence(&why))),
        News::Tick(..) | News::Planned(..) | News::Loaded(..) | News::Thumbs(_) | News::Picked(..) | News::Collected(_) => {}
    }
    Vec::new()
}

/// Puts jobs into the queue, in groups.
fn enqueue(state: &mut State, jobs: Vec<crate::library::NewJob>) -> Vec<Effect> {
    let n = jobs.len();
    let mut effects = Vec::new();
    for part in jobs.chunks(GROUP) {
        effects.extend(crate::reduce::queue::enqueue(state, NewGroup { jobs: part.to_vec(), first: false }));
    }
    let room = &mut state.data_sets;
    room.said = Some(Ok(match n {
        1 => "One image was put into the queue.".to_owned(),
        n => format!("{n} images were put into the queue."),
    }));
    room.page = Page::Images;
    let asked: std::collections::HashSet<&str> = jobs.iter().map(|job| job.task.cell.as_str()).collect();
    for item in &mut room.items {
        if asked.contains(item.case.cell().as_str()) {
            item.verdict = Verdict::Waiting;
        }
    }
    effects
}

/// A phrase as a sentence: first letter large, full stop at the end.
fn sentence(phrase: &str) -> String {
    let phrase = phrase.trim().trim_end_matches('.');
    let mut chars = phrase.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect::<String>() + ".")
}

#[cfg(test)]
mod tests;
