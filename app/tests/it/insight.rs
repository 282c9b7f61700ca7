//! Checks and their repairs, adherence, what the model sees, the word map: by accessible names.

use std::time::Duration;

use app::insight::{Look, Trip};
use app::state::Shown;
use eframe::egui::{Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT, Queryable};
use engine::domain::Side;
use engine::store::record::RunRecord;

use crate::harness::{Studio, click, gated, see, studio, until, wait};

const CONFLICT: &str = "Conflict: The text says left; the pneumothorax mask is on the patient's right.";

/// The first example with a text that says the other side.
fn in_conflict(dir: &std::path::Path) -> Studio {
    let mut h = studio(dir, Duration::ZERO);
    type_text(&mut h, "Large left pneumothorax.");
    see(&mut h, CONFLICT);
    h
}

fn type_text(h: &mut Studio, text: &str) {
    h.get_by_role_and_label(Role::MultilineTextInput, "Impression").focus();
    h.run_steps(2);
    h.key_press_modifiers(Modifiers::COMMAND, Key::A);
    h.step();
    h.get_by_role_and_label(Role::MultilineTextInput, "Impression").type_text(text);
    h.run_steps(2);
}

fn side(h: &Studio) -> Option<Side> {
    let document = &h.state().state.document;
    document.layers[0].side(document.size_px)
}

fn impression(h: &Studio) -> String {
    h.state().state.document.impression.clone()
}

fn generate(h: &mut Studio) {
    h.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    h.run_steps(2);
    wait(h, "the image", |a| !a.state.is_running() && matches!(a.state.shown, Shown::Result(_)));
    wait(h, "the checker", |a| !matches!(a.insight().look, Look::Busy | Look::Pending));
    h.run_steps(3);
}

/// The labels that begin with some words, each once.
fn labels(h: &Studio, start: &str) -> Vec<String> {
    // Plain text has a value and no label.
    let nodes = h.query_all_by(|node| node.label().or_else(|| node.value()).is_some_and(|l| l.starts_with(start)));
    let words = |node: egui_kittest::Node<'_>| node.accesskit_node().label().or_else(|| node.accesskit_node().value());
    let mut found: Vec<String> = nodes.filter_map(words).collect();
    found.dedup();
    found
}

/// Waits until one label begins with these words.
fn one(h: &mut Studio, start: &str) {
    until(h, start, |h| labels(h, start).len() == 1);
}

/// Presses a control that may lie below the fold of its panel.
fn press(h: &mut Studio, name: &str) {
    until(h, name, |h| h.query_by_role_and_label(Role::Button, name).is_some());
    h.get_by_role_and_label(Role::Button, name).click_accesskit();
    h.run_steps(3);
}

#[test]
fn a_conflict_is_mended_by_the_mouse_and_taken_back() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = in_conflict(dir.path());
    click(&mut h, "Flip the text");
    assert_eq!((impression(&h).as_str(), side(&h)), ("Large right pneumothorax.", Some(Side::Right)));
    see(&mut h, "No conflict");
    assert!(h.query_by_label(CONFLICT).is_none());
    click(&mut h, "Undo");
    see(&mut h, CONFLICT);
    click(&mut h, "Flip the mask");
    assert_eq!((impression(&h).as_str(), side(&h)), ("Large left pneumothorax.", Some(Side::Left)));
    assert!(h.query_by_label(CONFLICT).is_none());
}

#[test]
fn a_conflict_is_mended_by_the_keyboard_alone() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = in_conflict(dir.path());
    // The editor has the focus all the time.
    h.key_press_modifiers(Modifiers::ALT, Key::Num1);
    h.run_steps(3);
    assert_eq!(impression(&h), "Large right pneumothorax.");
    h.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    h.run_steps(3);
    h.key_press_modifiers(Modifiers::ALT, Key::Num2);
    h.run_steps(3);
    assert_eq!((impression(&h).as_str(), side(&h)), ("Large left pneumothorax.", Some(Side::Left)));
    h.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    h.run_steps(3);
    // The buttons can be reached with Tab, too.
    h.get_by_role_and_label(Role::Button, "Flip the mask").focus();
    h.run_steps(2);
    h.key_press(Key::Enter);
    h.run_steps(3);
    assert_eq!(side(&h), Some(Side::Left));
}

#[test]
fn a_conflict_can_be_kept_on_purpose_and_never_blocks() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = in_conflict(dir.path());
    h.key_press_modifiers(Modifiers::ALT, Key::K);
    h.run_steps(3);
    assert!(h.query_by_label(CONFLICT).is_none());
    see(&mut h, "1 kept on purpose");
    assert_eq!(h.state().state.document.kept_conflicts.len(), 1);
    h.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    h.run_steps(3);
    see(&mut h, CONFLICT);
    click(&mut h, "Keep both and say so in the record");
    click(&mut h, "Ask again");
    see(&mut h, CONFLICT);
    generate(&mut h);
    assert_eq!(h.state().state.results.len(), 1, "a conflict never blocks");
}

#[test]
fn a_conflict_that_was_kept_stands_in_the_record_of_the_image() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = in_conflict(dir.path());
    click(&mut h, "Keep both and say so in the record");
    generate(&mut h);
    // The saved file says it by itself, for whoever opens it elsewhere.
    let file = h.state().state.results[0].run.as_ref().expect("it is in the library").file.clone();
    let record = RunRecord::read(&dir.path().join("data").join(file)).expect("a record");
    let sentence = CONFLICT.trim_start_matches("Conflict: ");
    assert_eq!(record.request.kept_conflicts, [sentence]);
    // What was mended since is not said of the next image.
    type_text(&mut h, "Large right pneumothorax.");
    assert!(h.state().state.document.request(&h.state().state.sampling).kept_conflicts.is_empty());
}

#[test]
fn adherence_is_pending_then_measured_and_a_weak_layer_can_be_tried_again() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (mut h, gate) = gated(dir.path());
    gate.allow(2);
    h.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    h.run_steps(2);
    wait(&mut h, "two steps", |a| a.state.job.as_ref().is_some_and(|j| j.step == 2));
    assert_eq!(labels(&h, "1 PTX, overlap with mask:"), ["1 PTX, overlap with mask: pending"]);
    gate.open();
    wait(&mut h, "the image", |a| !a.state.is_running());
    wait(&mut h, "the checker", |a| matches!(a.insight().look, Look::Ready(_)));
    h.run_steps(2);
    let row = labels(&h, "1 PTX, overlap with mask:").remove(0);
    let value: f32 = row.rsplit(' ').next().and_then(|v| v.parse().ok()).expect("a number");
    assert!(value > 0.7, "{row}");
    one(&mut h, "Found where it was drawn.");
    // Moved since, the layer is not what was measured.
    let changed = "The layers were changed since; the numbers are about those that this image was made with.";
    assert_eq!(labels(&h, changed).len(), 0);
    let moved = h.state().state.document.layers[0].id;
    h.state_mut().act(app::action::Action::MirrorLayer(moved));
    see(&mut h, changed);
    h.state_mut().act(app::action::Action::Undo);
    h.run_steps(2);
    assert_eq!(labels(&h, changed).len(), 0);

    // The quick model does not draw a layer this weak.
    let layer = h.state().state.document.layers[0].id;
    h.state_mut().act(app::action::Action::SetStrength(layer, 0.15));
    generate(&mut h);
    assert_eq!(labels(&h, "1 PTX, overlap with mask:"), ["1 PTX, overlap with mask: 0.00"]);
    one(&mut h, "Did not take. Raise the strength to 0.35 or enlarge the mask.");
    press(&mut h, "Retry layer 1 at 0.35");
    wait(&mut h, "the retry", |a| a.state.results.len() == 3);
    wait(&mut h, "the checker", |a| matches!(a.insight().look, Look::Ready(_)));
    h.run_steps(2);
    assert!((h.state().state.document.layers[0].strength - 0.35).abs() < 1e-6);
    one(&mut h, "Found where it was drawn.");
}

#[test]
fn the_image_says_who_won_and_what_nobody_can_measure() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = in_conflict(dir.path());
    generate(&mut h);
    one(&mut h, "Here the layer won over the text: pneumothorax is on the patient's right.");
    let right = labels(&h, "Pneumothorax, patient's right:").remove(0);
    let left = labels(&h, "Pneumothorax, patient's left:").remove(0);
    assert!(right > left.replace("left", "right"), "{right} {left}");
    let layer = h.state().state.document.layers[0].id;
    h.state_mut().act(app::action::Action::SetFinding(layer, engine::domain::Finding::Fracture));
    generate(&mut h);
    assert_eq!(labels(&h, "1 FRX, overlap with mask:"), ["1 FRX, overlap with mask: –"]);
    one(&mut h, "Needs a checker; this one does not know fracture.");
}

#[test]
fn what_the_model_sees_is_shown_warned_about_and_enlarged() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    wait(&mut h, "the round trip", |a| matches!(a.insight().trip, Trip::Ready { .. }));
    press(&mut h, "Condition, enlarge");
    assert!(h.state().state.insight.enlarged);
    press(&mut h, "After the autoencoder, make small");
    assert!(!h.state().state.insight.enlarged);
    // A line of one pixel does not survive a blur.
    let line = engine::domain::Mask::from_fn(64, 64, |x, y| x == 12 && (10..50).contains(&y));
    let layer = h.state().state.document.layers[0].id;
    let region = app::state::Region::Mask(std::sync::Arc::new(line));
    h.state_mut().act(app::action::Action::SetRegion(layer, region));
    wait(
        &mut h,
        "the line's round trip",
        |a| matches!(&a.insight().trip, Trip::Ready { survival: Some(left), .. } if left.thin_share > 0.9),
    );
    one(&mut h, "Thin parts lose");
    // Cleaning takes a size away, which is said and mended.
    type_text(&mut h, "Right 3.5x4 cm mass.");
    one(&mut h, "Read as:");
    press(&mut h, "Write it out");
    assert_eq!(impression(&h), "Right 3.5 by 4 cm mass.");
    assert_eq!(labels(&h, "Read as:"), Vec::<String>::new());
}

#[test]
fn the_word_map_follows_words_film_and_keys() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    generate(&mut h);
    one(&mut h, "Shows where on the image each word of the text acts.");
    press(&mut h, "Word map");
    generate(&mut h);
    let words = labels(&h, "Word ");
    let right = words.iter().find(|w| w.ends_with(": right")).expect("a word of the text").clone();
    assert!(h.state().insight().heat.is_none());
    press(&mut h, &right);
    wait(&mut h, "where it acts", |a| a.insight().heat.is_some());
    let first = h.state().insight().heat.clone().expect("where it acts");
    one(&mut h, "Mean of all steps. The film leads through them.");
    // Keys lead to the next word, the film to a step.
    let chosen = h.state().state.insight.word;
    h.key_press_modifiers(Modifiers::ALT, Key::ArrowRight);
    h.run_steps(3);
    assert_eq!(h.state().state.insight.word, chosen.map(|w| w + 1));
    assert_ne!(h.state().insight().heat.as_deref(), Some(&*first), "another word acts elsewhere");
    h.key_press(Key::Home);
    h.run_steps(3);
    one(&mut h, "Step 1. The film leads through the others.");
    // The focus on a word shows it, too.
    let first = words.iter().find(|w| w.starts_with("Word 1:")).expect("the first word");
    h.get_by_role_and_label(Role::Button, first).focus();
    h.run_steps(3);
    assert_eq!(h.state().state.insight.word, Some(0));
}

#[test]
fn pointing_at_a_word_in_the_text_shows_where_it_acts() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    press(&mut h, "Word map");
    generate(&mut h);
    let editor = h.get_by_role_and_label(Role::MultilineTextInput, "Impression").rect();
    h.hover_at(editor.left_top() + eframe::egui::vec2(24.0, 18.0));
    h.run_steps(3);
    let view = h.state().insight();
    let word = h.state().state.insight.word.and_then(|w| view.words.get(w)).and_then(|r| view.text.get(r.clone()));
    assert_eq!(word, Some("Moderate"));
    assert!(view.heat.is_some());
}
