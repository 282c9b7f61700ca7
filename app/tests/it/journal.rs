//! Cases come back after a restart and after a crash, with undo and tabs.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use app::action::Action;
use app::examples::Example;
use app::journal::{Keeper, Loaded, News};
use app::reduce::{TabAction, reduce};
use app::state::State;

use crate::harness::{LIMIT, click, studio, wait};

/// Names the folder that the child journals into.
const CHILD: &str = "CHEXGEN_TEST_JOURNAL";

fn loaded(keeper: &Keeper) -> Loaded {
    let began = Instant::now();
    loop {
        match keeper.poll() {
            Some(News::Loaded(loaded)) => return *loaded,
            Some(News::Trouble(why) | News::Unusable(why)) => panic!("{why}"),
            None => {
                assert!(began.elapsed() < LIMIT, "the cases did not come");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// A stroke that no other is like.
fn stroke(state: &mut State, i: usize) {
    let y = 4.0 + (i % 50) as f32;
    reduce(state, Action::StrokeBegin { at: (4.0, y), alternate: i % 100 >= 50 });
    reduce(state, Action::StrokeTo { at: (8.0 + (i % 40) as f32, y) });
    reduce(state, Action::StrokeEnd);
    reduce(state, Action::SetSteps(1 + i % 90));
    reduce(state, Action::Settle);
}

/// Not a test of its own: the process that the next test kills.
#[test]
fn the_child_that_is_killed() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let mut keeper = Keeper::start(PathBuf::from(folder), || {}).expect("a thread");
    loaded(&keeper);
    let mut state = State::new(Example::ALL[0].document(64), "saved".into());
    for i in 0..100_000 {
        stroke(&mut state, i);
        for (case, records) in state.take_journal() {
            keeper.records(case, records);
        }
        keeper.tabs(state.tab_list());
        if i % 7 == 0 {
            keeper.flush();
            println!("kept {}", state.history.len());
        }
    }
}

#[test]
fn what_was_kept_survives_kill_minus_nine() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for round in 0..3 {
        let folder = dir.path().join(format!("{round}"));
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "journal::the_child_that_is_killed", "--nocapture"])
            .env(CHILD, &folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the child starts");
        let mut kept = 0;
        let out = BufReader::new(child.stdout.take().expect("piped"));
        for line in out.lines().map_while(Result::ok) {
            kept = line.split("kept ").nth(1).and_then(|n| n.trim().parse().ok()).unwrap_or(kept);
            if kept >= 120 + 90 * round {
                break;
            }
        }
        child.kill().expect("it is killed");
        child.wait().expect("it ends");
        assert!(kept >= 120, "the child kept {kept} steps");

        let keeper = Keeper::start(folder, || {}).expect("the lock went with the child");
        let mut loaded = loaded(&keeper);
        let case = loaded.cases.pop().expect("the case");
        let (mut history, mut document) = (case.history, case.now.unpacked());
        assert!(history.len() >= kept, "{} of {kept} steps came back", history.len());
        // Every step of the way back is the one that was made.
        let mut again = State::new(Example::ALL[0].document(64), "saved".into());
        let steps = history.len();
        let mut made = vec![again.document.clone()];
        for i in 0..steps {
            stroke(&mut again, i);
            made.push(again.document.clone());
        }
        for _ in 0..20 {
            assert!(made.contains(&document), "a case that never was");
            document = history.undo(&document).expect("a step").0;
        }
    }
}

/// A studio whose cases of the session before have come.
fn restarted(dir: &Path) -> crate::harness::Studio {
    let mut h = studio(dir, Duration::ZERO);
    wait(&mut h, "the cases", |a| a.cases_loaded());
    h.run_steps(2);
    h
}

#[test]
fn a_restart_brings_tabs_and_undo_back() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = restarted(dir.path());
    h.state_mut().act(Action::SetImpression("First case.".into()));
    h.state_mut().act(Action::Settle);
    h.state_mut().act(Action::SetGuidance(2.5));
    h.state_mut().act(Action::Settle);
    click(&mut h, "New case");
    h.state_mut().act(Action::SetImpression("Second case.".into()));
    h.state_mut().act(Action::Tabs(TabAction::Rename("Two".into())));
    h.state_mut().act(Action::NewDocument);
    h.state_mut().act(Action::Tabs(TabAction::Close(2)));
    h.state_mut().act(Action::Tabs(TabAction::Switch(0)));
    h.run_steps(3);
    drop(h);

    let mut h = restarted(dir.path());
    let state = &h.state().state;
    assert_eq!((state.tabs.list.len(), state.tabs.open, state.tabs.closed.len()), (2, 0, 1));
    assert_eq!((state.tab_title(1), state.document.impression.as_str()), ("Two", "First case."));
    assert_eq!(state.sampling.guidance, 2.5);
    click(&mut h, "Undo");
    assert_ne!(h.state().state.sampling.guidance, 2.5, "the sampler's step is taken back");
    click(&mut h, "Undo");
    assert_ne!(h.state().state.document.impression, "First case.");
    click(&mut h, "Redo");
    assert_eq!(h.state().state.document.impression, "First case.");
    // Another window on the same folder does not touch the cases.
    let mut second = studio(dir.path(), Duration::ZERO);
    wait(&mut second, "the sentence", |a| a.state.messages.list.iter().any(|m| m.text.contains("another window")));
}
