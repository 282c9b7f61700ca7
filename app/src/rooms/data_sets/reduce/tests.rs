use engine::domain::{Annotation, Finding, Mask};

use super::super::judge::gaps;
use super::*;
use crate::dataset::coverage::Axis;
use crate::state::Document;

fn studio() -> State {
    State::new(Document::empty(64), PathBuf::from("saved"))
}

fn planned(state: &mut State) {
    let rows = crate::dataset::cases::Rows::of(&state.data_sets.recipe).expect("rows");
    let cases = Arc::new(crate::dataset::cases::cases(&state.data_sets.recipe, &rows.list));
    let plan = Plan { rows: Arc::new(rows), cases, ..Plan::default() };
    let asked = state.data_sets.asked;
    hear(state, News::Planned(asked, Box::new(Ok(plan))));
}

#[test]
fn edits_are_planned_anew_and_taken_back() {
    let mut state = studio();
    let before = state.data_sets.recipe.clone();
    let mut recipe = before.clone();
    recipe.how.seeds_per_row = 3;
    let effects = reduce(&mut state, Action::Edit(Box::new(recipe.clone())));
    assert!(matches!(&effects[0], Effect::DataSets(Work::Plan { asked: 1, .. })), "{effects:?}");
    assert!(matches!(&effects[1], Effect::DataSets(Work::Load(tag)) if *tag == recipe.tag()));
    assert!(reduce(&mut state, Action::Edit(Box::new(recipe))).is_empty(), "the same recipe is no change");
    // An old plan does not replace a newer wish.
    hear(&mut state, News::Planned(0, Box::new(Err("old".to_owned()))));
    assert!(state.data_sets.plan.is_none());
    // Nothing is made of a plan that is older than the recipe.
    hear(&mut state, News::Planned(1, Box::new(Ok(Plan::default()))));
    let mut other = before.clone();
    other.how.seeds_per_row = 2;
    reduce(&mut state, Action::Edit(Box::new(other)));
    assert!(state.data_sets.plan.is_some(), "it is shown for the moment");
    assert!(reduce(&mut state, Action::Queue).is_empty());
    assert!(state.messages.list.last().is_some_and(|m| m.text.contains("still being made")));
    reduce(&mut state, Action::UndoEdit);
    reduce(&mut state, Action::UndoEdit);
    assert_eq!(state.data_sets.recipe, before);
    reduce(&mut state, Action::UndoEdit);
    assert!(state.messages.list.last().is_some_and(|m| m.text.contains("left to take back")));
}

#[test]
fn what_cannot_be_done_says_why() {
    let mut state = studio();
    let said = |state: &State| state.messages.list.last().map(|m| m.text.clone()).unwrap_or_default();
    for (action, words) in [
        (Action::Queue, "still being made"),
        (Action::OpenRecipe, "path of the recipe file"),
        (Action::ImportResults, "path of the job folder"),
        (Action::TakeLayers, "no visible mask"),
        (Action::FindDuplicates, "Two or more"),
        (Action::Accept(Case { row: 1, copy: 1, twin: false }), "not made yet"),
    ] {
        assert!(reduce(&mut state, action.clone()).is_empty(), "{action:?}");
        assert!(said(&state).contains(words), "{action:?}: {}", said(&state));
    }
    planned(&mut state);
    assert!(reduce(&mut state, Action::Queue).is_empty());
    assert!(said(&state).contains("no model"), "{}", said(&state));
    assert!(reduce(&mut state, Action::Export).is_empty());
    assert!(said(&state).contains("No image is accepted"), "{}", said(&state));
    hear(&mut state, News::Said(Err("the disk is full".to_owned())));
    assert_eq!(state.data_sets.said, Some(Err("The disk is full.".to_owned())));
}

#[test]
fn layers_of_the_open_case_become_regions() {
    let mut state = studio();
    let mask = Mask::from_fn(64, 64, |x, y| x < 20 && (10..30).contains(&y));
    let request = engine::domain::GenerateRequest {
        annotations: vec![Annotation::mask(Finding::Nodule, mask)],
        ..engine::domain::GenerateRequest::new("A nodule.", 1)
    };
    state.document = Document::from_request("case", &request, 64);
    assert!(!reduce(&mut state, Action::TakeLayers).is_empty());
    assert_eq!(state.data_sets.recipe.place.source, Source::Drawn);
    assert_eq!(state.data_sets.recipe.place.drawn.len(), 1);
    assert_eq!(state.data_sets.recipe.check(), Ok(()));
}

#[test]
fn a_loaded_library_judges_the_plan() {
    let mut state = studio();
    planned(&mut state);
    let tag = state.data_sets.recipe.tag();
    let run = crate::library::RunRow { id: 4, cell: "2.1".to_owned(), ..Default::default() };
    hear(&mut state, News::Loaded(tag.clone(), Ok((vec![run], Vec::new()))));
    assert_eq!(state.data_sets.items.len(), 24);
    let case = Case { row: 2, copy: 1, twin: false };
    assert_eq!(state.data_sets.item(case).map(|i| i.verdict.clone()), Some(Verdict::Accepted));
    reduce(&mut state, Action::SetReason("The side is wrong.".to_owned()));
    let effects = reduce(&mut state, Action::Quarantine(case));
    assert_eq!(effects.len(), 2, "the mark and the reason");
    let verdict = state.data_sets.item(case).map(|i| i.verdict.clone());
    assert_eq!(verdict, Some(Verdict::Quarantined("The side is wrong.".to_owned())));
    reduce(&mut state, Action::Accept(case));
    assert_eq!(state.data_sets.item(case).map(|i| i.verdict.clone()), Some(Verdict::Accepted));
    assert!(
        gaps(&state.data_sets, Axis::Side).iter().any(|gap| gap.contains("1 of 6")),
        "{:?}",
        gaps(&state.data_sets, Axis::Side)
    );
    assert!(!runs_changed(&mut state, &tag).is_empty() && runs_changed(&mut state, "another").is_empty());
}

#[test]
fn a_reading_that_began_before_a_mark_does_not_take_it_back() {
    let mut state = studio();
    planned(&mut state);
    let tag = state.data_sets.recipe.tag();
    let case = Case { row: 2, copy: 1, twin: false };
    let run = RunRow { id: 4, cell: "2.1".to_owned(), recipe: tag.clone(), ..Default::default() };
    let loaded = |run: &RunRow| News::Loaded(tag.clone(), Ok((vec![run.clone()], Vec::new())));
    let shown = |state: &State| state.data_sets.item(case).map(|item| item.verdict.title());
    // Readings go on one at a time; what changes meanwhile is read once more.
    assert!(hear(&mut state, loaded(&run)).is_empty());
    assert_eq!(runs_changed(&mut state, &tag).len(), 1);
    assert!(runs_changed(&mut state, &tag).is_empty() && runs_changed(&mut state, &tag).is_empty());
    // A mark while one goes on, which does not know it.
    reduce(&mut state, Action::SetReason("The side is wrong.".to_owned()));
    reduce(&mut state, Action::Quarantine(case));
    assert_eq!(hear(&mut state, loaded(&run)).len(), 1, "read once more");
    assert_eq!(shown(&state), Some("Quarantined"));
    // The library writes mark and reason while the next one goes on, which does not know them either.
    let marked = RunRow { mark: Mark::Reject, ..run.clone() };
    let noted = RunRow { note: "The side is wrong.".to_owned(), ..marked.clone() };
    assert!(runs_told(&mut state, &[marked]).is_empty() && runs_told(&mut state, std::slice::from_ref(&noted)).is_empty());
    assert_eq!(hear(&mut state, loaded(&run)).len(), 1);
    assert_eq!(shown(&state), Some("Quarantined"));
    // The one that began afterwards counts as it is.
    assert!(hear(&mut state, loaded(&noted)).is_empty());
    assert_eq!(shown(&state), Some("Quarantined"));
    assert_eq!(runs_changed(&mut state, &tag).len(), 1);
    hear(&mut state, loaded(&run));
    assert_eq!(shown(&state), Some("Accepted"), "the library has the last word");
    // What the library refuses to write does not stand.
    reduce(&mut state, Action::Quarantine(case));
    assert_eq!(refused(&mut state).len(), 1);
    hear(&mut state, loaded(&run));
    assert_eq!(shown(&state), Some("Accepted"));
}
