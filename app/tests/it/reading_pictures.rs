//! The reading window as it looks, on software Vulkan; skipped with a printed reason where there is no renderer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use app::reader::action::Action;
use app::reader::sheet::Sheet;
use app::reader::state::{Begun, Stage, Step};
use app::reader::testing;
use app::reader::view::image;
use eframe::egui::{Key, Vec2, vec2};
use egui_kittest::kittest::Queryable;
use study::template::Template;

use crate::pictures::tolerant;
use crate::reading::{PAST, Reader, click_image, press, reader, shown, state, until};

/// A window that is drawn, or `None` after printing why not.
fn drawn(sheet: Sheet, past: Begun, size: Vec2) -> Option<Reader> {
    match catch_unwind(AssertUnwindSafe(|| reader(sheet, past, size, true).0)) {
        Ok(mut h) => {
            h.remove_cursor();
            h.run_steps(3);
            Some(h)
        }
        Err(_) => {
            println!("skipped: no Vulkan or GL renderer (Debian: apt-get install mesa-vulkan-drivers)");
            None
        }
    }
}

/// Leaves a picture in `target/screenshots` for whoever wants to look at it.
fn keep(h: &mut Reader, name: &str) {
    until(h, "the disk", |s| s.all_saved());
    h.remove_cursor();
    h.run_steps(2);
    let folder = std::env::current_exe().expect("a test").ancestors().nth(2).expect("a target folder").join("screenshots");
    std::fs::create_dir_all(&folder).expect("writable");
    h.render().expect("a picture").save(folder.join(format!("reader-{name}.png"))).expect("writable");
}

fn on_case(template: Template, size: Vec2) -> Option<Reader> {
    let mut sheet = testing::sheet(template, 6);
    if template == Template::AssistedReading {
        sheet.trials[0].examples = vec!["example-1".to_owned(), "example-2".to_owned()];
    }
    let mut h = drawn(sheet, PAST, size)?;
    press(&mut h, Key::Enter);
    shown(&mut h, 0);
    Some(h)
}

#[test]
fn the_case_view_looks_as_it_did() {
    let Some(mut h) = on_case(Template::ReportAlignment, vec2(1600.0, 1000.0)) else { return };
    press(&mut h, Key::Num4);
    keep(&mut h, "case");
    h.snapshot_options("reader_case", &tolerant());
    press(&mut h, Key::Num2);
    press(&mut h, Key::Enter);
    until(&mut h, "the error step", |s| s.turn.step == Step::Errors);
    press(&mut h, Key::D);
    click_image(&mut h, 0.28, 0.6);
    h.state_mut().act(Action::Comment("Opacity sits in the middle zone, not the lower lobe.".to_owned()));
    keep(&mut h, "error-step");
    h.snapshot_options("reader_error_step", &tolerant());
    press(&mut h, Key::Escape);
    keep(&mut h, "pause");
    h.snapshot_options("reader_pause", &tolerant());
}

#[test]
fn the_display_check_looks_as_it_did() {
    let sheet = testing::sheet(Template::ReportAlignment, 6);
    let Some(mut h) = drawn(sheet, Begun { display: false, ..PAST }, vec2(1600.0, 1000.0)) else { return };
    press(&mut h, Key::Y);
    keep(&mut h, "display");
    h.snapshot_options("reader_display", &tolerant());
}

#[test]
fn every_screen_is_dark_beyond_the_image() {
    let size = vec2(1280.0, 800.0);
    let sheet = testing::sheet(Template::ReportAlignment, 6);
    let Some(mut h) = drawn(sheet.clone(), Begun::default(), size) else { return };
    keep(&mut h, "consent");
    assert_dark(&mut h, "consent");
    let Some(mut h) = drawn(sheet.clone(), Begun { display: false, ..PAST }, size) else { return };
    assert_dark(&mut h, "display check");
    let Some(mut h) = drawn(sheet.clone(), Begun { practice: 0, ..PAST }, size) else { return };
    until(&mut h, "practice", |s| s.stage == Stage::Practice(0) && s.turn.was_shown);
    press(&mut h, Key::Num1);
    press(&mut h, Key::Enter);
    keep(&mut h, "practice");
    let Some(mut h) = drawn(sheet, PAST, size) else { return };
    keep(&mut h, "break");
    assert_dark(&mut h, "break");
    for template in Template::ALL {
        let Some(mut h) = on_case(template, vec2(1600.0, 1000.0)) else { return };
        press(&mut h, Key::Num2);
        keep(&mut h, &template.name().to_lowercase().replace(' ', "-"));
        assert_dark(&mut h, template.name());
        let Some(mut h) = on_case(template, size) else { return };
        keep(&mut h, &format!("{}-small", template.name().to_lowercase().replace(' ', "-")));
    }
    let Some(mut h) = on_case(Template::ReportAlignment, vec2(1600.0, 1000.0)) else { return };
    h.state_mut().act(Action::Text(100));
    h.run_steps(4);
    keep(&mut h, "case-200");
    press(&mut h, Key::Num1);
    press(&mut h, Key::Enter);
    until(&mut h, "the error step", |s| s.turn.step == Step::Errors);
    press(&mut h, Key::D);
    keep(&mut h, "error-step-200");
}

/// No square of 80 points beyond the images and the bright button is light on average.
fn assert_dark(h: &mut Reader, what: &str) {
    h.remove_cursor();
    h.run_steps(2);
    let template = state(h).sheet.template;
    let images: Vec<_> =
        (0..template.images()).filter_map(|i| h.query_by_label(image::name(template, i)).map(|n| n.rect())).collect();
    let picture = h.render().expect("a picture");
    let side = 80;
    for y in (0..picture.height().saturating_sub(side)).step_by(16) {
        for x in (0..picture.width().saturating_sub(side)).step_by(16) {
            let square = eframe::egui::Rect::from_min_size(eframe::egui::pos2(x as f32, y as f32), Vec2::splat(80.0));
            if images.iter().any(|i| i.intersects(square)) {
                continue;
            }
            let sum: u32 = (y..y + side)
                .flat_map(|y| (x..x + side).map(move |x| (x, y)))
                .map(|(x, y)| u32::from(picture.get_pixel(x, y)[1]))
                .sum();
            let mean = sum / (side * side);
            // The one bright button is 40 points high.
            assert!(mean < 170, "{what}: a light area at {x}, {y}: {mean}");
        }
    }
}
