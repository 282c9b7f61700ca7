//! The film, its lanes, forks, the layer rows: by accessible names.

use std::time::Duration;

use app::action::Action;
use app::library::Relation;
use app::state::Shown;
use eframe::egui::accesskit;
use eframe::egui::{Key, Modifiers, PointerButton, Role, pos2};
use egui_kittest::kittest::{NodeT, Queryable};
use engine::domain::StepRange;

use crate::harness::{Studio, click, see, studio, wait};

fn generated(dir: &std::path::Path) -> Studio {
    let mut h = studio(dir, Duration::ZERO);
    click(&mut h, "Generate");
    wait(&mut h, "the image", |a| !a.state.results.is_empty());
    h
}

fn steps(h: &Studio) -> std::ops::Range<usize> {
    h.state().state.chosen_layer().expect("a layer is chosen").steps.steps(8)
}

#[test]
fn a_fork_is_one_press_and_its_film_begins_later() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = generated(dir.path());
    assert!(h.get_by_label("Fork from step 8").accesskit_node().is_disabled(), "the last step is the image itself");
    for _ in 0..3 {
        h.key_press(Key::Comma);
        h.run_steps(2);
    }
    click(&mut h, "Fork from step 5");
    wait(&mut h, "the fork", |a| a.state.results.len() == 2);
    let fork = &h.state().state.results[0];
    let run = fork.run.as_ref().expect("it is in the library");
    assert_eq!((run.relation, run.parent_step), (Relation::Fork, Some(5)));
    assert_eq!(fork.previews.len(), 3);
    see(&mut h, "3 of 8 kept, 0.0 MB");
}

#[test]
fn handles_of_a_lane_move_by_drag_by_key_and_by_assistive_programs() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = generated(dir.path());
    assert_eq!(steps(&h), 0..8);
    h.get_by_role_and_label(Role::Slider, "Last step of layer 1").focus();
    h.run_steps(2);
    h.key_press(Key::ArrowLeft);
    h.run_steps(2);
    assert_eq!(steps(&h), 0..7);
    h.key_press_modifiers(Modifiers::SHIFT, Key::ArrowLeft);
    h.run_steps(2);
    assert_eq!(steps(&h), 0..2);
    let request = accesskit::ActionRequest {
        action: accesskit::Action::Increment,
        target_tree: accesskit::TreeId::ROOT,
        target_node: h.get_by_role_and_label(Role::Slider, "Last step of layer 1").accesskit_node().locate().0,
        data: None,
    };
    h.event(eframe::egui::Event::AccessKitActionRequest(request));
    h.run_steps(2);
    assert_eq!(steps(&h), 0..3);

    // Drag the other end by two frames; it is one entry of the journal, and whole steps snap.
    let handle = h.get_by_role_and_label(Role::Slider, "First step of layer 1").rect();
    let film = h.get_by_label("Steps film").rect();
    let start = pos2(handle.center().x + 4.0, handle.center().y);
    h.drag_at(start);
    h.step();
    for share in [0.08, 0.16, 0.27] {
        h.hover_at(pos2(film.left() + film.width() * share, start.y));
        h.step();
    }
    h.drop_at(pos2(film.left() + film.width() * 0.27, start.y));
    h.run_steps(3);
    assert_eq!(steps(&h), 2..3);
    h.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    h.run_steps(2);
    assert_eq!(steps(&h), 0..3);
    let request = h.state().state.document.request(&h.state().state.sampling);
    assert_eq!(request.annotations[0].steps, StepRange::of_steps(0..3, 8), "the range is sent");
}

#[test]
fn more_than_fifty_steps_are_reached_by_scrubbing() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    h.state_mut().act(Action::SetSteps(120));
    click(&mut h, "Generate");
    wait(&mut h, "the image", |a| !a.state.results.is_empty());
    let film = h.get_by_label("Steps film").rect();
    for (share, step) in [(0.0, 1usize), (0.5, 61), (0.26, 32)] {
        let at = pos2(film.left() + 1.0 + film.width() * share, film.center().y);
        h.hover_at(at);
        h.step();
        for pressed in [true, false] {
            h.event(eframe::egui::Event::PointerButton {
                pos: at,
                button: PointerButton::Primary,
                pressed,
                modifiers: Modifiers::NONE,
            });
            h.step();
        }
        h.run_steps(2);
        assert_eq!(h.state().state.shown, Shown::ResultStep(0, step - 1), "at {share}");
    }
    h.get_by_label("Steps film").focus();
    h.run_steps(2);
    h.key_press(Key::ArrowRight);
    h.run_steps(2);
    assert_eq!(h.state().state.shown, Shown::ResultStep(0, 32));
}

#[test]
fn rows_solo_limit_and_reorder_layers() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    click(&mut h, "Add box");
    h.key_press(Key::Enter);
    h.run_steps(2);
    let titles = |h: &Studio| h.state().state.document.layers.iter().map(|l| l.kind()).collect::<Vec<_>>();
    assert_eq!(titles(&h), ["Mask", "Box", "Guide"]);
    click(&mut h, "Solo layer 1");
    assert_eq!(h.state().state.document.annotations().len(), 1);
    click(&mut h, "End solo of layer 1");

    let id = h.state().state.document.layers[0].id;
    h.state_mut().act(Action::ChooseLayer(id));
    h.run_steps(2);
    click(&mut h, "Area of effect");
    assert_eq!(h.state().state.document.layers[0].area_px, Some(12));
    click(&mut h, "Act everywhere");
    assert_eq!(h.state().state.document.layers[0].area_px, None);

    // The first row is dragged below the second.
    let row = |h: &Studio, n: &str| {
        h.get_all_by_role(Role::Button)
            .find(|b| b.accesskit_node().label().is_some_and(|l| l.starts_with(n)))
            .map(|b| b.rect())
            .expect("a row")
    };
    let (from, to) = (row(&h, "Layer 1:").center(), row(&h, "Layer 2:"));
    h.drag_at(from);
    h.step();
    for share in [0.3, 0.7, 1.0] {
        h.hover_at(pos2(from.x, from.y + (to.bottom() - from.y) * share));
        h.step();
    }
    h.drop_at(pos2(from.x, to.bottom()));
    h.run_steps(3);
    assert_eq!(titles(&h), ["Box", "Mask", "Guide"]);
    click(&mut h, "Remove layer 2");
    assert_eq!(titles(&h), ["Box", "Guide"]);
}
