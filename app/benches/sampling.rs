//! What the studio costs a run of the practice model, and what a run costs the window.
//!
//! `cargo bench -p app --bench sampling`. First previews: the same run with all that the window is told of its steps,
//! and without previews and latents, by turns, so that other work on the machine meets both. Then the window: frames
//! while a run goes on, laid out and cut into triangles, without a graphics card.

#![expect(clippy::print_stdout, reason = "the times are its output")]

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use app::action::Action;
use app::app::{Options, StudioApp};
use app::examples::Example;
use app::jobs::engine_model;
use eframe::egui::Vec2;
use egui_kittest::Harness;
use engine::cancel::Cancel;
use engine::device::DeviceKind;
use engine::domain::GenerateRequest;
use engine::pipeline::{Event, Outcome, Pipeline, RunOptions};
use engine::store::find_model::practice_model_dir;

/// Pairs of runs, with and without previews.
const PAIRS: usize = 15;
/// Steps of the run beside which the window is timed.
const STEPS: usize = 200;
/// Time of a frame at 60 a second.
const FRAME: Duration = Duration::from_micros(16_667);

fn main() -> anyhow::Result<()> {
    let folder = practice_model_dir(None, Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")))?;
    previews(&folder)?;
    window(&folder)
}

fn previews(folder: &Path) -> anyhow::Result<()> {
    let pipeline = Pipeline::open_cached(folder, &DeviceKind::Cpu)?;
    let document = Example::ALL[0].document(pipeline.card().size_px);
    let mut request = pipeline.card().request(document.full_impression(), 1482);
    request.annotations = document.annotations();
    run(&pipeline, &request, true)?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for i in 0..2 * PAIRS {
        // The order turns, too: neither is always the first of its pair.
        let shown = (i + i / 2) % 2 == 0;
        let took = run(&pipeline, &request, shown)?;
        if shown { with.push(took) } else { without.push(took) }
    }
    let (with, without) = (median(&mut with), median(&mut without));
    println!("a run of {} steps: {with:.1} ms with previews, {without:.1} ms without (median of {PAIRS})", request.num_steps);
    println!("previews: {:.2} % of sampling", 100.0 * (with - without) / without);
    Ok(())
}

/// Milliseconds of a run.
fn run(pipeline: &Pipeline, request: &GenerateRequest, shown: bool) -> anyhow::Result<f64> {
    let options = RunOptions { without_previews: !shown, ..RunOptions::default() };
    let mut kept = Vec::new();
    let mut on_event = |event: Event| {
        // What the window's worker takes of a step.
        if let Event::Step { previews, noisy, .. } = event
            && shown
        {
            kept.push((previews, noisy.first().and_then(|latent| latent.values().ok())));
        }
    };
    let began = Instant::now();
    let outcome = pipeline.generate_with(std::slice::from_ref(request), &options, &Cancel::new(), &mut on_event)?;
    let took = began.elapsed().as_secs_f64() * 1000.0;
    ensure!(matches!(outcome, Outcome::Done(_)), "the run was cancelled");
    Ok(took)
}

fn window(folder: &Path) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (data_folder, save_folder) = (dir.path().join("data"), dir.path().join("saved"));
    let options = Options { data_folder, save_folder, open: None, began: Instant::now() };
    let opener = engine_model::opener(Some(folder.to_owned()));
    let mut h = Harness::builder().with_size(Vec2::new(1600.0, 1000.0)).build_eframe(|cc| {
        app::theme::reduce_motion(&cc.egui_ctx);
        StudioApp::new(cc, opener, options)
    });
    let ready = |app: &StudioApp| app.state.model.ready().is_some() && app.state.pictures.len() == Example::ALL.len();
    until(&mut h, "the model", ready)?;
    h.state_mut().act(Action::SetSteps(STEPS));
    let still: Vec<f64> = (0..120).map(|_| frame(&mut h)).collect();
    h.state_mut().act(Action::Generate);
    until(&mut h, "the first step", |app| app.state.job.as_ref().is_some_and(|job| job.step > 0))?;
    let mut times = Vec::new();
    while h.state().state.is_running() {
        times.push(frame(&mut h));
    }
    ensure!(h.state().state.results.len() == 1, "the run made an image");
    report("frame of the window, nothing runs", still);
    report("frame of the window while the practice model samples", times);
    Ok(())
}

/// Milliseconds of one frame; the rest of its sixtieth of a second is left to others.
fn frame(h: &mut Harness<'_, StudioApp>) -> f64 {
    let began = Instant::now();
    h.step();
    let output = h.output();
    std::hint::black_box(h.ctx.tessellate(output.shapes.clone(), output.pixels_per_point));
    let took = began.elapsed();
    std::thread::sleep(FRAME.saturating_sub(took));
    took.as_secs_f64() * 1000.0
}

fn until(h: &mut Harness<'_, StudioApp>, what: &str, holds: impl Fn(&StudioApp) -> bool) -> anyhow::Result<()> {
    let began = Instant::now();
    while !holds(h.state()) {
        ensure!(began.elapsed() < Duration::from_secs(120), "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(5));
        h.step();
    }
    Ok(())
}

fn report(what: &str, mut ms: Vec<f64>) {
    ms.sort_by(f64::total_cmp);
    let at = |percent: usize| ms.get(ms.len() * percent / 100).copied().unwrap_or(0.0);
    let most = ms.last().copied().unwrap_or(0.0);
    println!("{what}: {:.2} ms median, {:.2} 95th, {most:.2} most, of {}", at(50), at(95), ms.len());
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}
