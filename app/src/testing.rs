//! What tests need: a model that is quick and obeys.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::adherence::Seen;
use engine::cancel::Cancel;
use engine::domain::{Annotation, GenerateRequest, GrayImage, LatentValues, Mask, Shape, Source};
use engine::model::checker::CLASSES;
use engine::pipeline::AttentionMap;
use engine::store::atomic::write_atomic;
use engine::store::hash::{hash_bytes, hash_image};
use engine::store::record::{FileHash, RunRecord};
use engine::text::Cleaned;

use crate::action::Effect;
use crate::jobs::{Artifact, Card, Event, Generator, Kept, Opener, Progress, TokenCount};
use crate::library::{Command, JobId, JobRow, JobState, RunRow};
use crate::reduce;
use crate::state::State;

/// A model that draws a round chest, bright where a finding is drawn with a strength of 0.3 or more; words are its
/// tokens, its autoencoder blurs, and its checker sees whatever is bright.
pub struct FakeModel {
    card: Card,
    step_time: Duration,
    gate: Option<Gate>,
    watch_words: AtomicBool,
}

/// Lets a fake model take its steps one by one, so that a test meets a run at the step it wants.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<(Mutex<Allowed>, Condvar)>);

#[derive(Debug, Default)]
struct Allowed {
    steps: usize,
    all: bool,
}

impl Gate {
    /// So many steps more may be taken.
    pub fn allow(&self, steps: usize) {
        self.lock().steps += steps;
        self.0.1.notify_all();
    }

    /// All steps may be taken from now on.
    pub fn open(&self) {
        self.lock().all = true;
        self.0.1.notify_all();
    }

    /// No step is taken any more until it is allowed.
    pub fn close(&self) {
        *self.lock() = Allowed::default();
    }

    fn lock(&self) -> MutexGuard<'_, Allowed> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a step is allowed, or until a run is to pause or to stop: the step in progress ends by itself.
    fn pass(&self, cancel: &Cancel) {
        let mut allowed = self.lock();
        while !allowed.all && allowed.steps == 0 {
            if cancel.is_paused() || cancel.is_cancelled() {
                return;
            }
            let waited = self.0.1.wait_timeout(allowed, Duration::from_millis(5));
            allowed = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        allowed.steps = allowed.steps.saturating_sub(1);
    }
}

impl FakeModel {
    /// A model for images of the given size that takes its time for a step.
    pub fn new(size_px: u32, step_time: Duration) -> Self {
        let card = Card {
            name: "Fake".to_owned(),
            hash: hash_bytes(b"fake"),
            practice: true,
            size_px,
            token_limit: 120,
            natural: GenerateRequest { num_steps: 8, ..GenerateRequest::new("", 0) },
        };
        Self { card, step_time, gate: None, watch_words: AtomicBool::new(false) }
    }

    /// Opens it.
    pub fn opener(size_px: u32, step_time: Duration) -> Opener {
        Box::new(move || Ok(Arc::new(Self::new(size_px, step_time)) as Arc<dyn Generator>))
    }

    /// Opens one that takes only the steps that a gate allows.
    pub fn gated(size_px: u32, gate: Gate) -> Opener {
        Box::new(move || {
            let model = Self { gate: Some(gate.clone()), ..Self::new(size_px, Duration::ZERO) };
            Ok(Arc::new(model) as Arc<dyn Generator>)
        })
    }

    /// Latents after a step: a few numbers that tell runs and steps apart.
    fn latent(&self, request: &GenerateRequest, step: usize) -> Option<LatentValues> {
        let values = (0..64).map(|i| (request.seed.0 % 97) as f32 + step as f32 * 0.01 + i as f32 * 1e-4).collect();
        LatentValues::new(1, 8, 8, values)
    }

    fn draw(&self, request: &GenerateRequest, share: f32) -> GrayImage {
        let size = self.card.size_px;
        let drawn = request.annotations.iter().filter(|a| a.strength >= 0.3);
        let regions: Vec<Mask> = drawn.map(|a| region(a, size)).collect();
        let seed = (request.seed.0 % 97) as f32 / 97.0;
        let values: Vec<f32> = (0..size * size)
            .map(|i| {
                let (x, y) = (i % size, i / size);
                let (u, v) = (x as f32 / size as f32 - 0.5, y as f32 / size as f32 - 0.5);
                let chest = 0.25 + 0.3 * (u.hypot(v) * (6.0 + seed)).cos().abs();
                let drawn = regions.iter().filter(|m| m.get(x, y)).count() as f32 * 0.4;
                let noise = ((x * 7919 + y * 104_729 + 13) % 101) as f32 / 101.0;
                share * (chest + drawn) + (1.0 - share) * noise
            })
            .collect();
        let made = GrayImage::from_unit(size, size, &values).unwrap_or_else(|_| GrayImage::black(size, size));
        match &request.source {
            Source::Region { image, may_change, .. } => with_region(image, &made, may_change),
            Source::Noise | Source::Image { .. } | Source::Latent { .. } => made,
        }
    }
}

/// The new image inside the region, the old one outside; without a seam.
fn with_region(old: &GrayImage, new: &GrayImage, may_change: &Mask) -> GrayImage {
    let pairs = old.pixels().iter().zip(new.pixels()).zip(may_change.bits());
    let pixels = pairs.map(|((&old, &new), &inside)| if inside == 0 { old } else { new }).collect();
    GrayImage::new(old.width(), old.height(), pixels).unwrap_or_else(|_| old.clone())
}

fn region(annotation: &Annotation, size: u32) -> Mask {
    match &annotation.shape {
        Shape::Mask(mask) => mask.resized(size, size),
        Shape::Box { rect, width, height } => {
            Mask::from_rect(size, size, &rect.scaled(size as f32 / *width as f32, size as f32 / *height as f32))
        }
    }
}

/// Each token looks at a place of its own.
fn attention(text: &str) -> AttentionMap {
    let (tokens, grid) = (text.split_whitespace().count() + 1, 8);
    let share = |i: usize| if i % (grid * grid) == (i / (grid * grid)) * 7 % (grid * grid) { 0.9 } else { 0.1 / tokens as f32 };
    AttentionMap { tokens, grid, shares: (0..tokens * grid * grid).map(share).collect() }
}

/// An impression with this word makes the fake model panic, to see that the window lives on.
pub const PANIC_WORD: &str = "catastrophe";

impl Generator for FakeModel {
    fn card(&self) -> &Card {
        &self.card
    }

    fn count_tokens(&self, text: &str) -> TokenCount {
        let used = text.split_whitespace().count();
        let cut_at =
            text.split_whitespace().nth(self.card.token_limit).map(|word| word.as_ptr() as usize - text.as_ptr() as usize);
        TokenCount { used, limit: self.card.token_limit, cut_at }
    }

    fn condition(&self, annotations: &[Annotation]) -> Option<GrayImage> {
        let size = self.card.size_px;
        let mut all = Mask::empty(size, size);
        annotations.iter().for_each(|a| all.union_with(&region(a, size)));
        let values: Vec<f32> = all.bits().iter().map(|&b| f32::from(b)).collect();
        if annotations.is_empty() { None } else { GrayImage::from_unit(size, size, &values).ok() }
    }

    fn clean(&self, text: &str) -> Option<Cleaned> {
        engine::text::clean(text).ok()
    }

    fn round_trip(&self, picture: &GrayImage) -> anyhow::Result<Option<GrayImage>> {
        let (width, height) = (picture.width(), picture.height());
        let grey = |x: u32, y: u32| f32::from(picture.get(x.min(width - 1), y.min(height - 1)).unwrap_or(0)) / 65535.0;
        let mean = |x: u32, y: u32| {
            (0..9).map(|i| grey((x + i % 3).saturating_sub(1), (y + i / 3).saturating_sub(1))).sum::<f32>() / 9.0
        };
        let values: Vec<f32> = (0..width * height).map(|i| mean(i % width, i / width)).collect();
        Ok(Some(GrayImage::from_unit(width, height, &values)?))
    }

    fn look(&self, image: &GrayImage) -> anyhow::Result<Option<Seen>> {
        let (size, half) = (image.width(), image.width() / 2);
        let grey = image.to_unit();
        let bright = |i: u32| grey[((2 * (i / half)) * size + 2 * (i % half)) as usize] > 0.6;
        let plane: Vec<f32> = (0..half * half).map(|i| if bright(i) { 6.0 } else { -6.0 }).collect();
        let presence = if plane.iter().any(|&v| v > 0.0) { 4.0 } else { -4.0 };
        Ok(Some(Seen { size_px: size, regions: vec![plane; CLASSES.len()], presence: vec![presence; CLASSES.len()] }))
    }

    fn token_texts(&self, text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_lowercase).chain([String::new()]).collect()
    }

    fn watch_words(&self, on: bool) {
        self.watch_words.store(on, Ordering::Relaxed);
    }

    fn generate(
        &self,
        request: &GenerateRequest,
        cancel: &Cancel,
        on_progress: &mut dyn FnMut(Progress),
    ) -> anyhow::Result<Option<Artifact>> {
        self.walk(request, request.source.first_step(request.num_steps), cancel, on_progress)
    }

    fn resume(
        &self,
        request: &GenerateRequest,
        kept: &Path,
        cancel: &Cancel,
        on_progress: &mut dyn FnMut(Progress),
    ) -> anyhow::Result<Option<Artifact>> {
        let step = std::fs::read_to_string(kept)?.trim().parse()?;
        self.walk(request, step, cancel, on_progress)
    }
}

impl FakeModel {
    /// Makes an image from a step, from 0, on; pauses between steps.
    fn walk(
        &self,
        request: &GenerateRequest,
        from: usize,
        cancel: &Cancel,
        on_progress: &mut dyn FnMut(Progress),
    ) -> anyhow::Result<Option<Artifact>> {
        request.check()?;
        if let Some(image) = request.source.image() {
            let size = self.card.size_px;
            anyhow::ensure!((image.width(), image.height()) == (size, size), "the image to change is not {size}×{size}");
        }
        assert!(!request.impression.contains(PANIC_WORD), "the fake engine fell over");
        let of = request.num_steps;
        let first = request.source.first_step(of);
        on_progress(Progress::Started { steps: of });
        for done in from..=of {
            if done > from {
                std::thread::sleep(self.step_time);
                self.gate.iter().for_each(|gate| gate.pass(cancel));
                let preview = self.draw(request, done as f32 / of as f32);
                on_progress(Progress::Step { step: done, of, preview, latent: self.latent(request, done) });
                if self.watch_words.load(Ordering::Relaxed) {
                    on_progress(Progress::Attention(attention(&request.impression)));
                }
            }
            if cancel.is_paused() {
                let state = Kept::new(move |path| Ok(write_atomic(path, done.to_string().as_bytes())?));
                on_progress(Progress::Paused { step: done, of, state: Some(state) });
                cancel.wait_while_paused();
                if !cancel.is_cancelled() {
                    on_progress(Progress::Resumed);
                }
            }
            if cancel.is_cancelled() {
                return Ok(None);
            }
        }
        let image = self.draw(request, 1.0);
        let condition = self.condition(&request.annotations);
        let record = RunRecord {
            request: request.clone(),
            model_name: self.card.name.clone(),
            files: vec![FileHash { name: "fake.safetensors".to_owned(), blake3: self.card.hash.clone() }],
            engine_version: env!("CARGO_PKG_VERSION").to_owned(),
            device: "cpu".to_owned(),
            dtype: "f32".to_owned(),
            size_px: self.card.size_px,
            steps_ran: of - first,
            pixels_blake3: hash_image(&image),
            control_blake3: condition.as_ref().map(hash_image),
            noise: None,
            band_rows: None,
        };
        Ok(Some(Artifact { image: Arc::new(image), condition, request: request.clone(), record }))
    }
}

/// News of a step with a tiny picture.
pub fn preview_event(job: JobId, step: usize) -> Event {
    let preview = Arc::new(GrayImage::black(2, 2));
    Event::Step { job, step, of: 1000, preview, latent: None, elapsed_secs: step as f64 }
}

/// Does what library and worker do with a group that effects put into the queue: its first job begins.
pub fn begin(state: &mut State, effects: &[Effect]) {
    let known = state.results.iter().map(|r| r.job).chain(state.queue.jobs.iter().chain(&state.queue.ended).map(|r| r.id));
    let mut id = known.max().unwrap_or(0);
    for effect in effects {
        let Effect::Library(Command::Enqueue(group)) = effect else { continue };
        let mut rows = Vec::new();
        for job in &group.jobs {
            id += 1;
            rows.push(JobRow {
                id,
                position: id as f64,
                task: job.task.clone(),
                seed: job.request.seed.0,
                steps: u32::try_from(job.request.calls()).unwrap_or(u32::MAX),
                ..JobRow::default()
            });
        }
        reduce::queue::enqueued(state, &rows);
        if let (Some(row), Some(job)) = (rows.first(), group.jobs.first()) {
            let row = JobRow { state: JobState::Running, rev: 1, ..row.clone() };
            reduce::started(state, &row, job.request.clone(), Cancel::new());
        }
    }
}

/// Does what library and worker do when the job in progress has an image.
pub fn finish(state: &mut State, artifact: Artifact) {
    let Some(row) = state.job.as_ref().and_then(|job| state.queue.job(job.id)).cloned() else { return };
    let run = RunRow {
        id: row.id + 1000,
        job: Some(row.id),
        name: row.task.name.clone(),
        seed: row.seed,
        steps: row.steps,
        steps_ran: row.steps,
        secs: 0.1,
        relation: row.task.relation,
        parent_run: row.task.parent_run,
        parent_step: row.task.parent_step,
        ..RunRow::default()
    };
    let row = JobRow { state: JobState::Done, rev: row.rev + 1, run: Some(run.id), ..row };
    reduce::finished(state, run, Arc::new(artifact), &[row], &[]);
}

/// Does what the worker does when the job in progress is cancelled.
pub fn cancel(state: &mut State) {
    if let Some(row) = state.job.as_ref().and_then(|job| state.queue.job(job.id)).cloned() {
        reduce::stopped(state, &JobRow { state: JobState::Cancelled, rev: row.rev + 1, ..row });
    }
}
