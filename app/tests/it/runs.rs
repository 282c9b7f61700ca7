//! The Runs room: find, choose, compare, restore, by accessible names.

use std::path::{Path, PathBuf};
use std::time::Duration;

use app::jobs::Generator;
use app::library::testing::{Sample, library};
use app::panels::save::PATH;
use app::rooms::runs::top::SEARCH;
use app::state::{Level, Room};
use app::testing::FakeModel;
use eframe::egui::{Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT, Queryable};
use engine::cancel::Cancel;
use engine::domain::{Annotation, Finding, GenerateRequest, Mask, Side};
use engine::store::record::encode_png_with_record;

use crate::harness::{Studio, click, click_any, see, see_part, studio, until, wait};

/// Writes an image with its record, as the studio does.
pub(crate) fn saved(folder: &Path, name: &str, request: &GenerateRequest) -> PathBuf {
    let model = FakeModel::new(64, Duration::ZERO);
    let made = model.generate(request, &Cancel::new(), &mut |_| {}).expect("it obeys").expect("it was not cancelled");
    let file = folder.join(name);
    let png = encode_png_with_record(&made.image, &made.record).expect("it encodes");
    std::fs::write(&file, png).expect("the folder is writable");
    file
}

/// Opens the room and waits for the wall.
fn open(h: &mut Studio) {
    click(h, "Runs");
    wait(h, "the wall", |a| a.state.runs.wall.is_some());
}

/// Many runs without files.
fn many(dir: &Path, n: i64) {
    let db = library(&dir.join("data"));
    let right = [(Finding::Pneumothorax, Side::Right, false)];
    for i in 0..n {
        let layers = if i % 2 == 0 { &right[..] } else { &[] };
        let mark = if i % 10 == 0 { "star" } else { "" };
        let impression = if i % 4 == 0 { "Small left effusion." } else { "No acute findings." };
        Sample { seed: 1000 + i as u64, layers, mark, impression, adherence: Some(i as f32 / n as f32), ..Sample::default() }
            .insert(&db);
    }
}

#[test]
fn the_wall_is_narrowed_by_facets_words_and_chips() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    many(dir.path(), 40);
    let mut h = studio(dir.path(), Duration::ZERO);
    open(&mut h);
    see(&mut h, "40 runs");
    see_part(&mut h, "Run 40: nothing drawn, adherence 0.9");
    assert!(h.query_by_label_contains("Run 1:").is_none(), "what is far below is not drawn");
    click_any(&mut h, "Finding: Pneumothorax, 20 runs");
    wait(&mut h, "the class", |a| a.state.runs.ids().len() == 20);
    see(&mut h, "20 of 40 runs");
    click_any(&mut h, "State: Starred, 4 runs");
    wait(&mut h, "the star", |a| a.state.runs.ids().len() == 4);
    click(&mut h, "Remove filter Pneumothorax");
    click(&mut h, "Remove filter Starred");
    wait(&mut h, "all runs", |a| a.state.runs.ids().len() == 40);
    h.key_press_modifiers(Modifiers::COMMAND, Key::F);
    h.run_steps(2);
    h.get_by_role_and_label(Role::TextInput, SEARCH).type_text("effus");
    wait(&mut h, "the words", |a| a.state.runs.ids().len() == 10);
    see(&mut h, "10 of 40 runs");
    click(&mut h, "Show all");
    wait(&mut h, "all runs", |a| a.state.runs.ids().len() == 40);
    h.key_press_modifiers(Modifiers::COMMAND, Key::F);
    h.run_steps(2);
    h.get_by_role_and_label(Role::TextInput, SEARCH).type_text("\" OR (");
    wait(&mut h, "an answer", |a| a.state.runs.filter.text.ends_with('('));
    h.run_steps(4);
    let errors = h.state().state.messages.list.iter().filter(|m| m.level == Level::Error).count();
    assert_eq!(errors, 0, "no text is an error");
}

#[test]
fn an_empty_library_says_how_images_come() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    open(&mut h);
    see_part(&mut h, "Every image you make stands here");
    see_part(&mut h, "Choose a run on the wall");
}

#[test]
fn a_library_of_another_program_is_one_sentence() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir_all(dir.path().join("data")).expect("a folder");
    std::fs::write(dir.path().join("data").join(app::library::db::FILE_NAME), vec![7; 20_000]).expect("a foreign file");
    let mut h = studio(dir.path(), Duration::ZERO);
    click(&mut h, "Runs");
    wait(&mut h, "the sentence", |a| a.state.runs.failed.is_some());
    see_part(&mut h, "The library cannot be opened");
    see(&mut h, "Try again");
}

#[test]
fn clicks_and_arrows_choose_and_two_runs_are_compared() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let db = library(&dir.path().join("data"));
    let mut request = GenerateRequest::new("Right pneumothorax.", 1476);
    request.annotations = vec![Annotation::mask(Finding::Pneumothorax, Mask::from_fn(64, 64, |x, y| x < 20 && y < 20))];
    let a = saved(dir.path(), "a.png", &request);
    request.seed = engine::domain::Seed(1482);
    request.impression = "Left pneumothorax.".to_owned();
    let b = saved(dir.path(), "b.png", &request);
    let layers = [(Finding::Pneumothorax, Side::Right, false)];
    let file = |p: &PathBuf| p.to_str().expect("a plain path").to_owned();
    let sample = Sample { layers: &layers, ..Sample::default() };
    Sample { seed: 1476, file: &file(&a), impression: "Right pneumothorax.", ..sample }.insert(&db);
    Sample { seed: 1482, file: &file(&b), impression: "Left pneumothorax.", parent: Some(1), relation: "variant", ..sample }
        .insert(&db);
    Sample::default().insert(&db);

    let mut h = studio(dir.path(), Duration::ZERO);
    open(&mut h);
    click_any(&mut h, "Run 2: Pneumothorax, seed 1482");
    wait(&mut h, "the run", |a| a.state.runs.inspected().is_some());
    see(&mut h, "Run 2");
    // Against its parent without a second choice.
    see(&mut h, "A run 1 → B run 2");
    see(&mut h, "Seed: 1476, 1482");
    assert!(h.query_by_label("Steps: 25, 25").is_none());
    click(&mut h, "Show all");
    see(&mut h, "Steps: 25, same");
    see(&mut h, "Run 1, seed 1476, first draft");

    click_any(&mut h, "Run 2: Pneumothorax, seed 1482");
    h.run_steps(3);
    h.key_press(Key::ArrowRight);
    wait(&mut h, "the next run", |a| a.state.runs.chosen.cursor == Some(1));
    h.key_press_modifiers(Modifiers::SHIFT, Key::ArrowLeft);
    wait(&mut h, "a range", |a| a.state.runs.chosen.ids == [1, 2].into());
    h.key_press(Key::Escape);
    h.run_steps(3);
    assert!(h.state().state.runs.chosen.ids.is_empty());
    h.key_press(Key::Space);
    wait(&mut h, "the run under the cursor", |a| a.state.runs.chosen.ids.len() == 1);

    click_any(&mut h, "Run 3: nothing drawn, seed 1");
    wait(&mut h, "a run without its file", |a| a.state.runs.inspected().is_some_and(|i| i.details.row.id == 3));
    see_part(&mut h, "images/3.png");
}

#[test]
fn a_run_is_restored_beside_the_open_case_and_given_as_a_command() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let db = library(&dir.path().join("data"));
    let request = GenerateRequest::new("sex:Female, age:61.0. Small left effusion.", 77);
    let file = saved(dir.path(), "effusion.png", &request);
    Sample { seed: 77, file: file.to_str().expect("a plain path"), ..Sample::default() }.insert(&db);
    let mut h = studio(dir.path(), Duration::ZERO);
    open(&mut h);
    click_any(&mut h, "Run 1: nothing drawn, seed 77");
    wait(&mut h, "the run", |a| a.state.runs.inspected().is_some());
    let before = h.state().state.document.clone();
    click(&mut h, "As command");
    wait(&mut h, "the command", |a| !a.state.messages.list.is_empty());
    see_part(&mut h, "The command is on the clipboard.");
    assert_eq!(h.state().state.document, before, "looking changes nothing");
    click(&mut h, "Recall seed");
    wait(&mut h, "the seed", |a| a.state.sampling.seed == 77);
    assert_eq!(h.state().state.document, before, "the seed alone");
    click(&mut h, "Restore in new tab");
    wait(&mut h, "the case", |a| a.state.document.impression == "Small left effusion.");
    assert_eq!(h.state().state.room, Room::Canvas);
}

#[test]
fn a_run_is_starred_noted_verified_and_exported() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let db = library(&dir.path().join("data"));
    let file = saved(dir.path(), "nodule.png", &GenerateRequest::new("Small nodule.", 5));
    Sample { name: "Nodule", seed: 5, file: file.to_str().expect("a plain path"), ..Sample::default() }.insert(&db);
    let mut h = studio(dir.path(), Duration::ZERO);
    open(&mut h);
    click_any(&mut h, "Run 1: nothing drawn, seed 5");
    wait(&mut h, "the run", |a| a.state.runs.inspected().is_some());
    h.key_press(Key::S);
    wait(&mut h, "the star", |a| a.state.runs.wall.as_ref().is_some_and(|w| w.found.facets.states[0] == 1));
    see(&mut h, "Run 1: nothing drawn, seed 5, starred");
    click(&mut h, "Reject this run");
    wait(&mut h, "the rejection", |a| a.state.runs.wall.as_ref().is_some_and(|w| w.found.facets.states[..2] == [0, 1]));

    h.get_by_role_and_label(Role::MultilineTextInput, "Note").focus();
    h.run_steps(2);
    h.get_by_role_and_label(Role::MultilineTextInput, "Note").type_text("for the talk");
    h.run_steps(2);
    click_any(&mut h, "Run 1: nothing drawn, seed 5, rejected");
    wait(&mut h, "the note", |a| a.state.runs.inspected().is_some_and(|i| i.details.row.note == "for the talk"));

    click(&mut h, "Verify");
    wait(&mut h, "the replay", |a| a.state.runs.wall.as_ref().is_some_and(|w| w.found.facets.states[4] == 1));
    see(&mut h, "Replayed, bit-equal");
    click(&mut h, "Export");
    wait(&mut h, "the copy", |a| a.state.messages.list.iter().any(|m| m.text.starts_with("Exported 1 image")));
    assert!(dir.path().join("saved/nodule-5.png").exists());
}

#[test]
fn dropped_folders_come_into_the_library_once() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let from = dir.path().join("from");
    std::fs::create_dir_all(&from).expect("a folder");
    saved(&from, "a.png", &GenerateRequest::new("Small nodule.", 5));
    saved(&from, "b.png", &GenerateRequest::new("Small nodule.", 6));
    std::fs::write(from.join("c.png"), b"no picture").expect("a file");
    let mut h = studio(dir.path(), Duration::ZERO);
    open(&mut h);
    h.state_mut().act(app::action::Action::Runs(app::rooms::runs::Action::Import(vec![from.clone()])));
    wait(&mut h, "the images", |a| a.state.runs.ids().len() == 2);
    let said = |a: &app::app::StudioApp, words: &str| a.state.messages.list.iter().any(|m| m.text.contains(words));
    wait(&mut h, "the sentence", |a| said(a, "2 images taken into the library. Left out: 1 refused."));
    assert!(said(h.state(), "c.png"), "what is refused is named");
    h.state_mut().act(app::action::Action::Runs(app::rooms::runs::Action::Import(vec![from])));
    wait(&mut h, "the second look", |a| said(a, "2 there already"));
}

#[test]
fn keys_go_to_the_room_that_is_seen() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let db = library(&dir.path().join("data"));
    for seed in [1, 2, 3] {
        let file = saved(dir.path(), &format!("{seed}.png"), &GenerateRequest::new("Small nodule.", seed));
        Sample { seed, file: file.to_str().expect("a plain path"), ..Sample::default() }.insert(&db);
    }
    let mut h = studio(dir.path(), Duration::ZERO);
    open(&mut h);
    click_any(&mut h, "Run 3: nothing drawn, seed 3");
    wait(&mut h, "the run", |a| a.state.runs.chosen.cursor == Some(3));
    // Keys that edit, draw, compare and scrub on the canvas leave the case behind the wall alone.
    let case = |h: &Studio| {
        let state = &h.state().state;
        (state.document.clone(), state.view.tool, state.view.inverted, state.sight.mode, state.queue.len())
    };
    let before = case(&h);
    for key in [Key::Num4, Key::V, Key::I, Key::M, Key::K, Key::X, Key::D] {
        h.key_press(key);
        h.run_steps(2);
    }
    h.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    h.run_steps(2);
    assert_eq!(case(&h), before);
    // The wall has its own.
    h.key_press(Key::End);
    wait(&mut h, "the oldest run", |a| a.state.runs.chosen.cursor == Some(1));
    h.key_press_modifiers(Modifiers::SHIFT, Key::Home);
    wait(&mut h, "all of them", |a| a.state.runs.chosen.ids.len() == 3);
    h.key_press(Key::C);
    wait(&mut h, "the Compare room", |a| a.state.room == Room::Compare && a.state.compare.entries.len() == 3);
    see(&mut h, "3 of 9 pictures");
    h.key_press(Key::I);
    see(&mut h, "Window 1.00 / 0.50, inverted");
    h.key_press(Key::D);
    h.run_steps(2);
    assert_eq!(h.state().state.compare.mode, app::rooms::compare::Mode::Difference);
    assert_eq!(case(&h), before);
    // What is called by its name goes where it is seen.
    h.key_press_modifiers(Modifiers::COMMAND, Key::K);
    h.run_steps(3);
    h.get_by_label("Command, case or file").type_text("add box");
    h.run_steps(2);
    h.key_press(Key::Enter);
    wait(&mut h, "the box", |a| a.state.room == Room::Canvas && a.state.document.layers.len() == before.0.layers.len() + 1);
}

#[test]
fn a_path_that_cannot_be_opened_stays_to_be_mended() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    open(&mut h);
    h.key_press_modifiers(Modifiers::COMMAND, Key::O);
    see(&mut h, PATH);
    assert_eq!(h.state().state.room, Room::Canvas, "the field is where it is seen");
    let field = |h: &Studio| {
        let node = h.get_by_role_and_label(Role::TextInput, PATH);
        (node.value().unwrap_or_default(), node.accesskit_node().is_focused())
    };
    until(&mut h, "the caret", |h| field(h).1);
    let path = dir.path().join("chest.png");
    h.get_by_label(PATH).type_text(path.to_str().expect("a plain path"));
    h.run_steps(2);
    h.key_press(Key::Enter);
    wait(&mut h, "the error", |a| a.state.messages.list.iter().any(|m| m.level == Level::Error));
    h.run_steps(2);
    assert_eq!(field(&h), (path.display().to_string(), true));
    saved(dir.path(), "chest.png", &GenerateRequest::new("Small nodule.", 9));
    h.key_press(Key::Enter);
    wait(&mut h, "the image", |a| a.state.document.impression == "Small nodule.");
    assert!(!h.state().state.view.open_open && h.query_by_label(PATH).is_none());
}
