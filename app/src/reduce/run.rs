//! Starting, following and ending a run.

use std::sync::Arc;

use engine::cancel::Cancel;
use engine::domain::{GenerateRequest, GrayImage, LatentValues};

use crate::action::{Action, Effect};
use crate::jobs::{Artifact, ModelState};
use crate::state::origin::Origin;
use crate::state::{Job, JobId, Level, Shown, State, StudioResult};

/// Starts what is drawn and typed.
pub(super) fn generate(state: &mut State) -> Vec<Effect> {
    let request = state.document.request(&state.sampling);
    begin(state, request, Origin::default())
}

/// Checks a request and makes it the job in progress.
pub(super) fn begin(state: &mut State, request: GenerateRequest, origin: Origin) -> Vec<Effect> {
    if state.job.is_some() {
        state.messages.push(Level::Note, "An image is forming already; cancel it or wait for it.");
        return Vec::new();
    }
    match &state.model {
        ModelState::Ready(_) => {}
        ModelState::Loading { .. } => {
            state.messages.push(Level::Note, "The model is still loading; Generate works as soon as it is ready.");
            return Vec::new();
        }
        ModelState::Failed(why) => {
            let why = why.clone();
            state.messages.push(Level::Error, why);
            return Vec::new();
        }
    }
    if let Some(why) = state.document.edit_fault() {
        state.messages.push(Level::Note, why);
        return Vec::new();
    }
    crate::images::remember(state);
    state.history.settle(&state.document);
    if let Err(error) = request.check() {
        state.messages.push(Level::Error, format!("{}.", capital(&error.to_string())));
        return Vec::new();
    }
    state.last_job += 1;
    state.has_generated = true;
    state.settings.has_generated = true;
    state.job = Some(Job {
        id: state.last_job,
        name: state.document.name.clone(),
        origin,
        step: 0,
        of: request.calls(),
        request,
        previews: Vec::new(),
        latents: Vec::new(),
        cancel: Cancel::new(),
        cancelling: false,
        elapsed_secs: 0.0,
    });
    state.shown = Shown::Live;
    vec![Effect::StartJob(state.last_job)]
}

/// Asks the job in progress to stop.
pub(super) fn cancel(state: &mut State) {
    if let Some(job) = &mut state.job {
        job.cancel.cancel();
        job.cancelling = true;
    }
}

/// A step of the job in progress is done.
pub fn step_done(
    state: &mut State,
    id: JobId,
    step: usize,
    of: usize,
    preview: Arc<GrayImage>,
    latent: Option<LatentValues>,
    elapsed_secs: f64,
) {
    if let Some(job) = state.job.as_mut().filter(|j| j.id == id) {
        job.step = step;
        job.of = of;
        job.elapsed_secs = elapsed_secs;
        job.previews.push(preview);
        job.latents.push(latent);
    }
}

/// An image is made; `unsaved` says why the automatic save failed.
pub fn finished(state: &mut State, id: JobId, artifact: Arc<Artifact>, unsaved: Option<String>) {
    let Some(job) = state.job.take_if(|j| j.id == id) else { return };
    state.last_secs = Some(job.elapsed_secs);
    state.saved_by_itself = unsaved.is_none();
    let watching = matches!(state.shown, Shown::Live | Shown::LiveStep(_));
    // Results move one place down.
    state.shown = match state.shown {
        Shown::Result(i) => Shown::Result(i + 1),
        Shown::ResultStep(i, s) => Shown::ResultStep(i + 1, s),
        other => other,
    };
    state.results.insert(
        0,
        StudioResult { job: id, name: job.name, origin: job.origin, artifact, previews: job.previews, latents: job.latents },
    );
    if watching {
        state.shown = Shown::Result(0);
    }
    if !state.sampling.seed_locked && state.sampling.seed == job.request.seed.0 {
        state.sampling.seed = state.sampling.seed.wrapping_add(1);
        state.history.amend(&state.document, state.sampling);
    }
    super::derive::finished(state);
    if let Some(why) = unsaved {
        state.messages.push_with(
            Level::Error,
            format!("The image is here but was not saved by itself: {why}"),
            "Save",
            Action::Save,
        );
    }
}

/// The job in progress ended without an image; `why` is `None` when it was cancelled.
pub fn stopped(state: &mut State, id: JobId, why: Option<String>) {
    let Some(job) = state.job.take_if(|j| j.id == id) else { return };
    if matches!(state.shown, Shown::Live | Shown::LiveStep(_)) {
        state.shown = if state.results.is_empty() { Shown::Example } else { Shown::Result(0) };
    }
    match why {
        None => state.messages.push(Level::Note, format!("Stopped after step {} of {}; nothing was kept.", job.step, job.of)),
        Some(why) => state.messages.push(Level::Error, why),
    }
}

/// Frames on the film of what is shown, and which of them is chosen.
pub fn film(state: &State) -> (usize, Option<usize>) {
    match state.shown {
        Shown::Live => {
            let n = state.job.as_ref().map_or(0, |j| j.previews.len());
            (n, n.checked_sub(1))
        }
        Shown::LiveStep(s) => (state.job.as_ref().map_or(0, |j| j.previews.len()), Some(s)),
        Shown::Result(i) => {
            let n = state.results.get(i).map_or(0, |r| r.previews.len());
            (n, n.checked_sub(1))
        }
        Shown::ResultStep(i, s) => (state.results.get(i).map_or(0, |r| r.previews.len()), Some(s)),
        Shown::Example | Shown::Blank | Shown::Base => (0, None),
    }
}

/// The picture of a frame of the shown film; the last one of a result is the result itself.
pub fn film_target(state: &State, frame: usize) -> Option<Shown> {
    let (frames, _) = film(state);
    if frame >= frames {
        return None;
    }
    let last = frame + 1 == frames;
    match state.shown {
        Shown::Live | Shown::LiveStep(_) => Some(if last { Shown::Live } else { Shown::LiveStep(frame) }),
        Shown::Result(i) | Shown::ResultStep(i, _) => Some(if last { Shown::Result(i) } else { Shown::ResultStep(i, frame) }),
        Shown::Example | Shown::Blank | Shown::Base => None,
    }
}

/// Goes along the film.
pub(super) fn step_film(state: &mut State, by: i32) {
    let (frames, at) = film(state);
    if let Some(at) = at {
        let to = (at as i64 + i64::from(by)).clamp(0, frames as i64 - 1);
        if let Some(shown) = film_target(state, usize::try_from(to).unwrap_or(0)) {
            state.shown = shown;
        }
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}
