//! Verdicts of a person, reports over accepted images, and the export.

use std::path::PathBuf;
use std::sync::Arc;

use super::reduce::{model, note, ready, start, with_path};
use super::review::{self, Item, Verdict};
use super::state::{Field, State as Room};
use super::work::Work;
use crate::action::Effect;
use crate::dataset::cases::count;
use crate::dataset::coverage::Axis;
use crate::dataset::export::{self, datasheet};
use crate::dataset::{Case, balance};
use crate::library::{Change, Command, Mark};
use crate::state::State;

/// Marks the run of a case and writes why.
pub(super) fn mark(state: &mut State, case: Case, mark: Mark, reason: Option<String>) -> Vec<Effect> {
    let Some(id) = state.data_sets.item(case).and_then(|item| item.run.as_ref()).map(|run| run.id) else {
        note(state, "This image is not made yet.");
        return Vec::new();
    };
    let recipe = state.data_sets.recipe.clone();
    let mut effects = vec![Effect::Library(Command::Change(vec![id], Change::Mark(mark)))];
    let Room { items, reading, .. } = &mut state.data_sets;
    if let Some(item) = items.iter_mut().find(|item| item.case == case)
        && let Some(run) = &mut item.run
    {
        run.mark = mark;
        let reason = reason.map(|reason| reason.trim().to_owned());
        reading.decide(id, mark, reason.clone());
        if let Some(reason) = reason {
            run.note.clone_from(&reason);
            effects.push(Effect::Library(Command::Change(vec![id], Change::Note(reason))));
        }
        // Shown at once; the library says the same later.
        let cell = case.cell();
        let shown = crate::library::RunRow { cell, ..run.clone() };
        item.verdict = review::judge(&recipe, &[case], &[shown], &[]).pop().map_or(Verdict::Missing, |judged| judged.verdict);
    }
    effects
}

/// Makes an image again from another seed, together with its twin.
pub(super) fn retry(state: &mut State, case: Case) -> Vec<Effect> {
    let Some(plan) = ready(state) else { return Vec::new() };
    let Some(model) = model(state) else { return Vec::new() };
    let room = &state.data_sets;
    let pair = room.items.iter().filter(|item| (item.case.row, item.case.copy) == (case.row, case.copy));
    let tries = pair.clone().map(|item| item.tries).max().unwrap_or(0);
    let wanted: Vec<(Case, u32)> = pair.map(|item| (item.case, tries + 1)).collect();
    let ids: Vec<i64> = wanted.iter().filter_map(|(case, _)| Some(room.item(*case)?.run.as_ref()?.id)).collect();
    if wanted.is_empty() {
        note(state, "This image is not part of the plan any more.");
        return Vec::new();
    }
    let recipe = Box::new(room.recipe.clone());
    let mut effects = start(state, Work::Jobs(recipe, plan.rows, wanted, Box::new(model), Arc::default()));
    if !effects.is_empty() && !ids.is_empty() {
        effects.push(Effect::Library(Command::Change(ids, Change::Mark(Mark::Reject))));
    }
    effects
}

fn accepted(room: &Room) -> impl Iterator<Item = &Item> {
    room.items.iter().filter(|item| item.verdict == Verdict::Accepted && item.run.is_some())
}

pub(super) fn find_duplicates(state: &mut State) -> Vec<Effect> {
    let images: Vec<(Case, PathBuf)> =
        accepted(&state.data_sets).filter_map(|item| Some((item.case, PathBuf::from(&item.run.as_ref()?.file)))).collect();
    if images.len() < 2 {
        note(state, "Two or more accepted images are needed to look for near duplicates.");
        return Vec::new();
    }
    start(state, Work::Duplicates(images, Arc::default()))
}

/// Cells in which plan and accepted images differ, one sentence each.
pub(super) fn gaps(room: &Room, axis: Axis) -> Vec<String> {
    let Some(plan) = room.ready() else { return Vec::new() };
    let row = |case: &Case| (case.row as usize).checked_sub(1).and_then(|i| plan.rows.list.get(i));
    let planned: Vec<_> = plan.cases.iter().filter(|case| !case.twin).filter_map(row).collect();
    let got: Vec<_> = accepted(room).filter(|item| !item.case.twin).filter_map(|item| row(&item.case)).collect();
    balance::gaps(&planned, &got, axis).iter().map(balance::Gap::sentence).collect()
}

pub(super) fn export_accepted(state: &mut State) -> Vec<Effect> {
    let Some(plan) = ready(state) else { return Vec::new() };
    let room = &state.data_sets;
    let items: Vec<export::Item> = accepted(room)
        .filter_map(|item| {
            let run = item.run.as_ref()?;
            let row = plan.rows.list.get((item.case.row as usize).checked_sub(1)?)?;
            let (name, file) = (item.case.name(row), PathBuf::from(&run.file));
            let each = run.measures.iter().map(|measure| measure.value).collect();
            Some(export::Item { case: item.case, name, row: row.clone(), file, adherence: run.adherence, each })
        })
        .collect();
    if items.is_empty() {
        note(state, "No image is accepted yet; queue the plan or import results first.");
        return Vec::new();
    }
    let first = accepted(room).find_map(|item| item.run.as_ref());
    let (model, model_hash) = first.map(|run| (run.model_name.clone(), run.model_hash.clone())).unwrap_or_default();
    let facts = datasheet::Facts {
        recipe: room.recipe.clone(),
        collected: false,
        practice: state.model.ready().is_some_and(|m| m.card().practice && m.card().name == model),
        model,
        model_hash,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        planned: count(&room.recipe, &plan.rows.list),
        set_aside: review::reasons(&room.items),
        near_duplicates: room.duplicates.as_ref().map(Vec::len),
        gaps: gaps(room, Axis::Side),
    };
    let plan = Box::new(export::Plan { items, facts, tells: room.tells, shards: room.shards });
    with_path(state, Field::Export, |path| Work::Export(path, plan, Arc::default()))
}
