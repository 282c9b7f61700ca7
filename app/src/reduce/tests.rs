//! Actions against a state without a window.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use engine::cancel::Cancel;
use engine::domain::{Finding, Mask, RectPx, Side};

use super::*;
use crate::jobs::{Generator, ModelState};
use crate::state::{LayerId, Region, Sex, Tool};
use crate::testing::FakeModel;

fn studio() -> State {
    let mut state = State::new(Example::RightPneumothorax.document(64), PathBuf::from("out"));
    state.example = Some(Example::RightPneumothorax);
    state.shown = Shown::Example;
    model_ready(&mut state, Arc::new(FakeModel::new(64, Duration::ZERO)));
    state
}

fn act(state: &mut State, actions: impl IntoIterator<Item = Action>) -> Vec<Effect> {
    actions.into_iter().flat_map(|a| reduce(state, a)).collect()
}

fn chosen(state: &State) -> LayerId {
    state.view.chosen.expect("a layer is chosen")
}

fn drag(from: (f32, f32), to: (f32, f32)) -> [Action; 4] {
    let middle = (0.5 * (from.0 + to.0), 0.5 * (from.1 + to.1));
    [
        Action::StrokeBegin { at: from, alternate: false },
        Action::StrokeTo { at: middle },
        Action::StrokeTo { at: to },
        Action::StrokeEnd,
    ]
}

fn mask(state: &State) -> Arc<Mask> {
    match &state.chosen_layer().expect("a layer is chosen").region {
        Region::Mask(mask) => Arc::clone(mask),
        other => panic!("the chosen layer is {other:?}"),
    }
}

#[test]
fn a_stroke_is_one_entry() {
    let mut state = studio();
    let before = state.document.clone();
    act(&mut state, drag((40.0, 20.0), (50.0, 40.0)));
    let after = state.document.clone();
    assert_ne!(before, after);
    assert!(mask(&state).get(45, 30));
    act(&mut state, [Action::Undo]);
    assert_eq!(state.document, before);
    act(&mut state, [Action::Redo]);
    assert_eq!(state.document, after);
    act(&mut state, [Action::Undo, Action::Undo, Action::Undo]);
    assert_eq!(state.document, before, "there was one entry only");
}

#[test]
fn erasing_nothing_leaves_no_entry() {
    let mut state = studio();
    act(&mut state, [Action::SetTool(Tool::Eraser)]);
    act(&mut state, drag((60.0, 60.0), (63.0, 63.0)));
    assert!(!state.history.can_undo());
}

#[test]
fn typing_is_one_entry_until_it_settles() {
    let mut state = studio();
    let before = state.document.impression.clone();
    act(&mut state, ["S", "Sm", "Small"].map(|t| Action::SetImpression(t.to_owned())));
    act(&mut state, [Action::Settle]);
    act(&mut state, [Action::SetImpression("Small left".to_owned()), Action::Undo]);
    assert_eq!(state.document.impression, "Small");
    act(&mut state, [Action::Undo]);
    assert_eq!(state.document.impression, before);
}

#[test]
fn every_kind_of_edit_can_be_undone() {
    let mut state = studio();
    let id = chosen(&state);
    let edits = [
        Action::InsertPhrase("No edema."),
        Action::SetSex(Sex::Female),
        Action::SetAge(Some(30)),
        Action::FlipText(Finding::Pneumothorax),
        Action::AddMask,
        Action::AddBox,
        Action::RemoveLayer(id),
        Action::SetFinding(id, Finding::Device),
        Action::SetStrength(id, 0.5),
        Action::SetOpacity(id, 0.5),
        Action::ToggleVisible(id),
        Action::ToggleLocked(id),
        Action::MirrorLayer(id),
    ];
    for edit in edits {
        let before = state.document.clone();
        act(&mut state, [edit.clone(), Action::Settle]);
        assert_ne!(state.document, before, "{edit:?} changes something");
        act(&mut state, [Action::Undo]);
        assert_eq!(state.document, before, "{edit:?} is undone");
    }
}

#[test]
fn tools_do_what_they_say() {
    let mut state = studio();
    act(&mut state, [Action::NewDocument]);
    // A brush without a layer makes one.
    act(&mut state, drag((10.0, 10.0), (20.0, 10.0)));
    let drawn = mask(&state);
    assert!(drawn.area() > 20);
    act(&mut state, [Action::SetTool(Tool::Move)]);
    act(&mut state, drag((10.0, 10.0), (40.0, 14.0)));
    let (a, b) = (drawn.centroid().expect("drawn"), mask(&state).centroid().expect("moved"));
    assert!((b.0 - a.0 - 30.0).abs() < 0.6 && (b.1 - a.1 - 4.0).abs() < 0.6, "{a:?} to {b:?}");
    act(&mut state, [Action::SetTool(Tool::Box)]);
    act(&mut state, drag((60.0, 50.0), (40.0, 60.0)));
    let rect = RectPx { x0: 40.0, y0: 50.0, x1: 60.0, y1: 60.0 };
    assert_eq!(state.chosen_layer().expect("the box").region, Region::Box(Some(rect)));
    assert_eq!(state.chosen_layer().expect("the box").side(64), Some(Side::Left));
    act(&mut state, [Action::Nudge(2, -5)]);
    assert_eq!(
        state.chosen_layer().expect("the box").region,
        Region::Box(Some(RectPx { x0: 42.0, y0: 45.0, x1: 62.0, y1: 55.0 }))
    );
}

#[test]
fn locked_layers_keep_their_pixels_and_say_so() {
    let mut state = studio();
    let id = chosen(&state);
    act(&mut state, [Action::ToggleLocked(id)]);
    let before = state.document.clone();
    act(&mut state, drag((40.0, 20.0), (50.0, 40.0)));
    assert_eq!(state.document, before);
    assert!(state.messages.list.last().is_some_and(|m| m.text.contains("locked")));
}

#[test]
fn a_run_goes_through_its_states() {
    let mut state = studio();
    let effects = act(&mut state, [Action::Generate]);
    assert!(matches!(effects[..], [Effect::StartJob(1)]));
    assert_eq!(state.shown, Shown::Live);
    let request = state.job.as_ref().expect("a job").request.clone();
    assert_eq!(request.annotations.len(), 1);
    assert!(request.impression.starts_with("sex:Male, age:64.0, race:A. "));

    // A second one has to wait.
    assert!(act(&mut state, [Action::Generate]).is_empty());

    let model = FakeModel::new(64, Duration::ZERO);
    let mut steps = Vec::new();
    let artifact = model
        .generate(&request, &Cancel::new(), &mut |p| {
            if let crate::jobs::Progress::Step { step, of, preview, .. } = p {
                steps.push((step, of, Arc::new(preview)));
            }
        })
        .expect("the fake model works")
        .expect("nobody cancelled");
    for (step, of, preview) in steps {
        step_done(&mut state, 1, step, of, preview, None, step as f64 * 0.1);
    }
    assert_eq!(state.job.as_ref().expect("a job").previews.len(), request.num_steps);
    finished(&mut state, 1, Arc::new(artifact), None);
    assert_eq!(state.shown, Shown::Result(0));
    assert!(state.job.is_none() && state.saved_by_itself);

    // The film leads through the steps of the result.
    act(&mut state, [Action::StepFilm(-10_000)]);
    assert_eq!(state.shown, Shown::ResultStep(0, 0));
    act(&mut state, [Action::StepFilm(1)]);
    assert_eq!(state.shown, Shown::ResultStep(0, 1));
    act(&mut state, [Action::StepFilm(10_000)]);
    assert_eq!(state.shown, Shown::Result(0));
}

#[test]
fn the_seed_counts_up_only_when_it_is_free() {
    for (locked, next) in [(true, 1482), (false, 1483)] {
        let mut state = studio();
        state.sampling.seed_locked = locked;
        act(&mut state, [Action::Generate]);
        let request = state.job.as_ref().expect("a job").request.clone();
        let artifact = FakeModel::new(64, Duration::ZERO)
            .generate(&request, &Cancel::new(), &mut |_| {})
            .expect("works")
            .expect("not cancelled");
        finished(&mut state, 1, Arc::new(artifact), None);
        assert_eq!(state.sampling.seed, next);
    }
}

#[test]
fn cancelling_and_failing_leave_the_case_alone() {
    let mut state = studio();
    let document = state.document.clone();
    act(&mut state, [Action::Generate, Action::Cancel]);
    assert!(state.job.as_ref().is_some_and(|j| j.cancelling && j.cancel.is_cancelled()));
    stopped(&mut state, 1, None);
    act(&mut state, [Action::Generate]);
    stopped(&mut state, 2, Some("The disk is full.".to_owned()));
    assert_eq!(state.document, document);
    assert_eq!(state.shown, Shown::Example);
    assert_eq!(state.messages.list.last().map(|m| (m.level, m.text.as_str())), Some((Level::Error, "The disk is full.")));
    // News of a job that is over changes nothing.
    stopped(&mut state, 2, Some("again".to_owned()));
    assert_eq!(state.messages.list.len(), 2);
}

#[test]
fn bad_requests_are_one_sentence_and_start_nothing() {
    let mut state = studio();
    let effects = act(
        &mut state,
        [
            Action::SetImpression("  ".to_owned()),
            Action::SetSex(Sex::Unstated),
            Action::SetAge(None),
            Action::SetGroup(crate::state::Group::Unstated),
            Action::Generate,
        ],
    );
    assert!(effects.is_empty() && state.job.is_none());
    let message = state.messages.list.last().expect("a message");
    assert_eq!(message.level, Level::Error);
    assert!(message.text.starts_with("Impression is empty"), "{}", message.text);

    state.model = ModelState::Failed("Weights are missing.".to_owned());
    assert!(act(&mut state, [Action::Generate]).is_empty());
    assert_eq!(state.messages.list.last().map(|m| m.text.as_str()), Some("Weights are missing."));
    act(&mut state, [Action::SetGuidance(f32::NAN), Action::SetSteps(0), Action::SetStrength(chosen(&studio()), f32::NAN)]);
    assert!(state.sampling.guidance.is_finite() && state.sampling.steps == 1);
}

#[test]
fn a_model_of_another_size_brings_the_case_along() {
    let mut state = studio();
    act(&mut state, drag((40.0, 20.0), (50.0, 40.0)));
    let before = mask(&state).area() as f32;
    model_ready(&mut state, Arc::new(FakeModel::new(128, Duration::ZERO)));
    assert_eq!((state.document.size_px, mask(&state).width()), (128, 128));
    assert!((mask(&state).area() as f32 / before - 4.0).abs() < 0.2);
}

#[test]
fn another_case_leaves_the_one_before_in_its_tab() {
    let mut state = studio();
    act(&mut state, drag((40.0, 20.0), (50.0, 40.0)));
    let before = state.document.clone();
    for other in [Action::NewDocument, Action::OpenExample(Example::LeftNodule)] {
        act(&mut state, [other]);
        assert_ne!(state.document, before);
        act(&mut state, [Action::Tabs(super::TabAction::Switch(0))]);
        assert_eq!(state.document, before);
        assert!(state.chosen_layer().is_some() && state.history.can_undo());
    }
}
