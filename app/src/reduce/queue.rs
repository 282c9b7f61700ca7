//! The queue, variants and marks: what actions ask for, and what the library answers.

use crate::action::{Action, Effect, QueueAction};
use crate::jobs::{Opened, sentence};
use crate::library::keeper::AtStart;
use crate::library::{Change, Command, Counts, JobId, JobRow, Mark, NewGroup, RunId, RunRow};
use crate::state::queue::VARIANTS;
use crate::state::{Held, Level, LibraryState, Shown, State, StudioResult};

/// Applies an action and names what the app must do.
pub(super) fn reduce(state: &mut State, action: QueueAction) -> Vec<Effect> {
    match action {
        QueueAction::GenerateFirst => return super::run::generate(state, true),
        QueueAction::SetVariants(n) => state.sampling.variants = n.clamp(*VARIANTS.start(), *VARIANTS.end()),
        QueueAction::SetRule(rule) => {
            let below = rule.below.filter(|b| b.is_finite()).map(|b| b.clamp(0.0, 1.0));
            state.queue.rule = crate::library::Rule { below, retries: rule.retries.min(64), ..rule };
        }
        QueueAction::ToggleRule => state.view.rule_open = !state.view.rule_open,
        QueueAction::Pause(free) => {
            state.queue.held = Some(Held::Person);
            if let Some(job) = state.job.as_mut().filter(|j| !j.paused) {
                job.pausing = true;
            }
            return vec![Effect::Hold(free)];
        }
        QueueAction::Resume => {
            state.queue.held = None;
            if let Some(job) = &mut state.job {
                job.pausing = false;
            }
            // The queue goes on when the paused run is back in its place, or what waits behind would overtake it.
            return vec![Effect::Library(Command::Resume)];
        }
        QueueAction::CancelJobs(ids) => return cancel(state, ids),
        QueueAction::Clear if state.queue.is_empty() => {
            state.messages.push(Level::Note, "Nothing waits in the queue.");
        }
        QueueAction::Clear => return vec![Effect::Library(Command::Clear)],
        QueueAction::PutBack(ids) => {
            let mut effects: Vec<Effect> = ids.iter().map(|id| Effect::Allow(*id)).collect();
            effects.push(Effect::Library(Command::PutBack(ids)));
            return effects;
        }
        QueueAction::Again(ids) => {
            let mut effects: Vec<Effect> = ids.iter().map(|id| Effect::Allow(*id)).collect();
            effects.push(Effect::Library(Command::Again(ids)));
            return effects;
        }
        QueueAction::Move(ids, before) => return vec![Effect::Library(Command::Move(ids, before))],
        QueueAction::PickExport if state.queue.is_empty() => {
            state.messages.push(Level::Note, "Nothing waits in the queue, so there is nothing to write.");
        }
        QueueAction::PickExport => return vec![Effect::PickQueue(true)],
        QueueAction::PickImport => return vec![Effect::PickQueue(false)],
        QueueAction::Export(path) => return vec![Effect::Library(Command::Export(path))],
        QueueAction::Import(path) => {
            state.queue.asked += 1;
            return vec![Effect::Library(Command::Import(path))];
        }
        QueueAction::ToggleStar => return toggle(state, Mark::Star),
        QueueAction::ToggleReject => return toggle(state, Mark::Reject),
        QueueAction::MarkRuns(ids, mark) => return change(state, ids, Change::Mark(mark)),
        QueueAction::SetNote(id, note) => return change(state, vec![id], Change::Note(note)),
        QueueAction::RecallSeed => match super::shown_result(state).and_then(|i| state.results.get(i)) {
            Some(result) => {
                let seed = result.artifact.request.seed.0;
                state.sampling.seed = seed;
                state.messages.push(Level::Done, format!("Seed {seed} is set; text, layers and settings stay."));
            }
            None => state.messages.push(Level::Note, "Choose a result first; its seed is taken."),
        },
    }
    Vec::new()
}

/// Puts a group into the queue, after a look at its requests; every part of the studio that makes images asks here.
pub fn enqueue(state: &mut State, group: NewGroup) -> Vec<Effect> {
    if let LibraryState::Unusable(why) = &state.queue.library {
        let why = why.clone();
        state.messages.push(Level::Error, why);
        return Vec::new();
    }
    for job in &group.jobs {
        if let Err(error) = job.request.check() {
            state.messages.push(Level::Error, format!("{}.", super::run::capital(&error.to_string())));
            return Vec::new();
        }
    }
    if group.jobs.is_empty() {
        return Vec::new();
    }
    if state.queue.held.is_some() {
        let n = state.queue.len() + group.jobs.len();
        let text = format!("The queue is paused; {n} {} in it.", if n == 1 { "run waits" } else { "runs wait" });
        state.messages.push_with(Level::Note, text, "Resume", Action::Queue(QueueAction::Resume));
    }
    state.queue.asked += 1;
    vec![Effect::Library(Command::Enqueue(group))]
}

fn cancel(state: &mut State, ids: Vec<JobId>) -> Vec<Effect> {
    if let Some(job) = state.job.as_mut().filter(|j| ids.contains(&j.id)) {
        job.cancel.cancel();
        job.cancelling = !job.paused;
    }
    let mut effects: Vec<Effect> = ids.iter().map(|id| Effect::Stop(*id)).collect();
    effects.push(Effect::Library(Command::Cancel(ids)));
    effects
}

/// Sets a mark of the shown result, or takes it away.
fn toggle(state: &mut State, mark: Mark) -> Vec<Effect> {
    match state.shown_run() {
        Some(run) => {
            let (id, to) = (run.id, if run.mark == mark { Mark::None } else { mark });
            change(state, vec![id], Change::Mark(to))
        }
        None => {
            state.messages.push(Level::Note, "Choose a result first; files from elsewhere have no marks.");
            Vec::new()
        }
    }
}

/// Changes runs in the library; those on the screen show it at once.
fn change(state: &mut State, ids: Vec<RunId>, change: Change) -> Vec<Effect> {
    for run in state.results.iter_mut().filter_map(|r| r.run.as_mut()).filter(|run| ids.contains(&run.id)) {
        match &change {
            Change::Mark(mark) => run.mark = *mark,
            Change::Note(note) => run.note.clone_from(note),
            _ => {}
        }
    }
    vec![Effect::Library(Command::Change(ids, change))]
}

/// The library is open: the session goes on where it was.
pub fn library_opened(state: &mut State, start: AtStart) -> Vec<Effect> {
    let waiting = start.open.len();
    state.queue.apply(&start.ended.into_iter().rev().collect::<Vec<_>>());
    state.queue.apply(&start.open);
    state.queue.counts = start.counts;
    state.queue.library = LibraryState::Open(start.folder.clone());
    let of_run = |(run, opened): (RunRow, Opened)| StudioResult::of_run(run, std::sync::Arc::new(opened.artifact));
    state.results.extend(start.results.into_iter().map(of_run));
    if waiting > 0 && state.queue.held.is_none() {
        state.queue.held = Some(Held::Restart);
        let text = format!("{waiting} {} from the last session.", if waiting == 1 { "run waits" } else { "runs wait" });
        state.messages.push_with(Level::Note, text, "Resume", Action::Queue(QueueAction::Resume));
    }
    let mut effects = vec![Effect::WorkOn(start.folder, state.queue.held.is_some())];
    effects.extend(ask_pace(state));
    effects
}

/// Asks how long a step takes with the model in use.
pub(super) fn ask_pace(state: &State) -> Option<Effect> {
    if matches!(state.queue.library, LibraryState::Unusable(_)) {
        return None;
    }
    let card = state.model.card()?;
    Some(Effect::Library(Command::Pace(card.hash.clone(), card.size_px)))
}

/// The library cannot be used.
pub fn library_unusable(state: &mut State, why: String) {
    state.queue.library = LibraryState::Unusable(why.clone());
    state.queue.asked = 0;
    super::run::leave_live(state);
    state.messages.push(Level::Error, why);
}

/// A group is in the queue.
pub fn enqueued(state: &mut State, rows: &[JobRow]) -> Vec<Effect> {
    state.queue.asked = state.queue.asked.saturating_sub(1);
    state.queue.apply(rows);
    vec![Effect::Nudge]
}

/// A group or a file was not taken into the queue.
pub fn not_enqueued(state: &mut State, why: String) {
    state.queue.asked = state.queue.asked.saturating_sub(1);
    if state.job.is_none() && !state.queue.is_busy() {
        super::run::leave_live(state);
    }
    state.messages.push(Level::Error, why);
}

/// Jobs changed.
pub fn jobs_changed(state: &mut State, rows: &[JobRow]) -> Vec<Effect> {
    state.queue.apply(rows);
    // One that was paused on disk is over when it is taken back.
    let over = |id: JobId| rows.iter().any(|r| r.id == id && !r.state.is_open());
    if state.job.take_if(|job| job.paused && over(job.id)).is_some() {
        super::run::leave_live(state);
        state.messages.push(Level::Note, "The paused run is taken back; nothing was kept.");
    }
    vec![Effect::Nudge]
}

/// Paused jobs are back in their places: the queue goes on, unless it was paused again meanwhile.
pub fn resumed(state: &mut State, rows: &[JobRow]) -> Vec<Effect> {
    state.queue.apply(rows);
    if state.queue.held.is_none() { vec![Effect::Go] } else { Vec::new() }
}

/// Everything that waited was taken back.
pub fn cleared(state: &mut State, rows: &[JobRow]) -> Vec<Effect> {
    let n = rows.len();
    let effects = jobs_changed(state, rows);
    if n > 0 {
        let ids = rows.iter().map(|r| r.id).collect();
        let text = format!("{n} {} taken out of the queue.", if n == 1 { "run was" } else { "runs were" });
        state.messages.push_with(Level::Done, text, "Undo", Action::Queue(QueueAction::PutBack(ids)));
    }
    effects
}

/// Runs changed in the library.
pub fn runs_changed(state: &mut State, rows: &[RunRow]) {
    for result in &mut state.results {
        if let Some(run) = &mut result.run
            && let Some(row) = rows.iter().find(|row| row.id == run.id)
        {
            **run = row.clone();
        }
    }
}

/// The library counted the jobs.
pub fn counted(state: &mut State, counts: Counts) {
    state.queue.counts = counts;
}

/// The library tells how long a step takes with a model.
pub fn paced(state: &mut State, model_hash: &str, secs_per_step: Option<f64>) {
    if state.model.card().is_some_and(|card| card.hash == model_hash) {
        state.queue.secs_per_step = secs_per_step;
    }
}

/// The worker stopped the queue.
pub fn stuck(state: &mut State, why: &str) {
    state.queue.held = Some(Held::Trouble(why.to_owned()));
    let text = format!("The queue is paused. {why}");
    state.messages.push_with(Level::Error, text, "Resume", Action::Queue(QueueAction::Resume));
}

/// The model's memory was given back.
pub fn unloaded(state: &mut State, card: crate::jobs::Card) {
    state.messages.push(Level::Done, format!("The memory of {} is free; Resume reads it again.", card.name));
    state.model = crate::jobs::ModelState::Unloaded(Box::new(card));
}

/// One sentence about a handle that does not answer.
pub fn gone(state: &mut State, error: &anyhow::Error) {
    state.queue.asked = 0;
    if state.job.is_none() {
        super::run::leave_live(state);
    }
    state.messages.push(Level::Error, sentence(error));
}

/// Whether the canvas follows the runs as they form, after the person chose a picture.
pub(super) fn follow(state: &mut State, shown: Shown) {
    state.queue.follow = matches!(shown, Shown::Live);
}
