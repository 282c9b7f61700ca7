//! The Reading Room's window by accessible names: every screen, every template, every failure.

use std::time::{Duration, Instant};

use app::reader::action::Action;
use app::reader::sheet::Sheet;
use app::reader::state::{Begun, Stage, State, Step};
use app::reader::testing::{self, Memory};
use app::reader::view::image;
use app::reader::window::ReaderApp;
use eframe::egui::accesskit::Toggled;
use eframe::egui::{Key, Modifiers, PointerButton, Pos2, Rect, Role, Vec2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{By, NodeT, Queryable};
use study::answers::Event;
use study::reading::ErrorKind;
use study::template::Template;

/// A reading window without a screen.
pub(crate) type Reader = Harness<'static, ReaderApp>;

/// Everything before the first trial was gone through.
pub(crate) const PAST: Begun = Begun { consent: true, display: true, practice: 99, round: 0 };

/// A window on a study that is not in a file.
pub(crate) fn reader(sheet: Sheet, past: Begun, size: Vec2, wgpu: bool) -> (Reader, Memory) {
    let (begun, memory) = testing::begun(sheet, past);
    let mut builder = Harness::builder().with_size(size).with_max_steps(32);
    if wgpu {
        builder = builder.wgpu();
    }
    let mut h = builder.build_eframe(move |cc| ReaderApp::with(cc, begun));
    h.run_steps(3);
    (h, memory)
}

fn usual(template: Template, trials: u32) -> (Reader, Memory) {
    reader(testing::sheet(template, trials), PAST, vec2(1600.0, 1000.0), false)
}

pub(crate) fn state(h: &Reader) -> &State {
    h.state().state().expect("a study is open")
}

/// Steps until something holds.
pub(crate) fn wait(h: &mut Reader, what: &str, holds: impl Fn(&ReaderApp) -> bool) {
    let began = Instant::now();
    while !holds(h.state()) {
        assert!(began.elapsed() < crate::harness::LIMIT, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(2));
        h.step();
    }
    h.run_steps(2);
}

/// Steps until the state is like that.
pub(crate) fn until(h: &mut Reader, what: &str, holds: impl Fn(&State) -> bool) {
    wait(h, what, |app| app.state().is_some_and(&holds));
}

/// Steps until the image of a trial is on the screen.
pub(crate) fn shown(h: &mut Reader, at: usize) {
    until(h, "the image", |s| s.stage == Stage::Trial(at) && s.turn.was_shown);
}

/// Goes on to the image of a trial, over a break in front of it.
pub(crate) fn go_to(h: &mut Reader, at: usize) {
    until(h, "a break or an image", |s| s.stage == Stage::Rest(at) || (s.stage == Stage::Trial(at) && s.turn.was_shown));
    if state(h).stage == Stage::Rest(at) {
        press(h, Key::Enter);
    }
    shown(h, at);
}

pub(crate) fn press(h: &mut Reader, key: Key) {
    h.key_press(key);
    h.run_steps(2);
}

pub(crate) fn click(h: &mut Reader, role: Role, name: &str) {
    h.get_by_role_and_label(role, name).click();
    h.run_steps(3);
}

/// Types into a field.
pub(crate) fn write(h: &mut Reader, role: Role, name: &str, words: &str) {
    h.get_by_role_and_label(role, name).focus();
    h.run_steps(2);
    h.get_by_role_and_label(role, name).type_text(words);
    h.run_steps(3);
}

/// Clicks a place of the image, as shares of it.
pub(crate) fn click_image(h: &mut Reader, x: f32, y: f32) {
    let cell = h.get_by_label("Radiograph").rect();
    let s = state(h);
    let ppp = h.ctx.pixels_per_point();
    let place = s.turn.look.place(cell, s.sheet.image_px, s.scale(), ppp);
    let at = place.min + vec2(x, y) * place.size();
    mouse(h, at, PointerButton::Primary, at);
}

/// A press, a move and a release.
fn mouse(h: &mut Reader, from: Pos2, button: PointerButton, to: Pos2) {
    let event = |pos, pressed| eframe::egui::Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE };
    h.hover_at(from);
    h.step();
    h.event(event(from, true));
    h.step();
    if to != from {
        for i in 1..=5 {
            h.hover_at(from + (to - from) * (i as f32 / 5.0));
            h.step();
        }
    }
    h.event(event(to, false));
    h.step();
    h.remove_cursor();
    h.run_steps(2);
}

fn locked(memory: &Memory) -> Vec<(u32, Vec<i32>)> {
    let locked = |e: Event| if let Event::Locked { trial, values, .. } = e { Some((trial, values)) } else { None };
    memory.events().into_iter().filter_map(locked).collect()
}

#[test]
fn a_reader_goes_from_consent_to_the_first_image() {
    let sheet = testing::sheet(Template::ReportAlignment, 6);
    let (mut h, memory) = reader(sheet, Begun::default(), vec2(1600.0, 1000.0), false);
    assert!(h.query_by_label("Before you begin").is_some());
    assert!(h.get_by_label("Go on").accesskit_node().is_disabled());
    press(&mut h, Key::Tab);
    press(&mut h, Key::Space);
    assert!(state(&h).form.agreed);
    press(&mut h, Key::Enter);
    assert!(state(&h).form.agreed, "Space ticks, Enter goes on");
    assert!(h.query_by_label("Choose your years of experience.").is_some());
    click(&mut h, Role::Button, "5 to 10 years");
    write(&mut h, Role::TextInput, "Special training, optional", "Thoracic fellowship");
    press(&mut h, Key::Enter);
    until(&mut h, "the display check", |s| s.stage == Stage::Display);

    press(&mut h, Key::Y);
    for side in state(&h).check.rings.map(|r| r.open) {
        click(&mut h, Role::Button, side.name());
    }
    click(&mut h, Role::Button, "Dark, as a reporting room");
    assert!(h.query_by_label("The display passes: all grey steps and all rings were seen.").is_some());
    press(&mut h, Key::Enter);
    until(&mut h, "practice", |s| s.stage == Stage::Practice(0) && s.turn.was_shown);
    assert!(h.query_all_by_label("PRACTICE").next().is_some(), "practice says so");

    press(&mut h, Key::Num1);
    press(&mut h, Key::Enter);
    assert!(h.query_all_by_label_contains("That was −2 on key 1").next().is_some());
    click(&mut h, Role::RadioButton, "+1: Most aspects agree");
    press(&mut h, Key::Enter);
    until(&mut h, "the second practice case", |s| s.stage == Stage::Practice(1) && s.turn.was_shown);
    press(&mut h, Key::Num5);
    press(&mut h, Key::Enter);
    until(&mut h, "the study", |s| s.stage == Stage::Rest(0));
    click(&mut h, Role::Button, "Block 1");
    shown(&mut h, 0);
    assert!(locked(&memory).is_empty(), "nothing of practice is kept");
    let events = memory.events();
    assert!(matches!(&events[0], Event::Opened { screen, .. } if screen.window_px == (1600, 1000)));
    assert!(
        events.contains(&Event::Experience { years: "5 to 10 years".to_owned(), training: "Thoracic fellowship".to_owned() })
    );
}

#[test]
fn every_template_is_read_by_keys_alone() {
    for template in Template::ALL {
        let (mut h, memory) = usual(template, 5);
        let mut keys = vec![Key::Num2];
        if template == Template::VisualGrading {
            keys = vec![Key::Num2, Key::Num3, Key::Num4];
        }
        press(&mut h, Key::Enter);
        for at in 0..5 {
            if at == 4 {
                until(&mut h, "the break", |s| s.stage == Stage::Rest(4));
                press(&mut h, Key::Enter);
            }
            shown(&mut h, at);
            for i in 0..template.images() {
                assert!(h.query_by_label(image::name(template, i)).is_some(), "{template:?} shows image {i}");
            }
            let has_text = h.query_by_label("Impression").is_some();
            assert_eq!(has_text, template.shows_impression(), "{template:?}");
            keys.iter().for_each(|key| press(&mut h, *key));
            press(&mut h, Key::Enter);
            let asks = template.choices()[1].asks_error;
            if asks {
                until(&mut h, "the error step", |s| s.turn.step == Step::Errors);
                press(&mut h, Key::A);
                press(&mut h, Key::Enter);
            }
        }
        until(&mut h, "the end", |s| s.stage == Stage::Done);
        let values = locked(&memory);
        assert_eq!(values.iter().map(|(trial, _)| *trial).collect::<Vec<_>>(), [1, 2, 3, 4, 5], "{template:?}");
        let second = template.choices()[1].value;
        assert!(values.iter().all(|(_, v)| v[0] == second && v.len() == keys.len()), "{template:?}: {values:?}");
        press(&mut h, Key::Enter);
        until(&mut h, "the file", |s| matches!(s.handed, Some(app::reader::state::Handed::Over(..))));
        assert!(h.query_by_label("study-R2-handed-over.cxanswers").is_some());
    }
}

#[test]
fn what_is_wrong_is_told_by_names_and_a_click() {
    let (mut h, memory) = usual(Template::ReportAlignment, 4);
    press(&mut h, Key::Enter);
    shown(&mut h, 0);
    click(&mut h, Role::RadioButton, "−1: Key findings missing");
    click(&mut h, Role::Button, "Lock and next");
    until(&mut h, "the error step", |s| s.turn.step == Step::Errors);
    assert!(h.query_by_label("Score −1 is locked").is_some());
    assert!(
        h.get_by_role_and_label(Role::RadioButton, "0: Major findings present, details missing").accesskit_node().is_disabled()
    );
    click(&mut h, Role::RadioButton, "Discrepancy");
    click(&mut h, Role::Button, "Discrepancy: extent");
    click_image(&mut h, 0.25, 0.5);
    assert!(h.query_by_label("Marked, patient’s right, middle zone").is_some());
    click_image(&mut h, 0.75, 0.9);
    click(&mut h, Role::Button, "Clear place 1");
    write(&mut h, Role::MultilineTextInput, "Comment, optional", "Too large");
    press(&mut h, Key::Enter);
    shown(&mut h, 1);
    let events = memory.events();
    let marks = events.iter().rev().find_map(|e| if let Event::Marks { marks, .. } = e { Some(marks.clone()) } else { None });
    let marks = marks.expect("marks");
    assert_eq!((marks.len(), marks[0].kind), (1, ErrorKind::Extent));
    let (x, y) = marks[0].place.expect("a place");
    assert!((x - 0.75).abs() < 0.02 && (y - 0.9).abs() < 0.02, "{x} {y}");
    assert!(events.contains(&Event::Comment { trial: 1, text: "Too large".to_owned() }));
    assert!(events.iter().any(|e| matches!(e, Event::Finished { trial: 1, .. })));
}

#[test]
fn a_place_is_marked_without_a_mouse() {
    let (mut h, memory) = usual(Template::ReportAlignment, 4);
    press(&mut h, Key::Enter);
    shown(&mut h, 0);
    press(&mut h, Key::Num1);
    press(&mut h, Key::Enter);
    until(&mut h, "the error step", |s| s.turn.step == Step::Errors);
    press(&mut h, Key::C);
    press(&mut h, Key::ArrowLeft);
    h.key_press_modifiers(Modifiers::SHIFT, Key::ArrowLeft);
    h.run_steps(2);
    press(&mut h, Key::X);
    press(&mut h, Key::Enter);
    shown(&mut h, 1);
    let marks =
        memory.events().into_iter().rev().find_map(|e| if let Event::Marks { marks, .. } = e { Some(marks) } else { None });
    assert_eq!(marks.expect("marks")[0].place, Some((0.45, 0.5)));
}

#[test]
fn a_pause_shows_nothing_of_the_case() {
    let (mut h, memory) = usual(Template::ReportAlignment, 4);
    press(&mut h, Key::Enter);
    shown(&mut h, 0);
    press(&mut h, Key::Num3);
    press(&mut h, Key::Enter);
    shown(&mut h, 1);
    assert!(h.query_by_label_contains("Right lower lobe").is_some());
    press(&mut h, Key::Escape);
    assert!(h.query_by_label("Paused").is_some());
    assert!(h.query_by_label("Radiograph").is_none() && h.query_by_label_contains("Right lower lobe").is_none());
    assert!(h.query_by_label("The clock stands").is_some());
    click(&mut h, Role::Button, "Report a slip");
    write(&mut h, Role::TextInput, "What went wrong", "Meant +1");
    click(&mut h, Role::Button, "Write it into the record");
    assert!(h.query_by_label("The slip is in the record.").is_some());
    press(&mut h, Key::Escape);
    assert!(h.query_by_label("Radiograph").is_some(), "Esc goes on");
    until(&mut h, "the disk", State::all_saved);
    let events = memory.events();
    assert!(events.contains(&Event::Slip { trial: 1, reason: "Meant +1".to_owned() }));
    assert!(events.iter().any(|e| matches!(e, Event::Paused { trial: Some(2), .. })));
    assert!(events.contains(&Event::Resumed { trial: Some(2) }));
}

#[test]
fn a_full_disk_in_the_middle_of_a_score_loses_nothing() {
    let (mut h, memory) = usual(Template::ReportAlignment, 4);
    press(&mut h, Key::Enter);
    shown(&mut h, 0);
    memory.fill(true);
    press(&mut h, Key::Num4);
    press(&mut h, Key::Enter);
    until(&mut h, "the sentence", |s| s.saving.trouble.is_some());
    assert!(h.query_by_label_contains("the disk is full").is_some());
    assert!(h.query_by_label("Not saved").is_some());
    assert_eq!(state(&h).stage, Stage::Trial(0), "the next image is not shown");
    let tile = h.get_by_role_and_label(Role::RadioButton, "+1: Most aspects agree");
    assert_eq!(tile.accesskit_node().toggled(), Some(Toggled::True), "the score stays on the screen");
    click(&mut h, Role::Button, "Try again");
    until(&mut h, "another sentence", |s| s.saving.trouble.is_some());
    memory.fill(false);
    click(&mut h, Role::Button, "Try again");
    shown(&mut h, 1);
    assert_eq!(locked(&memory), [(1, vec![1])]);
    until(&mut h, "all is saved", |s| s.saving.saved == s.saving.sent);
    assert!(h.query_by_label("Answers saved").is_some());
}

#[test]
fn looking_around_changes_the_view_and_no_answer() {
    let (mut h, memory) = usual(Template::ReportAlignment, 4);
    press(&mut h, Key::Enter);
    shown(&mut h, 0);
    assert!(h.query_by_label("Pixels 1 : 1").is_some());
    press(&mut h, Key::Z);
    assert!(h.query_by_label("Pixels 2 : 1").is_some());
    press(&mut h, Key::I);
    assert!(h.query_by_label("Inverted").is_some());
    let middle = h.get_by_label("Radiograph").rect().center();
    mouse(&mut h, middle, PointerButton::Secondary, middle + vec2(80.0, 30.0));
    let look = state(&h).turn.look;
    assert!(look.window > 1.1 && look.level > 0.51, "{look:?}");
    h.hover_at(middle + vec2(60.0, 40.0));
    h.step();
    let unit = eframe::egui::MouseWheelUnit::Point;
    let (phase, source) = (eframe::egui::TouchPhase::Move, eframe::egui::MouseWheelSource::Unknown);
    h.event(eframe::egui::Event::MouseWheel { unit, delta: vec2(0.0, 120.0), modifiers: Modifiers::NONE, phase, source });
    h.run_steps(8);
    assert!(state(&h).turn.look.zoom > 2.1, "the wheel zooms");
    press(&mut h, Key::Num0);
    assert_eq!(state(&h).turn.look, app::reader::state::Look::default());
    press(&mut h, Key::Num3);
    press(&mut h, Key::Enter);
    shown(&mut h, 1);
    let looked = memory.events().into_iter().find_map(|e| if let Event::Locked { looked, .. } = e { Some(looked) } else { None });
    let looked = looked.expect("locked");
    assert!(looked.inverted && looked.windows > 0 && looked.zooms > 1 && looked.largest_zoom > 2.0, "{looked:?}");
}

#[test]
fn images_of_a_pair_are_linked_and_can_be_clicked() {
    let (mut h, _) = usual(Template::PairwiseChoice, 4);
    press(&mut h, Key::Enter);
    shown(&mut h, 0);
    let right = h.get_by_label("Right radiograph").rect().center();
    mouse(&mut h, right, PointerButton::Primary, right);
    assert_eq!(state(&h).turn.choice(), Some(1));
    press(&mut h, Key::ArrowLeft);
    assert_eq!(state(&h).turn.choice(), Some(0));
    let (a, b) = (h.get_by_label("Left radiograph").rect(), h.get_by_label("Right radiograph").rect());
    assert_eq!(a.size(), b.size());
    assert!(!a.intersects(b));
}

/// Roles that a person can do something with.
const INTERACTIVE: [Role; 5] = [Role::Button, Role::RadioButton, Role::CheckBox, Role::TextInput, Role::MultilineTextInput];

fn named_and_reached(h: &mut Reader, place: &str) {
    h.run_steps(3);
    h.check_accessibility();
    let label = |n: &egui_kittest::Node<'_>| n.accesskit_node().label().unwrap_or_default();
    let usable = h.query_all(By::new().predicate(|n| INTERACTIVE.contains(&n.role()) && !n.is_disabled()));
    let mut wanted: Vec<String> = usable.map(|n| label(&n)).collect();
    assert!(!wanted.is_empty() && wanted.iter().all(|n| !n.is_empty()), "{place}: {wanted:?}");
    for _ in 0..wanted.len() * 2 + 40 {
        h.key_press(Key::Tab);
        h.step();
        let focused: Option<String> = h.query_all(By::new().predicate(|n| n.is_focused())).next().map(|n| label(&n));
        wanted.retain(|n| Some(n) != focused.as_ref());
        if wanted.is_empty() {
            return;
        }
    }
    panic!("{place}: Tab does not reach {wanted:?}");
}

#[test]
fn every_control_of_every_screen_has_a_name_and_tab_reaches_it() {
    let sheet = testing::sheet(Template::ReportAlignment, 4);
    let (mut h, _) = reader(sheet.clone(), Begun::default(), vec2(1600.0, 1000.0), false);
    named_and_reached(&mut h, "consent");
    let (mut h, _) = reader(sheet, Begun { display: false, ..PAST }, vec2(1600.0, 1000.0), false);
    named_and_reached(&mut h, "display check");
    for template in [Template::ReportAlignment, Template::VisualGrading, Template::Quartet] {
        let (mut h, _) = usual(template, 4);
        named_and_reached(&mut h, "break");
        h.state_mut().act(Action::Next);
        shown(&mut h, 0);
        named_and_reached(&mut h, template.name());
        if template == Template::ReportAlignment {
            press(&mut h, Key::Num1);
            h.state_mut().act(Action::Next);
            until(&mut h, "the error step", |s| s.turn.step == Step::Errors);
            press(&mut h, Key::D);
            click_image(&mut h, 0.4, 0.4);
            named_and_reached(&mut h, "error step");
        }
        h.state_mut().act(Action::Pause(true));
        named_and_reached(&mut h, "pause");
    }
}

#[test]
fn enter_goes_to_what_tab_went_to() {
    let (mut h, _) = usual(Template::ReportAlignment, 4);
    press(&mut h, Key::Enter);
    shown(&mut h, 0);
    press(&mut h, Key::Num3);
    h.get_by_role_and_label(Role::Button, "Pause").focus();
    h.run_steps(2);
    press(&mut h, Key::Enter);
    assert!(state(&h).paused, "the focused button was pressed");
    assert_eq!(state(&h).turn.step, Step::Score, "nothing was locked");
}

#[test]
fn nothing_overlaps_at_any_text_size() {
    for template in [Template::ReportAlignment, Template::VisualGrading, Template::PairwiseChoice] {
        for (percent, window) in [
            (80, (1280.0, 800.0)),
            (100, (1280.0, 800.0)),
            (150, (1600.0, 1000.0)),
            (200, (1600.0, 1000.0)),
            (100, (2560.0, 1440.0)),
        ] {
            let (mut h, _) = reader(testing::sheet(template, 4), PAST, vec2(window.0, window.1), false);
            h.state_mut().act(Action::Text(percent - 100));
            h.run_steps(4);
            press(&mut h, Key::Enter);
            shown(&mut h, 0);
            let scale = percent as f32 / 100.0;
            // The window of the harness keeps its points: what is less room on a screen is more points here.
            let all = Rect::from_min_size(Pos2::ZERO, h.ctx.content_rect().size());
            let image = h.get_by_label(image::name(template, 0)).rect();
            let what = format!("{template:?} at {percent} % of {window:?}");
            if template.images() == 1 {
                assert!(image.width().min(image.height()) * scale >= 380.0, "{what}: {image:?}");
            }
            for name in ["Pause", "Lock and next"] {
                let rect = h.get_by_role_and_label(Role::Button, name).rect();
                assert!(all.expand(1.0).contains_rect(rect), "{what}: {name} at {rect:?} in {all:?}");
                assert!(!rect.intersects(image), "{what}: {name} lies on the image");
            }
            let tiles: Vec<Rect> =
                h.query_all(By::new().predicate(|n| n.role() == Role::RadioButton)).map(|n| n.rect()).collect();
            for (i, tile) in tiles.iter().enumerate() {
                assert!(!tile.intersects(image), "{what}: a tile lies on the image");
                assert!(tiles[..i].iter().all(|other| !other.shrink(1.0).intersects(*tile)), "{what}: two tiles overlap");
            }
        }
    }
}

#[test]
fn a_practised_reader_is_not_held_up() {
    const IMAGES: usize = 60;
    let (mut h, memory) = usual(Template::ReportAlignment, IMAGES as u32);
    let mut secs: Vec<f64> = Vec::new();
    for at in 0..IMAGES {
        if matches!(state(&h).stage, Stage::Rest(_)) {
            h.key_press(Key::Enter);
            shown(&mut h, at);
        }
        h.key_press(Key::Num4);
        h.step();
        let began = Instant::now();
        h.key_press(Key::Enter);
        h.step();
        let next = |s: &State| match s.stage {
            Stage::Trial(now) => now > at && s.turn.was_shown,
            Stage::Rest(now) => now > at,
            _ => s.stage == Stage::Done,
        };
        while !next(state(&h)) {
            assert!(began.elapsed() < crate::harness::LIMIT, "image {at} does not come");
            h.step();
        }
        secs.push(began.elapsed().as_secs_f64());
    }
    assert_eq!(locked(&memory).len(), IMAGES);
    secs.sort_by(f64::total_cmp);
    let mean = secs.iter().sum::<f64>() / IMAGES as f64;
    println!("from Enter to the next image: mean {:.1} ms, p95 {:.1} ms", mean * 1e3, secs[IMAGES * 95 / 100] * 1e3);
    // 200 images an hour are 18 s each; the program may take a tenth of that even on a busy machine.
    assert!(mean < 1.8, "the program takes {mean:.2} s an image");
}
