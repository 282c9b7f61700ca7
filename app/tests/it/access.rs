//! Everything by keyboard and by name: rooms, sheets, regions, large text, narrow windows.

use std::collections::BTreeSet;
use std::time::Duration;

use app::action::Action;
use app::shell::{self, Sheet};
use app::state::{Level, Room, sight};
use app::testing::{FakeModel, Gate};
use eframe::egui::{Key, Modifiers, Rect, Role, Vec2, pos2};
use egui_kittest::kittest::{By, NodeT, Queryable};

use crate::harness::{Studio, canvas_rect, click, see, studio, studio_with, wait};

/// Roles that a person can do something with.
const INTERACTIVE: [Role; 8] = [
    Role::Button,
    Role::Tab,
    Role::TextInput,
    Role::MultilineTextInput,
    Role::Slider,
    Role::SpinButton,
    Role::CheckBox,
    Role::ComboBox,
];

/// Names of the controls that can be used now.
fn controls(h: &Studio) -> Vec<String> {
    let usable = h.query_all(By::new().predicate(|n| INTERACTIVE.contains(&n.role()) && !n.is_disabled()));
    usable.map(|n| format!("{:?} {}", n.accesskit_node().role(), n.accesskit_node().label().unwrap_or_default())).collect()
}

fn focused(h: &Studio) -> Option<String> {
    let mut nodes = h.query_all(By::new().predicate(|n| n.is_focused()));
    nodes.next().map(|n| format!("{:?} {}", n.accesskit_node().role(), n.accesskit_node().label().unwrap_or_default()))
}

fn everything_is_named_and_reached(h: &mut Studio, place: &str) {
    h.run_steps(3);
    h.check_accessibility();
    assert!(!controls(h).is_empty(), "{place} has controls");
    let (mut reached, mut presses) = (BTreeSet::new(), 0);
    // What there is may change on the way, such as when a list arrives or a message goes.
    let wanted = loop {
        h.key_press(Key::Tab);
        h.step();
        reached.extend(focused(h));
        let wanted: BTreeSet<String> = controls(h).into_iter().collect();
        if wanted.is_subset(&reached) {
            return;
        }
        presses += 1;
        if presses > wanted.len() * 4 + 120 {
            break wanted;
        }
    };
    let missed: Vec<_> = wanted.difference(&reached).collect();
    panic!("{place}: Tab does not reach {missed:?}");
}

#[test]
fn every_control_of_every_room_has_a_name_and_tab_reaches_it() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    for room in Room::ALL.into_iter().filter(|r| r.is_built()) {
        h.state_mut().act(Action::OpenRoom(room));
        everything_is_named_and_reached(&mut h, room.title());
    }
}

#[test]
fn f6_goes_around_the_window() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    let mut seen = Vec::new();
    for _ in 0..9 {
        h.key_press(Key::F6);
        h.run_steps(3);
        seen.push(focused(&h).expect("something has the focus"));
    }
    assert_eq!(seen[0], "Button Canvas", "the rail comes first");
    assert_eq!(seen[2], "MultilineTextInput Impression");
    assert_eq!(seen[3], "Button Brush");
    assert_eq!(seen[4], "Canvas Radiograph canvas");
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 9, "nine regions: {seen:?}");
    h.key_press_modifiers(Modifiers::SHIFT, Key::F6);
    h.run_steps(3);
    assert_eq!(focused(&h).as_deref(), Some(seen[7].as_str()));
}

#[test]
fn the_palette_works_by_keyboard_alone_and_covers_no_image() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    let canvas = canvas_rect(&h);
    h.key_press_modifiers(Modifiers::COMMAND, Key::K);
    h.run_steps(3);
    assert_eq!(canvas_rect(&h), canvas, "the image stays where it is");
    h.get_by_label("Command, case or file").type_text("invert");
    h.run_steps(2);
    h.key_press(Key::Enter);
    h.run_steps(3);
    assert!(h.state().state.view.inverted);
    assert_eq!(h.state().state.shell.sheet, None);
    h.key_press_modifiers(Modifiers::COMMAND, Key::K);
    h.run_steps(3);
    h.key_press(Key::Escape);
    h.run_steps(2);
    assert_eq!(h.state().state.shell.sheet, None);
}

#[test]
fn a_key_is_bound_by_pressing_it_and_comes_back_after_a_restart() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    h.key_press(Key::F1);
    h.run_steps(3);
    h.get_by_label("Command or key").type_text("invert");
    h.run_steps(2);
    click(&mut h, "Invert: I");
    h.key_press(Key::B);
    h.run_steps(2);
    see(&mut h, "B is the key for Brush.");
    click(&mut h, "Use it for Invert");
    see(&mut h, "Invert: B");
    h.key_press(Key::Escape);
    h.run_steps(2);
    // Buttons show the keys of now.
    let key = |h: &Studio, name: &str| {
        let button = h.get_by_role_and_label(Role::Button, name);
        button.accesskit_node().data().keyboard_shortcut().map(str::to_owned)
    };
    assert_eq!((key(&h, "Invert").as_deref(), key(&h, "Brush")), (Some("B"), None));
    assert_eq!(key(&h, "Generate").as_deref(), Some("Ctrl Enter"));
    drop(h);
    let mut h = studio(dir.path(), Duration::ZERO);
    h.key_press(Key::B);
    h.run_steps(2);
    assert!(h.state().state.view.inverted);
}

#[test]
fn tips_and_privacy_are_remembered_and_opened_files_only_on_request() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    click(&mut h, "Generate");
    wait(&mut h, "the image", |a| a.state.results.len() == 1);
    see(&mut h, "Drag me");
    let png = dir.path().join("Jane Doe.png");
    std::fs::write(&png, b"no picture").expect("writable");
    h.state_mut().act(Action::OpenFile(png));
    wait(&mut h, "the message", |a| a.state.images.opening == 0);
    assert_eq!(h.state().state.settings.recent.len(), 1, "this session knows it");
    h.key_press_modifiers(Modifiers::COMMAND, Key::Comma);
    h.run_steps(3);
    click(&mut h, "Images tell: Shareable");
    // Save tells no more than that: no record, no mask, no name of the case.
    click(&mut h, "Save");
    wait(&mut h, "the file", |a| a.state.messages.list.iter().any(|m| m.text.starts_with("Wrote image-")));
    let names = |h: &std::path::Path| -> Vec<String> {
        let files = std::fs::read_dir(h.join("saved")).expect("the folder").flatten();
        files.map(|f| f.file_name().to_string_lossy().into_owned()).collect()
    };
    let saved = names(dir.path());
    assert!(saved.len() == 1 && saved[0].starts_with("image-") && saved[0].ends_with(".png"), "{saved:?}");
    drop(h);

    let text = std::fs::read_to_string(dir.path().join("data/settings.json")).expect("settings");
    assert!(!text.contains("Jane"), "{text}");
    let mut h = studio(dir.path(), Duration::ZERO);
    see(&mut h, "Drag me");
    assert_eq!(h.state().state.images.export.tier, engine::store::record::Tier::Shareable);
    assert!(h.state().state.settings.recent.is_empty());
    h.key_press_modifiers(Modifiers::COMMAND, Key::Comma);
    h.run_steps(3);
    click(&mut h, "Begin the start tips again");
    see(&mut h, "Press Generate");
}

#[test]
fn nothing_overlaps_at_any_text_size() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (i, (percent, size)) in
        [(200, (1280.0, 800.0)), (150, (1280.0, 800.0)), (80, (1280.0, 800.0)), (200, (1600.0, 1000.0))].into_iter().enumerate()
    {
        // A larger text leaves fewer points of the same window.
        let scale = percent as f32 / 100.0;
        let points = Vec2::new(size.0, size.1) / scale;
        let mut h = studio_with(&dir.path().join(i.to_string()), FakeModel::opener(64, Duration::ZERO), points * scale, false);
        h.state_mut().state.settings.text_percent = percent;
        h.run_steps(4);
        let window = Rect::from_min_size(eframe::egui::Pos2::ZERO, points);
        let canvas = canvas_rect(&h);
        let side = canvas.width().min(canvas.height()) * scale;
        assert!(side >= 480.0, "the image is {side} pixels wide at {percent} % of {size:?}");
        let generate = h.get_by_label("Generate").rect();
        assert!(window.expand(1.0).contains_rect(generate), "Generate is in the window at {percent} %: {generate:?}");
        for name in ["Impression", "Brush", "Messages"] {
            let rect = h.get_all_by_label(name).next().map(|n| n.rect());
            let rect = rect.expect("it is there at every size");
            let overlap = rect.intersect(canvas);
            assert!(!(overlap.width() > 2.0 && overlap.height() > 2.0), "{name} lies on the image at {percent} %");
        }
        for sheet in [Sheet::Palette, Sheet::Keys, Sheet::Settings, Sheet::Models] {
            h.state_mut().act(Action::Shell(shell::Action::Toggle(sheet)));
            h.run_steps(2);
        }
    }
}

/// Controls and words of a strip of the window that lie on each other, other than parts of one control.
fn overlapping(h: &Studio, strip: Rect) -> Vec<String> {
    let named = h.query_all(By::new().predicate(|n| INTERACTIVE.contains(&n.role()) || n.role() == Role::Label));
    let name = |n: &egui_kittest::Node<'_>| n.accesskit_node().label().or_else(|| n.value()).unwrap_or_default();
    // What a panel has scrolled out of sight may lie below the status bar.
    let foot = ["Pixel", "1 px", "Window", "Zoom", "Mask", "Store", "None chosen", "Memory", "Saved", "Messages", "Network"];
    let is_foot = strip.bottom() > h.ctx.content_rect().bottom() - 1.0;
    let counts = |name: &str| !is_foot || foot.iter().any(|words| name.starts_with(words));
    let here: Vec<(String, Rect)> = named
        .map(|n| (name(&n), n.rect()))
        .filter(|(name, r)| counts(name) && strip.expand(1.0).contains_rect(*r) && r.is_positive())
        .collect();
    let mut found = Vec::new();
    for (i, (a, rect)) in here.iter().enumerate() {
        for (b, other) in &here[i + 1..] {
            let both = rect.intersect(*other);
            let is_part = rect.expand(1.0).contains_rect(*other) || other.expand(1.0).contains_rect(*rect);
            if !is_part && both.width() > 2.0 && both.height() > 2.0 {
                found.push(format!("{a} on {b}"));
            }
        }
    }
    found
}

#[test]
fn bars_hold_their_words_at_any_text_size() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (i, (percent, size)) in [(200, (1600.0, 1000.0)), (150, (1280.0, 800.0)), (100, (1280.0, 800.0))].into_iter().enumerate()
    {
        let gate = Gate::default();
        let model = FakeModel::gated(64, gate.clone());
        let mut h = studio_with(&dir.path().join(i.to_string()), model, Vec2::new(size.0, size.1), false);
        h.state_mut().state.settings.text_percent = percent;
        gate.allow(16);
        for n in 1..=2 {
            h.state_mut().act(Action::SetSeed(n));
            h.state_mut().act(Action::Generate);
            wait(&mut h, "an image", |a| a.state.results.len() == n as usize && !a.state.is_running());
        }
        h.state_mut().act(Action::Sight(sight::Action::SetMode(sight::Mode::Swipe)));
        let errors = ["The file is empty; copy it again (empty.png).", "Cannot be read: there is no such file (chest.png)."];
        for words in errors.into_iter().cycle().take(6) {
            h.state_mut().state.messages.push(Level::Error, words);
        }
        for running in [false, true] {
            if running {
                h.state_mut().act(Action::Sight(sight::Action::SetMode(sight::Mode::Single)));
                h.state_mut().act(Action::Generate);
                gate.allow(1);
                wait(&mut h, "a step", |a| a.state.job.as_ref().is_some_and(|j| j.step == 1));
            }
            for room in [Room::Canvas, Room::Compare, Room::DataSets, Room::Runs] {
                h.state_mut().act(Action::OpenRoom(room));
                h.run_steps(4);
                let window = h.ctx.content_rect();
                let strip = |y: f32, height: f32| Rect::from_min_size(pos2(0.0, y), Vec2::new(window.width(), height));
                let mut strips = vec![strip(0.0, 44.0), strip(window.bottom() - 26.0, 26.0)];
                if room == Room::Canvas {
                    let header = Rect::from_min_max(pos2(canvas_rect(&h).left() - 36.0, 44.0), canvas_rect(&h).right_top());
                    if running {
                        // The tool's settings are scrolled, in 120 points at least.
                        let modes = h.query_by_label("Ways to compare").map_or(f32::INFINITY, |n| n.rect().left());
                        assert!(modes - header.left() >= 128.0, "{modes} at {percent} % of {size:?}");
                    } else {
                        strips.push(header);
                    }
                }
                for strip in strips {
                    let found = overlapping(&h, strip);
                    assert!(found.is_empty(), "{} at {percent} % of {size:?}: {found:?}", room.title());
                }
                let toasts = h.query_all_by_label("Close message").map(|n| n.rect().top()).fold(f32::INFINITY, f32::min);
                assert!(toasts > window.height() * 0.6, "messages leave the picture free at {percent} % of {size:?}");
            }
        }
        h.state_mut().act(Action::OpenRoom(Room::Runs));
        wait(&mut h, "the wall", |a| a.state.runs.wall.as_ref().is_some_and(|w| w.found.ids.len() == 2));
        let seen = |h: &Studio, part: &str| h.query_all_by_label_contains(part).map(|n| n.rect().width()).fold(0.0, f32::max);
        assert!(seen(&h, "Run 1: ") > 100.0, "the wall has room at {percent} % of {size:?}");
        if percent > 100 {
            click(&mut h, "Show the filters");
            see(&mut h, "Finding: Pneumothorax, 2 runs");
        }
        gate.open();
    }
}

#[test]
fn a_narrow_window_pushes_its_drawer() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio_with(dir.path(), FakeModel::opener(64, Duration::ZERO), Vec2::new(1000.0, 800.0), false);
    h.run_steps(2);
    assert!(h.query_by_label("Add mask").is_none() || h.query_by_label("Hide layer 1").is_none());
    let before = canvas_rect(&h);
    click(&mut h, "Layers");
    let after = canvas_rect(&h);
    see(&mut h, "Hide layer 1");
    assert!(after != before, "the drawer pushes the image, it does not cover it");
}

#[test]
fn a_damaged_settings_file_is_named_and_left_alone() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = dir.path().join("data/settings.json");
    std::fs::create_dir_all(dir.path().join("data")).expect("writable");
    std::fs::write(&file, "{\"format\": 7}").expect("writable");
    let mut h = studio(dir.path(), Duration::ZERO);
    assert!(h.state().state.messages.list.iter().any(|m| m.text.starts_with("The settings could not be read")));
    h.state_mut().act(Action::Shell(shell::Action::SetText(120)));
    h.run_steps(3);
    assert_eq!(std::fs::read_to_string(&file).expect("readable"), "{\"format\": 7}");
    click(&mut h, "Begin new settings");
    h.run_steps(2);
    drop(h);
    assert!(std::fs::read_to_string(&file).expect("readable").contains("\"text_percent\": 120"));
}
