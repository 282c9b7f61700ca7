use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use engine::cancel::Cancel;
use engine::domain::{Annotation, Finding, GenerateRequest, Mask, RectPx};

use super::*;
use crate::jobs::Generator;
use crate::library::RunRow;
use crate::library::reader::{Inspected, Wall};
use crate::library::testing::{Sample, library};
use crate::testing::FakeModel;

fn state() -> State {
    State::new(Document::empty(32), "saved".into())
}

/// A state with a wall of so many runs, newest first.
fn walled(n: i64) -> State {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let db = library(dir.path());
    for _ in 0..n {
        Sample::default().insert(&db);
    }
    let index = crate::library::index::Index::load(&db.connection).expect("it reads");
    let mut state = state();
    let found = crate::library::query::Found { ids: (1..=n).rev().collect(), ..Default::default() };
    state.runs.wall = Some(Arc::new(Wall { index: Arc::new(index), found, ..Wall::default() }));
    state
}

fn details(id: i64, request: &GenerateRequest) -> Details {
    let model = FakeModel::new(32, Duration::ZERO);
    let made = model.generate(request, &Cancel::new(), &mut |_| {}).expect("it obeys").expect("it was not cancelled");
    let row = RunRow { id, impression: request.impression.clone(), seed: request.seed.0, ..RunRow::default() };
    Details { row, file: PathBuf::from(format!("images/{id}.png")), record: Ok(Arc::new(made.record)) }
}

fn questions(effects: &[AnyEffect]) -> Vec<Question> {
    let question = |e: &AnyEffect| match e {
        AnyEffect::Runs(Effect::Ask(question)) => Some(question.clone()),
        _ => None,
    };
    effects.iter().filter_map(question).collect()
}

#[test]
fn every_filter_asks_again() {
    let mut state = state();
    let asked = reduce(&mut state, Action::Search("effusion".to_owned()));
    assert!(matches!(&questions(&asked)[..], [Question::Find(filter, _)] if filter.text == "effusion"));
    let asked = reduce(&mut state, Action::SetAdherence(Some((0.9, 0.2))));
    assert!(matches!(&questions(&asked)[..], [Question::Find(filter, _)] if filter.adherence == Some((0.2, 0.9))));
    let asked = reduce(&mut state, Action::ShowAll);
    assert!(matches!(&questions(&asked)[..], [Question::Find(filter, _)] if filter.is_empty()));
}

#[test]
fn arrows_move_and_extend_and_stop_at_the_ends() {
    let mut state = walled(10);
    let moved = |state: &mut State, by, extend| {
        reduce(state, Action::Move { by, extend });
        state.runs.chosen.cursor
    };
    assert_eq!(moved(&mut state, 1, false), Some(10), "the first key goes to the first run");
    assert_eq!(moved(&mut state, 4, false), Some(6));
    assert_eq!(state.runs.scroll_to, Some(4));
    assert_eq!(moved(&mut state, 2, true), Some(4));
    assert_eq!(state.runs.chosen.ids, [4, 5, 6].into());
    assert_eq!(moved(&mut state, i64::MAX, false), Some(1));
    assert_eq!(moved(&mut state, -1000, false), Some(10));
    let mut empty = walled(0);
    assert_eq!(moved(&mut empty, 1, false), None);
}

#[test]
fn two_chosen_runs_are_compared() {
    let mut state = walled(5);
    reduce(&mut state, Action::Choose(2, Pick::Only));
    let asked = reduce(&mut state, Action::Choose(4, Pick::Toggle));
    assert_eq!(questions(&asked), [Question::About(Inquiry::Inspect { id: 4, against: Some(2) })]);
    assert_eq!(state.runs.pair(), (Some(2), Some(4)));
    // A late answer for another run does not take the inspector over.
    let request = GenerateRequest::new("x", 1);
    let late = Inspected { details: details(2, &request), lineage: Default::default(), diff: None };
    answer(&mut state, Answer::Run(Box::new(late)));
    assert!(state.runs.inspected().is_none());
}

#[test]
fn marks_toggle_for_all_at_once() {
    let mut state = walled(3);
    let marked = reduce(&mut state, Action::Mark(vec![1, 2], Mark::Star));
    assert_eq!(questions(&marked), [Question::Change(vec![1, 2], Change::Mark(Mark::Star))]);
    let wall = Wall::clone(state.runs.wall.as_ref().expect("a wall"));
    let dir = tempfile::tempdir().expect("a temporary folder");
    let db = library(dir.path());
    Sample { mark: "star", ..Sample::default() }.insert(&db);
    let index = crate::library::index::Index::load(&db.connection).expect("it reads");
    state.runs.wall = Some(Arc::new(Wall { index: Arc::new(index), ..wall }));
    let marked = reduce(&mut state, Action::Mark(vec![1], Mark::Star));
    let away = [Question::Change(vec![1], Change::Mark(Mark::None))];
    assert_eq!(questions(&marked), away, "the same mark again takes it away");
    assert!(reduce(&mut state, Action::Mark(Vec::new(), Mark::Star)).is_empty());
    assert!(state.messages.list.last().is_some_and(|m| m.text.contains("Choose a run")));
}

#[test]
fn a_typed_note_is_kept_when_one_turns_to_another_run() {
    let mut state = walled(3);
    reduce(&mut state, Action::Choose(1, Pick::Only));
    reduce(&mut state, Action::TypeNote(1, "for the talk".to_owned()));
    let effects = reduce(&mut state, Action::Choose(2, Pick::Only));
    let kept = Question::Change(vec![1], Change::Note("for the talk".to_owned()));
    assert!(questions(&effects).contains(&kept), "{effects:?}");
    assert_eq!(state.runs.note, None);
}

#[test]
fn chosen_runs_go_into_the_compare_room() {
    let mut state = state();
    let run = details(3, &GenerateRequest::new("Small left effusion.", 77));
    let file = run.file.clone();
    let (actions, effects) = answer(&mut state, Answer::Files(vec![run], Vec::new(), Purpose::Compare));
    assert!(effects.is_empty());
    assert_eq!(actions, [Any::Compare(crate::rooms::compare::Action::AddFiles(vec![file])), Any::OpenRoom(Room::Compare)]);
}

#[test]
fn parts_of_a_run_come_into_the_open_case_one_by_one() {
    let mut state = state();
    let mut request = GenerateRequest::new("sex:Male, age:40.0. Small left effusion.", 77);
    request.annotations = vec![
        Annotation::mask(Finding::PleuralEffusion, Mask::from_fn(32, 32, |x, y| x > 20 && y > 20)),
        Annotation { strength: 0.5, ..Annotation::boxed(Finding::Nodule, RectPx::from_corners(1.0, 1.0, 9.0, 9.0), 32, 32) },
    ];
    let run = || vec![details(3, &request)];
    let before = state.document.clone();
    let take = |state: &mut State, purpose| {
        let (actions, effects) = answer(state, Answer::Files(run(), Vec::new(), purpose));
        assert!(effects.is_empty());
        for action in actions {
            crate::reduce::reduce(state, action);
        }
    };
    take(&mut state, Purpose::RecallSeed);
    assert_eq!((state.sampling.seed, &state.document), (77, &before), "the seed alone");
    take(&mut state, Purpose::RecallText);
    assert_eq!(state.document.full_impression(), request.impression);
    assert_eq!(state.document.layers, before.layers, "the text alone");
    take(&mut state, Purpose::RecallLayers);
    assert_eq!(state.document.annotations(), request.annotations);
    let ids: std::collections::BTreeSet<_> = state.document.layers.iter().map(|l| l.id).collect();
    assert_eq!(ids.len(), state.document.layers.len(), "layers have names of their own");
    crate::reduce::reduce(&mut state, Any::Undo);
    assert_eq!(state.document.layers, before.layers, "one step of the journal takes them away");
}

#[test]
fn commands_go_to_the_clipboard_and_other_models_are_named() {
    let mut state = state();
    let run = details(3, &GenerateRequest::new("Small left effusion.", 77));
    let (actions, effects) =
        answer(&mut state, Answer::Files(vec![run], vec!["Run 4: it is gone.".to_owned()], Purpose::Command));
    assert!(actions.is_empty());
    assert!(
        matches!(&effects[..], [AnyEffect::Runs(Effect::Copy(text))] if text.starts_with("chexgen generate '--impression=Small"))
    );
    let said: Vec<&str> = state.messages.list.iter().map(|m| m.text.as_str()).collect();
    assert_eq!(said, ["Run 4: it is gone.", "The command is on the clipboard. Add --model with the folder of Fake."]);
}

#[test]
fn restoring_opens_each_file_and_goes_to_the_canvas() {
    let mut state = state();
    let request = GenerateRequest::new("x", 1);
    let runs = vec![details(1, &request), details(2, &request)];
    let (actions, _) = answer(&mut state, Answer::Files(runs, Vec::new(), Purpose::Restore));
    let expected = [Any::OpenFile("images/1.png".into()), Any::OpenFile("images/2.png".into()), Any::OpenRoom(Room::Canvas)];
    assert_eq!(actions, expected);
}
