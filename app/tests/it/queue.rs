//! The queue by accessible names: variants, pause and resume, cancel, clear and undo, a killed program.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

use app::action::{Action, QueueAction};
use app::library::{Counts, Database, JobState, Mark, jobs, runs};
use app::state::Shown;
use eframe::egui::{Key, Modifiers, Role};
use egui_kittest::kittest::Queryable;

use crate::harness::{LIMIT, Studio, click, gated, see, studio, until, wait};

const CTRL_SHIFT: Modifiers = Modifiers { shift: true, ..Modifiers::COMMAND };

fn counts(dir: &Path) -> Counts {
    let db = Database::open(&dir.join("data")).expect("the library is there");
    jobs::counts(&db.connection).expect("readable")
}

fn variants(h: &mut Studio, n: usize) {
    h.state_mut().act(Action::Queue(QueueAction::SetVariants(n)));
    h.run_steps(1);
}

fn pngs(dir: &Path) -> usize {
    fn below(dir: &Path) -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path());
        entries.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
    }
    let is_image =
        |path: &std::path::PathBuf| path.extension().is_some_and(|e| e == "png") && !path.to_string_lossy().contains("_mask");
    below(&dir.join("data/images")).iter().filter(|path| is_image(path)).count()
}

#[test]
fn variants_form_one_after_the_other_and_are_starred_and_rejected() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (mut h, gate) = gated(dir.path());
    variants(&mut h, 4);
    click(&mut h, "Generate");
    wait(&mut h, "the first of four", |a| a.state.job.is_some() && a.state.queue.waiting().count() == 3);
    see(&mut h, "1 of 4 forming");
    for seed in 1483..=1485 {
        see(&mut h, &format!("Run that waits: Right pneumothorax, seed {seed}"));
    }
    gate.open();
    wait(&mut h, "all four", |a| a.state.results.len() == 4 && !a.state.is_running());
    let seeds: Vec<u64> = h.state().state.results.iter().map(|r| r.artifact.request.seed.0).collect();
    assert_eq!(seeds, [1485, 1484, 1483, 1482]);
    assert_eq!((pngs(dir.path()), counts(dir.path())), (4, Counts { queued: 4, done: 4, ..Counts::default() }));

    click(&mut h, "Result 2 of 4: Right pneumothorax, seed 1484");
    h.key_press(Key::S);
    h.run_steps(2);
    click(&mut h, "Result 3 of 4: Right pneumothorax, seed 1483");
    h.key_press(Key::R);
    h.run_steps(2);
    see(&mut h, "Result 2 of 4: Right pneumothorax, seed 1484, starred");
    see(&mut h, "Result 3 of 4: Right pneumothorax, seed 1483, rejected");
    h.get_by_role_and_label(Role::TextInput, "Note").focus();
    h.run_steps(2);
    h.get_by_role_and_label(Role::TextInput, "Note").type_text("margin too soft");
    h.run_steps(2);
    h.key_press(Key::Enter);
    h.run_steps(2);
    h.key_press_modifiers(Modifiers::SHIFT, Key::S);
    h.run_steps(2);
    assert_eq!(h.state().state.sampling.seed, 1483);
    drop(h);
    let db = Database::open(&dir.path().join("data")).expect("the library is there");
    let kept = runs::newest(&db.connection, 9).expect("readable");
    let marks: Vec<(Mark, &str)> = kept.iter().map(|r| (r.mark, r.note.as_str())).collect();
    assert_eq!(marks, [(Mark::None, ""), (Mark::Star, ""), (Mark::Reject, "margin too soft"), (Mark::None, "")]);
}

#[test]
fn pause_frees_memory_and_resume_gives_the_same_image() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (mut h, gate) = gated(dir.path());
    gate.allow(8);
    click(&mut h, "Generate");
    wait(&mut h, "the image", |a| a.state.results.len() == 1);
    let whole = h.state().state.results[0].artifact.image.clone();

    gate.allow(2);
    click(&mut h, "Generate");
    wait(&mut h, "two steps", |a| a.state.job.as_ref().is_some_and(|j| j.step == 2));
    h.state_mut().act(Action::Queue(QueueAction::Pause(true)));
    gate.open();
    wait(&mut h, "the pause", |a| a.state.job.as_ref().is_some_and(|j| j.paused) && a.state.model.ready().is_none());
    let step = h.state().state.job.as_ref().expect("the run").step;
    assert_eq!(step, 3, "it stopped after the step in progress");
    until(&mut h, "where it stands", |h| {
        ["Paused at step 3 of 8", "Step 3 of 8"].iter().any(|words| h.query_all_by_label(words).next().is_some())
    });
    assert!(dir.path().join("data/paused").read_dir().is_ok_and(|files| files.count() == 1), "it is on disk");
    click(&mut h, "Resume the queue");
    wait(&mut h, "the image", |a| a.state.results.len() == 2);
    assert_eq!(h.state().state.results[0].artifact.image, whole, "the same bits");
    assert_eq!(h.state().state.results[0].previews.len(), 8, "the film is whole");
    assert!(dir.path().join("data/paused").read_dir().is_ok_and(|files| files.count() == 0), "nothing is left behind");
}

#[test]
fn a_paused_run_is_cancelled_and_what_waits_is_cleared_and_put_back() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (mut h, gate) = gated(dir.path());
    gate.allow(1);
    variants(&mut h, 3);
    click(&mut h, "Generate");
    wait(&mut h, "a step", |a| a.state.job.as_ref().is_some_and(|j| j.step == 1));
    // Words and bar stand in the middle of the top bar, beside Cancel.
    let cancel = h.get_by_role_and_label(Role::Button, "Cancel").rect();
    let bars: Vec<_> = h.query_all_by_label("Progress").map(|n| n.rect()).collect();
    assert!(bars.iter().any(|bar| bar.bottom() <= cancel.bottom() && bar.top() > cancel.center().y), "{bars:?} and {cancel:?}");
    click(&mut h, "Pause");
    gate.open();
    wait(&mut h, "the pause", |a| a.state.job.as_ref().is_some_and(|j| j.paused));
    h.key_press_modifiers(Modifiers::SHIFT, Key::X);
    wait(&mut h, "the end of it", |a| a.state.job.is_none());
    assert_eq!(h.state().state.queue.len(), 2);
    see(&mut h, "Paused, 2 waiting");

    h.key_press_modifiers(CTRL_SHIFT, Key::X);
    wait(&mut h, "an empty queue", |a| a.state.queue.is_empty());
    wait(&mut h, "the message", |a| a.state.messages.list.iter().any(|m| m.text == "2 runs were taken out of the queue."));
    let undo = h.state().state.messages.list.iter().rev().find_map(|m| m.action.clone()).expect("it can be undone");
    assert_eq!(undo.0, "Undo");
    h.state_mut().act(undo.1);
    wait(&mut h, "the runs to come back", |a| a.state.queue.len() == 2);
    click(&mut h, "Resume the queue");
    wait(&mut h, "both images", |a| a.state.results.len() == 2 && !a.state.is_running());
    assert_eq!(counts(dir.path()), Counts { queued: 3, done: 2, cancelled: 1, ..Counts::default() });
}

#[test]
fn a_failed_run_says_why_and_the_queue_goes_on() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::from_millis(10));
    h.state_mut().act(Action::Queue(QueueAction::Pause(false)));
    h.state_mut().act(Action::SetImpression(app::testing::PANIC_WORD.to_owned()));
    h.state_mut().act(Action::Generate);
    h.state_mut().act(Action::SetImpression("Clear lungs.".to_owned()));
    h.state_mut().act(Action::Generate);
    h.state_mut().act(Action::SetImpression("Left effusion.".to_owned()));
    h.state_mut().act(Action::Queue(QueueAction::GenerateFirst));
    wait(&mut h, "three runs", |a| a.state.queue.len() == 3);
    click(&mut h, "Resume the queue");
    wait(&mut h, "two images", |a| a.state.results.len() == 2 && !a.state.is_running());
    let texts: Vec<String> = h.state().state.results.iter().map(|r| r.artifact.request.impression.clone()).collect();
    assert!(texts[1].ends_with("Left effusion.") && texts[0].ends_with("Clear lungs."), "{texts:?}");
    let failed = h.state().state.queue.ended.iter().find(|r| r.state == JobState::Failed).expect("one failed");
    assert!(failed.reason.contains("stopped in the middle"), "{}", failed.reason);
    assert_eq!(counts(dir.path()), Counts { queued: 3, done: 2, failed: 1, ..Counts::default() });
}

#[test]
fn a_folder_that_cannot_be_written_stops_the_queue_and_nothing_is_half_there() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::from_millis(10));
    let images = dir.path().join("data/images");
    std::fs::create_dir_all(dir.path().join("data")).expect("writable");
    std::fs::write(&images, b"a file where a folder is needed").expect("writable");
    variants(&mut h, 2);
    click(&mut h, "Generate");
    wait(&mut h, "the failure", |a| a.state.queue.held.is_some());
    assert!(h.state().state.results.is_empty());
    assert_eq!(counts(dir.path()), Counts { queued: 2, open: 1, failed: 1, ..Counts::default() });
    see(&mut h, "Paused, 1 waiting");
    std::fs::remove_file(&images).expect("it is there");
    click(&mut h, "Resume the queue");
    wait(&mut h, "the other image", |a| a.state.results.len() == 1);
    let failed = h.state().state.queue.ended.iter().find(|r| r.state == JobState::Failed).map(|r| r.id).expect("one failed");
    h.state_mut().act(Action::Queue(QueueAction::Again(vec![failed])));
    wait(&mut h, "the first image after all", |a| a.state.results.len() == 2 && !a.state.is_running());
    assert_eq!(counts(dir.path()), Counts { queued: 2, done: 2, ..Counts::default() });
}

#[test]
fn the_session_goes_on_after_the_window_was_closed() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (mut h, gate) = gated(dir.path());
    gate.allow(8 + 2);
    variants(&mut h, 3);
    click(&mut h, "Generate");
    wait(&mut h, "one image and two steps of the next", |a| {
        a.state.results.len() == 1 && a.state.job.as_ref().is_some_and(|j| j.step == 2)
    });
    drop(h);
    assert_eq!(counts(dir.path()), Counts { queued: 3, open: 2, done: 1, ..Counts::default() });

    let mut h = studio(dir.path(), Duration::from_millis(5));
    wait(&mut h, "the library", |a| a.state.queue.len() == 2);
    see(&mut h, "Paused, 2 waiting");
    assert!(h.state().state.messages.list.iter().any(|m| m.text == "2 runs wait from the last session."));
    see(&mut h, "Result 1 of 1: Right pneumothorax, seed 1482");
    click(&mut h, "Resume the queue");
    wait(&mut h, "all images", |a| a.state.results.len() == 3 && !a.state.is_running());
    let film = &h.state().state.results[1];
    assert_eq!(film.first_step, 3, "the run went on where it was kept: after the step in progress");
    assert_eq!(film.previews.len() + film.first_step, 8);
    assert_eq!(counts(dir.path()), Counts { queued: 3, done: 3, ..Counts::default() });
    h.state_mut().act(Action::Show(Shown::Result(0)));
    h.run_steps(1);
}

#[test]
fn a_second_window_leaves_the_library_alone_and_says_so() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let first = studio(dir.path(), Duration::ZERO);
    let mut second = studio(dir.path(), Duration::ZERO);
    wait(&mut second, "the message", |a| {
        a.state.messages.list.iter().any(|m| m.text.contains("window of the studio works with this library"))
    });
    click(&mut second, "Generate");
    assert!(!second.state().state.is_running() && second.state().state.results.is_empty());
    drop(first);
}

/// What [`no_run_is_lost_by_killing`] starts and kills: it works on the queue of a folder until it is killed.
#[test]
fn works_until_it_is_killed() {
    let Some(dir) = std::env::var_os("CHEXGEN_TEST_QUEUE") else { return };
    let mut h = studio(Path::new(&dir), Duration::from_millis(2));
    let began = Instant::now();
    wait(&mut h, "the library", |a| matches!(a.state.queue.library, app::state::LibraryState::Open(_)));
    h.state_mut().act(Action::Queue(QueueAction::Resume));
    println!("at work");
    while began.elapsed() < LIMIT {
        h.step();
        std::thread::sleep(Duration::from_millis(1));
        if h.state().state.queue.jobs.is_empty() && h.state().state.job.is_none() {
            return;
        }
    }
}

#[test]
fn no_run_is_lost_by_killing() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::from_millis(2));
    h.state_mut().act(Action::Queue(QueueAction::Pause(false)));
    variants(&mut h, 24);
    h.state_mut().act(Action::Generate);
    wait(&mut h, "24 runs", |a| a.state.queue.len() == 24);
    drop(h);
    let program = std::env::current_exe().expect("this program");
    let mut kills = 0;
    for round in 0u64..400 {
        let child = std::process::Command::new(&program)
            .args(["queue::works_until_it_is_killed", "--exact", "--nocapture"])
            .env("CHEXGEN_TEST_QUEUE", dir.path())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn();
        let mut child = child.expect("it starts");
        // Some are killed while they open the library, the others at moments that differ from kill to kill; later ones
        // are given more time, so that a slow machine comes to an end, too.
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        if round % 8 != 5 {
            lines.find(|line| line.contains("at work"));
        }
        let until = Instant::now() + Duration::from_millis((round * 7919) % 200 + 10 * round);
        let mut over = None;
        while over.is_none() && Instant::now() < until {
            over = child.try_wait().expect("it can be asked");
            std::thread::sleep(Duration::from_millis(5));
        }
        if over.is_none() {
            child.kill().expect("it is killed");
            kills += 1;
        }
        child.wait().expect("it is gone");
        drop(lines);
        let counts = counts(dir.path());
        assert!(counts.adds_up() && counts.queued == 24 && counts.failed + counts.cancelled == 0, "{counts:?}");
        let db = Database::open(&dir.path().join("data")).expect("the library is whole");
        let kept = runs::newest(&db.connection, 99).expect("readable");
        assert_eq!(kept.len(), counts.done, "a run for every job that is done");
        for run in &kept {
            app::jobs::files::open(&runs::path(&db.folder, run)).expect("its image is whole and has its record");
        }
        if counts.open == 0 {
            break;
        }
    }
    assert_eq!(counts(dir.path()), Counts { queued: 24, done: 24, ..Counts::default() });
    assert_eq!(pngs(dir.path()), 24, "no image lies there twice");
    assert!(kills > 0, "it was killed at least once");
    println!("killed {kills} times, 24 of 24 images made, none lost and none twice");
}

#[test]
fn a_conflict_that_was_kept_stands_in_the_library_and_the_room_shows_the_queue() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::from_millis(2));
    h.state_mut().act(Action::SetImpression("Moderate left pneumothorax.".to_owned()));
    click(&mut h, "Generate");
    wait(&mut h, "the image", |a| a.state.results.len() == 1 && !a.state.is_running());
    let db = Database::open(&dir.path().join("data")).expect("the library opens");
    assert!(runs::newest(&db.connection, 9).expect("readable")[0].conflict, "text says left, the mask lies on the right");
    h.state_mut().act(Action::OpenRoom(app::state::Room::Runs));
    wait(&mut h, "the wall", |a| a.state.runs.wall.is_some());
    see(&mut h, "Count in equals count out: 1 queued, 1 accounted for.");
    see(&mut h, "Pause and free memory");
    assert!(h.query_all_by_label_contains("Finished: Right pneumothorax, run 1").count() == 1);
}

#[test]
fn the_queue_is_written_into_a_file_and_read_again() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::from_millis(5));
    h.state_mut().act(Action::Queue(QueueAction::Pause(false)));
    wait(&mut h, "the pause", |a| a.state.queue.held.is_some());
    variants(&mut h, 3);
    click(&mut h, "Generate");
    wait(&mut h, "three that wait", |a| a.state.queue.jobs.len() == 3);
    click(&mut h, "Runs");
    assert!(h.query_by_role_and_label(Role::Button, "Export the queue").is_some());
    assert!(h.query_by_role_and_label(Role::Button, "Import a queue").is_some());
    let command = |h: &Studio, id: &str| (app::command::find(id).expect("a row").action)(&h.state().state);
    assert_eq!(command(&h, "queue.export"), Some(Action::Queue(QueueAction::PickExport)));
    // What the dialogs lead to.
    let file = dir.path().join("queue.jsonl");
    h.state_mut().act(Action::Queue(QueueAction::Export(file.clone())));
    wait(&mut h, "the file", |a| a.state.messages.list.iter().any(|m| m.text.starts_with("Wrote 3 waiting runs")));
    assert_eq!(std::fs::read_to_string(&file).expect("the queue").lines().count(), 3);
    h.state_mut().act(Action::Queue(QueueAction::Import(file)));
    wait(&mut h, "six that wait", |a| a.state.queue.jobs.len() == 6);
    h.state_mut().act(Action::Queue(QueueAction::Clear));
    wait(&mut h, "an empty queue", |a| a.state.queue.jobs.is_empty());
    assert_eq!(command(&h, "queue.export"), None, "there is nothing to write");
    h.state_mut().act(Action::Queue(QueueAction::Import(dir.path().join("gone.jsonl"))));
    wait(&mut h, "the sentence", |a| a.state.messages.list.iter().any(|m| m.text.contains("gone.jsonl")));
    assert_eq!(counts(dir.path()).queued, 6);
}
