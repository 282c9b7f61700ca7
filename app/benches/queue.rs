//! Figures of the queue: how soon cancel counts, what a group and a run cost, and memory after many runs.
//!
//! `cargo bench -p app --bench queue`. The model is the quick one of the tests, so that the studio's own work is seen.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use app::jobs::{Event, Worker};
use app::ledger::Memory;
use app::library::{Database, NewGroup, NewJob, jobs, now_ms};
use app::reduce;
use app::state::{Document, State};
use app::testing::FakeModel;
use engine::domain::{Annotation, Finding, GenerateRequest, Mask};

/// Side of the images.
const SIZE_PX: u32 = 256;
/// Runs that are made for the memory.
const RUNS: usize = 1000;

fn main() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    enqueue(&dir.path().join("enqueue"))?;
    cancel(&dir.path().join("cancel"))?;
    many(&dir.path().join("many"))
}

fn asked(seed: u64, steps: usize) -> GenerateRequest {
    let mask = Mask::from_fn(SIZE_PX, SIZE_PX, |x, y| (x as f32 - 80.0).hypot(y as f32 - 90.0) < 30.0);
    let annotations = vec![Annotation::mask(Finding::Nodule, mask)];
    GenerateRequest { annotations, num_steps: steps, ..GenerateRequest::new("Right nodule.", seed) }
}

fn group(n: usize, steps: usize) -> NewGroup {
    NewGroup { jobs: (0..n).map(|i| NewJob::new("bench", asked(i as u64, steps), "")).collect(), first: false }
}

fn enqueue(dir: &Path) -> anyhow::Result<()> {
    let mut db = Database::open(dir)?;
    let mut times = Vec::new();
    for _ in 0..20 {
        let group = group(64, 25);
        let began = Instant::now();
        jobs::enqueue(&mut db, &group, now_ms())?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    println!("enqueue 64 jobs with a mask of {SIZE_PX} px: {:.1} ms (median of {})", median(&mut times), times.len());
    Ok(())
}

fn cancel(dir: &Path) -> anyhow::Result<()> {
    let step = Duration::from_millis(20);
    let worker = Worker::spawn(FakeModel::opener(SIZE_PX, step), || {})?;
    let mut db = Database::open(dir)?;
    worker.work_on(dir.to_owned(), false);
    let (mut steps, mut times) = (Vec::new(), Vec::new());
    for round in 0..20u64 {
        jobs::enqueue(&mut db, &group(1, 200), now_ms())?;
        worker.nudge();
        let (mut asked, mut seen, mut at_asking) = (None, 0usize, 0usize);
        loop {
            match worker.poll() {
                Some(Event::Step { job, step, .. }) => {
                    seen = step;
                    if asked.is_none() && step as u64 == 2 + round % 5 {
                        at_asking = step;
                        asked = Some(Instant::now());
                        worker.cancel(job);
                    }
                }
                Some(Event::Cancelled(..)) => break,
                Some(_) => {}
                None => std::thread::sleep(Duration::from_micros(200)),
            }
        }
        let asked: Instant = asked.context("it was cancelled before it was asked")?;
        times.push(asked.elapsed().as_secs_f64() * 1000.0);
        steps.push((seen - at_asking) as f64);
    }
    let most = steps.iter().copied().fold(0.0, f64::max);
    let ms = median(&mut times);
    println!(
        "cancel: at most {most:.0} further step(s); {ms:.1} ms until it is told, steps of {} ms (median of 20)",
        step.as_millis()
    );
    Ok(())
}

fn many(dir: &Path) -> anyhow::Result<()> {
    let worker = Worker::spawn(FakeModel::opener(SIZE_PX, Duration::ZERO), || {})?;
    let mut db = Database::open(dir)?;
    let mut state = State::new(Document::empty(SIZE_PX), dir.join("saved"));
    worker.work_on(dir.to_owned(), false);
    jobs::enqueue(&mut db, &group(RUNS, 4), now_ms())?;
    let began = Instant::now();
    worker.nudge();
    let (mut done, mut marks) = (0, Vec::new());
    while done < RUNS {
        match worker.poll() {
            Some(Event::Started { row, request, cancel }) => reduce::started(&mut state, &row, *request, cancel),
            Some(Event::Step { job, step, of, preview, latent, elapsed_secs }) => {
                reduce::step_done(&mut state, job, step, of, preview, latent, elapsed_secs);
            }
            Some(Event::Done { run, artifact, jobs, marked }) => {
                reduce::finished(&mut state, *run, artifact, &jobs, &marked);
                done += 1;
                if done == 1 || done % 250 == 0 {
                    let used = Memory::now().map_or(0, |m| m.used);
                    marks.push((done, used));
                    println!(
                        "after {done} runs: {:.0} MB in memory, {} results in the strip",
                        used as f64 / 1e6,
                        state.results.len()
                    );
                }
            }
            Some(Event::Failed(row, _)) => anyhow::bail!("a run failed: {}", row.reason),
            Some(Event::Stuck(why)) => anyhow::bail!("the queue stopped: {why}"),
            Some(_) => {}
            None => std::thread::sleep(Duration::from_micros(200)),
        }
    }
    let secs = began.elapsed().as_secs_f64();
    println!("a run of 4 quick steps, saved with mask and record and in the library: {:.1} ms", secs * 1000.0 / RUNS as f64);
    let at = |n: usize| marks.iter().find(|(done, _)| *done == n).map_or(0, |(_, used)| *used);
    println!("growth from run 500 to run {RUNS}: {:.1} MB", (at(RUNS) as f64 - at(500) as f64) / 1e6);
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
