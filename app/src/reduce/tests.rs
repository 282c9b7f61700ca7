//! Actions against a state without a window.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use engine::cancel::Cancel;
use engine::domain::{Finding, GenerateRequest, Mask, RectPx, Side};

use super::*;
use crate::action::QueueAction;
use crate::jobs::{Generator, ModelState};
use crate::library::{Command, Counts, JobRow, JobState, Mark, NewGroup, RunRow};
use crate::state::{JobId, LayerId, Region, Sex, Tool};
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
    let group = asked(act(&mut state, [Action::Generate]));
    assert_eq!(state.shown, Shown::Live);
    assert!(state.is_running(), "it is as good as begun");
    let request = group.jobs[0].request.clone();
    assert_eq!(request.annotations.len(), 1);
    assert!(request.impression.starts_with("sex:Male, age:64.0, race:A. "));
    let effects = queue::enqueued(&mut state, &[job_row(1, &request)]);
    assert!(matches!(effects[..], [Effect::Nudge]));

    // A second one waits for its turn.
    let second = asked(act(&mut state, [Action::Generate]));
    queue::enqueued(&mut state, &[job_row(2, &second.jobs[0].request)]);
    begin(&mut state, 1, &request);
    assert_eq!(state.queue.waiting().map(|r| r.id).collect::<Vec<_>>(), [2]);

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
    end(&mut state, 1, Arc::new(artifact));
    assert_eq!(state.shown, Shown::Result(0));
    assert!(state.job.is_none() && state.results[0].run_id() == Some(101));
    assert_eq!(state.queue.secs_per_step.map(|secs| (secs * 1000.0).round()), Some(100.0));

    // The film leads through the steps of the result.
    act(&mut state, [Action::StepFilm(-10_000)]);
    assert_eq!(state.shown, Shown::ResultStep(0, 0));
    act(&mut state, [Action::StepFilm(1)]);
    assert_eq!(state.shown, Shown::ResultStep(0, 1));
    act(&mut state, [Action::StepFilm(10_000)]);
    assert_eq!(state.shown, Shown::Result(0));
}

/// The group that an effect puts into the queue.
fn asked(effects: Vec<Effect>) -> NewGroup {
    match effects.into_iter().next() {
        Some(Effect::Library(Command::Enqueue(group))) => group,
        other => panic!("{other:?} puts nothing into the queue"),
    }
}

fn job_row(id: JobId, request: &GenerateRequest) -> JobRow {
    JobRow { id, position: id as f64, seed: request.seed.0, steps: request.calls() as u32, ..JobRow::default() }
}

fn begin(state: &mut State, id: JobId, request: &GenerateRequest) -> Cancel {
    let cancel = Cancel::new();
    let row = JobRow { state: JobState::Running, rev: 1, ..job_row(id, request) };
    started(state, &row, request.clone(), cancel.clone());
    cancel
}

fn end(state: &mut State, id: JobId, artifact: Arc<crate::jobs::Artifact>) {
    let request = artifact.request.clone();
    let steps = request.calls() as u32;
    let run =
        RunRow { id: 100 + id, job: Some(id), seed: request.seed.0, secs: 0.8, steps, steps_ran: steps, ..RunRow::default() };
    let row = JobRow { state: JobState::Done, rev: 2, run: Some(run.id), ..job_row(id, &request) };
    finished(state, run, artifact, &[row], &[]);
}

fn made(request: &GenerateRequest) -> Arc<crate::jobs::Artifact> {
    let made = FakeModel::new(64, Duration::ZERO).generate(request, &Cancel::new(), &mut |_| {});
    Arc::new(made.expect("works").expect("not cancelled"))
}

#[test]
fn the_seed_counts_up_only_when_it_is_free() {
    for (locked, variants, next) in [(true, 1, 1482), (false, 1, 1483), (false, 4, 1486)] {
        let mut state = studio();
        state.sampling.seed_locked = locked;
        act(&mut state, [Action::Queue(QueueAction::SetVariants(variants))]);
        let group = asked(act(&mut state, [Action::Generate]));
        let seeds: Vec<u64> = group.jobs.iter().map(|j| j.request.seed.0).collect();
        assert_eq!(seeds, (1482..1482 + variants as u64).collect::<Vec<_>>());
        assert_eq!(state.sampling.seed, next);
    }
}

#[test]
fn cancelling_and_failing_leave_the_case_alone() {
    let mut state = studio();
    let document = state.document.clone();
    let request = asked(act(&mut state, [Action::Generate])).jobs[0].request.clone();
    queue::enqueued(&mut state, &[job_row(1, &request)]);
    let cancel = begin(&mut state, 1, &request);
    let effects = act(&mut state, [Action::Cancel]);
    assert!(matches!(&effects[..], [Effect::Stop(1), Effect::Library(Command::Cancel(ids))] if ids == &[1]));
    assert!(cancel.is_cancelled() && state.job.as_ref().is_some_and(|j| j.cancelling));
    stopped(&mut state, &JobRow { state: JobState::Cancelled, rev: 2, ..job_row(1, &request) });
    begin(&mut state, 2, &request);
    let failed = JobRow { state: JobState::Failed, rev: 2, reason: "The disk is full.".to_owned(), ..job_row(2, &request) };
    stopped(&mut state, &failed);
    assert_eq!(state.document, document);
    assert_eq!(state.shown, Shown::Example);
    assert_eq!(state.messages.list.last().map(|m| (m.level, m.text.as_str())), Some((Level::Error, "The disk is full.")));
    // News of a job that is over changes nothing.
    stopped(&mut state, &failed);
    assert_eq!(state.messages.list.len(), 2);
}

#[test]
fn a_paused_run_keeps_its_film_and_goes_on() {
    let mut state = studio();
    let request = asked(act(&mut state, [Action::Generate])).jobs[0].request.clone();
    queue::enqueued(&mut state, &[job_row(1, &request)]);
    begin(&mut state, 1, &request);
    let preview = || Arc::new(engine::domain::GrayImage::black(4, 4));
    step_done(&mut state, 1, 1, 8, preview(), None, 0.1);
    assert!(matches!(act(&mut state, [Action::Queue(QueueAction::Pause(true))])[..], [Effect::Hold(true)]));
    assert!(state.job.as_ref().is_some_and(|j| j.pausing));
    step_done(&mut state, 1, 2, 8, preview(), None, 0.2);
    let row = JobRow { state: JobState::Paused, rev: 2, steps_done: 2, ..job_row(1, &request) };
    paused(&mut state, &row, None);
    assert!(!state.is_running() && state.job.as_ref().is_some_and(|j| j.paused && !j.pausing));
    // Asked for meanwhile: it waits and the person is told.
    let later = asked(act(&mut state, [Action::Generate]));
    assert!(state.messages.list.last().is_some_and(|m| m.text == "The queue is paused; 2 runs wait in it."));
    queue::enqueued(&mut state, &[job_row(2, &later.jobs[0].request)]);
    assert!(!state.is_running());
    let effects = act(&mut state, [Action::Queue(QueueAction::Resume)]);
    assert!(matches!(effects[..], [Effect::Library(Command::Resume)]));
    let back = JobRow { state: JobState::Waiting, rev: 3, steps_done: 2, ..job_row(1, &request) };
    assert!(matches!(queue::resumed(&mut state, &[back])[..], [Effect::Go]));
    let row = JobRow { state: JobState::Running, rev: 4, steps_done: 2, ..job_row(1, &request) };
    started(&mut state, &row, request, Cancel::new());
    let job = state.job.as_ref().expect("the run goes on");
    assert_eq!((job.previews.len(), job.step, job.first_step), (2, 2, 0));
}

#[test]
fn a_paused_run_can_be_taken_back() {
    let mut state = studio();
    let request = asked(act(&mut state, [Action::Generate])).jobs[0].request.clone();
    begin(&mut state, 1, &request);
    paused(&mut state, &JobRow { state: JobState::Paused, rev: 2, ..job_row(1, &request) }, None);
    act(&mut state, [Action::Cancel]);
    queue::jobs_changed(&mut state, &[JobRow { state: JobState::Cancelled, rev: 3, ..job_row(1, &request) }]);
    assert!(state.job.is_none() && state.queue.is_empty());
    assert_eq!(state.shown, Shown::Example);
}

#[test]
fn what_waits_is_cleared_and_put_back() {
    let mut state = studio();
    assert!(act(&mut state, [Action::Queue(QueueAction::Clear)]).is_empty(), "there is nothing");
    let request = asked(act(&mut state, [Action::Generate])).jobs[0].request.clone();
    queue::enqueued(&mut state, &[job_row(1, &request), job_row(2, &request)]);
    assert!(matches!(act(&mut state, [Action::Queue(QueueAction::Clear)])[..], [Effect::Library(Command::Clear)]));
    let gone = [1, 2].map(|id| JobRow { state: JobState::Cancelled, rev: 1, ..job_row(id, &request) });
    queue::cleared(&mut state, &gone);
    assert!(state.queue.is_empty());
    let message = state.messages.list.last().expect("a message");
    assert_eq!(message.text, "2 runs were taken out of the queue.");
    let (label, undo) = message.action.clone().expect("it can be undone");
    assert_eq!(label, "Undo");
    let effects = act(&mut state, [undo]);
    assert!(matches!(effects.last(), Some(Effect::Library(Command::PutBack(ids))) if ids == &[1, 2]), "{effects:?}");
    assert!(effects.iter().filter(|e| matches!(e, Effect::Allow(_))).count() == 2);
}

#[test]
fn a_thousand_results_do_not_pile_up() {
    let mut state = studio();
    let request = asked(act(&mut state, [Action::Generate])).jobs[0].request.clone();
    let artifact = made(&request);
    let preview = Arc::new(engine::domain::GrayImage::black(64, 64));
    let latent = engine::domain::LatentValues::new(1, 1, 1, vec![0.0]);
    for id in 1..=1000 {
        begin(&mut state, id, &request);
        step_done(&mut state, id, 1, 8, Arc::clone(&preview), latent.clone(), 0.1);
        end(&mut state, id, Arc::clone(&artifact));
    }
    assert_eq!(state.results.len(), RESULTS);
    let films = state.results.iter().filter(|r| !r.previews.is_empty() && !r.latents.is_empty()).count();
    assert_eq!(films, FILMS);
    assert_eq!(state.results[0].run_id(), Some(1100), "the newest ones stay");
    assert!(state.queue.ended.len() <= 64 && state.queue.jobs.is_empty());

    // What one looks at keeps its steps.
    act(&mut state, [Action::Show(Shown::ResultStep(FILMS - 1, 0))]);
    begin(&mut state, 2000, &request);
    end(&mut state, 2000, artifact);
    assert_eq!(state.shown, Shown::ResultStep(FILMS, 0));
    assert!(state.shown_image().is_some());
}

#[test]
fn marks_and_seeds_of_the_shown_result() {
    let mut state = studio();
    assert!(act(&mut state, [Action::Queue(QueueAction::ToggleStar)]).is_empty(), "nothing is chosen");
    let request = asked(act(&mut state, [Action::Generate])).jobs[0].request.clone();
    begin(&mut state, 1, &request);
    end(&mut state, 1, made(&request));
    for (action, mark) in [
        (QueueAction::ToggleStar, Mark::Star),
        (QueueAction::ToggleStar, Mark::None),
        (QueueAction::ToggleReject, Mark::Reject),
        (QueueAction::ToggleStar, Mark::Star),
    ] {
        let effects = act(&mut state, [Action::Queue(action)]);
        assert!(matches!(&effects[..], [Effect::Library(Command::Change(ids, _))] if ids == &[101]));
        assert_eq!(state.shown_run().map(|run| run.mark), Some(mark));
    }
    act(&mut state, [Action::SetSeed(5), Action::SetSteps(3), Action::Queue(QueueAction::RecallSeed)]);
    assert_eq!((state.sampling.seed, state.sampling.steps), (1482, 3), "the seed only");
}

#[test]
fn the_session_goes_on_after_a_start() {
    let mut state = studio();
    let request = GenerateRequest::new("Clear lungs.", 1);
    let open = vec![job_row(3, &request), job_row(4, &request)];
    let start = crate::library::keeper::AtStart {
        open,
        ended: Vec::new(),
        counts: Counts { queued: 4, open: 2, done: 2, ..Counts::default() },
        results: Vec::new(),
        folder: PathBuf::from("data"),
    };
    let effects = queue::library_opened(&mut state, start);
    assert!(matches!(&effects[0], Effect::WorkOn(folder, true) if folder == &PathBuf::from("data")));
    assert!(!state.is_running(), "it waits to be allowed");
    let message = state.messages.list.last().expect("a message");
    assert_eq!(message.text, "2 runs wait from the last session.");
    assert_eq!(message.action, Some(("Resume", Action::Queue(QueueAction::Resume))));
}

#[test]
fn a_library_that_cannot_be_used_says_so_and_nothing_is_lost_in_silence() {
    let mut state = studio();
    act(&mut state, [Action::Generate]);
    queue::library_unusable(&mut state, "The library is of a later version.".to_owned());
    assert!(!state.is_running());
    assert_eq!(state.shown, Shown::Example);
    assert!(act(&mut state, [Action::Generate]).is_empty());
    assert_eq!(state.messages.list.iter().filter(|m| m.text == "The library is of a later version.").count(), 2);
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
