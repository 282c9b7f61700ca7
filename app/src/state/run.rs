//! Runs: their settings, the one in progress and what came out.

use std::sync::Arc;

use engine::cancel::Cancel;
use engine::domain::{GenerateRequest, GrayImage, LatentValues, Preset, SamplerKind};

use super::origin::Origin;

pub use crate::jobs::Artifact;

/// Number of a job in this session.
pub type JobId = u64;

/// Settings of the sampler.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Steps, 1 to 1000.
    pub steps: usize,
    /// Guidance, 1 is off.
    pub guidance: f32,
    /// Seed of the next image.
    pub seed: u64,
    /// Whether the seed stays after a run; otherwise it counts up.
    pub seed_locked: bool,
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
    /// The settings of a request, with the seed locked.
    pub fn from_request(request: &GenerateRequest) -> Self {
        Self {
            steps: request.num_steps,
            guidance: request.guidance_scale,
            seed: request.seed.0,
            seed_locked: true,
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
    /// The run it came from.
    pub origin: Origin,
    /// Steps done so far.
    pub step: usize,
    /// Steps in all.
    pub of: usize,
    /// Predicted clean image after each step.
    pub previews: Vec<Arc<GrayImage>>,
    /// Latents after each step, as far as the model tells them; a run can go on from each.
    pub latents: Vec<Option<LatentValues>>,
    /// Stops it.
    pub cancel: Cancel,
    /// Whether it was asked to stop.
    pub cancelling: bool,
    /// Seconds since it began, at the last event.
    pub elapsed_secs: f64,
}

impl Job {
    /// Seconds left, from the steps so far; `None` before the first step.
    pub fn secs_left(&self) -> Option<f64> {
        (self.step > 0).then(|| self.elapsed_secs / self.step as f64 * (self.of.saturating_sub(self.step)) as f64)
    }
}

/// A finished image.
#[derive(Clone, Debug)]
pub struct StudioResult {
    /// The job that made it, or zero when it was opened from a file.
    pub job: JobId,
    /// Name of the case and of its files.
    pub name: String,
    /// The run it came from.
    pub origin: Origin,
    /// The image with its record.
    pub artifact: Arc<Artifact>,
    /// Predicted clean image after each step; empty when it was opened from a file.
    pub previews: Vec<Arc<GrayImage>>,
    /// Latents after each step; empty when it was opened from a file.
    pub latents: Vec<Option<LatentValues>>,
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
