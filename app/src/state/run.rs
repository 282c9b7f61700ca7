//! Runs: their settings, the one in progress and what came out.

use std::sync::Arc;

use engine::cancel::Cancel;
use engine::domain::{GenerateRequest, GrayImage, LatentValues, Preset, SamplerKind};

pub use crate::jobs::Artifact;
pub use crate::library::JobId;
use crate::library::{RunId, RunRow};

/// Settings of the sampler.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Steps, 1 to 1000.
    pub steps: usize,
    /// Guidance, 1 is off.
    pub guidance: f32,
    /// Seed of the next image.
    pub seed: u64,
    /// Whether the seed stays after Generate; otherwise it counts up.
    pub seed_locked: bool,
    /// Images at once, with seeds that count up, 1 to 64.
    pub variants: usize,
    /// The integrator.
    pub sampler: SamplerKind,
    /// DDIM's noise share.
    pub eta: f32,
    /// Karras spacing.
    pub karras: bool,
    /// Behaviour of guidance.
    pub preset: Preset,
}

impl Default for Sampling {
    fn default() -> Self {
        Self::from_request(&GenerateRequest::new("", 1482))
    }
}

impl Sampling {
    /// Whether steps, guidance and integrator are the same; seed and number of images are another matter.
    pub fn is_like(&self, other: &Self) -> bool {
        let (seed, seed_locked, variants) = (other.seed, other.seed_locked, other.variants);
        Self { seed, seed_locked, variants, ..*self } == *other
    }

    /// These settings with the seed and the number of images of others.
    #[must_use]
    pub fn with_seed_of(self, other: &Self) -> Self {
        Self { seed: other.seed, seed_locked: other.seed_locked, variants: other.variants, ..self }
    }

    /// The settings of a request, with the seed locked.
    pub fn from_request(request: &GenerateRequest) -> Self {
        Self {
            steps: request.num_steps,
            guidance: request.guidance_scale,
            seed: request.seed.0,
            seed_locked: true,
            variants: 1,
            sampler: request.sampler,
            eta: request.eta,
            karras: request.karras,
            preset: request.preset,
        }
    }
}

/// A run in progress.
#[derive(Debug)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// What was asked for.
    pub request: GenerateRequest,
    /// Name of the case it came from.
    pub name: String,
    /// Steps done so far.
    pub step: usize,
    /// Steps in all.
    pub of: usize,
    /// Steps before the first preview: an edit begins after some, and so does a run that goes on after a restart.
    pub first_step: usize,
    /// Predicted clean image after each step.
    pub previews: Vec<Arc<GrayImage>>,
    /// Latents after each step, as far as the model tells them; a run can go on from each.
    pub latents: Vec<Option<LatentValues>>,
    /// Stops it.
    pub cancel: Cancel,
    /// Whether it was asked to stop.
    pub cancelling: bool,
    /// Whether it was asked to pause after its step.
    pub pausing: bool,
    /// Whether it waits between two steps, on disk or in memory.
    pub paused: bool,
    /// Seconds since it began, at the last event.
    pub elapsed_secs: f64,
}

impl Job {
    /// Seconds left, from the steps so far; `None` before the first step.
    pub fn secs_left(&self) -> Option<f64> {
        let first = self.request.source.first_step(self.of);
        let done = self.step.checked_sub(first).filter(|done| *done > 0)?;
        Some(self.elapsed_secs / done as f64 * self.of.saturating_sub(self.step) as f64)
    }
}

/// A finished image.
#[derive(Clone, Debug)]
pub struct StudioResult {
    /// The job that made it, or zero when it was opened from a file.
    pub job: JobId,
    /// Its row in the library; none when it was opened from a file.
    pub run: Option<Box<RunRow>>,
    /// Name of the case and of its files.
    pub name: String,
    /// The image with its record.
    pub artifact: Arc<Artifact>,
    /// Steps before the first preview.
    pub first_step: usize,
    /// Predicted clean image after each step; empty when it was opened from a file, and of results of long ago.
    pub previews: Vec<Arc<GrayImage>>,
    /// Latents after each step; empty where the previews are.
    pub latents: Vec<Option<LatentValues>>,
}

impl StudioResult {
    /// An image from a file, without its steps.
    pub fn opened(name: String, artifact: Arc<Artifact>) -> Self {
        Self { job: 0, run: None, name, artifact, first_step: 0, previews: Vec::new(), latents: Vec::new() }
    }

    /// A run of the library, without its steps.
    pub fn of_run(run: RunRow, artifact: Arc<Artifact>) -> Self {
        let (job, name) = (run.job.unwrap_or(0), run.name.clone());
        Self { job, run: Some(Box::new(run)), ..Self::opened(name, artifact) }
    }

    /// Its number in the library.
    pub fn run_id(&self) -> Option<RunId> {
        self.run.as_ref().map(|run| run.id)
    }

    /// Bytes that its pictures take.
    pub fn bytes(&self) -> usize {
        let picture = |image: &GrayImage| image.pixels().len() * 2;
        let latents = self.latents.iter().flatten().map(|l| l.values().len() * 4).sum::<usize>();
        let condition = self.artifact.condition.as_ref().map_or(0, picture);
        picture(&self.artifact.image) + condition + self.previews.iter().map(|p| picture(p)).sum::<usize>() + latents
    }
}

/// Which picture is on the canvas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Nothing was made yet: the example's picture.
    Example,
    /// The image under the layers.
    Base,
    /// Nothing at all: an empty case.
    Blank,
    /// The newest step of the run in progress.
    Live,
    /// A step, from 0, of the run in progress.
    LiveStep(usize),
    /// A result by its place in the list.
    Result(usize),
    /// A step, from 0, of a result.
    ResultStep(usize, usize),
}
