//! Pictures of the window on software Vulkan; skipped with a reason where there is none.

use std::sync::Arc;
use std::time::Duration;

use app::testing::FakeModel;
use eframe::egui::{Rect, Vec2};
use egui_kittest::kittest::Queryable;

use crate::harness::{Studio, canvas_rect, click, studio_with, wait};

fn ready(harness: &mut Studio) {
    wait(harness, "the examples' pictures", |a| a.state.pictures.len() == 4);
    harness.remove_cursor();
    harness.run_steps(4);
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
    let mut h = studio_with(dir.path(), FakeModel::opener(64, Duration::ZERO), Vec2::new(1600.0, 1000.0), true);
    ready(&mut h);
    let middle = Rect::from_center_size(canvas_rect(&h).center(), Vec2::splat(200.0));
    let plain = mean(&h.render().expect("software rendering works"), middle);
    assert!(plain > 40.0, "a chest is on the canvas, mean {plain}");
    click(&mut h, "Invert");
    h.remove_cursor();
    h.run_steps(3);
    let inverted = mean(&h.render().expect("software rendering works"), middle);
    assert!((plain + inverted - 255.0).abs() < 25.0, "inverted {inverted}, plain {plain}");
    let white = Arc::new(engine::domain::GrayImage::new(2, 2, vec![65535; 4]).expect("four pixels"));
    click(&mut h, "Invert");
    h.state_mut().state.pictures[0].1 = white;
    h.remove_cursor();
    h.run_steps(3);
    assert!(mean(&h.render().expect("software rendering works"), middle) > 235.0, "white is white");
}

#[test]
fn first_start_looks_as_it_did() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio_with(dir.path(), FakeModel::opener(64, Duration::ZERO), Vec2::new(1280.0, 800.0), true);
    ready(&mut h);
    // The radiograph changes with the phantom, the chrome does not.
    let canvas = canvas_rect(&h);
    h.mask(canvas);
    for name in ["Open example: Right pneumothorax", "Open example: Left nodule", "Open example: Left pleural effusion", "Open example: Enlarged heart"] {
        let rect = h.get_by_label(name).rect();
        h.mask(rect);
    }
    let below = Rect::from_min_max(eframe::egui::pos2(0.0, 700.0), eframe::egui::pos2(1280.0, 800.0));
    h.mask(below);
    h.snapshot("first_start");
}
