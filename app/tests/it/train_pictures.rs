//! Pictures of the Train room, on software Vulkan.

use app::action::Action;
use app::rooms::train;
use app::state::Room;
use eframe::egui::Vec2;

use crate::harness::wait;
use crate::pictures::{drawn, tolerant};
use crate::train::run_folder;

#[test]
fn a_training_looks_as_it_did() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let Some(mut h) = drawn(dir.path(), Vec2::new(1600.0, 1000.0)) else { return };
    h.state_mut().act(Action::OpenRoom(Room::Train));
    h.run_steps(4);
    h.snapshot_options("train_empty_1600", &tolerant());
    for (name, steps) in [("second", 280), ("first", 350)] {
        let run = run_folder(dir.path(), name, steps, 1000);
        h.state_mut().act(Action::Train(train::Action::Open(run)));
    }
    // A run that works shows no command: the folder of a test has another name each time.
    let lock = std::fs::File::open(dir.path().join("first/lock")).expect("there");
    lock.try_lock().expect("nobody has it");
    let read =
        |a: &app::app::StudioApp| a.state.train.runs.iter().all(|run| run.view.stages.len() == 1 && run.view.reading.is_none());
    wait(&mut h, "both runs", read);
    let second = dir.path().join("second");
    h.state_mut().act(Action::Train(train::Action::Overlay(second)));
    wait(&mut h, "the panel", |a| a.state.train.pictures.len() == 2 && a.state.train.reading.is_empty());
    wait(&mut h, "the lock", |a| {
        a.state.train.shown().is_some_and(|(_, run)| run.view.standing == train::watch::Standing::Running)
    });
    h.state_mut().state.messages.list.iter_mut().for_each(|m| m.closed = true);
    h.remove_cursor();
    h.run_steps(4);
    h.snapshot_options("train_1600", &tolerant());
}
