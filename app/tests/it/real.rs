//! The same flow on the practice model that is shipped.

use std::path::Path;
use std::time::Duration;

use app::jobs::engine_model;
use eframe::egui::Vec2;

use crate::harness::{click, studio_with, wait};

#[test]
fn the_practice_model_makes_an_image_in_the_window() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/practice");
    if !assets.join("model.toml").exists() {
        println!("skipped: the practice model is not in assets/practice");
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio_with(dir.path(), engine_model::opener(Some(assets)), Vec2::new(1600.0, 1000.0), false);
    assert!(h.state().state.model.ready().is_some(), "{:?}", h.state().state.messages.list);
    h.state_mut().state.sampling.steps = 3;
    click(&mut h, "Generate");
    let began = std::time::Instant::now();
    while h.state().state.is_running() && began.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(20));
        h.step();
    }
    wait(&mut h, "the image", |a| !a.state.is_running());
    let state = &h.state().state;
    assert_eq!(state.results.len(), 1, "{:?}", state.messages.list);
    assert_eq!(state.results[0].previews.len(), 3);
}
