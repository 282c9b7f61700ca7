//! Asking for images, following the one that forms, and ending it.

use std::sync::Arc;

use engine::cancel::Cancel;
use engine::domain::{GenerateRequest, GrayImage, LatentValues, Seed, Source};

use super::queue;
use crate::action::{Action, Effect};
use crate::jobs::{Artifact, ModelState};
use crate::library::{self, JobRow, NewGroup, NewJob, Relation, RunId, RunRow, Task};
use crate::state::{BaseOrigin, Job, JobId, Level, Shown, State, StudioResult};

/// Results that keep their steps for the film; those before are shown by their image only.
pub const FILMS: usize = 12;
/// Results that stay in the strip; those before are found in the Runs room.
pub const RESULTS: usize = 200;
/// Bytes of pictures that stay in memory for the strip.
const RESULT_BYTES: usize = 512 << 20;

/// Asks for the images of what is drawn and typed; `first` puts them before everything that waits.
pub(super) fn generate(state: &mut State, first: bool) -> Vec<Effect> {
    let request = state.document.request(&state.sampling);
    let edited = match (&state.document.base, &request.source) {
        (Some(base), Source::Region { .. } | Source::Image { .. }) => match base.origin {
            BaseOrigin::Run(run) if run > 0 => Some(run),
            _ => None,
        },
        _ => None,
    };
    let variants = state.sampling.variants.max(1);
    let (name, rule) = (state.document.name.clone(), state.queue.rule);
    let job = |i: usize| {
        let relation = match (edited, i) {
            (Some(_), _) => Relation::Edit,
            (None, 0) => Relation::None,
            (None, _) => Relation::Variant,
        };
        let request = GenerateRequest { seed: Seed(request.seed.0.wrapping_add(i as u64)), ..request.clone() };
        let task = Task { relation, parent_run: edited, rule, ..Task::new(name.clone(), "") };
        NewJob { task, request }
    };
    let effects = ask(state, NewGroup { jobs: (0..variants).map(job).collect(), first });
    if !effects.is_empty() && !state.sampling.seed_locked {
        state.sampling.seed = state.sampling.seed.wrapping_add(variants as u64);
        // Counting up is no edit of the person's.
        state.history.amend(&state.document, state.sampling);
    }
    effects
}

/// Asks for one image that comes from another.
///
/// `parent_run` is the other one's run, where the library has it, and `parent_step` the step of a fork, from 1.
pub(super) fn begin(
    state: &mut State,
    request: GenerateRequest,
    relation: Relation,
    parent_run: Option<RunId>,
    parent_step: Option<u32>,
) -> Vec<Effect> {
    let task = Task { relation, parent_run, parent_step, ..Task::new(state.document.name.clone(), "") };
    ask(state, NewGroup { jobs: vec![NewJob { task, request }], first: false })
}

/// Asks for a group by the model in use; the canvas shows its runs as they form.
fn ask(state: &mut State, mut group: NewGroup) -> Vec<Effect> {
    let model_hash = match &state.model {
        ModelState::Ready(model) => model.card().hash.clone(),
        ModelState::Unloaded(card) => card.hash.clone(),
        ModelState::Loading { .. } => {
            state.messages.push(Level::Note, "The model is still loading; Generate works as soon as it is ready.");
            return Vec::new();
        }
        ModelState::Failed(why) => {
            let why = why.clone();
            state.messages.push(Level::Error, why);
            return Vec::new();
        }
    };
    if let Some(why) = state.document.edit_fault() {
        state.messages.push(Level::Note, why);
        return Vec::new();
    }
    let keep = crate::images::remember(state);
    state.history.settle(&state.document);
    group.jobs.iter_mut().for_each(|job| job.task.model_hash.clone_from(&model_hash));
    let idle = state.job.is_none() && state.queue.held.is_none() && state.queue.is_empty();
    let mut effects = queue::enqueue(state, group);
    if !effects.is_empty() {
        effects.extend(keep);
        state.has_generated = true;
        state.used = true;
        state.settings.has_generated = true;
        state.queue.follow = true;
        if idle {
            state.shown = Shown::Live;
        }
    }
    effects
}

/// Asks the job in progress to stop.
pub(super) fn cancel(state: &mut State) -> Vec<Effect> {
    let Some(job) = &mut state.job else {
        // Between two runs: the next one is meant.
        let next = state.queue.waiting().next().map(|row| row.id);
        return next.map_or_else(Vec::new, |id| vec![Effect::Stop(id), Effect::Library(library::Command::Cancel(vec![id]))]);
    };
    job.cancel.cancel();
    job.cancelling = !job.paused;
    let id = job.id;
    vec![Effect::Stop(id), Effect::Library(library::Command::Cancel(vec![id]))]
}

/// A run begins, or goes on from where it was kept.
pub fn started(state: &mut State, row: &JobRow, request: GenerateRequest, cancel: Cancel) {
    state.queue.apply(std::slice::from_ref(row));
    let before = state.job.take().filter(|job| job.id == row.id);
    let step = row.steps_done as usize;
    let job = match before {
        // The film goes on.
        Some(job) => Job { cancel, cancelling: false, pausing: false, paused: false, ..job },
        None => Job {
            id: row.id,
            name: row.task.name.clone(),
            step,
            of: request.calls(),
            first_step: step.max(request.source.first_step(request.calls())),
            request,
            previews: Vec::new(),
            latents: Vec::new(),
            cancel,
            cancelling: false,
            pausing: false,
            paused: false,
            elapsed_secs: 0.0,
        },
    };
    state.job = Some(job);
    // A data set or a grid is made beside the case; it takes its picture off the canvas only where that was asked for.
    let is_own = row.task.recipe.is_empty();
    if (state.queue.follow && is_own) || matches!(state.shown, Shown::Live | Shown::LiveStep(_)) {
        state.shown = Shown::Live;
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

/// An image is made, saved and in the library.
pub fn finished(state: &mut State, run: RunRow, artifact: Arc<Artifact>, jobs: &[JobRow], marked: &[RunRow]) {
    state.queue.apply(jobs);
    // The first one ended; the others are attempts that its rule added.
    state.queue.counts.done += 1;
    state.queue.counts.queued += jobs.len().saturating_sub(1);
    state.queue.counts.open = (state.queue.counts.open + jobs.len()).saturating_sub(2);
    queue::runs_changed(state, marked);
    let id = run.job.unwrap_or(0);
    let job = state.job.take_if(|j| j.id == id);
    state.last_secs = Some(run.secs);
    if run.secs > 0.0 && run.steps_ran > 0 {
        let secs = run.secs / f64::from(run.steps_ran);
        // The newest counts most, and one odd run does not turn the estimate over.
        state.queue.secs_per_step = Some(state.queue.secs_per_step.map_or(secs, |before| 0.6 * before + 0.4 * secs));
    }
    let watching = matches!(state.shown, Shown::Live | Shown::LiveStep(_));
    // Results move one place down.
    state.shown = match state.shown {
        Shown::Result(i) => Shown::Result(i + 1),
        Shown::ResultStep(i, s) => Shown::ResultStep(i + 1, s),
        other => other,
    };
    let result = StudioResult::of_run(run, artifact);
    let result = match job {
        Some(Job { first_step, previews, latents, .. }) => StudioResult { first_step, previews, latents, ..result },
        None => result,
    };
    state.results.insert(0, result);
    if watching {
        state.shown = Shown::Result(0);
    }
    super::derive::finished(state);
    bound(state);
}

/// Drops the steps of old results, and the oldest results; the library keeps their images.
pub(super) fn bound(state: &mut State) {
    let looked_at = match state.shown {
        Shown::Result(i) | Shown::ResultStep(i, _) => Some(i),
        _ => None,
    };
    for (index, result) in state.results.iter_mut().enumerate().skip(FILMS) {
        if Some(index) != looked_at && !result.previews.is_empty() {
            result.previews = Vec::new();
            result.latents = Vec::new();
        }
    }
    let mut bytes = 0;
    let fit = state.results.iter().take_while(|r| {
        bytes += r.bytes();
        bytes <= RESULT_BYTES
    });
    let fit = fit.count().clamp(1, RESULTS);
    if state.results.len() > fit && looked_at.is_none_or(|i| i < fit) {
        state.results.truncate(fit);
    }
}

/// The job in progress, or one that waited, ended without an image; `row` says how.
pub fn stopped(state: &mut State, row: &JobRow) {
    let failed = row.state == library::JobState::Failed;
    let counts = &mut state.queue.counts;
    counts.open = counts.open.saturating_sub(1);
    if failed {
        counts.failed += 1
    } else {
        counts.cancelled += 1
    }
    state.queue.apply(std::slice::from_ref(row));
    let Some(job) = state.job.take_if(|j| j.id == row.id) else { return };
    leave_live(state);
    if failed {
        state.messages.push(Level::Error, row.reason.clone());
    } else {
        let text = format!("Stopped after step {} of {}; nothing was kept.", job.step, job.of);
        state.messages.push(Level::Note, text);
    }
}

/// The canvas turns from a run that is gone to the newest result.
pub(super) fn leave_live(state: &mut State) {
    if matches!(state.shown, Shown::Live | Shown::LiveStep(_)) {
        state.shown = if state.results.is_empty() { state.plain_picture() } else { Shown::Result(0) };
    }
}

/// A run is paused: on disk, or in memory for a reason.
pub fn paused(state: &mut State, row: &JobRow, in_memory: Option<String>) {
    state.queue.apply(std::slice::from_ref(row));
    if let Some(job) = state.job.as_mut().filter(|j| j.id == row.id) {
        job.paused = true;
        job.pausing = false;
    }
    if let Some(why) = in_memory {
        state.messages.push_with(Level::Note, why, "Resume", Action::Queue(crate::action::QueueAction::Resume));
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

pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::examples::Example;
    use crate::library::JobState;
    use crate::reduce::reduce;
    use crate::state::Document;
    use crate::testing::{FakeModel, begin};

    /// A run of the queue begins: of the case on the canvas, or of a data set or grid.
    fn run_begins(state: &mut State, id: JobId, recipe: &str) {
        let task = Task { recipe: recipe.to_owned(), ..Task::new("Right pneumothorax", "") };
        let row = JobRow { id, task, state: JobState::Running, rev: 1, ..JobRow::default() };
        started(state, &row, GenerateRequest::new("Small nodule.", 1), Cancel::new());
    }

    fn studio() -> State {
        let mut state = State::new(Example::RightPneumothorax.document(64), "out".into());
        state.shown = Shown::Example;
        crate::reduce::model_ready(&mut state, Arc::new(FakeModel::new(64, Duration::ZERO)));
        state
    }

    #[test]
    fn a_data_set_in_the_queue_leaves_the_picture_of_the_case_alone() {
        let mut state = studio();
        run_begins(&mut state, 1, "Small set");
        assert_eq!(state.shown, Shown::Example, "who draws keeps what is drawn on");
        // It can be looked at, and then goes on being shown.
        reduce(&mut state, Action::Show(Shown::Live));
        run_begins(&mut state, 2, "Small set");
        assert_eq!(state.shown, Shown::Live);
    }

    #[test]
    fn a_case_that_is_opened_keeps_its_picture_while_others_run() {
        let mut state = studio();
        let effects = reduce(&mut state, Action::Generate);
        begin(&mut state, &effects);
        assert_eq!(state.shown, Shown::Live);
        let mut document = Document::empty(64);
        document.impression = "Small nodule.".to_owned();
        crate::reduce::open_case(&mut state, document, None);
        assert_eq!(state.shown, Shown::Blank);
        run_begins(&mut state, 7, "");
        assert_eq!(state.shown, Shown::Blank, "the next variant of the other case forms unseen");
        let effects = reduce(&mut state, Action::Generate);
        begin(&mut state, &effects);
        assert_eq!(state.shown, Shown::Live, "its own is followed");
    }
}
