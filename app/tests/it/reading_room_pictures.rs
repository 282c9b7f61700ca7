//! Pictures of the Reading room, on software Vulkan.

use app::action::Action;
use app::rooms::reading;
use app::state::Room;
use eframe::egui::Vec2;

use crate::harness::wait;
use crate::pictures::{drawn, tolerant};

#[test]
fn the_analysis_looks_as_it_did() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let Some(mut h) = drawn(dir.path(), Vec2::new(1600.0, 1000.0)) else { return };
    h.state_mut().act(Action::OpenRoom(Room::Reading));
    h.state_mut().act(Action::Reading(reading::Action::Example));
    wait(&mut h, "the simulated study", |a| a.state.reading.analysis.is_some() && a.state.reading.busy.is_none());
    h.state_mut().state.messages.list.iter_mut().for_each(|m| m.closed = true);
    // The folder of a test has another name each time.
    h.state_mut().state.reading.paths.report = "simulated-study/report".into();
    h.remove_cursor();
    h.run_steps(4);
    h.snapshot_options("reading_analysis_1600", &tolerant());
}
