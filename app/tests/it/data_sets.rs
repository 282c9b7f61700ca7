//! The Data sets room: compose, look at the plan, queue, judge, export, all by accessible names.

use std::path::Path;
use std::time::Duration;

use app::action::Action;
use app::dataset::coverage::Axis;
use app::dataset::{Case, Recipe};
use app::rooms::data_sets::review::{Tally, Verdict};
use app::rooms::data_sets::state::{Field, Page};
use app::rooms::data_sets::{self};
use app::state::Room;
use eframe::egui::accesskit::Role as Kind;
use egui_kittest::kittest::Queryable;

use crate::harness::{Studio, click, see, studio, wait};

fn act(h: &mut Studio, action: data_sets::Action) {
    h.state_mut().act(Action::DataSets(action));
    h.run_steps(2);
}

/// A studio in the room with a small recipe whose plan is made.
fn room(dir: &Path) -> Studio {
    let mut h = studio(dir, Duration::ZERO);
    h.state_mut().act(Action::OpenRoom(Room::DataSets));
    let mut recipe = Recipe::default();
    recipe.name = "Small set".to_owned();
    if let Some(quotas) = &mut recipe.who.quotas {
        quotas.rows = 8;
    }
    recipe.how.steps = Some(2);
    act(&mut h, data_sets::Action::Edit(Box::new(recipe)));
    wait(&mut h, "the plan", |a| {
        let room = &a.state.data_sets;
        room.ready().is_some_and(|plan| plan.rows.list.len() == 8) && room.items.len() == 8
    });
    h
}

fn tally(h: &Studio) -> Tally {
    Tally::of(&h.state().state.data_sets.items)
}

#[test]
fn a_data_set_is_composed_seen_made_judged_and_exported() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = room(dir.path());
    // The plan stands before anything is sampled.
    see(&mut h, "Sum of all: 8");
    see(&mut h, "Pneumothorax, right: 1");
    assert_eq!(h.state().state.data_sets.ready().map(|plan| plan.examples.len()), Some(8));
    assert!(h.query_all_by_role(Kind::Image).count() >= 8, "examples have names");
    act(&mut h, data_sets::Action::SetAxis(Axis::Sex));
    see(&mut h, "Sum, female: 4");
    h.check_accessibility();

    click(&mut h, "Queue data set");
    wait(&mut h, "all images", |a| Tally::of(&a.state.data_sets.items).accepted == 8);
    assert_eq!(h.state().state.data_sets.page, Page::Images);
    see(&mut h, "Row 3, seed 1: Accepted");

    // One is set aside with a reason, one is made again from another seed.
    click(&mut h, "Row 3, seed 1: Accepted");
    act(&mut h, data_sets::Action::SetReason("The heart is cut off.".to_owned()));
    click(&mut h, "Quarantine image");
    see(&mut h, "Row 3, seed 1: Quarantined");
    let case = Case { row: 4, copy: 1, twin: false };
    let seed = |h: &Studio| h.state().state.data_sets.item(case).and_then(|i| i.run.as_ref().map(|r| r.seed));
    let before = seed(&h);
    click(&mut h, "Row 4, seed 1: Accepted");
    click(&mut h, "Retry image");
    wait(&mut h, "the second try", |a| {
        a.state.data_sets.item(case).is_some_and(|i| i.tries == 2 && i.verdict == Verdict::Accepted)
    });
    assert_ne!(seed(&h), before);
    assert_eq!((tally(&h).accepted, tally(&h).quarantined), (7, 1));
    click(&mut h, "Look for near duplicates");
    wait(&mut h, "the comparison", |a| a.state.data_sets.duplicates.is_some());

    let set = dir.path().join("set");
    act(&mut h, data_sets::Action::SetPath(Field::Export, set.clone()));
    click(&mut h, "Export data set");
    wait(&mut h, "the export", |a| a.state.data_sets.busy.is_none() && a.state.data_sets.said.is_some());
    let sheet =
        std::fs::read_to_string(set.join("datasheet.md")).unwrap_or_else(|e| panic!("{e}: {:?}", h.state().state.data_sets.said));
    assert!(sheet.contains("7 of 8 planned") && sheet.contains("The heart is cut off."), "{sheet}");
    assert_eq!(std::fs::read_dir(set.join("images")).expect("images").count(), 7);
}

#[test]
fn only_what_is_missing_is_queued_after_a_restart() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = room(dir.path());
    click(&mut h, "Queue data set");
    wait(&mut h, "all images", |a| Tally::of(&a.state.data_sets.items).accepted == 8);
    let recipe = h.state().state.data_sets.recipe.clone();
    drop(h);
    let mut again = studio(dir.path(), Duration::ZERO);
    again.state_mut().act(Action::OpenRoom(Room::DataSets));
    act(&mut again, data_sets::Action::Edit(Box::new(recipe)));
    wait(&mut again, "the library", |a| Tally::of(&a.state.data_sets.items).accepted == 8);
    act(&mut again, data_sets::Action::Queue);
    let last = again.state().state.messages.list.last().map(|m| m.text.clone()).unwrap_or_default();
    assert!(last.contains("Every image of the plan is made"), "{last}");
}

#[test]
fn recipes_and_tables_are_read_and_faults_are_named() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = room(dir.path());
    let said = |h: &Studio| match &h.state().state.data_sets.said {
        Some(Ok(words) | Err(words)) => words.clone(),
        None => String::new(),
    };
    let file = dir.path().join("recipe.json");
    act(&mut h, data_sets::Action::SetPath(Field::Recipe, file.clone()));
    click(&mut h, "Save recipe");
    wait(&mut h, "the file", |a| a.state.data_sets.busy.is_none() && a.state.data_sets.said.is_some());
    let text = std::fs::read_to_string(&file).expect("the recipe");
    std::fs::write(&file, text.replace("\"seeds_per_row\"", "\"seed_per_row\"")).expect("writable");
    click(&mut h, "Open recipe");
    wait(&mut h, "the sentence", |a| a.state.data_sets.said.as_ref().is_some_and(Result::is_err));
    assert!(said(&h).contains("did you mean seeds_per_row?"), "{}", said(&h));

    let table = dir.path().join("cohort.csv");
    std::fs::write(&table, "finding,side,zone\nnormal,,\npneumothorax,left,basal\n").expect("writable");
    act(&mut h, data_sets::Action::SetPath(Field::Table, table.clone()));
    click(&mut h, "Import table");
    wait(&mut h, "the sentence", |a| {
        a.state.data_sets.busy.is_none() && a.state.data_sets.said.as_ref().is_some_and(Result::is_err)
    });
    assert!(said(&h).contains("ine 3, column zone") && said(&h).contains("apical"), "{}", said(&h));
    std::fs::write(&table, "finding,side,zone\nnormal,,\npneumothorax,left,apical\n").expect("writable");
    click(&mut h, "Import table");
    wait(&mut h, "the plan", |a| a.state.data_sets.ready().is_some_and(|plan| plan.rows.list.len() == 2));
    see(&mut h, "Sum of all: 2");
    click(&mut h, "Undo recipe change");
    wait(&mut h, "the plan", |a| a.state.data_sets.ready().is_some_and(|plan| plan.rows.list.len() == 8));
}

#[test]
fn a_row_of_several_findings_is_planned_and_made() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = room(dir.path());
    let drag = h.get_by_label("Share of rows with two findings");
    drag.focus();
    h.run_steps(2);
    see(&mut h, "Share of rows with three findings");
    let mut recipe = h.state().state.data_sets.recipe.clone();
    if let Some(quotas) = &mut recipe.who.quotas {
        quotas.together = vec![0, 1];
    }
    act(&mut h, data_sets::Action::Edit(Box::new(recipe)));
    wait(&mut h, "the plan", |a| {
        let room = &a.state.data_sets;
        room.ready().is_some_and(|plan| plan.rows.list.iter().any(|row| row.more.len() == 1)) && room.items.len() == 8
    });
    // Two normal rows, and six of two findings.
    see(&mut h, "Sum of all: 14");
    assert!(h.query_by_label_contains("each finding of a row counts").is_some());
    assert!(h.query_all_by_label_contains(" + ").count() > 0, "examples name both");
    click(&mut h, "Queue data set");
    wait(&mut h, "all images", |a| Tally::of(&a.state.data_sets.items).accepted == 8);
    let runs: Vec<usize> = h.state().state.data_sets.items.iter().filter_map(|i| Some(i.run.as_ref()?.measures.len())).collect();
    assert_eq!((runs.iter().filter(|n| **n == 2).count(), runs.len()), (6, 8), "each finding is measured");
    h.check_accessibility();
}

#[test]
fn chosen_runs_become_a_set_of_their_own() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    for seed in [1, 2, 3] {
        h.state_mut().act(Action::SetSeed(seed));
        click(&mut h, "Generate");
        wait(&mut h, "the image", |a| a.state.results.len() == seed as usize);
    }
    click(&mut h, "Runs");
    wait(&mut h, "the wall", |a| a.state.runs.ids().len() == 3);
    h.state_mut().act(Action::Runs(app::rooms::runs::Action::ChooseAll));
    h.run_steps(2);
    click(&mut h, "To data set");
    wait(&mut h, "the set", |a| a.state.data_sets.collected.runs.len() == 3);
    assert_eq!((h.state().state.room, h.state().state.data_sets.page), (Room::DataSets, Page::Collected));
    assert!(h.query_by_label_contains("Collected run 2: Pneumothorax, patient's right").is_some());
    click(&mut h, "Take run 2 out");
    wait(&mut h, "the rest", |a| a.state.data_sets.collected.runs.len() == 2);
    h.check_accessibility();
    let set = dir.path().join("set");
    act(&mut h, data_sets::Action::SetPath(Field::Export, set.clone()));
    click(&mut h, "Export collected set");
    wait(&mut h, "the export", |a| a.state.data_sets.busy.is_none() && a.state.data_sets.said.is_some());
    let sheet =
        std::fs::read_to_string(set.join("datasheet.md")).unwrap_or_else(|e| panic!("{e}: {:?}", h.state().state.data_sets.said));
    assert!(sheet.contains("# Datasheet: Collected") && sheet.contains("Put together by a person"), "{sheet}");
    for file in ["images/run-00001.png", "masks/run-00003.png", "coco.json", "yolo/run-00001.txt", "manifest.csv"] {
        assert!(set.join(file).is_file(), "{file} is missing");
    }
    // The recipe can take them as rows, and another start finds the set.
    click(&mut h, "Collected runs as rows of the recipe");
    wait(&mut h, "the plan", |a| a.state.data_sets.ready().is_some_and(|plan| plan.rows.list.len() == 2));
    drop(h);
    let mut again = studio(dir.path(), Duration::ZERO);
    again.state_mut().act(Action::OpenRoom(Room::DataSets));
    wait(&mut again, "the set", |a| a.state.data_sets.collected.runs.len() == 2);
}

#[test]
fn every_path_has_a_dialog_and_the_palette_has_the_room() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = room(dir.path());
    for name in ["Recipe file path", "Cohort table path", "Job folder path", "Export folder path"] {
        assert!(h.query_by_role_and_label(Kind::Button, &format!("Browse: {name}")).is_some(), "{name}");
    }
    let now = |h: &Studio, id: &str| (app::command::find(id).expect("a row").action)(&h.state().state);
    assert_eq!(now(&h, "set.queue"), Some(Action::DataSets(data_sets::Action::Queue)));
    assert_eq!(now(&h, "set.save-recipe"), None, "no path is typed yet");
    let file = dir.path().join("recipe.json");
    act(&mut h, data_sets::Action::SetPath(Field::Recipe, file.clone()));
    let save = now(&h, "set.save-recipe").expect("it has a path");
    h.state_mut().act(save);
    wait(&mut h, "the file", |a| a.state.data_sets.busy.is_none() && a.state.data_sets.said.is_some());
    assert!(file.is_file());
    let page = now(&h, "set.collected").expect("the room is open");
    h.state_mut().act(page);
    h.run_steps(2);
    assert!(h.query_by_label_contains("Choose runs in the Runs room and press To data set").is_some());
}
