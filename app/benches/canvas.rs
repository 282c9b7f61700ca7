//! What a stroke and its undo cost: processor time of one pointer event and of one frame, at 1024² and 2048².
//!
//! `cargo bench -p app --bench canvas`. One event is everything the canvas does for it: the action, the outline
//! and the label picture of the touched patch, and the bytes that would go to the graphics card. One frame is the
//! whole window with the stroke in progress, laid out and cut into triangles, without a graphics card.

#![expect(clippy::print_stdout, reason = "the times are its output")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use app::action::Action;
use app::app::{Options, StudioApp};
use app::canvas::CanvasCache;
use app::canvas::labels::Changes;
use app::reduce::reduce;
use app::state::{Document, Region, State, Tool};
use app::testing::FakeModel;
use eframe::egui::{Event, Modifiers, PointerButton, Pos2, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use engine::domain::{Finding, Mask, RectPx};

/// Pointer events that are timed.
const EVENTS: usize = 400;
/// Strokes that are taken back.
const STROKES: usize = 60;
/// Frames that are timed.
const FRAMES: usize = 120;

fn main() {
    println!("canvas: CPU ms, mean / 95th percentile / most");
    for side in [1024, 2048] {
        for (brush, radius) in [("usual brush", 0.035), ("large brush", 0.12)] {
            report(&format!("brush event at {side}², {brush}"), &events(side, Tool::Brush, side as f32 * radius, false));
        }
        report(&format!("eraser event at {side}²"), &events(side, Tool::Eraser, side as f32 * 0.035, false));
        report(&format!("limited brush event at {side}²"), &events(side, Tool::Brush, side as f32 * 0.035, true));
        report(&format!("move event at {side}²"), &events(side, Tool::Move, 1.0, false));
    }
    for side in [1024, 2048] {
        let (undo, redo) = undo(side);
        report(&format!("undo of a stroke at {side}²"), &undo);
        report(&format!("redo of a stroke at {side}²"), &redo);
    }
    for side in [1024, 2048] {
        report(&format!("frame of the window while a stroke is drawn at {side}²"), &frames(side));
    }
}

fn report(what: &str, times: &[Duration]) {
    let mut ms: Vec<f64> = times.iter().map(|t| t.as_secs_f64() * 1000.0).collect();
    ms.sort_by(f64::total_cmp);
    let mean = ms.iter().sum::<f64>() / ms.len() as f64;
    let most = ms.last().copied().unwrap_or(0.0);
    println!("{what:<64} {mean:6.2} / {:6.2} / {most:6.2}   n = {}", ms[(ms.len() * 95 / 100).min(ms.len() - 1)], ms.len());
}

/// A case with three large masks, as one that was worked on for a while.
fn case(side: u32) -> Document {
    let mut document = Document::empty(side);
    let s = side as f32;
    for (finding, x0) in [(Finding::PleuralEffusion, 0.1), (Finding::Consolidation, 0.55), (Finding::Pneumothorax, 0.3)] {
        let mut mask = Mask::empty(side, side);
        mask.fill_ellipse(&RectPx { x0: x0 * s, y0: 0.2 * s, x1: (x0 + 0.3) * s, y1: 0.8 * s }, true);
        document.push(finding, Region::Mask(Arc::new(mask)));
    }
    document
}

/// A curve over the image, in shares of its side.
fn path(i: usize, of: usize) -> (f32, f32) {
    let t = i as f32 / of as f32 * std::f32::consts::TAU;
    (0.5 + 0.38 * (3.0 * t).sin(), 0.5 + 0.38 * (2.0 * t).cos())
}

fn events(side: u32, tool: Tool, radius: f32, limited: bool) -> Vec<Duration> {
    let mut state = State::new(case(side), PathBuf::from("out"));
    state.example = Some(app::examples::Example::RightPneumothorax);
    state.shown = app::state::Shown::Example;
    let grey = engine::domain::GrayImage::black(side, side);
    state.pictures.push((app::examples::Example::RightPneumothorax, Arc::new(grey)));
    let mut cache = CanvasCache::default();
    cache.update(&state);
    let act = |state: &mut State, action: Action| drop(reduce(state, action));
    act(&mut state, Action::SetTool(tool));
    act(&mut state, Action::SetBrush(radius));
    if limited {
        act(&mut state, Action::Canvas(app::canvas::action::Action::ToggleLimit));
    }
    let at = |i: usize| {
        let (x, y) = path(i, EVENTS);
        (x * side as f32, y * side as f32)
    };
    act(&mut state, Action::StrokeBegin { at: at(0), alternate: false });
    let mut seen = None;
    let times = (1..=EVENTS)
        .map(|i| {
            let began = Instant::now();
            act(&mut state, Action::StrokeTo { at: at(i) });
            cache.update(&state);
            seen = Some(patch(&cache, seen));
            let took = began.elapsed();
            cache.end_frame();
            took
        })
        .collect();
    act(&mut state, Action::StrokeEnd);
    times
}

/// Undo and redo of strokes over the whole image, each with everything the canvas does to show it.
fn undo(side: u32) -> (Vec<Duration>, Vec<Duration>) {
    let mut state = State::new(case(side), PathBuf::from("out"));
    let mut cache = CanvasCache::default();
    cache.update(&state);
    let act = |state: &mut State, action: Action| drop(reduce(state, action));
    act(&mut state, Action::SetBrush(side as f32 * 0.035));
    for stroke in 0..STROKES {
        let at = |i: usize| {
            let (x, y) = path(stroke * 16 + i, STROKES * 16);
            (x * side as f32, y * side as f32)
        };
        act(&mut state, Action::StrokeBegin { at: at(0), alternate: false });
        (1..=16).for_each(|i| act(&mut state, Action::StrokeTo { at: at(i) }));
        act(&mut state, Action::StrokeEnd);
    }
    let mut seen = None;
    let mut timed = |action: &Action, state: &mut State| {
        let began = Instant::now();
        act(state, action.clone());
        cache.update(state);
        seen = Some(patch(&cache, seen));
        let took = began.elapsed();
        cache.end_frame();
        took
    };
    // The first look is that of an opened canvas, not of an undo.
    timed(&Action::Settle, &mut state);
    let before = state.document.clone();
    let undo = (0..STROKES).map(|_| timed(&Action::Undo, &mut state)).collect();
    assert!(!state.history.can_undo(), "every stroke was taken back");
    let redo = (0..STROKES).map(|_| timed(&Action::Redo, &mut state)).collect();
    assert!(state.document == before, "and came again");
    (undo, redo)
}

/// Reads what would be uploaded, and returns the state it brings a texture to.
fn patch(cache: &CanvasCache, seen: Option<u64>) -> u64 {
    let labels = cache.labels.picture();
    let Ok(picture) = labels.lock() else { return 0 };
    let side = picture.size_px() as usize;
    let bytes = picture.bytes();
    let copied: Vec<u8> = match picture.changes_since(seen) {
        Changes::None => Vec::new(),
        Changes::All => bytes.to_vec(),
        Changes::Block(b) => (b.y0 as usize..b.y1 as usize)
            .flat_map(|y| bytes[y * side + b.x0 as usize..y * side + b.x1 as usize].iter().copied())
            .collect(),
    };
    std::hint::black_box(&copied);
    picture.state()
}

fn frames(side: u32) -> Vec<Duration> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (data_folder, save_folder) = (dir.path().join("data"), dir.path().join("saved"));
    let options = Options { data_folder, save_folder, open: None, began: Instant::now() };
    let opener = FakeModel::opener(side, Duration::ZERO);
    let mut h = Harness::builder().with_size(Vec2::new(1600.0, 1000.0)).build_eframe(|cc| {
        app::theme::reduce_motion(&cc.egui_ctx);
        StudioApp::new(cc, opener, options)
    });
    while h.state().state.model.ready().is_none() {
        std::thread::sleep(Duration::from_millis(5));
        h.step();
    }
    h.state_mut().state.document = case(side);
    h.state_mut().state.view.turn_to(&case(side));
    h.state_mut().act(Action::SetBrush(side as f32 * 0.035));
    h.run_steps(3);
    let canvas = h.get_by_label(app::canvas::NAME).rect();
    let camera = app::canvas::camera::Camera::new(canvas, side, None, Pos2::ZERO).image_rect();
    let at = |i: usize| {
        let (x, y) = path(i, 3 * FRAMES);
        camera.lerp_inside(Vec2::new(x, y))
    };
    h.hover_at(at(0));
    h.step();
    h.event(Event::PointerButton { pos: at(0), button: PointerButton::Primary, pressed: true, modifiers: Modifiers::NONE });
    h.step();
    let area = |h: &Harness<'_, StudioApp>| h.state().state.chosen_layer().map_or(0, |l| l.area_px());
    let before = area(&h);
    let times = (1..=FRAMES)
        .map(|i| {
            h.hover_at(at(i));
            let began = Instant::now();
            h.step();
            let output = h.output();
            let ppp = output.pixels_per_point;
            std::hint::black_box(h.ctx.tessellate(output.shapes.clone(), ppp));
            began.elapsed()
        })
        .collect();
    assert!(area(&h) > before, "the stroke was drawn");
    times
}
