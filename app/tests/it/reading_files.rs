//! The reading window on real files: resumed at any place, refused with a sentence, one window at a time.

use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};

use app::reader::action::Action;
use app::reader::state::display::Ambient;
use app::reader::state::form::Years;
use app::reader::state::{Handed, Stage, State, Step};
use app::reader::testing;
use app::reader::{Options, ReaderApp};
use eframe::egui::{Key, Role, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use study::answers::{AnswersFile, Event};
use study::reading::ErrorKind;
use study::sealed::Study;
use study::template::Template;

use crate::reading::{Reader, click, click_image, go_to, press, shown, state, until, wait, write};

fn options(study: &Path, reader: Option<&str>) -> Options {
    Options { study: study.to_owned(), reader: reader.map(str::to_owned), answers: None, text_percent: 100 }
}

/// Opens a window on files and waits until it has read them.
fn open(options: Options) -> Reader {
    let builder = Harness::builder().with_size(vec2(1600.0, 1000.0)).with_max_steps(32);
    let mut h = builder.build_eframe(move |cc| ReaderApp::new(cc, options));
    wait(&mut h, "the study", |app| app.state().is_some() || app.refusal().is_some() || app.asks_reader());
    h
}

fn refusal(options: Options) -> String {
    let h = open(options);
    assert!(h.query_by_label("The study cannot be read").is_some());
    h.state().refusal().expect("it is refused").to_owned()
}

/// Consent, display check and practice, as a program does them.
fn begin(h: &mut Reader) {
    for action in [Action::Agree(true), Action::Years(Years::OverTen), Action::Next] {
        h.state_mut().act(action);
    }
    until(h, "the display check", |s| s.stage == Stage::Display);
    h.state_mut().act(Action::Steps(true));
    for ring in state(h).check.rings {
        h.state_mut().act(Action::Ring(ring.open));
    }
    h.state_mut().act(Action::Ambient(Ambient::Dim));
    h.state_mut().act(Action::Next);
    practise(h);
}

fn practise(h: &mut Reader) {
    while let Some(at) = practice_at(h) {
        until(h, "practice", move |s| s.stage == Stage::Practice(at) && s.turn.was_shown);
        let last = state(h).sheet.choices.len() - 1;
        for _ in 0..state(h).sheet.questions() {
            let asked = state(h).turn.asked.unwrap_or(last);
            h.state_mut().act(Action::Choose(asked));
        }
        h.state_mut().act(Action::Next);
        h.run_steps(2);
        if state(h).in_turn() && state(h).turn.step == Step::Errors {
            h.state_mut().act(Action::Kind(ErrorKind::Artefact));
            h.state_mut().act(Action::Next);
        }
        until(h, "the next one", move |s| s.stage != Stage::Practice(at));
    }
}

fn practice_at(h: &mut Reader) -> Option<usize> {
    until(h, "practice or the study", |s| s.stage != Stage::Display);
    if let Stage::Practice(at) = state(h).stage { Some(at) } else { None }
}

/// The window goes away, as by a crash of the machine's user: what was sent is on the disk, nothing else is kept.
fn again(h: Reader, options: &Options) -> Reader {
    drop(h);
    let mut h = open(options.clone());
    until(&mut h, "the place where it stood", |s| matches!(s.stage, Stage::Rest(_) | Stage::Practice(_)));
    h
}

fn enter(h: &mut Reader, at: usize) {
    assert_eq!(state(h).stage, Stage::Rest(at));
    press(h, Key::Enter);
    shown(h, at);
}

#[test]
fn a_window_that_goes_away_comes_back_where_it_stood() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = testing::sealed(dir.path(), Template::ReportAlignment, &["R1"], 6, 32).expect("a study");
    let options = options(&file, None);
    let mut h = open(options.clone());
    begin(&mut h);
    h = again(h, &options);
    enter(&mut h, 0);

    // Chosen, not locked.
    press(&mut h, Key::Num2);
    until(&mut h, "the disk", State::all_saved);
    h = again(h, &options);
    enter(&mut h, 0);
    assert_eq!((state(&h).turn.choice(), state(&h).turn.step), (Some(1), Step::Score));

    // Locked, in the error step.
    press(&mut h, Key::Enter);
    until(&mut h, "the error step", |s| s.turn.step == Step::Errors);
    press(&mut h, Key::O);
    click_image(&mut h, 0.3, 0.6);
    write(&mut h, Role::MultilineTextInput, "Comment, optional", "Effusion");
    until(&mut h, "the disk", State::all_saved);
    h = again(h, &options);
    enter(&mut h, 0);
    let turn = &state(&h).turn;
    assert_eq!((turn.step, turn.marks.len(), turn.comment.as_str()), (Step::Errors, 1, "Effusion"));
    assert!(turn.marks[0].place.is_some());
    press(&mut h, Key::Enter);
    shown(&mut h, 1);

    // Paused.
    press(&mut h, Key::Escape);
    until(&mut h, "the disk", State::all_saved);
    h = again(h, &options);
    enter(&mut h, 1);

    // To the end, over the break, and handed over.
    for at in 1..12 {
        go_to(&mut h, at);
        press(&mut h, Key::Num5);
        press(&mut h, Key::Enter);
    }
    until(&mut h, "the end", |s| s.stage == Stage::Done);
    press(&mut h, Key::Enter);
    until(&mut h, "the file", |s| matches!(s.handed, Some(Handed::Over(..) | Handed::Failed(_))));
    let Some(Handed::Over(name, hash)) = state(&h).handed.clone() else { panic!("{:?}", state(&h).handed) };
    drop(h);
    let handed = file.with_file_name(&name);
    assert_eq!(engine::store::hash::hash_file(&handed).expect("a file"), hash);
    let read = AnswersFile::read(&handed).expect("answers");
    let progress = read.progress(Template::ReportAlignment);
    assert_eq!(progress.trials.len(), 12);
    assert_eq!(progress.trials[&1].current, Some(vec![-1]));
    assert!((2..=12).all(|n| progress.trials[&n].locked == Some(vec![2]) && progress.trials[&n].seconds > 0.0));
    let times: Vec<f64> = read.entries.iter().map(|e| e.mono_secs).collect();
    assert!(times.iter().all(|t| t.is_finite() && *t >= 0.0));
    assert_eq!(read.entries.iter().filter(|e| matches!(e.event, Event::Opened { .. })).count(), 5);

    // A finished study says so when it is opened again.
    let h = open(options);
    assert_eq!(state(&h).stage, Stage::Done);
}

#[test]
fn two_windows_on_one_file_of_answers_are_refused() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = testing::sealed(dir.path(), Template::ReportAlignment, &["R1"], 4, 32).expect("a study");
    let first = open(options(&file, None));
    assert!(first.state().state().is_some());
    let mut second = open(options(&file, None));
    let why = second.state().refusal().expect("it is refused").to_owned();
    assert!(why.contains("another window") && why.ends_with('.'), "{why}");
    drop(first);
    click(&mut second, Role::Button, "Try again");
    wait(&mut second, "the study", |app| app.state().is_some());
}

#[test]
fn what_cannot_be_read_is_one_sentence_in_the_window() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = testing::sealed(dir.path(), Template::ReportAlignment, &["R1"], 4, 32).expect("a study");
    let bytes = std::fs::read(&file).expect("a study");
    let write = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).expect("writable");
        path
    };
    let mut edited = bytes.clone();
    let at = edited.windows(7).position(|w| w == b"A study").expect("the title");
    edited[at] = b'B';
    for (name, bytes) in [
        ("edited.cxstudy", edited.as_slice()),
        ("short.cxstudy", &bytes[..bytes.len() / 2]),
        ("empty.cxstudy", &[]),
        ("picture.cxstudy", b"\x89PNG\r\n\x1a\n nothing else"),
    ] {
        let why = refusal(options(&write(name, bytes), None));
        assert!(why.contains(name) && why.ends_with('.') && !why.contains('\n'), "{why}");
    }
    let why = refusal(options(&dir.path().join("missing.cxstudy"), None));
    assert!(why.contains("missing.cxstudy") && why.contains("no such file"), "{why}");
    let why = refusal(options(&file, Some("R9")));
    assert!(why.contains("R9") && why.contains("R1"), "{why}");

    // Answers of another study, answers that are none, a folder that is not there.
    let other_dir = tempfile::tempdir().expect("a temporary folder");
    let other = testing::sealed(other_dir.path(), Template::ReportAlignment, &["R1"], 5, 32).expect("a study");
    drop(open(options(&other, None)));
    let foreign = other_dir.path().join("a-study-R1.cxanswers");
    for answers in [foreign, write("notes.cxanswers", b"These are no answers."), dir.path().join("nowhere/a.cxanswers")] {
        let name = answers.file_name().expect("a name").to_string_lossy().into_owned();
        let why = refusal(Options { answers: Some(answers), ..options(&file, None) });
        assert!(why.contains(&name) && why.ends_with('.') && !why.contains('\n'), "{why}");
    }
}

#[test]
fn a_picture_that_was_damaged_later_is_told_in_its_place() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = testing::sealed(dir.path(), Template::Realism, &["R1"], 4, 32).expect("a study");
    let mut h = open(options(&file, None));
    begin(&mut h);
    let study = Study::open(&file).expect("a study");
    let plan = study.reader("R1").expect("the reader");
    let later = plan.trial(7).expect("a trial").2.images[0].clone();
    let bytes = std::fs::read(&file).expect("a study");
    let name = format!("images/{later}.bin");
    let at = bytes.windows(name.len()).position(|w| w == name.as_bytes()).expect("the picture");
    // One byte in place, so that the pictures before it stay whole at every moment.
    let mut edited = std::fs::OpenOptions::new().write(true).open(&file).expect("writable");
    let pixels = (at + name.len() + 60) as u64;
    edited.seek(std::io::SeekFrom::Start(pixels)).expect("a place");
    edited.write_all(&[!bytes[pixels as usize]]).expect("writable");
    drop(edited);
    press(&mut h, Key::Enter);
    for at in 0..6 {
        go_to(&mut h, at);
        press(&mut h, Key::Num5);
        press(&mut h, Key::Enter);
    }
    until(&mut h, "the lock", |s| s.stage != Stage::Trial(5));
    if state(&h).stage == Stage::Rest(6) {
        press(&mut h, Key::Enter);
    }
    until(&mut h, "the sentence", |s| s.turn.unreadable.is_some());
    let why = state(&h).turn.unreadable.clone().unwrap_or_default();
    assert!(why.ends_with('.') && why.contains("a-study.cxstudy"), "{why}");
    press(&mut h, Key::Num5);
    press(&mut h, Key::Enter);
    assert_eq!(state(&h).stage, Stage::Trial(6), "what was not seen is not scored");
    // The file is whole again: nothing has to be opened anew.
    let mut mended = std::fs::OpenOptions::new().write(true).open(&file).expect("writable");
    mended.seek(std::io::SeekFrom::Start(pixels)).expect("a place");
    mended.write_all(&[bytes[pixels as usize]]).expect("writable");
    drop(mended);
    click(&mut h, Role::Button, "Try again");
    shown(&mut h, 6);
}

#[test]
fn several_readers_are_asked_for_their_code() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = testing::sealed(dir.path(), Template::Realism, &["R1", "R2"], 4, 32).expect("a study");
    let mut h = open(options(&file, None));
    assert!(h.state().asks_reader());
    click(&mut h, Role::Button, "Reader R2");
    wait(&mut h, "the reader's study", |app| app.state().is_some());
    assert_eq!(state(&h).sheet.reader, "R2");
    drop(h);
    assert!(dir.path().join("a-study-R2.cxanswers").exists());
    assert!(!dir.path().join("a-study-R1.cxanswers").exists());
}

#[test]
fn every_template_is_read_from_a_sealed_file() {
    for template in Template::ALL {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let file = testing::sealed(dir.path(), template, &["R1"], 4, 32).expect("a study");
        let mut h = open(options(&file, None));
        begin(&mut h);
        press(&mut h, Key::Enter);
        shown(&mut h, 0);
        for _ in 0..state(&h).sheet.questions() {
            press(&mut h, Key::Num2);
        }
        press(&mut h, Key::Enter);
        until(&mut h, "the lock", |s| s.turn.step == Step::Errors || s.stage != Stage::Trial(0));
        drop(h);
        let read = AnswersFile::read(&dir.path().join("a-study-R1.cxanswers")).expect("answers");
        assert!(read.progress(template).trials[&1].locked.is_some(), "{template:?}");
    }
}

#[test]
fn an_assisted_reading_shows_examples_in_its_second_round_alone() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = testing::sealed(dir.path(), Template::AssistedReading, &["R1"], 4, 32).expect("a study");
    let mut h = open(options(&file, None));
    begin(&mut h);
    let count = state(&h).sheet.trials.len();
    assert_eq!(count, 8, "four cases, without and with help");
    for at in 0..count {
        go_to(&mut h, at);
        assert!(h.query_by_label("Finding").is_some());
        assert_eq!(h.query_by_label("Example 2").is_some(), at >= 4, "trial {at}");
        press(&mut h, Key::Num4);
        press(&mut h, Key::Enter);
    }
    until(&mut h, "the end", |s| s.stage == Stage::Done && s.all_saved());
    drop(h);
    let read = AnswersFile::read(&dir.path().join("a-study-R1.cxanswers")).expect("answers");
    let rounds = read.entries.iter().filter(|e| matches!(e.event, Event::Round { .. })).count();
    assert_eq!(rounds, 2);
}
