use super::super::news::hear;
use super::super::state::{Checked, Hashes, Reader, Reading};
use super::super::work::News;
use super::*;
use crate::state::Document;

fn studio() -> State {
    State::new(Document::empty(64), PathBuf::from("saved"))
}

/// The work that effects ask for.
fn works(effects: &[action::Effect]) -> Vec<&Work> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            action::Effect::Reading(Effect::Work(work)) => Some(work),
            _ => None,
        })
        .collect()
}

fn asked(effects: &[action::Effect]) -> u64 {
    match works(effects)[..] {
        [Work::Check { asked, .. }, ..] => *asked,
        _ => panic!("a check is asked for: {effects:?}"),
    }
}

fn with(state: &State, change: impl FnOnce(&mut Design)) -> Action {
    let mut design = state.reading.design.clone();
    change(&mut design);
    Action::Edit(Box::new(design))
}

#[test]
fn every_change_is_checked_and_taken_back_and_old_checks_are_dropped() {
    let mut state = studio();
    let first = asked(&opened(&mut state));
    assert!(opened(&mut state).is_empty(), "once");
    assert!(state.reading.paths.design.ends_with("reader-study/study.toml"));
    assert!(state.reading.paths.sealed.ends_with("reader-study/reader-study.cxstudy"));
    let before = state.reading.design.clone();
    let action = with(&state, |design| design.title = "Another".to_owned());
    let second = asked(&reduce(&mut state, action.clone()));
    assert!(reduce(&mut state, action).is_empty(), "the same design is no change");
    hear(&mut state, News::Checked(first, Box::new(Checked { cases: 7, ..Checked::default() })));
    assert_eq!(state.reading.checked, None, "a check of an older design says nothing about this one");
    hear(&mut state, News::Checked(second, Box::new(Checked { cases: 9, ..Checked::default() })));
    assert_eq!(state.reading.checked.as_ref().map(|found| found.cases), Some(9));
    asked(&reduce(&mut state, Action::UndoEdit));
    assert_eq!(state.reading.design, before);
    assert!(state.reading.changed && state.reading.past.is_empty());
}

#[test]
fn arms_come_from_the_table_and_paths_stay_relative() {
    let mut state = studio();
    opened(&mut state);
    let table = state.reading.folder().join("cases.csv");
    let effects = reduce(&mut state, Action::SetPath(Field::Cases, table.clone()));
    assert_eq!(state.reading.design.cases, PathBuf::from("cases.csv"));
    assert!(works(&effects).iter().any(|work| matches!(work, Work::Arms(path) if *path == table)));
    hear(&mut state, News::Arms(Ok(vec!["ours".to_owned(), "theirs".to_owned()])));
    assert_eq!(state.reading.design.arms, ["ours", "theirs"]);
    let effects = reduce(&mut state, Action::AddRuns(vec![4, 5]));
    assert!(works(&effects).iter().any(|work| matches!(work, Work::Runs(_, _, arm, runs) if arm == "Runs" && *runs == [4, 5])));
    assert_eq!((state.room, state.reading.tab), (Rooms::Reading, Tab::Build));
    let added = (PathBuf::from("cases.csv"), vec!["ours".to_owned(), "Runs".to_owned()], "2 runs.".to_owned());
    let effects = hear(&mut state, News::Added(Ok(added)));
    asked(&effects);
    assert_eq!(state.reading.design.arms, ["ours", "Runs"]);
}

#[test]
fn nothing_is_sealed_with_faults_or_without_an_audit_unless_a_reason_is_given() {
    let mut state = studio();
    let check = asked(&opened(&mut state));
    let action = with(&state, |design| design.arms = vec!["a".to_owned(), "b".to_owned()]);
    let newest = asked(&reduce(&mut state, action));
    assert!(newest > check);
    assert!(reduce(&mut state, Action::Seal).is_empty());
    assert!(matches!(state.reading.last_said(Tab::Seal), Some(Err(why)) if why.contains("faults")));
    hear(&mut state, News::Checked(newest, Box::new(Checked { cases: 4, ..Checked::default() })));
    assert!(reduce(&mut state, Action::Seal).is_empty());
    assert!(matches!(state.reading.last_said(Tab::Seal), Some(Err(why)) if why.contains("No leak audit")));
    reduce(&mut state, Action::SetReason(" A pilot. ".to_owned()));
    let effects = reduce(&mut state, Action::Seal);
    assert!(matches!(works(&effects)[..], [Work::Seal(order)] if order.reason == "A pilot." && order.record.is_none()));
    // One piece of work at a time, and it can be stopped.
    assert!(reduce(&mut state, Action::Audit).is_empty());
    assert!(state.messages.list.last().is_some_and(|m| m.text.contains("in progress")));
    reduce(&mut state, Action::Stop);
    assert!(state.reading.busy.as_ref().is_some_and(|busy| busy.stop.is_cancelled()));
    hear(&mut state, News::Sealed(Err("Stopped.".to_owned())));
    assert!(state.reading.busy.is_none());
}

#[test]
fn what_was_sealed_is_read_next_and_found_answers_are_joined() {
    let mut state = studio();
    opened(&mut state);
    let study = PathBuf::from("saved/x/x.cxstudy");
    let hashes = Hashes { study: (study.clone(), "aa".repeat(32)), key: (study.with_extension("cxkey"), "bb".repeat(32)) };
    let effects = hear(&mut state, News::Sealed(Ok(hashes)));
    assert!(matches!(works(&effects)[..], [Work::Look(path)] if *path == study));
    assert_eq!(state.reading.paths.key, study.with_extension("cxkey"));
    let reader =
        |code: &str, locked| Reader { code: code.to_owned(), file: PathBuf::from(code), locked, trials: 9, simulated: false };
    let reading = Reading { readers: vec![reader("R1", Some(Ok(3))), reader("R2", None)], ..Reading::default() };
    hear(&mut state, News::Looked(study.clone(), Ok(reading.clone())));
    assert_eq!(state.reading.answers, [PathBuf::from("R1")], "only what is there");
    hear(&mut state, News::Looked(PathBuf::from("other.cxstudy"), Err("Gone.".to_owned())));
    assert_eq!(state.reading.reading, Some(reading), "an answer about another study changes nothing");

    let effects = reduce(&mut state, Action::OpenReader(Some("R1".to_owned())));
    assert!(matches!(works(&effects)[..], [Work::Kiosk(path, Some(code))] if *path == study && code == "R1"));
    assert!(reduce(&mut state, Action::OpenReader(None)).is_empty(), "one window at a time");
    let effects = hear(&mut state, News::Closed(Err("It ended early.".to_owned())));
    assert!(!state.reading.kiosk && matches!(works(&effects)[..], [Work::Look(_)]));

    reduce(&mut state, Action::AddAnswers(PathBuf::from("R1")));
    assert_eq!(state.reading.answers.len(), 1, "once");
    let effects = reduce(&mut state, Action::Join);
    assert!(matches!(works(&effects)[..], [Work::Join(paths, answers, _)] if paths.study == study && answers.len() == 1));
    hear(&mut state, News::Joined(Box::new(Err("The key is another study's.".to_owned()))));
    assert!(matches!(state.reading.last_said(Tab::Join), Some(Err(why)) if why.contains("another")));
    assert!(state.reading.analysis.is_none() && state.reading.busy.is_none());
}

#[test]
fn another_design_does_not_show_the_hashes_of_the_study_before() {
    let mut state = studio();
    opened(&mut state);
    let file = |name: &str| (PathBuf::from(name), "23a3".to_owned());
    state.reading.sealed = Some(Hashes { study: file("one.cxstudy"), key: file("one.cxkey") });
    let design = state.reading.design.clone();
    hear(&mut state, News::Opened(PathBuf::from("two/study.toml"), Box::new(Err("no design".to_owned()))));
    assert!(state.reading.sealed.is_some(), "nothing was opened");
    hear(&mut state, News::Opened(PathBuf::from("two/study.toml"), Box::new(Ok(design))));
    assert_eq!(state.reading.sealed, None);
}
