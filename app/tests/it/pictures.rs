//! Pictures on software Vulkan; skipped with a printed reason where there is no renderer.

mod panels;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use app::checks::Verdict;
use app::jobs::Opener;
use app::testing::FakeModel;
use app::theme::icons::Icon;
use app::theme::tokens;
use app::widgets::{Push, caption, check_line, chip, field, progress, section, slider};
use eframe::egui::{Rect, Vec2, pos2};
use egui_kittest::kittest::Queryable;
use egui_kittest::{Harness, SnapshotOptions};
use engine::domain::GrayImage;

use crate::harness::{Studio, canvas_rect, click, studio_with, wait};

/// A studio that is drawn, or `None` after printing why not.
pub(crate) fn drawn(dir: &std::path::Path, size: Vec2) -> Option<Studio> {
    drawn_with(dir, size, FakeModel::opener(64, Duration::ZERO))
}

/// The same on a model of choice.
pub(crate) fn drawn_with(dir: &std::path::Path, size: Vec2, opener: Opener) -> Option<Studio> {
    match catch_unwind(AssertUnwindSafe(|| studio_with(dir, opener, size, true))) {
        Ok(mut harness) => {
            wait(&mut harness, "the examples' pictures", |a| a.state.pictures.len() == 4);
            harness.remove_cursor();
            harness.run_steps(4);
            Some(harness)
        }
        Err(_) => {
            println!("skipped: no Vulkan or GL renderer (Debian: apt-get install mesa-vulkan-drivers)");
            None
        }
    }
}

/// Another Mesa may place a few pixels of an edge otherwise.
pub(crate) fn tolerant() -> SnapshotOptions {
    SnapshotOptions::new().threshold(2.0).max_failed_pixels(200)
}

fn mean(image: &image::RgbaImage, rect: Rect) -> f32 {
    let (mut sum, mut n) = (0.0f64, 0u32);
    for y in rect.top() as u32..rect.bottom() as u32 {
        for x in rect.left() as u32..rect.right() as u32 {
            let p = image.get_pixel(x, y);
            sum += f64::from(p[0]) + f64::from(p[1]) + f64::from(p[2]);
            n += 3;
        }
    }
    (sum / f64::from(n.max(1))) as f32
}

#[test]
fn the_shader_shows_the_image_its_window_and_the_fill() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let Some(mut h) = drawn(dir.path(), Vec2::new(1600.0, 1000.0)) else { return };
    let middle = Rect::from_center_size(canvas_rect(&h).center(), Vec2::splat(200.0));
    let look = |h: &mut Studio, rect: Rect| {
        h.remove_cursor();
        h.run_steps(3);
        mean(&h.render().expect("software rendering works"), rect)
    };
    let plain = look(&mut h, middle);
    assert!(plain > 40.0, "a chest is on the canvas, mean {plain}");
    click(&mut h, "Invert");
    let inverted = look(&mut h, middle);
    assert!((plain + inverted - 255.0).abs() < 25.0, "inverted {inverted}, plain {plain}");
    click(&mut h, "Invert");

    // A flat grey picture: the window moves it, the fill colours it.
    let flat = |v: u16| Arc::new(GrayImage::new(2, 2, vec![v; 4]).expect("four pixels"));
    h.state_mut().state.pictures[0].1 = flat(65535);
    assert!(look(&mut h, middle) > 235.0, "white is white");
    h.state_mut().state.pictures[0].1 = flat(16384);
    let grey = look(&mut h, middle);
    assert!((grey - 64.0).abs() < 12.0, "a quarter is a quarter: {grey}");
    (h.state_mut().state.view.window, h.state_mut().state.view.level) = (0.5, 0.25);
    let windowed = look(&mut h, middle);
    assert!((windowed - 128.0).abs() < 16.0, "the level is the middle of the range: {windowed}");

    let band = {
        let camera = app::canvas::camera::Camera::new(canvas_rect(&h), 64, None, pos2(0.0, 0.0));
        let (x, y) = (17..47)
            .flat_map(|y| (0..64).map(move |x| (x, y)))
            .find(|&(x, y)| mask_at(&h, x + 1, y) && mask_at(&h, x, y))
            .expect("the example's mask");
        Rect::from_center_size(camera.screen_from_image((x as f32 + 1.0, y as f32 + 0.5)), Vec2::splat(3.0))
    };
    let filled = look(&mut h, band);
    h.state_mut().act(app::action::Action::ToggleOverlays);
    let bare = look(&mut h, band);
    assert!((filled - bare).abs() > 4.0, "the mask is filled: {filled} and {bare}");
}

fn mask_at(h: &Studio, x: u32, y: u32) -> bool {
    match h.state().state.chosen_layer().map(|l| &l.region) {
        Some(app::state::Region::Mask(mask)) => mask.get(x, y),
        _ => false,
    }
}

#[test]
fn first_start_looks_as_it_did() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let Some(mut h) = drawn(dir.path(), Vec2::new(1280.0, 800.0)) else { return };
    // The radiograph changes with the phantom, the studio around it does not.
    let canvas = canvas_rect(&h);
    h.mask(canvas);
    h.mask(Rect::from_min_max(pos2(48.0, 540.0), pos2(1280.0, 800.0)));
    h.snapshot_options("first_start", &tolerant());
}

#[test]
fn controls_look_as_they_did() {
    let build = || {
        let mut installed = false;
        let (mut steps, mut strength) = (25usize, 1.0f32);
        Harness::builder().with_size(Vec2::new(360.0, 330.0)).wgpu().build_ui(move |ui| {
            if !installed {
                // Fonts set in a pass count from the next one.
                app::theme::install(ui.ctx());
                installed = true;
                return;
            }
            ui.painter().rect_filled(ui.max_rect().expand(20.0), 0.0, tokens::BG);
            section(ui, "Controls");
            ui.horizontal(|ui| {
                Push::new("Generate").key("Ctrl Enter").primary().size(32.0, 0.0).show(ui);
                Push::new("Save").with_icon(Icon::Save).key("Ctrl S").show(ui);
            });
            ui.horizontal(|ui| {
                Push::new("+ Finding").chip().show(ui);
                Push::icon(Icon::Brush, "Brush").selected(true).show(ui);
                Push::icon(Icon::Eraser, "Eraser").show(ui);
                Push::icon(Icon::Undo, "Undo").enabled(false).show(ui);
                chip::badge(ui, "PRACTICE", tokens::WARN);
            });
            field::number(ui, "Steps", "Steps", &mut steps, 1..=1000, 0.1, 0, 32.0);
            slider::row(ui, "Strength", "Strength", &mut strength, 0.0..=2.0, false);
            check_line::show(ui, Verdict::Agrees, "Text and layer name the same side.");
            check_line::show(ui, Verdict::Conflict, "The text says right; the mask lies on the patient's left.");
            progress::bar(ui, 150.0, 0.56, "Progress");
            caption(ui, "Sent in front: sex:Male, age:64.0. ≥ ± − × – ’ …");
        })
    };
    match catch_unwind(AssertUnwindSafe(build)) {
        Ok(mut h) => {
            h.run();
            assert!(h.query_by_label("Steps").is_some());
            h.snapshot_options("controls", &tolerant());
        }
        Err(_) => println!("skipped: no Vulkan or GL renderer (Debian: apt-get install mesa-vulkan-drivers)"),
    }
}
