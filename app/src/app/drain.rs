//! What the threads have to say, and what the worker is told.

use crate::action::{Action, Effect, QueueAction};
use crate::images;
use crate::jobs::chores::News;
use crate::jobs::{Event, ModelState, Worker};
use crate::library::{self, Command};
use crate::reduce;
use crate::rooms::{self, compare};
use crate::state::Level;

use super::StudioApp;

impl StudioApp {
    /// Takes everything the threads have to say.
    pub(super) fn drain(&mut self) {
        while let Some(event) = self.worker.as_ref().and_then(Worker::poll) {
            self.hear_worker(event);
        }
        while let Some(news) = self.keeper.as_ref().and_then(library::Keeper::poll) {
            self.hear_library(news);
        }
        self.drain_rooms();
        while let Some(news) = self.chores.poll() {
            match news {
                News::Images(news) => images::news(&mut self.state, *news).into_iter().for_each(|action| self.act(action)),
                News::Saved(Ok(saved)) => {
                    let name = saved.image.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
                    let words = if saved.mask.is_some() { "its mask and its record" } else { "its record" };
                    self.state
                        .messages
                        .push(Level::Done, format!("Saved {name} with {words} into {}.", self.state.save_folder.display()));
                }
                News::Failed(why) => self.state.messages.push(Level::Error, why),
                News::Saved(Err(why)) => {
                    self.state.messages.push_with(Level::Error, why, "Choose a folder", Action::ToggleSaveFields);
                }
                News::Picked(Some(path)) => self.act(Action::OpenFile(path)),
                News::PickedFolder(Some(path)) => self.act(Action::SetSaveFolder(path)),
                News::PickedQueue(write, Some(path)) => {
                    let action = if write { QueueAction::Export(path) } else { QueueAction::Import(path) };
                    self.act(Action::Queue(action));
                }
                News::PickedQueue(_, None) => {
                    self.state.messages.push(Level::Note, "Nothing was chosen; the queue is as it was.");
                }
                News::Picked(None) | News::PickedFolder(None) => {
                    self.state.messages.push(Level::Note, "Nothing was chosen; if no dialog appeared, type the path instead.");
                }
                News::Shape(case, ..) if case != self.state.tabs.open_id() => {
                    let words = "The shape was drawn for another case; go to that case and place it again.";
                    self.state.messages.push(Level::Note, words);
                }
                News::Shape(_, layer, finding, shape) => reduce::shape_drawn(&mut self.state, layer, finding, shape),
                News::Example(example, picture) => reduce::example_drawn(&mut self.state, example, picture),
            }
        }
    }

    fn hear_worker(&mut self, event: Event) {
        let state = &mut self.state;
        let mut effects = Vec::new();
        match event {
            Event::Loading(since) => state.model = ModelState::Loading { since: Some(since) },
            Event::Ready(model) => {
                tracing::info!("model {} is ready", model.card().name);
                effects = reduce::model_ready(state, model);
                self.tokens = None;
                self.condition = None;
                self.insight.forget();
            }
            Event::OpenFailed(why) => {
                state.model = ModelState::Failed(why.clone());
                state.messages.push(Level::Error, why);
            }
            Event::Unloaded(card) => {
                reduce::queue::unloaded(state, *card);
                self.tokens = None;
                self.condition = None;
            }
            Event::Started { row, request, cancel } => {
                effects = rooms::data_sets::runs_changed(state, &row.task.recipe);
                reduce::started(state, &row, *request, cancel);
            }
            Event::Steps { job, of } => {
                if let Some(job) = state.job.as_mut().filter(|j| j.id == job) {
                    job.of = of;
                }
            }
            Event::Step { job, step, of, preview, latent, elapsed_secs } => {
                reduce::step_done(state, job, step, of, preview, latent, elapsed_secs);
            }
            Event::Attention(job, map) => state.insight.maps.push(job, map),
            Event::Paused { row, in_memory } => reduce::paused(state, &row, in_memory),
            Event::Resumed(id) => {
                if let Some(job) = state.job.as_mut().filter(|j| j.id == id) {
                    (job.paused, job.pausing) = (false, false);
                }
            }
            Event::Done { run, artifact, jobs, marked } => {
                effects = rooms::data_sets::runs_changed(state, &run.recipe);
                let recipe = run.recipe.clone();
                reduce::finished(state, *run, artifact, &jobs, &marked);
                effects.extend(compare::grid::library_changed(state, &recipe));
                effects.push(Effect::Library(Command::Count));
            }
            Event::Cancelled(row, marked) | Event::Failed(row, marked) => {
                effects = rooms::data_sets::runs_changed(state, &row.task.recipe);
                reduce::stopped(state, &row);
                reduce::queue::runs_changed(state, &marked);
                effects.extend(compare::grid::library_changed(state, &row.task.recipe));
                effects.push(Effect::Library(Command::Count));
            }
            Event::Jobs(rows) => state.queue.apply(&rows),
            Event::Stuck(why) => reduce::queue::stuck(state, &why),
            Event::Missed => {
                effects = rooms::data_sets::again(state);
                effects.push(Effect::Library(Command::Look));
            }
        }
        self.run_all(effects);
    }

    fn hear_library(&mut self, news: library::News) {
        use library::News;
        let state = &mut self.state;
        let mut effects = Vec::new();
        match news {
            News::Opened(start) => {
                effects = reduce::queue::library_opened(state, *start);
                // What the room read before that may have been of the session before.
                effects.extend(rooms::data_sets::library_opened(state));
                tracing::info!("the library is open");
            }
            News::Enqueued(rows) => effects = reduce::queue::enqueued(state, &rows),
            News::Jobs(rows) => effects = reduce::queue::jobs_changed(state, &rows),
            News::Resumed(rows) => effects = reduce::queue::resumed(state, &rows),
            News::Cleared(rows) => effects = reduce::queue::cleared(state, &rows),
            News::Unusable(why) => reduce::queue::library_unusable(state, why),
            News::Runs(rows) => {
                effects = rooms::data_sets::runs_told(state, &rows);
                reduce::queue::runs_changed(state, &rows);
            }
            News::Pace(hash, _, secs) => reduce::queue::paced(state, &hash, secs),
            News::Counts(counts) => reduce::queue::counted(state, counts),
            News::NotEnqueued(why) => reduce::queue::not_enqueued(state, why),
            News::Exported(n, path) => {
                let runs = if n == 1 { "run" } else { "runs" };
                state.messages.push(Level::Done, format!("Wrote {n} waiting {runs} into {}.", path.display()));
            }
            News::Refused(why) => {
                state.messages.push(Level::Error, why);
                effects = rooms::data_sets::refused(state);
            }
        }
        self.run_all(effects);
    }

    fn run_all(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.run(effect);
        }
    }
}

/// Passes a wish on to the worker.
pub(super) fn tell_worker(worker: &Worker, effect: Effect) {
    match effect {
        Effect::Nudge => worker.nudge(),
        Effect::Hold(free) => worker.hold(free),
        Effect::Go => worker.go(),
        Effect::Stop(job) => worker.cancel(job),
        Effect::Allow(job) => worker.allow(job),
        Effect::WorkOn(folder, held) => worker.work_on(folder, held),
        _ => {}
    }
}
