//! A studio without a screen.

use std::path::Path;
use std::time::{Duration, Instant};

use app::app::{Options, StudioApp};
use app::canvas;
use app::jobs::{ModelState, Opener};
use app::state::{Level, LibraryState};
use app::testing::{FakeModel, Gate};
use eframe::egui::{Modifiers, Order, PointerButton, Pos2, Rect, Role, Vec2, pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::{AccessKitNode, By, Queryable};

pub(crate) type Studio = Harness<'static, StudioApp>;

/// Real time that anything may take: the machine may be slow and busy.
pub(crate) const LIMIT: Duration = Duration::from_secs(240);

/// A studio of the usual size on a fake model of 64 pixels; files go below `dir`.
pub(crate) fn studio(dir: &Path, step_time: Duration) -> Studio {
    studio_with(dir, FakeModel::opener(64, step_time), Vec2::new(1600.0, 1000.0), false)
}

/// A studio whose fake model takes no step before it is let.
pub(crate) fn gated(dir: &Path) -> (Studio, Gate) {
    let gate = Gate::default();
    let opener = FakeModel::gated(64, gate.clone());
    (studio_with(dir, opener, Vec2::new(1600.0, 1000.0), false), gate)
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
    wait(&mut harness, "the model, the library and the cases", |app| {
        let state = &app.state;
        !matches!(state.model, ModelState::Loading { .. })
            && !matches!(state.queue.library, LibraryState::Opening)
            && (app.cases_loaded() || state.messages.list.iter().any(|m| m.level == Level::Error))
    });
    harness
}

/// Steps until something of the app holds.
pub(crate) fn wait(harness: &mut Studio, what: &str, holds: impl Fn(&StudioApp) -> bool) {
    until(harness, what, |h| holds(h.state()));
}

/// Steps until something holds, by what is on the screen or behind it.
pub(crate) fn until(harness: &mut Studio, what: &str, holds: impl Fn(&Studio) -> bool) {
    let began = Instant::now();
    while !holds(harness) {
        let said = || harness.state().state.messages.list.iter().map(|m| m.text.clone()).collect::<Vec<_>>();
        assert!(began.elapsed() < LIMIT, "waited too long for {what}; messages: {:?}", said());
        std::thread::sleep(Duration::from_millis(5));
        harness.step();
    }
    harness.run_steps(2);
}

/// Waits for something with this name.
pub(crate) fn see(harness: &mut Studio, name: &str) {
    until(harness, name, |h| h.query_all_by_label(name).next().is_some());
}

/// Waits for something whose name contains these words.
pub(crate) fn see_part(harness: &mut Studio, part: &str) {
    until(harness, part, |h| h.query_all_by_label_contains(part).next().is_some());
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

/// Clicks a button by name, once it stands still and nothing lies over it.
pub(crate) fn click(harness: &mut Studio, name: &str) {
    click_on(harness, name, |n| n.role() == Role::Button && n.label().as_deref() == Some(name));
}

/// The same for whatever has this name.
pub(crate) fn click_any(harness: &mut Studio, name: &str) {
    click_on(harness, name, |n| n.label().as_deref() == Some(name));
}

fn click_on(harness: &mut Studio, name: &str, is: impl Fn(&AccessKitNode<'_>) -> bool) {
    let place = |h: &Studio| {
        let mut found = h.query_all(By::new().predicate(|n| is(n) && !n.is_disabled()));
        found.next().filter(|_| found.next().is_none()).map(|n| n.rect())
    };
    let (began, mut last) = (Instant::now(), None);
    loop {
        let now = place(harness);
        if now.is_some() && now == last {
            break;
        }
        let waited = began.elapsed() < LIMIT;
        assert!(waited, "no single button {name} that stands still; messages: {:?}", harness.state().state.messages.list);
        if now.is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        last = now;
        harness.step();
    }
    // A message that lies over it, and does not hold it, is closed, as a person would.
    let middle = last.map_or(Pos2::ZERO, |rect| rect.center());
    let messages = &harness.state().state.messages.list;
    let of_message = name == "Close message" || messages.iter().any(|m| m.action.as_ref().is_some_and(|a| a.0 == name));
    if !of_message && harness.ctx.layer_id_at(middle).is_some_and(|layer| layer.order != Order::Background) {
        harness.state_mut().state.messages.list.iter_mut().for_each(|m| m.closed = true);
        harness.run_steps(2);
    }
    let found = harness.query_all(By::new().predicate(|n| is(n) && !n.is_disabled())).next();
    found.unwrap_or_else(|| panic!("{name} went away")).click();
    harness.run_steps(3);
}
