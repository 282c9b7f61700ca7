//! The film of the shown run: which steps were kept, and where a run can go on.

use std::sync::Arc;

use engine::domain::{GenerateRequest, GrayImage, LatentValues, SamplerKind, Source};

use super::{Shown, State};

/// The kept steps of one run.
#[derive(Clone, Copy, Debug)]
pub struct Film<'a> {
    /// Predicted clean image after each step that ran.
    pub previews: &'a [Arc<GrayImage>],
    /// Latents after each step, as far as they were kept.
    pub latents: &'a [Option<LatentValues>],
    /// Steps that the run skipped at its beginning: a fork or an edit begins later.
    pub first: usize,
    /// Steps in all.
    pub total: usize,
    /// The frame on the canvas, from 0 among those kept.
    pub chosen: Option<usize>,
    /// What the run was asked for; `None` where no run is shown.
    pub request: Option<&'a GenerateRequest>,
    /// Whether it is still forming.
    pub live: bool,
}

impl<'a> Film<'a> {
    /// The film of what is on the canvas.
    pub fn of(state: &'a State) -> Self {
        Self::at(state, state.shown)
    }

    /// The film of another picture, with its frame chosen.
    pub fn at(state: &'a State, shown: Shown) -> Self {
        let empty = Self {
            previews: &[],
            latents: &[],
            first: 0,
            total: state.sampling.sampler.calls(state.sampling.steps).max(1),
            chosen: None,
            request: None,
            live: false,
        };
        let (previews, latents, request, first, frame, live) = match shown {
            Shown::Live | Shown::LiveStep(_) => {
                let Some(job) = &state.job else { return empty };
                let frame = if let Shown::LiveStep(s) = shown { Some(s) } else { None };
                (&job.previews, &job.latents, &job.request, job.first_step, frame, true)
            }
            Shown::Result(i) | Shown::ResultStep(i, _) => {
                let Some(result) = state.results.get(i) else { return empty };
                let frame = if let Shown::ResultStep(_, s) = shown { Some(s) } else { None };
                (&result.previews, &result.latents, &result.artifact.request, result.first_step, frame, false)
            }
            Shown::Example | Shown::Blank | Shown::Base => return empty,
        };
        let total = request.calls().max(1);
        Self {
            previews,
            latents,
            first,
            total,
            chosen: frame.or_else(|| previews.len().checked_sub(1)),
            request: Some(request),
            live,
        }
    }

    /// The step, from 1, that a frame shows.
    pub fn step(&self, frame: usize) -> usize {
        self.first + frame + 1
    }

    /// The step, from 1, on the canvas.
    pub fn chosen_step(&self) -> Option<usize> {
        self.chosen.map(|frame| self.step(frame))
    }

    /// Megabytes that the kept steps take in memory.
    pub fn megabytes(&self) -> f32 {
        let pixels: usize = self.previews.iter().map(|p| p.pixels().len() * 2).sum();
        let latents: usize = self.latents.iter().flatten().map(|l| l.values().len() * 4).sum();
        (pixels + latents) as f32 / 1e6
    }

    /// The step to fork from and the latents kept after it, or one sentence why there are none.
    ///
    /// # Errors
    /// When nothing is shown that a run can go on from.
    pub fn fork(&self) -> Result<(usize, &'a LatentValues, &'a GenerateRequest), &'static str> {
        let (Some(request), Some(frame)) = (self.request, self.chosen) else {
            return Err("Show a step of a run first; a fork goes on from there.");
        };
        if self.step(frame) >= self.total {
            return Err("The last step is the image itself; go back along the film to fork.");
        }
        match self.latents.get(frame).and_then(Option::as_ref) {
            Some(latent) => Ok((self.step(frame), latent, request)),
            None => Err("The latents of this step were not kept; generate the image again to fork it."),
        }
    }
}

/// Whether a sampler goes on from kept latents exactly as it would have gone; the others remember earlier steps.
pub fn forks_exactly(sampler: SamplerKind) -> bool {
    matches!(sampler, SamplerKind::Ddpm | SamplerKind::Ddim)
}

/// The request of a fork: the parent's sampler, steps and seed, and the text, layers and guidance of now.
///
/// A fork of an edit changes the same image: where the case still does, what may change is that of now.
pub fn fork_request(now: &GenerateRequest, parent: &GenerateRequest, step: usize, latent: &LatentValues) -> GenerateRequest {
    GenerateRequest {
        seed: parent.seed,
        num_steps: parent.num_steps,
        sampler: parent.sampler,
        eta: parent.eta,
        karras: parent.karras,
        source: edited(&now.source, &parent.source).from_step(latent.clone(), step),
        ..now.clone()
    }
}

/// What a fork changes: the parent's image, in the region of now where that is a region of the same image.
fn edited(now: &Source, parent: &Source) -> Source {
    let (Some(image), Source::Image { strength: begun, .. } | Source::Region { strength: begun, .. }) = (parent.image(), parent)
    else {
        return parent.clone();
    };
    let mut source = if now.image() == Some(image) { now.clone() } else { parent.clone() };
    if let Source::Image { strength, .. } | Source::Region { strength, .. } = &mut source {
        // The steps before the fork ran with the parent's.
        *strength = *begun;
    }
    source
}
