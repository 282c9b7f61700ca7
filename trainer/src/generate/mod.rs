//! Headless generation: cases in, images with their condition pictures and run records out.
//!
//! An image depends on its case, the settings and the weights: not on the batch, the order, or on what was
//! skipped. Everything is checked before the first image is made; an image that is there implies its record and
//! condition picture.

mod boxes;
mod case;
mod class;
mod existing;
pub mod model;
mod names;
mod plan;
mod progress;
mod report;
mod settings;
#[cfg(test)]
mod testing;
mod warnings;
mod write;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use engine::cancel::Cancel;
use engine::device::DeviceKind;
use engine::domain::{GenerateRequest, Seed};
use engine::pipeline::{Generated, ModelCard, Outcome, Pipeline, RunOptions};
use rayon::prelude::*;

use crate::run::signals::StopRequest;
use existing::Existing;
use report::Report;
use warnings::Warnings;

pub use boxes::BoxSpec;
pub use case::Case;
pub use names::ResultFiles;
pub use plan::{CaseFile, OneImpression};
pub use progress::Progress;
pub use settings::Settings;
pub use write::{check_out_dir, write_result};

/// Cases checked between two looks at the stop request.
const CHECKED_AT_ONCE: usize = 64;

/// A run of images.
pub struct Run {
    /// What to make.
    pub cases: Vec<Case>,
    /// Sampler settings.
    pub settings: Settings,
    /// Model folder or `practice`; `None` is the practice model.
    pub model: Option<String>,
    /// Where to compute.
    pub device: DeviceKind,
    /// Images that go through the sampler together; `None` chooses by the device.
    pub batch: Option<usize>,
    /// Folder of the results.
    pub out: PathBuf,
    /// Whether lines of JSON are printed.
    pub json: bool,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every image is there.
    Done,
    /// Stopped by the user; the files that are there are whole, and running it again goes on.
    Interrupted,
}

/// A case after its check.
enum Checked {
    /// To be made.
    Missing,
    /// There already.
    Kept { seed: Seed, differences: Vec<&'static str> },
}

impl Run {
    /// Makes what is missing, in the order of the cases.
    ///
    /// # Errors
    /// When an input cannot be used, a file that is not ours is in the way, or a result cannot be written.
    pub fn run(&self, stop: &StopRequest) -> Result<Ended> {
        self.settings.check()?;
        check_out_dir(&self.out)?;
        let pipeline = model::open(&model::model_dir(self.model.as_deref())?, self.device)?;
        let mut report = Report::new(std::io::stdout(), self.json);
        let Some(checked) = self.check_all(pipeline.card(), stop)? else {
            report.summary(&self.out.display().to_string(), true)?;
            return Ok(Ended::Interrupted);
        };
        let mut warnings = Warnings::default();
        let mut missing: Vec<&Case> = Vec::new();
        for (case, state) in self.cases.iter().zip(&checked) {
            match state {
                Checked::Missing => {
                    let count = pipeline.count_tokens(&case.impression);
                    warnings.check_text(&case.place(), &case.impression, count, pipeline.card().cleans_text())?;
                    missing.push(case);
                }
                Checked::Kept { seed, differences } => {
                    if !differences.is_empty() {
                        warnings.kept(&case.place(), differences);
                    }
                    let files = self.files(case);
                    report.kept(&case.name, &files, files.mask.exists(), *seed, !differences.is_empty())?;
                }
            }
        }
        warnings.print()?;
        let ended = self.make(&missing, &pipeline, stop, &mut report)?;
        report.summary(&self.out.display().to_string(), ended == Ended::Interrupted)?;
        Ok(ended)
    }

    /// Checks every case and what stands in its place; `None` if it was stopped. The first offence is returned.
    fn check_all(&self, card: &ModelCard, stop: &StopRequest) -> Result<Option<Vec<Checked>>> {
        let mut all = Vec::with_capacity(self.cases.len());
        for cases in self.cases.chunks(CHECKED_AT_ONCE) {
            if stop.is_raised() {
                return Ok(None);
            }
            let some: Vec<Result<Checked>> = cases.par_iter().map(|case| self.check(case, card)).collect();
            for checked in some {
                all.push(checked?);
            }
        }
        Ok(Some(all))
    }

    fn check(&self, case: &Case, card: &ModelCard) -> Result<Checked> {
        let request = case.request(card, &self.settings)?;
        ensure!(
            request.annotations.is_empty() || card.has_control,
            "{}: model {:?} cannot follow masks or boxes; leave them out or choose a model with control",
            case.place(),
            card.name
        );
        match existing::look(&self.files(case)).with_context(|| case.place())? {
            Existing::Nothing => Ok(Checked::Missing),
            Existing::Result(record) => {
                Ok(Checked::Kept { seed: record.request.seed, differences: existing::differences(&record, &request, card) })
            }
        }
    }

    fn make(
        &self,
        cases: &[&Case],
        pipeline: &Pipeline,
        stop: &StopRequest,
        report: &mut Report<impl std::io::Write>,
    ) -> Result<Ended> {
        let card = pipeline.card();
        let Some(first) = cases.first() else { return Ok(Ended::Done) };
        let steps = first.request(card, &self.settings)?.num_steps;
        let mut progress = Progress::new(cases.len(), steps);
        for batch in cases.chunks(self.batch_size(card)) {
            let begin = Instant::now();
            let requests: Vec<GenerateRequest> =
                batch.iter().map(|case| case.request(card, &self.settings)).collect::<Result<_>>()?;
            let made = generate(pipeline, &requests, stop, &progress).with_context(|| places(batch))?;
            let Some(results) = made else {
                progress.clear();
                return Ok(Ended::Interrupted);
            };
            let time = begin.elapsed() / u32::try_from(batch.len()).unwrap_or(u32::MAX);
            for (case, result) in batch.iter().zip(&results) {
                let files = self.files(case);
                write_result(&files, result).with_context(|| case.place())?;
                progress
                    .suspend(|| report.made(&case.name, &files, result.condition.is_some(), result.record.request.seed, time))?;
            }
            progress.finish_images(batch.len());
        }
        progress.clear();
        Ok(Ended::Done)
    }

    fn files(&self, case: &Case) -> ResultFiles {
        ResultFiles::new(&self.out, &case.stem)
    }

    /// A processor gains nothing from batches; a graphics card does.
    fn batch_size(&self, card: &ModelCard) -> usize {
        self.batch.unwrap_or(if card.device.starts_with("cuda") { 8 } else { 1 }).max(1)
    }
}

/// Runs one batch; `None` if it was stopped.
///
/// # Errors
/// As [`Pipeline::generate`].
pub fn generate(
    pipeline: &Pipeline,
    requests: &[GenerateRequest],
    stop: &StopRequest,
    progress: &Progress,
) -> Result<Option<Vec<Generated>>> {
    generate_with(pipeline, requests, &RunOptions::default(), stop, progress)
}

/// As [`generate`], with options of the run.
///
/// # Errors
/// As [`Pipeline::generate_with`].
pub fn generate_with(
    pipeline: &Pipeline,
    requests: &[GenerateRequest],
    options: &RunOptions<'_>,
    stop: &StopRequest,
    progress: &Progress,
) -> Result<Option<Vec<Generated>>> {
    let cancel = Cancel::new();
    if stop.is_raised() {
        return Ok(None);
    }
    let outcome = pipeline.generate_with(requests, options, &cancel, &mut |event| {
        if stop.is_raised() {
            cancel.cancel();
        }
        progress.note(&event, requests.len());
    })?;
    match outcome {
        Outcome::Cancelled => Ok(None),
        Outcome::Done(results) => {
            let (got, asked) = (results.len(), requests.len());
            ensure!(got == asked, "the engine returned {got} images for {asked} requests; report this as a bug");
            Ok(Some(results))
        }
    }
}

fn places(batch: &[&Case]) -> String {
    match batch {
        [] => String::new(),
        [one] => one.place(),
        [first, .., last] => format!("{} to {:?}", first.place(), last.name),
    }
}
