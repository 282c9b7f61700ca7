//! One job from the queue to its end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use engine::adherence;
use engine::cancel::Cancel;
use engine::domain::{Annotation, Shape};

use super::{Event, Shared};
use crate::checks::{self, Reading};
use crate::day;
use crate::jobs::outbox::Outbox;
use crate::jobs::{Artifact, Generator, Kept, Progress, files, keep, panic_sentence, sentence};
use crate::library::jobs::Claimed;
use crate::library::{Database, JobId, JobRow, JobState, NewRun, jobs, now_ms, runs};
use crate::state::Document;
use crate::state::measure::{LayerMeasure, MeasureKind};

/// Folder of kept runs inside the studio's folder.
const PAUSED: &str = "paused";

/// Where a job's run is kept, relative to the studio's folder.
fn state_file(job: JobId) -> String {
    format!("{PAUSED}/job-{job}.state")
}

/// How the model's part of a job ended.
enum End {
    Image(Box<Artifact>, f64),
    /// Stopped because it was asked to, after so many steps.
    Cancelled(u32),
    /// Kept on disk after so many steps and seconds.
    Kept(u32, f64),
    /// Failed after so many steps.
    Failed(u32, String),
}

/// Does a job that was taken from the queue; gives an error where the queue must stop.
pub(super) fn run(
    model: &dyn Generator,
    db: &mut Database,
    claimed: Claimed,
    shared: &Shared,
    out: &Outbox,
) -> Option<anyhow::Error> {
    let (id, cancel) = (claimed.row.id, Cancel::new());
    {
        let mut wishes = shared.lock();
        if wishes.unwanted.contains(&id) {
            cancel.cancel();
        } else if wishes.held {
            cancel.pause();
        }
        wishes.current = Some((id, cancel.clone()));
    }
    out.tell(Event::Started {
        row: Box::new(claimed.row.clone()),
        request: Box::new(claimed.request.clone()),
        cancel: cancel.clone(),
    });
    let end = match sample(model, db, &claimed, &cancel, out) {
        // Taken back while it was being kept.
        End::Kept(steps, _) if shared.lock().unwanted.contains(&id) => End::Cancelled(steps),
        end => end,
    };
    let stuck = settle(model, db, &claimed, end, out);
    let mut wishes = shared.lock();
    wishes.current = None;
    wishes.unwanted.remove(&id);
    stuck
}

/// The model's part.
fn sample(model: &dyn Generator, db: &mut Database, claimed: &Claimed, cancel: &Cancel, out: &Outbox) -> End {
    let (id, began) = (claimed.row.id, Instant::now());
    let spent = || claimed.spent_secs + began.elapsed().as_secs_f64();
    let folder = db.folder.clone();
    let (mut done, mut kept) = (claimed.row.steps_done, false);
    let mut on_progress = |progress: Progress| match progress {
        Progress::Started { steps } => out.tell(Event::Steps { job: id, of: steps }),
        Progress::Step { step, of, preview, latent } => {
            done = u32::try_from(step).unwrap_or(u32::MAX);
            out.tell(Event::Step { job: id, step, of, preview: Arc::new(preview), latent, elapsed_secs: spent() });
        }
        Progress::Paused { step, state, .. } => {
            done = u32::try_from(step).unwrap_or(u32::MAX);
            match write(state, &folder, id) {
                Ok(()) => {
                    // The run is on disk; what is in memory is not needed any more.
                    kept = true;
                    cancel.cancel();
                }
                Err(why) => {
                    let row = JobRow { state: JobState::Paused, steps_done: done, ..claimed.row.clone() };
                    out.tell(Event::Paused { row: Box::new(row), in_memory: Some(why) });
                }
            }
        }
        Progress::Attention(map) => out.tell(Event::Attention(id, Arc::new(map))),
        Progress::Resumed => out.tell(Event::Resumed(id)),
    };
    let from = if claimed.state_file.is_empty() { None } else { Some(folder.join(&claimed.state_file)) };
    let made = catch_unwind(AssertUnwindSafe(|| match &from {
        Some(path) if path.is_file() => model.resume(&claimed.request, path, cancel, &mut on_progress),
        _ => model.generate(&claimed.request, cancel, &mut on_progress),
    }));
    match made {
        Ok(Ok(Some(artifact))) => End::Image(Box::new(artifact), spent()),
        Ok(Ok(None)) if kept => End::Kept(done, spent()),
        Ok(Ok(None)) => End::Cancelled(done),
        Ok(Err(error)) => End::Failed(done, sentence(&error)),
        Err(payload) => End::Failed(done, panic_sentence(payload.as_ref())),
    }
}

/// Writes a run's state, or says why it cannot be kept.
fn write(state: Option<Kept>, folder: &Path, id: JobId) -> Result<(), String> {
    let Some(state) = state else {
        return Err("This run cannot be kept on disk; it waits in memory.".to_owned());
    };
    let path = folder.join(state_file(id));
    let written = std::fs::create_dir_all(folder.join(PAUSED)).map_err(anyhow::Error::from).and_then(|()| state.write(&path));
    written.map_err(|error| format!("{} The run waits in memory.", sentence(&error)))
}

/// The end in the library, and then to the window.
fn settle(model: &dyn Generator, db: &mut Database, claimed: &Claimed, end: End, out: &Outbox) -> Option<anyhow::Error> {
    let id = claimed.row.id;
    let over = |state: JobState, steps_done: u32, reason: &str| JobRow {
        state,
        steps_done,
        rev: claimed.row.rev + 1,
        ended_ms: Some(now_ms()),
        reason: reason.to_owned(),
        ..claimed.row.clone()
    };
    // Where the library refuses, the window is told all the same, and the next start finds the job as it was.
    let (event, stuck) = match end {
        End::Image(artifact, secs) => match store(model, db, claimed, &artifact, secs) {
            Ok(finished) => {
                let runs::Finished { run, jobs, marked } = finished;
                (Event::Done { run: Box::new(run), artifact: Arc::new(*artifact), jobs, marked }, None)
            }
            Err(error) => {
                let why = format!("The image could not be kept: {}", lower(&sentence(&error)));
                let ended = jobs::end(db, id, JobState::Failed, claimed.row.steps, &why, now_ms());
                let (row, marked) = ended.unwrap_or_else(|_| (over(JobState::Failed, claimed.row.steps, &why), Vec::new()));
                (Event::Failed(Box::new(row), marked), Some(error))
            }
        },
        End::Kept(steps, secs) => match jobs::pause(db, id, steps, secs, &state_file(id)) {
            Ok(row) => (Event::Paused { row: Box::new(row), in_memory: None }, None),
            Err(error) => {
                (Event::Paused { row: Box::new(over(JobState::Paused, steps, "")), in_memory: None }, Some(error.into()))
            }
        },
        End::Cancelled(steps) => match jobs::end(db, id, JobState::Cancelled, steps, "", now_ms()) {
            Ok((row, marked)) => (Event::Cancelled(Box::new(row), marked), None),
            Err(error) => (Event::Cancelled(Box::new(over(JobState::Cancelled, steps, "")), Vec::new()), Some(error.into())),
        },
        End::Failed(steps, why) => match jobs::end(db, id, JobState::Failed, steps, &why, now_ms()) {
            Ok((row, marked)) => (Event::Failed(Box::new(row), marked), None),
            Err(error) => (Event::Failed(Box::new(over(JobState::Failed, steps, &why)), Vec::new()), Some(error.into())),
        },
    };
    let kept = db.folder.join(state_file(id));
    if !matches!(event, Event::Paused { .. }) && kept.is_file() && std::fs::remove_file(&kept).is_err() {
        tracing::warn!("a kept run that is over stays on disk");
    }
    out.tell(event);
    stuck
}

/// Saves an image and puts it into the library.
fn store(
    model: &dyn Generator,
    db: &mut Database,
    claimed: &Claimed,
    artifact: &Artifact,
    secs: f64,
) -> anyhow::Result<runs::Finished> {
    let row = &claimed.row;
    let stem = files::stem(&row.task.name, row.seed);
    // The day it was asked for, so that a job that is done again after a kill finds its files.
    let day = day::folder(row.created_ms);
    let folder = db.folder.clone();
    let file = keep::keep(artifact, &folder, &day, &stem, &|path| runs::holds_file(&db.connection, path))?;
    let now = now_ms();
    let mut new =
        NewRun::new(&row.task.name, artifact, &model.card().hash, file, now)?.of_job(row).measured(measure(model, artifact));
    new.row.secs = secs;
    new.row.conflict = in_conflict(artifact);
    Ok(runs::finish(db, row.id, &new, now)?)
}

/// Whether text and layers of an image disagree, whoever kept it so.
fn in_conflict(artifact: &Artifact) -> bool {
    let document = Document::from_request("", &artifact.request, artifact.image.width());
    checks::conflicts(&checks::check(&document, &Reading::default())) > 0
}

/// How well an image keeps to its layers, where the model has a checker that fits.
fn measure(model: &dyn Generator, artifact: &Artifact) -> Vec<LayerMeasure> {
    let annotations = &artifact.request.annotations;
    if annotations.is_empty() {
        return Vec::new();
    }
    let seen = match model.look(&artifact.image) {
        Ok(Some(seen)) => seen,
        Ok(None) => return Vec::new(),
        Err(error) => {
            // The image is no worse for it: it stays without a measure, and the panel says why.
            tracing::warn!("the image was not measured: {error:#}");
            return Vec::new();
        }
    };
    let measured = adherence::measure(annotations, &seen);
    let pairs = annotations.iter().zip(measured).enumerate();
    let row = |(i, (annotation, measured)): (usize, (&Annotation, Option<adherence::Measured>))| LayerMeasure {
        layer: i + 1,
        finding: annotation.finding,
        kind: if matches!(annotation.shape, Shape::Box { .. }) { MeasureKind::BoxHit } else { MeasureKind::Overlap },
        value: measured.map(|m| m.value as f32),
        wanted: measured.map_or(0.0, |m| m.wanted as f32),
    };
    pairs.map(row).collect()
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}
