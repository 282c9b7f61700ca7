//! A studio without a screen.

use std::path::Path;
use std::time::{Duration, Instant};

use app::app::{Options, StudioApp};
use app::canvas;
use app::jobs::Opener;
use app::testing::FakeModel;
use eframe::egui::{Modifiers, PointerButton, Pos2, Rect, Role, Vec2, pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

pub(crate) type Studio = Harness<'static, StudioApp>;

/// A studio of the usual size on a fake model of 64 pixels; files go below `dir`.
pub(crate) fn studio(dir: &Path, step_time: Duration) -> Studio {
    studio_with(dir, FakeModel::opener(64, step_time), Vec2::new(1600.0, 1000.0), false)
}

/// A studio on a model of choice.
pub(crate) fn studio_with(dir: &Path, opener: Opener, size: Vec2, wgpu: bool) -> Studio {
    let options = Options { data_folder: dir.join("data"), save_folder: dir.join("saved"), open: None, began: Instant::now() };
    let mut builder = Harness::builder().with_size(size).with_max_steps(32);
    if wgpu {
        builder = builder.wgpu();
    }
    let harness = builder.build_eframe(|cc| {
        app::theme::reduce_motion(&cc.egui_ctx);
        StudioApp::new(cc, opener, options)
    });
    let mut harness = harness;
    wait(&mut harness, "the model", |app| app.state.model.ready().is_some() || !app.state.messages.list.is_empty());
    harness
}

/// Steps until something holds; panics after twenty seconds.
pub(crate) fn wait(harness: &mut Studio, what: &str, holds: impl Fn(&StudioApp) -> bool) {
    let began = Instant::now();
    while !holds(harness.state()) {
        assert!(began.elapsed() < Duration::from_secs(20), "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(5));
        harness.step();
    }
    harness.run_steps(2);
}

/// The canvas on the screen.
pub(crate) fn canvas_rect(harness: &Studio) -> Rect {
    harness.get_by_label(canvas::NAME).rect()
}

/// Screen point of a place on the fitted image, 0 to 1.
pub(crate) fn on_image(harness: &Studio, x: f32, y: f32) -> Pos2 {
    let camera = canvas::camera::Camera::new(canvas_rect(harness), harness.state().state.document.size_px, None, Pos2::ZERO);
    let rect = camera.image_rect();
    pos2(rect.left() + x * rect.width(), rect.top() + y * rect.height())
}

/// Drags with a button from one place on the image to another.
pub(crate) fn drag(harness: &mut Studio, button: PointerButton, from: (f32, f32), to: (f32, f32)) {
    let at = |harness: &Studio, t: f32| on_image(harness, from.0 + (to.0 - from.0) * t, from.1 + (to.1 - from.1) * t);
    let press = |harness: &Studio, pos: Pos2, pressed: bool| {
        harness.event(eframe::egui::Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE });
    };
    let start = at(harness, 0.0);
    harness.hover_at(start);
    harness.step();
    press(harness, start, true);
    harness.step();
    for i in 1..=6 {
        let p = at(harness, i as f32 / 6.0);
        harness.hover_at(p);
        harness.step();
    }
    let end = at(harness, 1.0);
    press(harness, end, false);
    harness.step();
    harness.remove_cursor();
    harness.run_steps(2);
}

/// Clicks a control by name.
pub(crate) fn click(harness: &mut Studio, name: &str) {
    harness.get_by_role_and_label(Role::Button, name).click();
    harness.run_steps(3);
}
