//! One picture of each panel and room, cut out of the window: no clock, no path, nothing that moves.

use std::path::Path;

use app::action::{Action, QueueAction};
use app::canvas::sight::NAME_LINE;
use app::insight::{Look, Trip};
use app::library::testing::{Sample, library};
use app::panels::metrics::Metrics;
use app::rooms::{compare, data_sets, train};
use app::shell::{self, Sheet};
use app::state::sight::{Action as Sight, Mode};
use app::state::{Level, Room, Shown};
use app::testing::Gate;
use eframe::egui::{Key, Rect, Role, Vec2, pos2};
use egui_kittest::image_snapshot_options;
use egui_kittest::kittest::Queryable;
use engine::domain::{Finding, GenerateRequest, Side};
use engine::imageio::png;

use super::{drawn, drawn_with, tolerant};
use crate::harness::{Studio, canvas_rect, click, click_any, see, until, wait};

const SMALL: Vec2 = Vec2::new(1280.0, 800.0);
const USUAL: Vec2 = Vec2::new(1600.0, 1000.0);

/// Sizes of the window's parts.
fn metrics(h: &Studio) -> Metrics {
    Metrics::with(h.ctx.content_rect().size(), &h.state().state.settings)
}

/// Between top bar and status bar, from one x to another.
fn column(h: &Studio, left: f32, right: f32) -> Rect {
    let (m, window) = (metrics(h), h.ctx.content_rect());
    Rect::from_min_max(pos2(left, m.top), pos2(right, window.bottom() - m.status))
}

/// The left panel without the dock below it.
fn left(h: &Studio) -> Rect {
    let m = metrics(h);
    let all = column(h, m.rail, m.rail + m.side);
    Rect::from_min_max(all.min, pos2(all.right(), all.bottom() - m.dock()))
}

/// The right panel without the dock below it.
fn right(h: &Studio) -> Rect {
    let (m, window) = (metrics(h), h.ctx.content_rect());
    let all = column(h, window.right() - m.right, window.right());
    Rect::from_min_max(all.min, pos2(all.right(), all.bottom() - m.dock()))
}

/// The dock.
fn dock(h: &Studio) -> Rect {
    let (m, window) = (metrics(h), h.ctx.content_rect());
    let all = column(h, m.rail, window.right());
    Rect::from_min_max(pos2(all.left(), all.bottom() - m.dock()), all.max)
}

/// The part of a panel from one heading to the next one.
fn section(h: &Studio, panel: Rect, from: &str, to: &str) -> Rect {
    let top = |name: &str| {
        let heads = h.query_all_by_label(name).map(|n| n.rect()).filter(|r| panel.contains(r.center()));
        heads.map(|r| r.top()).fold(f32::INFINITY, f32::min)
    };
    let (top, bottom) = (top(from) - 6.0, (top(to) - 12.0).min(panel.bottom()));
    assert!(top < bottom, "{from} stands above {to}");
    Rect::from_min_max(pos2(panel.left(), top), pos2(panel.right(), bottom))
}

/// Brings a heading of the right panel to its top.
fn scroll_to(h: &mut Studio, name: &str) {
    h.get_all_by_label(name).last().unwrap_or_else(|| panic!("no heading {name}")).scroll_to_me();
    h.run_steps(12);
}

/// Cuts parts out of the window as it is now.
fn cut(h: &mut Studio, parts: &[(&str, Rect)]) {
    h.state_mut().state.messages.list.iter_mut().for_each(|m| m.closed = true);
    h.remove_cursor();
    h.run_steps(4);
    let whole = h.render().expect("software rendering works");
    for (name, rect) in parts {
        let [x, y, w, ht] = [rect.left(), rect.top(), rect.width(), rect.height()].map(|v| v.round().max(0.0) as u32);
        let part = image::imageops::crop_imm(&whole, x, y, w, ht).to_image();
        image_snapshot_options(&part, format!("panels/{name}"), &tolerant());
    }
}

/// Makes an image and waits for what is computed of it.
fn generate(h: &mut Studio, seed: u64) {
    let before = h.state().state.results.len();
    h.state_mut().act(Action::SetSeed(seed));
    h.state_mut().act(Action::Generate);
    wait(h, "the image", |a| a.state.results.len() > before && !a.state.is_running());
    wait(h, "the checker", |a| matches!(a.insight().look, Look::Ready(_)));
    wait(h, "the round trip", |a| matches!(a.insight().trip, Trip::Ready { .. }));
}

#[test]
fn the_canvas_room_before_and_after_an_image() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let Some(mut h) = drawn(dir.path(), USUAL) else { return };
    h.state_mut().act(Action::SetImpression("Large left pneumothorax.".to_owned()));
    h.state_mut().act(Action::Settle);
    wait(&mut h, "the round trip", |a| matches!(a.insight().trip, Trip::Ready { .. }));
    let m = metrics(&h);
    let rail = Rect::from_min_max(pos2(0.0, 0.0), pos2(m.rail, h.ctx.content_rect().bottom()));
    let top = Rect::from_min_max(pos2(m.rail, 0.0), pos2(h.ctx.content_rect().right(), m.top));
    let (left, right) = (left(&h), right(&h));
    let layers = section(&h, right, "Layers", "Image under the layers");
    cut(&mut h, &[("rail", rail), ("top_bar", top), ("left_conflict", left), ("tip_and_layers", layers)]);
    h.state_mut().act(Action::HideTips);
    scroll_to_sees(&mut h);
    let sees = section(&h, left, "What the model sees", "Examples");
    cut(&mut h, &[("model_sees", sees)]);

    generate(&mut h, 1);
    generate(&mut h, 2);
    h.state_mut().act(Action::Queue(QueueAction::ToggleStar));
    wait(&mut h, "the star", |a| a.state.shown_run().is_some_and(|run| run.mark == app::library::Mark::Star));
    scroll_to(&mut h, "Adherence");
    let adherence = section(&h, right, "Adherence", "Rule for variants");
    let dock = dock(&h);
    let film = Rect::from_min_max(dock.min, pos2(dock.right(), dock.top() + m.film));
    let results = Rect::from_min_max(pos2(dock.left(), dock.top() + m.film), pos2(dock.left() + 760.0, dock.bottom()));
    cut(&mut h, &[("adherence", adherence), ("film", film), ("results", results)]);
}

/// Scrolls the left panel down.
fn scroll_to_sees(h: &mut Studio) {
    h.run_steps(2);
    scroll_to(h, "What the model sees");
}

#[test]
fn comparing_on_the_canvas_and_in_its_room() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let Some(mut h) = drawn(dir.path(), SMALL) else { return };
    generate(&mut h, 1);
    generate(&mut h, 2);
    h.state_mut().act(Action::Sight(Sight::SetMode(Mode::Swipe)));
    h.run_steps(2);
    h.get_by_role_and_label(Role::Slider, NAME_LINE);
    let canvas = canvas_rect(&h);
    cut(&mut h, &[("swipe", canvas)]);
    h.state_mut().act(Action::Sight(Sight::ToggleDifference));
    see(&mut h, "Difference map");
    until(&mut h, "the figures", |h| h.query_all_by_label("elsewhere").next().is_some());
    let window = h.ctx.content_rect();
    let pane = column(&h, canvas_rect(&h).right(), window.right() - metrics(&h).right);
    let pane =
        Rect::from_min_max(pos2(pane.left(), canvas_rect(&h).top()), pos2(pane.right(), pane.bottom() - metrics(&h).dock()));
    cut(&mut h, &[("difference", pane)]);

    for result in [0, 1] {
        h.state_mut().act(Action::Compare(compare::Action::Add(Shown::Result(result))));
    }
    h.state_mut().act(Action::OpenRoom(Room::Compare));
    h.run_steps(6);
    let room = column(&h, metrics(&h).rail, 760.0);
    cut(&mut h, &[("compare_room", room)]);
}

/// A library of the same runs on any day.
fn runs(dir: &Path) {
    let db = library(&dir.join("data"));
    let request = GenerateRequest::new("Moderate right pneumothorax.", 1499);
    std::fs::create_dir_all(dir.join("data/images")).expect("writable");
    crate::runs::saved(&dir.join("data/images"), "18.png", &request);
    let right = [(Finding::Pneumothorax, Side::Right, false)];
    for i in 0..18_i64 {
        let picture = app::examples::Example::ALL[(i % 4) as usize].picture(64);
        let thumb = png::encode_gray16(&picture, &[]).expect("a small picture");
        let mark = ["", "star", "", "", "reject"][(i % 5) as usize];
        Sample {
            name: "Right pneumothorax",
            impression: "Moderate right pneumothorax.",
            seed: 1482 + i as u64,
            created_ms: 1_790_000_000_000 + i * 60_000,
            layers: if i % 3 == 0 { &[] } else { &right },
            adherence: (i % 3 != 0).then_some(0.4 + 0.03 * i as f32),
            parent: (i == 17).then_some(17),
            relation: if i == 17 { "variant" } else { "" },
            mark,
            thumb: &thumb,
            ..Sample::default()
        }
        .insert(&db);
    }
}

#[test]
fn the_runs_room() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    runs(dir.path());
    let gate = Gate::default();
    let Some(mut h) = drawn_with(dir.path(), SMALL, app::testing::FakeModel::gated(64, gate.clone())) else { return };
    h.state_mut().act(Action::Queue(QueueAction::Pause(false)));
    h.state_mut().act(Action::Queue(QueueAction::SetVariants(4)));
    h.state_mut().act(Action::Generate);
    wait(&mut h, "four runs", |a| a.state.queue.len() == 4);
    click(&mut h, "Runs");
    wait(&mut h, "the wall", |a| a.state.runs.wall.is_some());
    click_any(&mut h, "Run 18: Pneumothorax, adherence 0.91, seed 1499");
    wait(&mut h, "the run", |a| a.state.runs.inspected().is_some());
    // Small pictures come one by one.
    h.run_steps(40);
    let window = h.ctx.content_rect();
    let all = column(&h, metrics(&h).rail, window.right());
    cut(&mut h, &[("runs_room", all)]);
}

#[test]
fn the_data_sets_room() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let Some(mut h) = drawn(dir.path(), SMALL) else { return };
    h.state_mut().act(Action::OpenRoom(Room::DataSets));
    let mut recipe = app::dataset::Recipe::default();
    recipe.name = "Small set".to_owned();
    if let Some(quotas) = &mut recipe.who.quotas {
        quotas.rows = 8;
    }
    recipe.how.steps = Some(2);
    h.state_mut().act(Action::DataSets(data_sets::Action::Edit(Box::new(recipe))));
    wait(&mut h, "the plan", |a| {
        let room = &a.state.data_sets;
        room.ready().is_some_and(|plan| plan.rows.list.len() == 8) && room.items.len() == 8
    });
    // Left the recipe, in the middle the plan; times on the right depend on the machine.
    let all = column(&h, metrics(&h).rail, 900.0);
    cut(&mut h, &[("data_set_plan", all)]);
    click(&mut h, "Queue data set");
    let tally = |a: &app::app::StudioApp| data_sets::review::Tally::of(&a.state.data_sets.items).accepted;
    wait(&mut h, "all images", |a| tally(a) == 8 && a.state.data_sets.thumbs.values().flatten().count() == 8);
    click(&mut h, "Row 3, seed 1: Accepted");
    click(&mut h, "Quarantine image");
    see(&mut h, "Row 3, seed 1: Quarantined");
    let right = column(&h, all.right(), h.ctx.content_rect().right());
    let middle = Rect::from_min_max(pos2(all.left() + 264.0, all.top()), pos2(all.right(), all.top() + 420.0));
    let chosen = section(&h, right, "Chosen image", "Balance against the plan");
    cut(&mut h, &[("data_set_images", middle), ("data_set_verdict", chosen)]);
}

#[test]
fn sheets_messages_and_models() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let Some(mut h) = drawn(dir.path(), SMALL) else { return };
    h.state_mut().act(Action::SetSaveFolder("ChexGen Studio".into()));
    let panel = left(&h);
    for (sheet, name) in [(Sheet::Palette, "palette"), (Sheet::Keys, "keys"), (Sheet::Settings, "settings")] {
        h.state_mut().act(Action::Shell(shell::Action::Toggle(sheet)));
        h.run_steps(6);
        cut(&mut h, &[(name, panel)]);
        h.key_press(Key::Escape);
        h.run_steps(3);
    }
    let messages = &mut h.state_mut().state.messages;
    messages.list.clear();
    messages.push(Level::Done, "Saved right-pneumothorax-1482.png with its mask and its record.");
    messages.push(Level::Note, "Nothing may change yet; paint a region or draw a finding first.");
    messages.push_with(Level::Error, "The disk is full; choose another folder.", "Choose a folder", Action::ToggleSaveFields);
    h.state_mut().act(Action::ToggleMessages);
    h.run_steps(4);
    let top = h.get_all_by_label("Messages").map(|n| n.rect().top()).fold(f32::INFINITY, f32::min);
    let window = h.ctx.content_rect();
    let corner = Rect::from_min_max(pos2(window.right() - 400.0, top - 20.0), pos2(window.right(), window.bottom() - 30.0));
    cut(&mut h, &[("messages", corner)]);
    h.state_mut().act(Action::ToggleMessages);
    h.state_mut().act(Action::OpenRoom(Room::Train));
    h.state_mut().act(Action::Train(train::Action::Show(train::Tab::Models)));
    h.run_steps(20);
    // Free memory and the shipped weights change; the list and what is said of the licence do not.
    wait(&mut h, "the shipped model", |a| a.state.models.found.iter().any(|model| model.practice));
    let list = column(&h, metrics(&h).rail, 360.0);
    let list = Rect::from_min_max(list.min, pos2(list.right(), list.top() + 230.0));
    let room = column(&h, 360.0, window.right());
    let licence = section(&h, room, "Licence and origin", "Model card");
    cut(&mut h, &[("models_list", list), ("models_licence", licence)]);
}
