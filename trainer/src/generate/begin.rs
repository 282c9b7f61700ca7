//! What a case begins with: noise, an image, an image's inverted noise, or a step of an earlier run.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use engine::cancel::Cancel;
use engine::diffusion::Inversion;
use engine::domain::{GenerateRequest, LatentValues, SamplerKind, Source};
use engine::pipeline::{Event, ImportedNoise, ModelCard, Pipeline, RunOptions, from_inverted};
use engine::store::record::RunRecord;

use super::edit::ImageEdit;
use super::progress::Progress;
use super::{generate_watched, noise_of};
use crate::run::signals::StopRequest;

/// What a case begins with.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Begin {
    /// Noise of its seed.
    #[default]
    Noise,
    /// An image to change.
    Image(Box<ImageEdit>),
    /// A step of an earlier run.
    Fork(Box<Fork>),
}

/// An earlier run and the step to go on from.
#[derive(Clone, Debug, PartialEq)]
pub struct Fork {
    /// Where the record was read.
    pub file: PathBuf,
    /// The record.
    pub record: RunRecord,
    /// Steps of it that are kept.
    pub step: usize,
}

impl Fork {
    /// Reads the record of a run and checks that it can be forked.
    ///
    /// # Errors
    /// Names the file and what is in the way.
    pub fn read(file: &Path, step: usize) -> Result<Self> {
        let record = RunRecord::read(file)?;
        let steps = record.request.calls();
        let first = record.request.source.first_step(steps);
        let (least, most) = (first + 1, steps.saturating_sub(1));
        ensure!(least <= most, "{} ran one step or none, so there is none between to go on from", file.display());
        ensure!(
            (least..=most).contains(&step),
            "--from-step is {step}, and {} has {steps} steps; choose {least} to {most}",
            file.display()
        );
        Ok(Self { file: file.to_owned(), record, step })
    }

    /// Makes the run again and gives its latents after the kept steps; `None` if it was stopped.
    ///
    /// # Errors
    /// When the model is another, or the run does not give the recorded image bit for bit.
    fn latents(
        &self,
        pipeline: &Pipeline,
        noise: Option<&ImportedNoise>,
        stop: &StopRequest,
        progress: &Progress,
    ) -> Result<Option<LatentValues>> {
        let (file, card) = (self.file.display(), pipeline.card());
        let changed = self.record.changed_files(&card.files);
        ensure!(
            card.name == self.record.model_name && changed.is_empty(),
            "--fork {file} was made by other weights ({:?}); name the folder of that model with --model",
            self.record.model_name
        );
        let mut kept = None;
        let mut failure = None;
        let mut watch = |event: &Event| {
            if let Event::Step { step, noisy, .. } = event
                && *step == self.step
            {
                match noisy.first().map(engine::pipeline::StepLatent::values) {
                    Some(Ok(values)) => kept = Some(values),
                    Some(Err(error)) => failure = Some(error),
                    None => {}
                }
            }
        };
        let options = RunOptions { noise, ..RunOptions::default() };
        let request = std::slice::from_ref(&self.record.request);
        let Some(again) = generate_watched(pipeline, request, &options, stop, progress, &mut watch)? else { return Ok(None) };
        if let Some(error) = failure {
            return Err(error.into());
        }
        let same = again.first().is_some_and(|image| image.record.pixels_blake3 == self.record.pixels_blake3);
        ensure!(
            same,
            "--fork {file} does not give its image again bit for bit on this machine, so its steps cannot be known; see `chexgen replay`"
        );
        Ok(Some(kept.context("the run told no such step; report this as a bug")?))
    }
}

impl Begin {
    /// A request whose source is final; `None` if it was stopped.
    ///
    /// # Errors
    /// As [`Pipeline::invert`], or when a run cannot be forked.
    pub(super) fn resolve(
        &self,
        request: GenerateRequest,
        pipeline: &Pipeline,
        noise: Option<&ImportedNoise>,
        stop: &StopRequest,
        progress: &Progress,
    ) -> Result<Option<GenerateRequest>> {
        match (self, &request.source) {
            (Self::Fork(fork), _) => {
                let noise = noise_of(&fork.record, &fork.file, noise)?;
                let latent = fork.latents(pipeline, noise.as_ref(), stop, progress)?;
                // What an edit keeps of its image stays kept.
                let source = |latent| fork.record.request.source.from_step(latent, fork.step);
                Ok(latent.map(|latent| GenerateRequest { source: source(latent), ..request }))
            }
            (Self::Image(edit), Source::Image { image, .. }) if edit.invert => {
                let under = inverted_under(edit, &request);
                let cancel = Cancel::new();
                let mut on_event = |_: Event| {
                    if stop.is_raised() {
                        cancel.cancel();
                    }
                };
                let noise = pipeline.invert(image, &under, Inversion::default(), &cancel, &mut on_event)?;
                Ok(noise.map(|noise| from_inverted(&request, noise)))
            }
            _ => Ok(Some(request)),
        }
    }

    /// Checks the run's sampler against what the case begins with, and gives the one that runs.
    ///
    /// # Errors
    /// When an inversion is asked for with another sampler than ddim.
    pub(super) fn prepare(&self, mut request: GenerateRequest, sampler_told: bool) -> Result<GenerateRequest> {
        if matches!(self, Self::Image(edit) if edit.invert) {
            let fits = request.sampler == SamplerKind::Ddim && request.eta == 0.0;
            if sampler_told && !fits {
                bail!("an inverted image is made by the sampler ddim with eta 0; leave out --sampler and --eta");
            }
            (request.sampler, request.eta, request.karras) = (SamplerKind::Ddim, 0.0, false);
        }
        Ok(request)
    }

    /// Whether a finished run began as this case asks, as far as that can be told without running.
    pub(super) fn began_so(&self, done: &Source, asked: &Source, of: usize) -> bool {
        match (self, done) {
            (Self::Fork(fork), _) => done.kept().is_some_and(|(_, step)| step == fork.step),
            (Self::Image(edit), Source::Latent { step: 0, .. }) if edit.invert => true,
            (Self::Image(edit), _) if edit.invert => false,
            _ => done == asked && done.first_step(of) == asked.first_step(of),
        }
    }

    /// The first step that the run takes.
    pub(super) fn first_step(&self, request: &GenerateRequest) -> usize {
        match self {
            Self::Fork(fork) => fork.step,
            Self::Image(edit) if edit.invert => 0,
            _ => request.source.first_step(request.calls()),
        }
    }
}

/// The request that says what the image shows now: its told text; else its own record; else the new text. Only a
/// record knows drawings.
fn inverted_under(edit: &ImageEdit, request: &GenerateRequest) -> GenerateRequest {
    let bare = |impression: &str| GenerateRequest {
        impression: impression.to_owned(),
        annotations: Vec::new(),
        source: Source::Noise,
        ..request.clone()
    };
    if let Some(text) = &edit.text {
        return bare(text);
    }
    match RunRecord::read(&edit.image) {
        Ok(record) => GenerateRequest { annotations: record.request.annotations, ..bare(&record.request.impression) },
        Err(_) => bare(&request.impression),
    }
}

/// A note where a sampler with a memory goes on without it.
pub(super) fn memory_note(begin: &Begin, request: &GenerateRequest, card: &ModelCard) -> Option<String> {
    let forked = matches!(begin, Begin::Fork(_));
    let memory = !matches!(request.sampler, SamplerKind::Ddpm | SamplerKind::Ddim);
    (forked && memory).then(|| {
        format!(
            "sampler {} of {} remembers the step before and begins without it, so the image differs a little from the forked one even where nothing is changed; runs of ddim and ddpm go on exactly",
            request.sampler.name(),
            card.name
        )
    })
}
