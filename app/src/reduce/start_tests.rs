//! What the threads tell at a start, in every order: the studio must come to the same end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use engine::cancel::Cancel;
use engine::domain::{Finding, GenerateRequest, GrayImage};

use super::*;
use crate::action::QueueAction;
use crate::jobs::Generator;
use crate::journal::log::Chain;
use crate::journal::{Loaded, LoadedCase};
use crate::library::keeper::AtStart;
use crate::library::{Counts, JobRow, JobState, RunRow};
use crate::state::{Held, Region};
use crate::testing::FakeModel;

/// Side of the canvas before anything is known.
const START_PX: u32 = 96;

/// What a thread may tell at a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Model(u32),
    Library,
    Cases(u32),
    Example,
    Pace,
    Counts,
}

fn fresh() -> State {
    let mut state = State::new(Example::ALL[0].document(START_PX), PathBuf::from("out"));
    state.tabs.number_from(1000);
    state.example = Some(Example::ALL[0]);
    state.shown = Shown::Example;
    state
}

fn act(state: &mut State, actions: impl IntoIterator<Item = Action>) {
    for action in actions {
        reduce(state, action);
    }
}

fn stroke(size: u32) -> [Action; 3] {
    let point = |x: f32, y: f32| (x * size as f32, y * size as f32);
    [Action::StrokeBegin { at: point(0.2, 0.3), alternate: false }, Action::StrokeTo { at: point(0.35, 0.5) }, Action::StrokeEnd]
}

/// A case as the journal of a session before has it.
fn stored(id: u64, size: u32, example: Option<Example>, actions: Vec<Action>) -> LoadedCase {
    let document = example.map_or_else(|| Document::empty(size), |e| e.document(size));
    let mut before = State::new(document, PathBuf::from("out"));
    act(&mut before, [Action::Hover(None)]);
    act(&mut before, actions);
    act(&mut before, [Action::Settle]);
    let mut chain = Chain::default();
    before.take_journal().iter().flat_map(|(_, records)| records).for_each(|record| chain.apply(record));
    let (now, history) = chain.now().cloned().zip(chain.history()).expect("the case began");
    LoadedCase { id, now, history, example, place: 0 }
}

/// Three cases of the session before: the open one was drawn and typed in, the others were not or were closed.
fn cases(size: u32) -> Loaded {
    let mut drawn: Vec<Action> = stroke(size).into();
    drawn.extend([Action::SetImpression("Mine.".into()), Action::Settle, Action::SetSteps(7), Action::Settle]);
    drawn.extend([Action::SetAge(Some(70)), Action::Settle, Action::Undo]);
    Loaded {
        open: 7,
        cases: vec![
            stored(5, size, Some(Example::ALL[1]), Vec::new()),
            stored(7, size, Some(Example::ALL[0]), drawn),
            stored(8, size, None, vec![Action::SetImpression("Other.".into())]),
        ],
        closed: vec![stored(9, size, None, vec![Action::SetImpression("Closed.".into())])],
    }
}

fn library() -> AtStart {
    let model = FakeModel::new(16, Duration::ZERO);
    let result = |seed: u64| {
        let request = GenerateRequest { num_steps: 1, ..GenerateRequest::new("Clear lungs.", seed) };
        let made = model.generate(&request, &Cancel::new(), &mut |_| {}).expect("it works").expect("nobody cancelled");
        let run = RunRow { id: seed as i64, job: Some(seed as i64), name: "Earlier".to_owned(), ..RunRow::default() };
        (run, Opened { name: "Earlier".to_owned(), artifact: made })
    };
    let job = |id, state| JobRow { id, position: id as f64, state, steps: 8, ..JobRow::default() };
    AtStart {
        open: vec![job(21, JobState::Waiting), job(22, JobState::Paused)],
        ended: vec![job(20, JobState::Done), job(19, JobState::Done)],
        counts: Counts { queued: 4, open: 2, done: 2, ..Counts::default() },
        results: vec![result(20), result(19)],
        folder: PathBuf::from("data"),
    }
}

fn tell(state: &mut State, news: News) {
    match news {
        News::Model(size) => drop(model_ready(state, Arc::new(FakeModel::new(size, Duration::ZERO)))),
        News::Library => drop(queue::library_opened(state, library())),
        News::Cases(size) => session_loaded(state, cases(size)),
        News::Example => {
            example_drawn(state, Example::ALL[0], Arc::new(GrayImage::black(START_PX, START_PX)));
            example_drawn(state, Example::ALL[0], Arc::new(GrayImage::black(8, 8)));
        }
        // Answers of a library that is slow reach the window after the model or before it.
        News::Pace => {
            let hash = FakeModel::new(16, Duration::ZERO).card().hash.clone();
            if state.model.card().is_some() {
                queue::paced(state, &hash, Some(0.5));
            }
        }
        News::Counts => {
            if !matches!(state.queue.library, crate::state::LibraryState::Opening) {
                queue::counted(state, library().counts);
            }
        }
    }
}

/// Everything that a person sees of the open case and beside it, and every step back.
fn end(mut state: State) -> Vec<String> {
    let mut end = Vec::new();
    let queue = &state.queue;
    let jobs: Vec<_> = queue.jobs.iter().chain(&queue.ended).map(|j| (j.id, j.state)).collect();
    end.push(format!("{jobs:?} {:?} {:?} {:?}", queue.held, queue.counts, queue.library));
    let results: Vec<_> = state.results.iter().map(|r| (r.name.clone(), r.run_id(), r.artifact.request.seed)).collect();
    end.push(format!("{results:?}"));
    end.push(format!("{:?}", state.pictures.iter().map(|(e, p)| (*e, p.width())).collect::<Vec<_>>()));
    let closed: Vec<_> = state.tabs.closed.iter().map(|(at, t)| (*at, t.id)).collect();
    end.push(format!("{:?} {} {closed:?}", state.tabs.list.iter().map(|t| t.id).collect::<Vec<_>>(), state.tabs.open));
    for _ in 0..state.tabs.list.len() {
        let view = (state.view.brush_px, state.view.zoom, state.view.center, state.view.chosen, state.view.tool);
        end.push(format!("{} {:?} {:?} {view:?}", state.tabs.open_id(), state.shown, state.example));
        end.push(format!("{:?} {:?} {}", state.sampling, state.natural, state.history.len()));
        end.push(format!("{:?}", state.document));
        let steps = state.history.len();
        act(&mut state, std::iter::repeat_n(Action::Undo, steps));
        assert!(!state.history.can_undo());
        end.push(format!("{:?} {:?}", state.document, state.sampling));
        act(&mut state, std::iter::repeat_n(Action::Redo, steps));
        // Looking at a case is no edit of it.
        assert_eq!(state.history.len(), steps);
        act(&mut state, [Action::Tabs(TabAction::Next(1))]);
    }
    end
}

/// Every order of some news.
fn orders(news: &[News]) -> Vec<Vec<News>> {
    let Some((first, rest)) = news.split_first() else { return vec![Vec::new()] };
    let insert = |order: Vec<News>| {
        (0..=order.len()).map(move |at| {
            let mut order = order.clone();
            order.insert(at, *first);
            order
        })
    };
    orders(rest).into_iter().flat_map(insert).collect()
}

/// Tells the news in every order, after what a person did at once, and gives the one end that all come to.
fn one_end(news: &[News], at_once: &[Action], then: &[Action]) -> Vec<String> {
    let mut ends = orders(news).into_iter().map(|order| {
        let mut state = fresh();
        act(&mut state, at_once.to_vec());
        order.iter().for_each(|news| tell(&mut state, *news));
        act(&mut state, then.to_vec());
        (order, end(state))
    });
    let (first, expected) = ends.next().expect("an order");
    for (order, end) in ends {
        for (got, expected) in end.iter().zip(&expected) {
            assert_eq!(got, expected, "{order:?} ends otherwise than {first:?}");
        }
        assert_eq!(end.len(), expected.len());
    }
    expected
}

const SIZES: [(u32, u32); 4] = [(64, 64), (128, 64), (64, 128), (START_PX, START_PX)];

#[test]
fn the_order_of_the_news_does_not_matter() {
    for (model, drawn) in SIZES {
        let news = [News::Model(model), News::Library, News::Cases(drawn), News::Example, News::Counts];
        let end = one_end(&news, &[], &[]);
        assert!(end[0].contains("Restart"), "the queue waits to be allowed: {}", end[0]);
        assert!(end[3].starts_with("[5, 7, 8] 1"), "{}", end[3]);
        assert!(end[6].contains("Mine.") && end[6].contains(&format!("size_px: {model}")), "{}", end[6]);
        assert!(end[5].contains("steps: 7") && end[5].ends_with(" 3"), "three entries, one of them undone: {}", end[5]);
    }
    // A library without runs, a session without cases.
    one_end(&[News::Model(64), News::Library, News::Example], &[], &[]);
    let alone = one_end(&[News::Model(64), News::Example, News::Pace], &[], &[]);
    assert!(alone[5].contains("steps: 8"), "nobody chose settings, so they are the model's: {}", alone[5]);
}

#[test]
fn what_a_person_began_before_the_news_stays_on_the_canvas() {
    let news = |model, drawn| [News::Model(model), News::Library, News::Cases(drawn), News::Example];
    for (model, drawn) in SIZES {
        // A text that is still being typed.
        let typing = [Action::SetImpression("Qui".into()), Action::SetSeed(3)];
        let end = one_end(&news(model, drawn), &typing, &[Action::Settle]);
        assert!(end[3].starts_with("[5, 7, 1000, 8] 2"), "{}", end[3]);
        assert!(end[6].contains("Qui"), "{}", end[6]);
        assert!(end[5].contains("seed: 3") && end[5].contains("steps: 8") && end[5].ends_with(" 1"), "{}", end[5]);
        // A stroke whose button is down while the news come.
        let [begin, to, up] = stroke(START_PX);
        let end = one_end(&news(model, drawn), &[begin, to], &[up]);
        assert!(end[3].starts_with("[5, 7, 1000, 8] 2"), "{}", end[3]);
        assert!(end[5].ends_with(" 1"), "one gesture, one entry: {}", end[5]);
        // A polygon, which is no gesture before it is closed.
        let polygon = [Action::SetTool(crate::state::Tool::Polygon), Action::StrokeBegin { at: (9.0, 9.0), alternate: false }];
        one_end(&news(model, drawn), &polygon, &[Action::SetTool(crate::state::Tool::Brush)]);
        // Another case, in which nothing was done yet.
        let end = one_end(&news(model, drawn), &[Action::NewDocument], &[]);
        assert!(end[3].starts_with("[5, 7, 1000, 8] 2"), "{}", end[3]);
        // A sampler that was set: the model's natural settings stay away.
        let end = one_end(&news(model, drawn), &[Action::SetSteps(33)], &[Action::Settle]);
        assert!(end[5].contains("steps: 33"), "{}", end[5]);
    }
}

#[test]
fn a_queue_that_was_paused_before_the_library_opened_stays_paused_by_the_person() {
    let at_once = [Action::Queue(QueueAction::Pause(false))];
    for order in orders(&[News::Model(64), News::Library, News::Cases(64)]) {
        let mut state = fresh();
        act(&mut state, at_once.to_vec());
        order.iter().for_each(|news| tell(&mut state, *news));
        assert_eq!(state.queue.held, Some(Held::Person), "{order:?}");
    }
}

#[test]
fn a_model_of_another_size_gives_the_history_no_entry() {
    for size in [48, 128] {
        let mut state = fresh();
        let layer = state.document.push(Finding::Nodule, Region::Box(None));
        act(&mut state, [Action::SetImpression("One.".into()), Action::Settle, Action::SetOpacity(layer, 0.5), Action::Settle]);
        tell(&mut state, News::Model(size));
        assert_eq!((state.history.len(), state.document.size_px), (2, size));
        // Going back over the change of the size, and a gesture that changes nothing, leave none either.
        act(&mut state, [Action::Undo, Action::SetImpression("One".into()), Action::SetImpression("One.".into())]);
        act(&mut state, [Action::Settle]);
        assert_eq!((state.history.len(), state.history.can_redo()), (1, true));
        act(&mut state, [Action::Redo]);
        assert_eq!((state.history.len(), state.document.size_px), (2, size));
        // The other size comes back with the other model.
        tell(&mut state, News::Model(START_PX));
        assert_eq!((state.history.len(), state.document.size_px), (2, START_PX));
    }
}

#[test]
fn a_looked_at_result_stays_in_sight_when_the_cases_come_late() {
    let mut state = fresh();
    tell(&mut state, News::Library);
    act(&mut state, [Action::Show(Shown::Result(1))]);
    tell(&mut state, News::Cases(64));
    assert_eq!((state.shown, state.document.impression.as_str()), (Shown::Result(1), "Mine."));
}

#[test]
fn panels_and_window_stay_as_they_are_when_the_model_gets_ready() {
    let mut state = fresh();
    act(&mut state, [Action::TogglePanels, Action::SetWindow(0.5, 0.25), Action::SetBrush(12.0)]);
    tell(&mut state, News::Model(2 * START_PX));
    let view = &state.view;
    assert_eq!((view.panels_hidden, view.window, view.level, view.brush_px), (true, 0.5, 0.25, 24.0));
}
