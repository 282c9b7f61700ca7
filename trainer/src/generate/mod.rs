//! Headless generation: cases in, images with their condition pictures and run records out.
//!
//! An image depends on its case, the settings and the weights: not on the batch, the order, or on what was
//! skipped. Everything is checked before the first image is made; an image that is there implies its record and
//! condition picture.

mod acts;
mod begin;
mod boxes;
mod case;
mod class;
mod edit;
mod existing;
mod mask_spec;
pub mod model;
mod names;
mod plan;
mod progress;
mod report;
mod run;
mod settings;
mod sheet;
#[cfg(test)]
mod testing;
mod warnings;
mod words;
mod write;

use std::path::Path;

use anyhow::{Result, bail, ensure};
use engine::cancel::Cancel;
use engine::domain::GenerateRequest;
use engine::pipeline::{Event, Generated, ImportedNoise, Outcome, Pipeline, RunOptions};
use engine::store::record::RunRecord;

use crate::run::signals::StopRequest;

pub use acts::{Acts, area as parse_area, steps as parse_steps, strength as parse_strength};
pub use begin::{Begin, Fork};
pub use boxes::BoxSpec;
pub use case::Case;
pub use edit::ImageEdit;
pub use mask_spec::MaskSpec;
pub use names::ResultFiles;
pub use plan::{CaseFile, OneImpression};
pub use progress::Progress;
pub use run::{Ended, Run};
pub use settings::Settings;
pub use sheet::Film;
pub use words::Blocks;
pub use write::{Further, check_out_dir, write_all, write_result};

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
    generate_watched(pipeline, requests, options, stop, progress, &mut |_| {})
}

/// As [`generate_with`]; `watch` is told everything.
fn generate_watched(
    pipeline: &Pipeline,
    requests: &[GenerateRequest],
    options: &RunOptions<'_>,
    stop: &StopRequest,
    progress: &Progress,
    watch: &mut dyn FnMut(&Event),
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
        watch(&event);
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

/// The noise of an earlier run, from the file that is told.
///
/// # Errors
/// When the run had none, or another file.
pub fn noise_of(record: &RunRecord, file: &Path, noise: Option<&ImportedNoise>) -> Result<Option<ImportedNoise>> {
    match (&record.noise, noise) {
        (None, None) => Ok(None),
        (None, Some(_)) => bail!("{} was made from its seed; leave out --noise", file.display()),
        (Some(_), None) => bail!("{} was made with noise from a file; name it with --noise", file.display()),
        (Some(origin), Some(noise)) => {
            ensure!(noise.blake3() == origin.blake3, "--noise is not the file of noise that {} names", file.display());
            Ok(Some(noise.clone().starting_at(origin.row)))
        }
    }
}
