//! Grids without a window: validation, cells that are there, only what is missing.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::action::Effect as AppEffect;
use crate::examples::Example;
use crate::library::{Command, NewJob, Relation};
use crate::reduce::model_ready;
use crate::rooms::compare::work::Effect as RoomEffect;
use crate::testing::FakeModel;

fn studio() -> Studio {
    let mut state = Studio::new(Example::RightPneumothorax.document(64), PathBuf::from("out"));
    model_ready(&mut state, Arc::new(FakeModel::new(64, Duration::ZERO)));
    reduce(&mut state, Action::TakeCase);
    state
}

fn set(state: &mut Studio, across: bool, parameter: Parameter, typed: &str) -> Vec<AppEffect> {
    reduce(state, Action::SetParameter(across, parameter));
    reduce(state, Action::SetTyped(across, typed.to_owned()))
}

fn asked(effects: &[AppEffect]) -> Option<(u64, Vec<GenerateRequest>)> {
    effects.iter().find_map(|e| match e {
        AppEffect::Compare(RoomEffect::Grid(Effect::Find { version, requests, .. })) => Some((*version, requests.clone())),
        _ => None,
    })
}

fn queued(effects: &[AppEffect]) -> Vec<NewJob> {
    effects
        .iter()
        .find_map(|e| match e {
            AppEffect::Library(Command::Enqueue(group)) => Some(group.jobs.clone()),
            _ => None,
        })
        .unwrap_or_default()
}

#[test]
fn every_cell_asks_for_its_values() {
    let mut state = studio();
    set(&mut state, true, Parameter::Seed, "1, 2, 3");
    set(&mut state, false, Parameter::Strength(0), "0, 1");
    let plan = state.compare.grid.plan().expect("it is right");
    let cells: Vec<(u64, f32)> = plan.requests.iter().map(|r| (r.seed.0, r.annotations[0].strength)).collect();
    assert_eq!(cells, [(1, 0.0), (2, 0.0), (3, 0.0), (1, 1.0), (2, 1.0), (3, 1.0)]);
}

#[test]
fn grids_that_cannot_be_made_say_why_and_queue_nothing() {
    let mut state = studio();
    let why = |state: &Studio| state.compare.grid.plan().expect_err("it cannot be made");
    assert!(why(&state).contains("what changes across"), "{}", why(&state));
    set(&mut state, true, Parameter::Seed, "");
    assert!(why(&state).contains("no values yet"), "no grid of zero cells: {}", why(&state));
    set(&mut state, true, Parameter::Seed, "1");
    set(&mut state, false, Parameter::Seed, "2");
    assert!(why(&state).contains("cannot change across and down"), "{}", why(&state));
    set(&mut state, false, Parameter::Steps, "10, 2000");
    assert!(why(&state).contains("The cell 1, 2000 cannot be made"), "{}", why(&state));
    set(&mut state, true, Parameter::Seed, "1 to 64");
    set(&mut state, false, Parameter::Guidance, "1 to 4 by 0.1");
    assert!(why(&state).contains("choose at most"), "{}", why(&state));
    assert!(reduce(&mut state, Action::Run).is_empty());
    state.compare.grid.case = None;
    assert!(why(&state).contains("Take a case"), "{}", why(&state));
}

#[test]
fn only_missing_cells_are_queued() {
    let mut state = studio();
    set(&mut state, true, Parameter::Seed, "1, 2, 3");
    state.compare.grid.finding = false;
    let effects = reduce(&mut state, Action::Run);
    let (version, requests) = asked(&effects).expect("the library is asked first");
    assert!(effects.iter().any(|e| matches!(e, AppEffect::Compare(RoomEffect::Grid(Effect::Keep { .. })))), "the grid is kept");
    let cells = vec![("a".to_owned(), Cell::Missing), ("b".to_owned(), Cell::Queued), ("c".to_owned(), Cell::Missing)];
    let news = News::Found { version, cells: Ok(cells), queue: true, requests };
    let jobs = queued(&arrived(&mut state, news));
    let found: Vec<(&str, &str, u64)> =
        jobs.iter().map(|j| (j.task.recipe.as_str(), j.task.cell.as_str(), j.request.seed.0)).collect();
    assert_eq!(found, [(RECIPE, "a", 1), (RECIPE, "c", 3)]);
    assert!(jobs.iter().all(|j| j.task.relation == Relation::Cell));
    assert_eq!(state.compare.grid.counts(), (0, 3, 0));
}

#[test]
fn an_answer_to_an_older_grid_is_asked_again() {
    let mut state = studio();
    let effects = set(&mut state, true, Parameter::Seed, "1, 2");
    let (version, requests) = asked(&effects).expect("the library is asked");
    reduce(&mut state, Action::SetTyped(true, "1, 2, 3".to_owned()));
    let cells = vec![("a".to_owned(), Cell::Missing); 2];
    let again = arrived(&mut state, News::Found { version, cells: Ok(cells), queue: false, requests });
    assert!(state.compare.grid.cells.is_empty());
    assert_eq!(asked(&again).expect("asked once more").1.len(), 3);
}

#[test]
fn a_cell_is_known_by_all_that_its_image_depends_on() {
    let state = studio();
    let base = state.compare.grid.case.as_ref().expect("a case").request.clone();
    let key = |request: &GenerateRequest, model: &str| find::key(request, model).expect("a request is text");
    let mut strength = base.clone();
    strength.annotations[0].strength = 0.5;
    assert_eq!(key(&base, "m"), key(&base.clone(), "m"));
    assert_ne!(key(&base, "m"), key(&base, "n"));
    assert_ne!(key(&base, "m"), key(&strength, "m"));
}
