//! Comparing on the canvas and in its room: by accessible names.

use std::time::Duration;

use app::action::Action;
use app::canvas::sight::{NAME_A, NAME_LINE};
use app::rooms::compare;
use app::state::sight::Mode;
use app::state::{Room, Shown};
use eframe::egui::{Key, Modifiers, PointerButton, Role};
use egui_kittest::kittest::Queryable;

use crate::harness::{Studio, canvas_rect, click, see, studio, wait};

/// A studio with two results: seeds 2 (newest) and 1.
fn two(dir: &std::path::Path) -> Studio {
    let mut h = studio(dir, Duration::ZERO);
    for seed in [1, 2] {
        h.state_mut().act(Action::SetSeed(seed));
        click(&mut h, "Generate");
        wait(&mut h, "the image", |a| a.state.results.len() == seed as usize);
    }
    h
}

fn drag_at(h: &mut Studio, from: eframe::egui::Pos2, to: eframe::egui::Pos2, button: PointerButton) {
    let press = |h: &Studio, pos, pressed| {
        h.event(eframe::egui::Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE });
    };
    h.hover_at(from);
    h.step();
    press(h, from, true);
    h.step();
    for i in 1..=4 {
        h.hover_at(from + (to - from) * (i as f32 / 4.0));
        h.step();
    }
    press(h, to, false);
    h.step();
    h.remove_cursor();
    h.run_steps(2);
}

#[test]
fn swipe_is_dragged_and_moved_by_keys() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = two(dir.path());
    click(&mut h, "Swipe");
    assert_eq!(h.state().state.sight.mode, Mode::Swipe);
    let grip = h.get_by_role_and_label(Role::Slider, NAME_LINE).rect().center();
    let document = h.state().state.document.clone();
    drag_at(&mut h, grip, grip + eframe::egui::vec2(100.0, 0.0), PointerButton::Primary);
    let swiped = h.state().state.sight.swipe;
    assert!(swiped > 0.55, "{swiped}");
    assert_eq!(h.state().state.document, document, "the drag draws nothing");
    h.get_by_role_and_label(Role::Slider, NAME_LINE).focus();
    h.run_steps(2);
    h.key_press(Key::ArrowLeft);
    h.run_steps(2);
    assert!((h.state().state.sight.swipe - swiped + 0.01).abs() < 1e-3);
    h.key_press(Key::C);
    h.run_steps(2);
    assert!(!h.state().state.sight.is_comparing());
}

#[test]
fn a_case_that_is_opened_is_seen_alone() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = two(dir.path());
    click(&mut h, "Swipe");
    h.key_press(Key::D);
    h.run_steps(2);
    assert!(h.state().state.sight.is_comparing() && h.state().state.sight.difference);
    h.state_mut().act(Action::OpenExample(app::examples::Example::ALL[1]));
    h.run_steps(2);
    let sight = &h.state().state.sight;
    assert!(!sight.is_comparing() && !sight.difference, "no half of another patient lies beside it");
    h.key_press(Key::C);
    h.run_steps(2);
    assert!(h.state().state.sight.is_comparing(), "a key brings it back");
}

#[test]
fn side_by_side_has_one_zoom_and_one_window() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = two(dir.path());
    click(&mut h, "Side by side");
    let a = h.get_by_label(NAME_A).rect();
    let b = canvas_rect(&h);
    assert!((a.width() - b.width()).abs() < 1.0 && a.right() <= b.left() + 3.0, "{a:?} {b:?}");
    drag_at(&mut h, a.center(), a.center() + eframe::egui::vec2(30.0, -20.0), PointerButton::Secondary);
    assert_ne!((h.state().state.view.window, h.state().state.view.level), (1.0, 0.5));
    drag_at(&mut h, a.center(), a.center() + eframe::egui::vec2(30.0, 0.0), PointerButton::Middle);
    assert!(h.state().state.view.zoom.is_some(), "panning A pans both");
    let before = h.state().state.sight.a.as_ref().map(|a| a.title.clone());
    click(&mut h, "Swap A and B");
    assert_eq!(h.state().state.shown, Shown::Result(1));
    assert_ne!(h.state().state.sight.a.as_ref().map(|a| a.title.clone()), before);
}

#[test]
fn blink_is_by_hand_where_motion_is_reduced() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = two(dir.path());
    click(&mut h, "Blink");
    click(&mut h, "Show A");
    assert!(h.state().state.sight.flipped);
    click(&mut h, "Show B");
    assert!(!h.state().state.sight.flipped);
}

#[test]
fn the_difference_has_a_map_a_scale_and_figures() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = two(dir.path());
    h.key_press(Key::D);
    h.run_steps(2);
    see(&mut h, "Difference map");
    see(&mut h, "Mean change in 1 PTX");
    see(&mut h, "elsewhere");
    see(&mut h, "Inside areas of effect");
    see(&mut h, "The seeds differ (1 and 2): another patient, all else is the same.");
    click(&mut h, "Difference map");
    assert!(h.state().state.sight.large_map);
    see(&mut h, "Difference view");
    h.key_press(Key::D);
    h.run_steps(2);
    assert!(h.query_by_label("Difference view").is_none());
}

#[test]
fn a_twin_opens_the_comparison_by_itself() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    click(&mut h, "Generate");
    wait(&mut h, "the image", |a| a.state.results.len() == 1);
    h.key_press(Key::K);
    h.run_steps(2);
    wait(&mut h, "the twin", |a| a.state.results.len() == 2);
    let state = &h.state().state;
    assert_eq!((state.sight.mode, state.sight.difference), (Mode::Swipe, true));
    assert!(state.results[0].artifact.request.annotations.is_empty());
    assert_eq!(state.shown, Shown::Result(1), "the image with the finding is B");
}

#[test]
fn the_room_holds_nine_and_is_worked_by_keys() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = two(dir.path());
    click(&mut h, "Swipe");
    h.state_mut().act(Action::Compare(compare::Action::AddPair));
    h.state_mut().act(Action::OpenRoom(Room::Compare));
    h.run_steps(3);
    let room = |h: &Studio| h.state().state.compare.entries.iter().map(|e| e.picture.title.clone()).collect::<Vec<_>>();
    let [a, b] = <[String; 2]>::try_from(room(&h)).expect("two pictures");
    // Alt and an arrow moves; the reference stays with its picture.
    h.get_by_role_and_label(Role::Button, &format!("Picture A: {a}, reference")).focus();
    h.run_steps(2);
    h.key_press_modifiers(Modifiers::ALT, Key::ArrowDown);
    h.run_steps(2);
    assert_eq!(room(&h), [b.clone(), a.clone()]);
    assert_eq!(h.state().state.compare.reference, 1);
    // One window for all views.
    let view = h.get_by_label(&format!("View A: {b}")).rect();
    drag_at(&mut h, view.center(), view.center() + eframe::egui::vec2(40.0, 0.0), PointerButton::Secondary);
    assert!(h.state().state.compare.linked.window.width > 1.0);
    for mode in ["Swipe", "Difference", "Blink", "Side by side"] {
        click(&mut h, mode);
    }
    click(&mut h, "Show layers of A");
    assert!(h.state().state.compare.entries[0].overlays);
    click(&mut h, "Save sheet");
    wait(&mut h, "the sheet", |a| a.state.messages.list.iter().any(|m| m.text.starts_with("Saved compare.png")));
    assert!(dir.path().join("saved/compare.png").exists());
    h.get_by_role_and_label(Role::Button, &format!("Picture A: {b}")).focus();
    h.run_steps(2);
    h.key_press(Key::Delete);
    h.run_steps(2);
    assert_eq!(room(&h), [a]);
    // The same picture is not added twice, a file is a picture of its own.
    h.state_mut().act(Action::Compare(compare::Action::Add(Shown::Result(1))));
    assert_eq!(room(&h).len(), 1);
    // Images lie in a folder for each day.
    let days = std::fs::read_dir(dir.path().join("data/images")).expect("images").flatten();
    let png = days.filter_map(|day| std::fs::read_dir(day.path()).ok()).flat_map(|day| day.flatten().map(|f| f.path()));
    let png =
        png.filter(|p| p.extension().is_some_and(|e| e == "png") && !p.to_string_lossy().contains("mask")).take(1).collect();
    h.state_mut().act(Action::Compare(compare::Action::AddFiles(png)));
    wait(&mut h, "the file", |a| a.state.compare.entries.len() == 2);
}

#[test]
fn a_grid_makes_only_what_is_missing_and_is_there_after_a_restart() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    let grid = |h: &mut Studio, action| h.state_mut().act(Action::Compare(compare::Action::Grid(action)));
    h.state_mut().act(Action::OpenRoom(Room::Compare));
    h.run_steps(3);
    click(&mut h, "Grid");
    wait(&mut h, "the case", |a| a.state.compare.grid.case.is_some());
    grid(&mut h, compare::grid::Action::SetParameter(true, compare::grid::Parameter::Seed));
    h.run_steps(3);
    h.get_by_role_and_label(Role::MultilineTextInput, "Across: values").focus();
    h.run_steps(2);
    h.get_by_role_and_label(Role::MultilineTextInput, "Across: values").type_text("1, 2");
    h.run_steps(3);
    let counts = |a: &app::app::StudioApp| a.state.compare.grid.counts();
    wait(&mut h, "the library's answer", |a| counts(a) == (0, 0, 2));
    click(&mut h, "Make missing cells");
    wait(&mut h, "the cells", |a| counts(a) == (2, 0, 0));
    let made = h.state().state.results.len();
    // One value more: one image more.
    grid(&mut h, compare::grid::Action::SetTyped(true, "1, 2, 3".to_owned()));
    wait(&mut h, "the library's answer", |a| counts(a) == (2, 0, 1));
    click(&mut h, "Make missing cells");
    wait(&mut h, "the cells", |a| counts(a) == (3, 0, 0));
    assert_eq!(h.state().state.results.len(), made + 1);
    see(&mut h, "Cell 3: made");
    click(&mut h, "Save table");
    wait(&mut h, "the table", |a| a.state.messages.list.iter().any(|m| m.text.starts_with("Saved grid.csv")));
    let table = std::fs::read_to_string(dir.path().join("saved/grid.csv")).expect("the table");
    assert_eq!(table.lines().count(), 4);
    drop(h);

    let mut again = studio(dir.path(), Duration::ZERO);
    again.state_mut().act(Action::OpenRoom(Room::Compare));
    again.state_mut().act(Action::Compare(compare::Action::SetPart(compare::Part::Grid)));
    again.run_steps(3);
    wait(&mut again, "the grid of before", |a| counts(a) == (3, 0, 0));
}

#[test]
fn radiographs_from_files_are_views_and_damaged_ones_are_sentences() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = two(dir.path());
    let pixels = (0..96 * 80u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 16) as u16).collect();
    let image = engine::domain::GrayImage::new(96, 80, pixels).expect("an image");
    let png = dir.path().join("outside.png");
    std::fs::write(&png, engine::imageio::png::encode_gray16(&image, &[]).expect("packed")).expect("writable");
    let dicom = crate::images::dicom_file(dir.path(), &image);
    let cut = dir.path().join("cut.dcm");
    let whole = std::fs::read(&dicom).expect("readable");
    std::fs::write(&cut, &whole[..whole.len() / 2]).expect("writable");
    h.state_mut().act(Action::OpenRoom(Room::Compare));
    h.state_mut().act(Action::Compare(compare::Action::Add(Shown::Result(0))));
    h.state_mut().act(Action::Compare(compare::Action::AddFiles(vec![png, dicom, cut, dir.path().join("gone.jpg")])));
    wait(&mut h, "the files", |a| a.state.compare.entries.len() == 3 && a.state.messages.list.len() >= 2);
    see(&mut h, "View B: File: outside.png");
    see(&mut h, "View C: File: chest.dcm");
    let entries = &h.state().state.compare.entries;
    assert_eq!((*entries[1].picture.image == image, entries[1].picture.mark), (true, "File"));
    assert!(entries[1].picture.artifact.is_none(), "no run made it");
    let said = |h: &Studio, words: &str| h.state().state.messages.list.iter().any(|m| m.text.ends_with(words));
    assert!(said(&h, "(cut.dcm).") && said(&h, "(gone.jpg)."));
    // One zoom and one window for all, whatever their sizes.
    let at = h.get_by_label("View B: File: outside.png").rect();
    drag_at(&mut h, at.center(), at.center() + eframe::egui::vec2(40.0, 0.0), PointerButton::Secondary);
    assert!(h.state().state.compare.linked.window.width > 1.0);
    drag_at(&mut h, at.center(), at.center() + eframe::egui::vec2(30.0, 0.0), PointerButton::Middle);
    assert!(h.state().state.compare.linked.zoom.is_some());
    assert_eq!(h.state().state.compare.size_px(), 96);
    h.check_accessibility();
    // A name of a file may be a patient's, so a sheet does not tell it.
    click(&mut h, "Save sheet");
    wait(&mut h, "the sheet", |a| a.state.messages.list.iter().any(|m| m.text.starts_with("Saved compare")));
    let sheet = dir.path().join("saved/compare.png");
    let mark = engine::imageio::png::read_text(&sheet, "Comment").expect("readable").expect("marked");
    assert!(mark.contains("opened images beside synthetic ones"), "{mark}");
}
