//! Every tool of the canvas, found by its accessible name and used with pointer and keys.

use std::time::Duration;

use app::action::Action;
use app::state::{Region, Tool};
use eframe::egui::{Event, Key, Modifiers, PointerButton, Pos2, Role};
use egui_kittest::kittest::{NodeT, Queryable};
use engine::domain::Mask;

use crate::harness::{Studio, canvas_rect, click, click_any, drag, on_image, see_part, studio, wait};

fn mask(h: &Studio) -> Mask {
    let layer = h.state().state.chosen_layer().expect("a layer is chosen");
    layer.region.mask().map(|m| Mask::clone(m)).expect("a painted layer is chosen")
}

/// A studio with an empty mask layer.
fn empty(dir: &std::path::Path) -> Studio {
    let mut h = studio(dir, Duration::ZERO);
    h.state_mut().act(Action::NewDocument);
    h.state_mut().act(Action::AddMask);
    h.run_steps(2);
    h
}

fn press(h: &mut Studio, at: (f32, f32), modifiers: Modifiers) {
    let pos = on_image(h, at.0, at.1);
    h.hover_at(pos);
    h.step();
    for pressed in [true, false] {
        h.event(Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers });
        h.step();
    }
    h.run_steps(2);
}

/// A drag with modifiers held.
fn drag_with(h: &mut Studio, modifiers: Modifiers, from: (f32, f32), to: (f32, f32)) {
    let at = |h: &Studio, p: (f32, f32)| on_image(h, p.0, p.1);
    let button = |h: &Studio, pos: Pos2, pressed: bool| {
        h.event_modifiers(Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers }, modifiers);
    };
    let (start, end) = (at(h, from), at(h, to));
    h.hover_at(start);
    h.step();
    button(h, start, true);
    h.step();
    let middle = start + (end - start) * 0.5;
    for p in [middle, end] {
        h.event_modifiers(Event::PointerMoved(p), modifiers);
        h.step();
    }
    button(h, end, false);
    h.step();
    h.event(Event::ModifiersChanged(Modifiers::NONE));
    h.remove_cursor();
    h.run_steps(2);
}

/// One step back leaves what was there, one forward brings it again.
fn undone(h: &mut Studio, before: &Mask) {
    let after = mask(h);
    assert_ne!(&after, before, "the tool changed something");
    click(h, "Undo");
    assert_eq!(&mask(h), before, "one entry");
    click(h, "Redo");
    assert_eq!(mask(h), after);
}

#[test]
fn brush_eraser_and_their_swap() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = empty(dir.path());
    let nothing = mask(&h);
    click(&mut h, "Brush");
    drag(&mut h, PointerButton::Primary, (0.3, 0.5), (0.6, 0.5));
    assert!(mask(&h).get(28, 32));
    undone(&mut h, &nothing);
    let drawn = mask(&h);
    h.key_press(Key::X);
    h.run_steps(2);
    assert_eq!(h.state().state.view.tool, Tool::Eraser);
    drag(&mut h, PointerButton::Primary, (0.4, 0.5), (0.5, 0.5));
    assert!(!mask(&h).get(28, 32));
    undone(&mut h, &drawn);
    click(&mut h, "Brush");
    drag_with(&mut h, Modifiers::ALT, (0.3, 0.5), (0.6, 0.5));
    assert!(mask(&h).is_empty(), "Alt takes away");
}

#[test]
fn shift_draws_a_straight_line_from_press_to_release() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = empty(dir.path());
    let nothing = mask(&h);
    click(&mut h, "Brush");
    drag_with(&mut h, Modifiers::SHIFT, (0.2, 0.2), (0.8, 0.2));
    let row = mask(&h).block().expect("a line");
    assert!(row.width() > 36 && row.height() <= 6, "{row:?}");
    undone(&mut h, &nothing);
}

#[test]
fn the_threshold_brush_keeps_to_its_greys() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    wait(&mut h, "the example's picture", |a| a.state.shown_image().is_some());
    let before = mask(&h);
    click(&mut h, "Threshold brush");
    assert!(h.state().state.view.tools.limited);
    h.get_by_role_and_label(Role::SpinButton, "Lowest grey");
    h.key_press_modifiers(Modifiers::SHIFT, Key::T);
    h.run_steps(2);
    assert!(h.state().state.view.tools.limit().is_some_and(|r| r.inverted));
    // Nothing lies outside of the whole range.
    drag(&mut h, PointerButton::Primary, (0.3, 0.5), (0.6, 0.5));
    assert_eq!(mask(&h), before);
    h.key_press_modifiers(Modifiers::SHIFT, Key::T);
    drag(&mut h, PointerButton::Primary, (0.3, 0.5), (0.6, 0.5));
    undone(&mut h, &before);
    click(&mut h, "Limit to grey");
    assert!(!h.state().state.view.tools.limited);
    h.key_press(Key::T);
    h.run_steps(2);
    assert!(h.state().state.view.tools.limited);
    click(&mut h, "Brush");
    assert!(!h.state().state.view.tools.limited, "the plain brush has no limit");
}

#[test]
fn lasso_polygon_and_ellipse_fill_and_cut_out() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = empty(dir.path());
    let nothing = mask(&h);
    click(&mut h, "Polygon");
    for corner in [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.1, 0.9)] {
        press(&mut h, corner, Modifiers::NONE);
    }
    h.key_press(Key::Backspace);
    h.run_steps(2);
    press(&mut h, (0.2, 0.8), Modifiers::NONE);
    assert!(mask(&h).is_empty(), "it is not closed yet");
    h.key_press(Key::Enter);
    h.run_steps(2);
    let square = mask(&h);
    assert!((square.area() as f32 / (0.36 * 64.0 * 64.0) - 1.0).abs() < 0.1, "{} pixels", square.area());
    undone(&mut h, &nothing);
    press(&mut h, (0.5, 0.5), Modifiers::NONE);
    h.key_press(Key::Escape);
    h.run_steps(2);
    assert!(h.state().state.view.stroke.is_none(), "Escape gives it up");

    click(&mut h, "Ellipse");
    click(&mut h, "Take away");
    drag(&mut h, PointerButton::Primary, (0.3, 0.3), (0.7, 0.7));
    assert!(!mask(&h).get(32, 32) && mask(&h).get(15, 15));
    undone(&mut h, &square);
    let ring = mask(&h);
    click(&mut h, "Fill holes");
    assert_eq!(mask(&h), square);
    undone(&mut h, &ring);
    click(&mut h, "Lasso");
    click(&mut h, "Add");
    drag(&mut h, PointerButton::Primary, (0.3, 0.3), (0.7, 0.31));
    assert_eq!(h.state().state.view.stroke, None);
}

#[test]
fn a_double_click_and_the_first_corner_close_a_polygon() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = empty(dir.path());
    click(&mut h, "Polygon");
    for corner in [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.2)] {
        press(&mut h, corner, Modifiers::NONE);
    }
    assert!(mask(&h).get(45, 20), "a click on the first corner closes it");
    click(&mut h, "Undo");
    for corner in [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8)] {
        press(&mut h, corner, Modifiers::NONE);
    }
    // Both clicks in one frame: a frame of this clock is longer than a double-click.
    let pos = on_image(&h, 0.8, 0.8);
    h.hover_at(pos);
    h.step();
    let button = |pressed| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE };
    h.input_mut().events.extend([true, false, true, false].map(button));
    h.step();
    h.run_steps(3);
    assert!(mask(&h).get(45, 20), "so does a double-click");
}

#[test]
fn the_wand_takes_the_region_of_like_grey() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = empty(dir.path());
    let nothing = mask(&h);
    h.state_mut().act(Action::OpenExample(app::examples::Example::RightPneumothorax));
    wait(&mut h, "the example", |a| a.state.shown_image().is_some());
    h.state_mut().act(Action::AddMask);
    click(&mut h, "Wand");
    h.get_by_role_and_label(Role::SpinButton, "Wand tolerance");
    press(&mut h, (0.5, 0.95), Modifiers::NONE);
    assert!(mask(&h).get(32, 60), "the clicked place is in it");
    undone(&mut h, &nothing);
}

#[test]
fn boxes_are_dragged_and_their_corners_afterwards() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = empty(dir.path());
    click(&mut h, "Box");
    drag(&mut h, PointerButton::Primary, (0.25, 0.25), (0.5, 0.5));
    drag(&mut h, PointerButton::Primary, (0.5, 0.5), (0.75, 0.625));
    let Some(Region::Box(Some(rect))) = h.state().state.chosen_layer().map(|l| l.region.clone()) else { panic!("no box") };
    assert_eq!((rect.x0, rect.y0, rect.x1, rect.y1), (16.0, 16.0, 48.0, 40.0));
    click(&mut h, "Undo");
    let Some(Region::Box(Some(rect))) = h.state().state.chosen_layer().map(|l| l.region.clone()) else { panic!("no box") };
    assert_eq!((rect.x1, rect.y1), (32.0, 32.0));
}

#[test]
fn moving_scaling_and_turning_by_the_frame() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = empty(dir.path());
    click(&mut h, "Ellipse");
    drag(&mut h, PointerButton::Primary, (0.25, 0.375), (0.5, 0.5));
    let first = mask(&h);
    click(&mut h, "Move");
    drag(&mut h, PointerButton::Primary, (0.375, 0.4375), (0.5, 0.5625));
    assert_eq!(mask(&h), first.shifted(8, 8));
    undone(&mut h, &first);
    let moved = mask(&h);
    drag(&mut h, PointerButton::Primary, (0.625, 0.625), (0.75, 0.75));
    let block = mask(&h).block().expect("scaled");
    assert_eq!((block.x0, block.y0, block.x1, block.y1), (24, 32, 48, 48));
    undone(&mut h, &moved);
    // The turning handle stands above the frame; to the right of the middle is a quarter turn.
    let before = mask(&h);
    let camera = app::canvas::camera::Camera::new(canvas_rect(&h), 64, None, Pos2::ZERO);
    let above = 24.0 / camera.zoom / 64.0;
    drag(&mut h, PointerButton::Primary, (0.5625, 0.5 - above), (0.95, 0.625));
    let block = mask(&h).block().expect("turned");
    assert!(block.height() > block.width() + 4, "{block:?}");
    undone(&mut h, &before);
    click(&mut h, "Mirror layer");
    let there = mask(&h).mirrored();
    undone(&mut h, &there);
}

#[test]
fn grow_shrink_and_smooth() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = empty(dir.path());
    click(&mut h, "Brush");
    drag(&mut h, PointerButton::Primary, (0.3, 0.5), (0.6, 0.5));
    let drawn = mask(&h);
    click(&mut h, "Grow or shrink");
    h.get_by_role_and_label(Role::SpinButton, "Distance");
    click(&mut h, "Grow");
    assert!(mask(&h).area() > drawn.area());
    undone(&mut h, &drawn);
    let grown = mask(&h);
    click(&mut h, "Shrink");
    assert!(mask(&h).area() < grown.area());
    undone(&mut h, &grown);
    h.state_mut().act(Action::SetBrush(0.5));
    click(&mut h, "Brush");
    press(&mut h, (0.9, 0.1), Modifiers::NONE);
    let speck = mask(&h);
    click(&mut h, "Smooth");
    assert!(!mask(&h).get(57, 6), "the speck is gone");
    undone(&mut h, &speck);
}

#[test]
fn shapes_come_from_the_library() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = empty(dir.path());
    let nothing = mask(&h);
    click(&mut h, "Shape library");
    for name in ["Shape size", "Shape side", "Shape zone"] {
        h.get_by_role_and_label(Role::ComboBox, name);
    }
    click(&mut h, "Place");
    wait(&mut h, "the shape", |a| a.state.chosen_layer().is_some_and(|l| !l.is_empty()));
    let one = mask(&h);
    undone(&mut h, &nothing);
    click(&mut h, "Another");
    wait(&mut h, "another shape", |a| a.state.chosen_layer().and_then(|l| l.region.mask()).is_some_and(|m| **m != one));
    undone(&mut h, &one);
}

#[test]
fn a_mask_is_copied_from_an_earlier_run() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    let drawn = mask(&h);
    click(&mut h, "Generate");
    wait(&mut h, "the image", |a| !a.state.results.is_empty());
    h.state_mut().act(Action::NewDocument);
    h.state_mut().act(Action::AddMask);
    let nothing = mask(&h);
    click(&mut h, "Mask from an earlier run");
    click_any(&mut h, "Earlier mask");
    click_any(&mut h, "Seed 1482 · 1 Pneumothorax");
    assert_eq!(mask(&h), drawn);
    undone(&mut h, &nothing);
}

#[test]
fn drawing_needs_no_mouse() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = empty(dir.path());
    h.get_by_label(app::canvas::NAME).focus();
    h.run_steps(2);
    h.key_press(Key::Enter);
    h.run_steps(2);
    let disc = mask(&h);
    assert!(disc.get(32, 32), "Enter paints a disc in the middle");
    h.key_press_modifiers(Modifiers::SHIFT, Key::ArrowLeft);
    h.run_steps(2);
    assert_eq!(mask(&h), disc.shifted(-10, 0));
    undone(&mut h, &disc);
    h.get_by_label(app::canvas::NAME).focus();
    h.state_mut().act(Action::AddBox);
    h.run_steps(2);
    h.key_press(Key::Enter);
    h.run_steps(2);
    h.key_press_modifiers(Modifiers::ALT, Key::ArrowRight);
    h.run_steps(2);
    let Some(Region::Box(Some(rect))) = h.state().state.chosen_layer().map(|l| l.region.clone()) else { panic!("no box") };
    assert_eq!((rect.x0, rect.x1), (27.0, 38.0));
    h.key_press(Key::Q);
    h.run_steps(2);
    assert_eq!(mask(&h), disc.shifted(-10, 0), "Q goes back to the mask");
}

#[test]
fn overlays_hide_while_h_is_held() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = empty(dir.path());
    let key = |pressed| Event::Key { key: Key::H, physical_key: None, pressed, repeat: false, modifiers: Modifiers::NONE };
    h.event(key(true));
    h.run_steps(3);
    assert!(!h.state().state.view.shows_overlays());
    h.event(key(false));
    h.run_steps(3);
    assert!(h.state().state.view.shows_overlays());
    h.key_press_modifiers(Modifiers::SHIFT, Key::H);
    h.run_steps(3);
    assert!(!h.state().state.view.overlays);
}

#[test]
fn repairs_wait_for_something_to_repair() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = empty(dir.path());
    for name in ["Fill holes", "Smooth", "Mirror layer"] {
        assert!(h.get_by_role_and_label(Role::Button, name).accesskit_node().is_disabled(), "{name}");
    }
    see_part(&mut h, "mm, assumed");
}
