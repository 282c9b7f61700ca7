//! How each action of the room changes the state. Pure.

use std::sync::Arc;

use engine::cancel::Cancel;
use engine::store::record::RunRecord;

use super::action::{Action, Choice, Effect};
use super::command;
use super::state::{COLUMN, Pick, Verifying};
use super::work::News;
use crate::action::{Action as Any, Effect as AnyEffect};
use crate::library::details::Details;
use crate::library::reader::{Answer, Inquiry, Purpose, Question};
use crate::library::{Change, Mark, RunId, Verified};
use crate::rooms::compare;
use crate::state::{Demographics, Document, Gesture, Layer, Level, Room, State};

/// Refused images that are named one by one.
const MAX_REFUSALS: usize = 20;

/// Applies an action and names what the app must do.
pub fn reduce(state: &mut State, action: Action) -> Vec<AnyEffect> {
    effects(state, action).into_iter().map(AnyEffect::Runs).collect()
}

fn effects(state: &mut State, action: Action) -> Vec<Effect> {
    let runs = &mut state.runs;
    match action {
        Action::Refresh => {
            (runs.asked, runs.failed) = (true, None);
            return vec![find(state)];
        }
        Action::Search(text) => {
            runs.filter.text = text;
            return vec![find(state)];
        }
        Action::Toggle(choice) => {
            toggle(state, choice);
            return vec![find(state)];
        }
        Action::SetAdherence(bounds) => {
            runs.filter.adherence = bounds.map(|(a, b)| (a.min(b).clamp(0.0, 1.0), a.max(b).clamp(0.0, 1.0)));
            return vec![find(state)];
        }
        Action::ShowAll => {
            runs.filter = Default::default();
            return vec![find(state)];
        }
        Action::SetOrder(order) => {
            runs.order = order;
            runs.scroll_to = Some(0);
            return vec![find(state)];
        }
        Action::SetColumn(width) if width.is_finite() => runs.column = width.clamp(COLUMN.0, COLUMN.1),
        Action::SetColumn(_) => {}
        Action::ShowFacets(open) => runs.facets_open = open,
        Action::Choose(id, pick) => return choose(state, id, pick),
        Action::Move { by, extend } => return step(state, by, extend),
        Action::ChooseAll => {
            runs.chosen.ids = runs.ids().iter().copied().collect();
            if runs.chosen.cursor.is_none() {
                let first = runs.ids().first().copied();
                return first.map_or_else(Vec::new, |id| inspect(state, id));
            }
        }
        Action::ChooseNone => runs.chosen.ids.clear(),
        Action::Scrolled => runs.scroll_to = None,
        Action::Mark(ids, mark) => return mark_all(state, ids, mark),
        Action::TypeNote(id, text) => runs.note = Some((id, text)),
        Action::KeepNote => {
            let kept = runs.inspected.as_ref().map(|i| (i.details.row.id, i.details.row.note.clone()));
            if let Some(note) = runs.note.take().filter(|n| kept.as_ref() != Some(n)) {
                return vec![change(vec![note.0], Change::Note(note.1))];
            }
        }
        Action::ShowSame(on) => runs.show_same = on,
        Action::Use(ids, purpose) if !ids.is_empty() => {
            return vec![Effect::Ask(Question::About(Inquiry::Files(ids, purpose)))];
        }
        Action::TakeLayers(record) => take_layers(state, &record),
        Action::StopVerifying => {
            if let Some(verifying) = &runs.verifying {
                verifying.cancel.cancel();
            }
        }
        Action::Import(paths) => return vec![Effect::Import(paths)],
        Action::Use(..) => state.messages.push(Level::Note, "Choose a run on the wall first."),
    }
    Vec::new()
}

fn find(state: &State) -> Effect {
    Effect::Ask(Question::Find(state.runs.filter.clone(), state.runs.order))
}

fn change(ids: Vec<RunId>, change: Change) -> Effect {
    Effect::Ask(Question::Change(ids, change))
}

fn toggle(state: &mut State, choice: Choice) {
    let filter = &mut state.runs.filter;
    match choice {
        Choice::Finding(place) if place < 16 => filter.findings ^= 1 << place,
        Choice::Side(place) if place < 8 => filter.sides ^= 1 << place,
        Choice::Finding(_) | Choice::Side(_) => {}
        Choice::State(condition) => filter.states ^= 1 << condition as u8,
        Choice::Age(age) => filter.ages ^= 1 << age as u8,
        Choice::Model(hash) => {
            if !filter.models.remove(&hash) {
                filter.models.insert(hash);
            }
        }
        Choice::Recipe(recipe) => {
            if !filter.recipes.remove(&recipe) {
                filter.recipes.insert(recipe);
            }
        }
    }
}

fn choose(state: &mut State, id: i64, pick: Pick) -> Vec<Effect> {
    let wall = state.runs.wall.clone();
    let order = wall.as_ref().map_or(&[] as &[i64], |w| &w.found.ids);
    state.runs.chosen.pick(id, pick, order);
    inspect(state, id)
}

fn inspect(state: &mut State, id: i64) -> Vec<Effect> {
    // What was typed for the run before is kept, not lost.
    let note = effects(state, Action::KeepNote);
    state.runs.chosen.cursor = Some(id);
    let against = state.runs.chosen.other();
    let mut all = vec![Effect::Ask(Question::About(Inquiry::Inspect { id, against }))];
    all.extend(note);
    all
}

fn step(state: &mut State, by: i64, extend: bool) -> Vec<Effect> {
    let runs = &mut state.runs;
    let last = runs.ids().len().checked_sub(1);
    let Some(last) = last else { return Vec::new() };
    let here = runs.chosen.cursor.and_then(|c| runs.ids().iter().position(|id| *id == c));
    let to = match here {
        Some(here) => usize::try_from((here as i64).saturating_add(by).clamp(0, last as i64)).unwrap_or(0),
        None => 0,
    };
    let Some(&id) = runs.ids().get(to) else { return Vec::new() };
    runs.scroll_to = Some(to);
    choose(state, id, if extend { Pick::Range } else { Pick::Only })
}

/// The mark for all of them; taken away when all have it already.
fn mark_all(state: &mut State, ids: Vec<i64>, mark: Mark) -> Vec<Effect> {
    let Some(wall) = &state.runs.wall else { return Vec::new() };
    if ids.is_empty() {
        state.messages.push(Level::Note, "Choose a run on the wall first.");
        return Vec::new();
    }
    let all_have = ids.iter().all(|id| wall.index.row(*id).is_some_and(|r| r.mark == mark));
    vec![change(ids, Change::Mark(if all_have { Mark::None } else { mark }))]
}

/// Takes an answer of the library; what follows from it is pushed as actions and effects.
pub fn answer(state: &mut State, answer: Answer) -> (Vec<Any>, Vec<AnyEffect>) {
    match answer {
        Answer::Wall(wall) => {
            state.runs.failed = None;
            let cursor = state.runs.chosen.cursor;
            state.runs.wall = Some(wall);
            // A replay, a note or a mark may have changed what the inspector shows.
            if let Some(id) = cursor {
                let against = state.runs.chosen.other();
                let again = Question::About(Inquiry::Inspect { id, against });
                return (Vec::new(), vec![AnyEffect::Runs(Effect::Ask(again))]);
            }
        }
        Answer::Run(run) => {
            if state.runs.chosen.cursor == Some(run.details.row.id) {
                state.runs.inspected = Some(Arc::new(*run));
            }
        }
        Answer::Files(runs, sentences, purpose) => {
            for sentence in sentences {
                state.messages.push(Level::Error, sentence);
            }
            if !runs.is_empty() {
                return used(state, runs, purpose);
            }
        }
        Answer::Failed(why) => {
            if state.runs.wall.is_none() {
                state.runs.failed = Some(why.clone());
            }
            state.messages.push(Level::Error, why);
        }
    }
    (Vec::new(), Vec::new())
}

/// Does what files were wanted for.
fn used(state: &mut State, runs: Vec<Details>, purpose: Purpose) -> (Vec<Any>, Vec<AnyEffect>) {
    let record = |run: &Details| run.record.as_ref().ok().cloned();
    let first = runs.first().and_then(|r| record(r).map(|record| (r.row.id, record)));
    let Some((id, record_of_first)) = first else { return (Vec::new(), Vec::new()) };
    let request = &record_of_first.request;
    match purpose {
        Purpose::Restore => {
            let open = runs.into_iter().map(|run| Any::OpenFile(run.file)).chain(std::iter::once(Any::OpenRoom(Room::Canvas)));
            (open.collect(), Vec::new())
        }
        Purpose::RecallSeed => {
            state.messages.push(Level::Done, format!("The next image has the seed of run {id}, {}.", request.seed.0));
            (vec![Any::SetSeed(request.seed.0)], Vec::new())
        }
        Purpose::RecallText => {
            let (fields, text) = Demographics::parse(&request.impression);
            state.messages.push(Level::Done, format!("The open case has the text of run {id}."));
            let fields =
                [Any::SetSex(fields.sex), Any::SetAge(fields.age), Any::SetGroup(fields.group), Any::SetView(fields.view)];
            (fields.into_iter().chain([Any::SetImpression(text), Any::Settle]).collect(), Vec::new())
        }
        Purpose::RecallLayers => {
            state.messages.push(Level::Done, format!("The open case has the layers of run {id}."));
            (vec![Any::Runs(Action::TakeLayers(record_of_first))], Vec::new())
        }
        Purpose::Command => copy_command(state, &runs),
        Purpose::Verify => {
            let run = runs.into_iter().next();
            (Vec::new(), run.and_then(|run| verify(state, run)).map(AnyEffect::Runs).into_iter().collect())
        }
        Purpose::Compare => {
            let files = runs.into_iter().map(|run| run.file).collect();
            (vec![Any::Compare(compare::Action::AddFiles(files)), Any::OpenRoom(Room::Compare)], Vec::new())
        }
        Purpose::Export => {
            let files = runs.into_iter().map(|run| (run.row.name, run.file)).collect();
            (Vec::new(), vec![AnyEffect::Runs(Effect::Export(files, state.save_folder.clone()))])
        }
    }
}

/// Begins a replay where that is possible now.
fn verify(state: &mut State, run: Details) -> Option<Effect> {
    let id = run.row.id;
    let record = run.record.ok()?;
    let why = match state.model.ready().map(|m| m.card()) {
        None => "The model is not loaded yet; verify when it is.".to_owned(),
        Some(card) if card.name != record.model_name => {
            format!("Run {id} was made by {}; load that model to verify it.", record.model_name)
        }
        Some(_) if record.noise.is_some() => {
            format!("Run {id} was made with noise from a file; verify it with chexgen replay and that file.")
        }
        Some(_) if state.runs.verifying.is_some() => "Another run is being verified; wait for it, or stop it.".to_owned(),
        Some(_) if state.is_running() => "An image is being made; verify when it is done, or pause the queue.".to_owned(),
        Some(_) => {
            state.runs.verifying = Some(Verifying { id, step: 0, of: 0, cancel: Cancel::new() });
            return Some(Effect::Verify(id, record, run.file));
        }
    };
    state.messages.push(Level::Note, why);
    None
}

/// Takes news of the room's own threads.
pub fn work(state: &mut State, news: News) -> Vec<AnyEffect> {
    match news {
        News::Step { id, step, of } => {
            if let Some(verifying) = state.runs.verifying.as_mut().filter(|v| v.id == id) {
                (verifying.step, verifying.of) = (step, of);
            }
        }
        News::Verified(id, shown) => {
            state.runs.verifying = None;
            let Some((verified, words)) = shown else { return Vec::new() };
            state.messages.push(if verified == Verified::Equal { Level::Done } else { Level::Error }, words);
            return vec![AnyEffect::Runs(change(vec![id], Change::Verified(verified)))];
        }
        News::VerifyFailed(id, why) => {
            state.runs.verifying = None;
            state.messages.push(Level::Error, format!("Run {id} could not be made again. {why}"));
        }
        News::Exported(written, folder, sentences) => {
            for why in sentences {
                state.messages.push(Level::Error, why);
            }
            if written > 0 {
                let words = if written == 1 { "1 image".to_owned() } else { format!("{written} images") };
                state.messages.push(Level::Done, format!("Exported {words} with masks and records into {}.", folder.display()));
            }
        }
        News::Imported(Ok(imported)) => {
            let level = if imported.refused.is_empty() { Level::Done } else { Level::Error };
            // The list of messages keeps every refusal; the toast sums up.
            for why in imported.refused.iter().take(MAX_REFUSALS) {
                state.messages.push(Level::Note, why.clone());
            }
            state.messages.push(level, imported.sentence());
        }
        News::Imported(Err(why)) => state.messages.push(Level::Error, why),
    }
    Vec::new()
}

/// Replaces the drawn findings of the open case; one entry of the journal.
fn take_layers(state: &mut State, record: &RunRecord) {
    let from = Document::from_request("", &record.request, state.document.size_px);
    state.history.before(Gesture::Click, &state.document);
    state.document.layers.retain(|l| !l.region.is_finding());
    for layer in from.layers.iter().filter(|l| l.region.is_finding()) {
        let id = state.document.push(layer.finding, layer.region.clone());
        if let Some(taken) = state.document.layer_mut(id) {
            *taken = Layer { id, ..layer.clone() };
        }
    }
    state.view.chosen = crate::state::view::first_drawable(&state.document);
    state.history.settle(&state.document);
}

fn copy_command(state: &mut State, runs: &[Details]) -> (Vec<Any>, Vec<AnyEffect>) {
    let mut lines = Vec::new();
    let mut foreign = None;
    for run in runs {
        let Ok(record) = &run.record else { continue };
        match command::arguments(record, &run.file, None) {
            Ok(arguments) => lines.push(command::line(&arguments)),
            Err(why) => state.messages.push(Level::Error, why),
        }
        let practice = state.model.ready().is_some_and(|m| m.card().practice && m.card().name == record.model_name);
        if !practice {
            foreign = Some(record.model_name.clone());
        }
    }
    if lines.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let mut words = match lines.len() {
        1 => "The command is on the clipboard.".to_owned(),
        n => format!("{n} commands are on the clipboard."),
    };
    if let Some(model) = foreign {
        words.push_str(&format!(" Add --model with the folder of {model}."));
    }
    state.messages.push(Level::Done, words);
    let mut text = lines.join("\n");
    text.push('\n');
    (Vec::new(), vec![AnyEffect::Runs(Effect::Copy(text))])
}

#[cfg(test)]
mod tests;
