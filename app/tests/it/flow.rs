//! Type, draw, generate, cancel, undo, save, restore: what a person does, by accessible names.

use std::sync::Arc;
use std::time::Duration;

use app::action::Action;
use app::state::{Level, Region, Shown};
use eframe::egui::{self, Key, Modifiers, PointerButton, Role};
use egui_kittest::kittest::{NodeT, Queryable};
use engine::domain::Mask;

use crate::harness::{Studio, canvas_rect, click, drag, gated, on_image, see, studio, wait};

fn mask(harness: &Studio) -> Arc<Mask> {
    let state = &harness.state().state;
    match &state.chosen_layer().expect("a layer is chosen").region {
        Region::Mask(mask) => Arc::clone(mask),
        other => panic!("the chosen layer is {other:?}"),
    }
}

#[test]
fn typing_is_counted_checked_and_undone() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    let before = h.state().state.document.impression.clone();
    h.get_by_role_and_label(Role::MultilineTextInput, "Impression").focus();
    h.run_steps(2);
    h.key_press_modifiers(Modifiers::COMMAND, Key::A);
    h.step();
    h.get_by_role_and_label(Role::MultilineTextInput, "Impression").type_text("Large left pneumothorax.");
    h.run_steps(2);
    assert_eq!(h.state().state.document.impression, "Large left pneumothorax.");
    // Prefix of four words' worth: sex, age, race; three words typed.
    see(&mut h, "6 of 120 tokens");
    // The example's mask is on the right: two repairs are offered.
    see(&mut h, "Conflict: The text says left; the pneumothorax mask is on the patient's right.");
    click(&mut h, "Flip the mask");
    see(&mut h, "No conflict");
    h.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    h.run_steps(2);
    see(&mut h, "1 conflict");
    h.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    h.run_steps(2);
    assert_eq!(h.state().state.document.impression, before);
}

#[test]
fn keys_do_not_fire_while_typing() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    let tool = h.state().state.view.tool;
    h.get_by_role_and_label(Role::MultilineTextInput, "Impression").focus();
    h.run_steps(2);
    for key in [Key::E, Key::H, Key::Num3] {
        h.key_press(key);
        h.step();
    }
    assert_eq!(h.state().state.view.tool, tool);
    assert!(h.state().state.view.overlays);
}

#[test]
fn drawing_by_drag_and_taking_it_back() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    let before = mask(&h);
    click(&mut h, "Brush");
    drag(&mut h, PointerButton::Primary, (0.6, 0.5), (0.8, 0.5));
    let after = mask(&h);
    assert!(after.get(40, 32) && after.get(50, 32), "the stroke lies where the pointer went");
    assert!(after.area() > before.area());
    click(&mut h, "Undo");
    assert_eq!(mask(&h), before);
    click(&mut h, "Redo");
    assert_eq!(mask(&h), after);
    click(&mut h, "Eraser");
    drag(&mut h, PointerButton::Primary, (0.6, 0.5), (0.8, 0.5));
    assert!(!mask(&h).get(45, 32));
}

#[test]
fn a_stroke_that_a_slow_machine_sees_in_one_frame_is_drawn_whole() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    let before = mask(&h);
    click(&mut h, "Brush");
    let [from, over, to] = [0.6, 0.7, 0.8].map(|x| on_image(&h, x, 0.5));
    let button =
        |pos, pressed| egui::Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE };
    let moved = egui::Event::PointerMoved;
    let whole = [moved(from), button(from, true), moved(over), moved(to), button(to, false)];
    // All at once, and cut between two frames in every place.
    for cut in 0..=whole.len() {
        let (first, rest) = whole.split_at(cut);
        for part in [first, rest] {
            h.input_mut().events.extend(part.iter().cloned());
            h.step();
        }
        h.run_steps(2);
        let after = mask(&h);
        assert!(after.get(39, 32) && after.get(45, 32) && after.get(50, 32), "cut at {cut}");
        assert_eq!(h.state().state.history.len(), 1, "cut at {cut}: one stroke, one entry");
        h.state_mut().act(Action::Undo);
        h.run_steps(2);
        assert_eq!(mask(&h), before);
    }
}

#[test]
fn boxes_layers_and_classes() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    click(&mut h, "Add box");
    drag(&mut h, PointerButton::Primary, (0.6, 0.3), (0.8, 0.5));
    let layer = h.state().state.chosen_layer().cloned().expect("the box");
    let Region::Box(Some(rect)) = layer.region else { panic!("no box was drawn") };
    assert!((rect.x0 - 0.6 * 64.0).abs() < 2.0 && (rect.y1 - 0.5 * 64.0).abs() < 2.0, "{rect:?}");
    h.key_press(Key::Num4);
    h.run_steps(2);
    assert_eq!(h.state().state.chosen_layer().map(|l| l.finding.code()), Some("NOD"));
    click(&mut h, "Hide layer 2");
    assert_eq!(h.state().state.document.annotations().len(), 1);
}

#[test]
fn looking_does_not_change_the_case() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    let document = h.state().state.document.clone();
    drag(&mut h, PointerButton::Secondary, (0.4, 0.4), (0.5, 0.3));
    assert_ne!((h.state().state.view.window, h.state().state.view.level), (1.0, 0.5));
    h.key_press(Key::Num0);
    h.run_steps(2);
    assert_eq!((h.state().state.view.window, h.state().state.view.level), (1.0, 0.5));
    let at = on_image(&h, 0.3, 0.3);
    h.hover_at(at);
    h.step();
    h.event(egui::Event::MouseWheel {
        unit: egui::MouseWheelUnit::Line,
        delta: egui::vec2(0.0, 3.0),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Wheel,
        modifiers: Modifiers::NONE,
    });
    h.run_steps(8);
    assert!(h.state().state.view.zoom.is_some(), "the wheel zooms");
    h.key_press(Key::F);
    h.run_steps(2);
    assert_eq!(h.state().state.view.zoom, None);
    assert_eq!(h.state().state.document, document);
}

#[test]
fn an_image_forms_and_is_saved_before_it_is_shown_as_done() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (mut h, gate) = gated(dir.path());
    assert!(h.query_all_by_label("PRACTICE").count() > 0);
    h.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    h.run_steps(2);
    assert!(h.state().state.is_running());
    gate.allow(2);
    wait(&mut h, "two steps", |a| a.state.job.as_ref().is_some_and(|j| j.step == 2));
    see(&mut h, "Cancel");
    assert_eq!(h.state().state.shown, Shown::Live);
    gate.open();
    wait(&mut h, "the image", |a| !a.state.is_running());
    let state = &h.state().state;
    assert_eq!(state.shown, Shown::Result(0));
    assert_eq!(state.results[0].previews.len(), state.sampling.steps);
    let saved: Vec<_> = std::fs::read_dir(dir.path().join("data/images"))
        .expect("the folder of images")
        .flatten()
        .flat_map(|day| std::fs::read_dir(day.path()).expect("the folder of a day").flatten())
        .map(|f| f.file_name())
        .collect();
    assert_eq!(saved.len(), 3, "image, mask and record: {saved:?}");
    // Scrubbing shows an early step at full size.
    h.key_press(Key::Home);
    h.run_steps(2);
    assert_eq!(h.state().state.shown, Shown::ResultStep(0, 0));
    see(&mut h, "Result 1 of 1: Right pneumothorax, seed 1482");
}

#[test]
fn cancel_stops_within_a_step_and_keeps_nothing() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (mut h, gate) = gated(dir.path());
    gate.allow(1);
    click(&mut h, "Generate");
    wait(&mut h, "a step", |a| a.state.job.as_ref().is_some_and(|j| j.step == 1));
    h.key_press_modifiers(Modifiers::SHIFT, Key::X);
    wait(&mut h, "the end", |a| !a.state.is_running());
    assert!(h.state().state.results.is_empty());
    let said = h.state().state.messages.list.last().expect("a message").text.clone();
    assert_eq!(said, "Stopped after step 2 of 8; nothing was kept.", "the step in progress is the last");
    assert!(!dir.path().join("data/images").exists());
}

#[test]
fn saving_and_dropping_the_png_restores_everything() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    drag(&mut h, PointerButton::Primary, (0.6, 0.5), (0.8, 0.6));
    h.state_mut().act(Action::SetSeed(77));
    h.state_mut().act(Action::SetSteps(3));
    h.state_mut().act(Action::SetGuidance(1.5));
    click(&mut h, "Generate");
    wait(&mut h, "the image", |a| !a.state.results.is_empty());
    let (document, sampling) = (h.state().state.document.clone(), h.state().state.sampling);
    let pixels = h.state().state.results[0].artifact.image.clone();
    h.key_press_modifiers(Modifiers::COMMAND, Key::S);
    wait(&mut h, "the save", |a| a.state.messages.list.iter().any(|m| m.text.starts_with("Saved ")));
    let png = dir.path().join("saved/right-pneumothorax-77.png");
    assert!(png.exists() && png.with_extension("json").exists());
    assert!(dir.path().join("saved/right-pneumothorax-77_mask.png").exists());

    // Another studio knows nothing of it.
    let mut other = studio(&dir.path().join("other"), Duration::ZERO);
    other.input_mut().dropped_files.push(Arc::new(Dropped(png)));
    other.step();
    wait(&mut other, "the file", |a| !a.state.results.is_empty());
    let state = &other.state().state;
    assert_eq!(state.document.impression, document.impression);
    assert_eq!(state.document.demographics, document.demographics);
    assert_eq!(state.document.annotations(), document.annotations());
    assert_eq!(
        (state.sampling.seed, state.sampling.steps, state.sampling.guidance),
        (sampling.seed, sampling.steps, sampling.guidance)
    );
    assert_eq!(state.results[0].artifact.image, pixels);
    assert_eq!(state.shown, Shown::Result(0));
    // The same request gives the same pixels.
    click(&mut other, "Generate");
    wait(&mut other, "the image", |a| a.state.results.len() == 2);
    assert_eq!(other.state().state.results[0].artifact.image, pixels);
}

#[derive(Debug)]
struct Dropped(std::path::PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &std::path::Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|e| e.to_string())
    }
}

#[test]
fn every_failure_is_a_sentence_and_the_studio_lives() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    let errors = |h: &Studio| {
        h.state().state.messages.list.iter().filter(|m| m.level == Level::Error).map(|m| m.text.clone()).collect::<Vec<_>>()
    };

    // A file that is no picture.
    let foreign = dir.path().join("holiday.png");
    std::fs::write(&foreign, b"not a picture").expect("writable");
    h.state_mut().act(Action::OpenFile(foreign));
    wait(&mut h, "the message", |a| a.state.messages.list.len() == 1);
    assert!(errors(&h)[0].contains("holiday.png"), "{:?}", errors(&h));

    // A panic in the engine.
    h.state_mut().act(Action::SetImpression(app::testing::PANIC_WORD.to_owned()));
    click(&mut h, "Generate");
    wait(&mut h, "the message", |a| a.state.messages.list.len() == 2);
    assert!(errors(&h)[1].contains("stopped in the middle"), "{:?}", errors(&h));

    // A folder that cannot be written, after the engine works again.
    h.state_mut().act(Action::SetImpression("Clear lungs.".to_owned()));
    click(&mut h, "Generate");
    wait(&mut h, "the image", |a| !a.state.results.is_empty());
    let blocked = dir.path().join("a file, not a folder");
    std::fs::write(&blocked, b"x").expect("writable");
    h.state_mut().act(Action::SetSaveFolder(blocked.join("below")));
    click(&mut h, "Save");
    wait(&mut h, "the message", |a| a.state.messages.list.len() == 3);
    assert!(errors(&h)[2].contains("a file, not a folder"), "{:?}", errors(&h));
    for text in errors(&h) {
        assert!(text.ends_with('.') && !text.contains('\n'), "one sentence: {text}");
    }
}

#[test]
fn a_missing_model_leaves_a_studio_that_says_why() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let opener: app::jobs::Opener = Box::new(|| anyhow::bail!("weights.safetensors is missing"));
    let mut h = crate::harness::studio_with(dir.path(), opener, egui::vec2(1600.0, 1000.0), false);
    assert_eq!(h.state().state.messages.list[0].text, "weights.safetensors is missing.");
    drag(&mut h, PointerButton::Primary, (0.6, 0.5), (0.8, 0.5));
    assert!(mask(&h).area() > 0, "drawing still works");
    assert!(h.get_by_label("Generate").accesskit_node().is_disabled());
}

#[test]
fn rooms_that_are_not_built_say_so_and_the_rest_has_names() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    assert!(h.get_by_role_and_label(Role::Button, "Evaluate").accesskit_node().is_disabled());
    click(&mut h, "Keys");
    see(&mut h, "Cancel after this step: Shift X");
    h.key_press(Key::Escape);
    h.run_steps(2);
    assert_eq!(h.state().state.shell.sheet, None);
    h.check_accessibility();
    assert!(canvas_rect(&h).width() > 600.0);
}
