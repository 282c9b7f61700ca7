//! What the studio knows, without windows, threads or files.

pub mod base;
pub mod demographics;
pub mod document;
pub mod edit;
pub mod film;
pub mod history;
pub mod measure;
pub mod messages;
pub mod millimetres;
pub mod queue;
pub mod room;
pub mod run;
pub mod sight;
pub mod tabs;
pub mod tools;
pub mod view;

pub use base::{Base, BaseOrigin};
pub use demographics::{Demographics, Group, Sex, View};
pub use document::{Document, Layer, LayerId, Region};
pub use edit::{EditRegion, RegionFrom};
pub use film::Film;
pub use history::{Gesture, History};
pub use messages::{Level, Message, Messages};
pub use queue::{Held, LibraryState, Queue};
pub use room::Room;
pub use run::{Artifact, Job, JobId, Sampling, Shown, StudioResult};
pub use sight::Sight;
pub use tools::Tool;
pub use view::ViewState;

use std::path::PathBuf;
use std::sync::Arc;

use engine::domain::GrayImage;

use crate::examples::Example;
use crate::insight;
use crate::jobs::ModelState;
use crate::ledger::Memory;
use crate::rooms::{compare, data_sets, models, reading, runs, train};
use crate::settings::Settings;

/// Everything the window shows.
#[derive(Debug)]
pub struct State {
    /// The room one is in.
    pub room: Room,
    /// What the Runs room knows.
    pub runs: runs::State,
    /// What the Compare room knows.
    pub compare: compare::State,
    /// What the Data sets room knows.
    pub data_sets: data_sets::State,
    /// What the Reading room knows.
    pub reading: reading::State,
    /// What is known of the models.
    pub models: models::State,
    /// What the Train room knows.
    pub train: train::State,
    /// Opened images and masks, and what is written.
    pub images: crate::images::State,
    /// Checks, what the model sees, where words act: what a person chose of that.
    pub insight: insight::State,
    /// The open case and its edits.
    pub document: Document,
    /// Undo and redo.
    pub history: History,
    /// The open cases; the other fields here are those of the one on the canvas.
    pub tabs: tabs::Tabs,
    /// Zoom, window level, tool: not undone.
    pub view: ViewState,
    /// Steps, guidance and seed.
    pub sampling: Sampling,
    /// Settings that nobody chose: a model that gets ready puts its natural ones in their place. `None` for a case that
    /// brought its own.
    pub natural: Option<Sampling>,
    /// Whether an image was asked for from the case on the canvas.
    pub used: bool,
    /// The run in progress or between two steps, if any.
    pub job: Option<Job>,
    /// What waits, what ended, and how the queue stands.
    pub queue: Queue,
    /// Results of this session, newest first; those of long ago are in the library only.
    pub results: Vec<StudioResult>,
    /// Which picture is on the canvas.
    pub shown: Shown,
    /// Comparing on the canvas.
    pub sight: Sight,
    /// The example the document came from.
    pub example: Option<Example>,
    /// Pictures of examples that were drawn so far.
    pub pictures: Vec<(Example, Arc<GrayImage>)>,
    /// The model behind the window.
    pub model: ModelState,
    /// Toasts and the message list.
    pub messages: Messages,
    /// Palette, key sheet, settings sheet.
    pub shell: crate::shell::State,
    /// What the person set and the studio remembers.
    pub settings: Settings,
    /// Where `Ctrl+S` writes.
    pub save_folder: PathBuf,
    /// Whether Generate was ever pressed; the button calls for attention until then.
    pub has_generated: bool,
    /// Seconds the last finished run took.
    pub last_secs: Option<f64>,
    /// Memory of the program and the machine, where the system tells it.
    pub memory: Option<Memory>,
}

impl State {
    /// A studio with a case on the canvas and no model yet.
    pub fn new(document: Document, save_folder: PathBuf) -> Self {
        Self {
            room: Room::default(),
            runs: runs::State::default(),
            compare: compare::State::default(),
            data_sets: data_sets::State::default(),
            reading: reading::State::default(),
            models: models::State::default(),
            train: train::State::default(),
            images: crate::images::State::default(),
            insight: insight::State::default(),
            view: ViewState::for_document(&document),
            document,
            history: History::default(),
            tabs: tabs::Tabs::default(),
            sampling: Sampling::default(),
            natural: Some(Sampling::default()),
            used: false,
            job: None,
            queue: Queue { follow: true, ..Queue::default() },
            results: Vec::new(),
            shown: Shown::Blank,
            sight: Sight::default(),
            example: None,
            pictures: Vec::new(),
            model: ModelState::Loading { since: None },
            messages: Messages::default(),
            shell: crate::shell::State::default(),
            settings: Settings::default(),
            save_folder,
            has_generated: false,
            last_secs: None,
            memory: None,
        }
    }

    /// The layer that tools work on.
    pub fn chosen_layer(&self) -> Option<&Layer> {
        self.view.chosen.and_then(|id| self.document.layer(id))
    }

    /// The picture on the canvas, if there is one.
    pub fn shown_image(&self) -> Option<Arc<GrayImage>> {
        self.image_of(self.shown)
    }

    /// The picture that would be on the canvas, if there is one.
    pub fn image_of(&self, shown: Shown) -> Option<Arc<GrayImage>> {
        let result = |i: usize| self.results.get(i);
        match shown {
            Shown::Blank => None,
            Shown::Base => self.document.base.as_ref().map(|b| Arc::clone(&b.image)),
            Shown::Example => self.pictures.iter().find(|(e, _)| Some(*e) == self.example).map(|(_, p)| Arc::clone(p)),
            Shown::Live => match self.job.as_ref().and_then(|j| j.previews.last()) {
                Some(preview) => Some(Arc::clone(preview)),
                None => None,
            },
            Shown::LiveStep(s) => self.job.as_ref().and_then(|j| j.previews.get(s)).cloned(),
            Shown::Result(i) => result(i).map(|r| Arc::clone(&r.artifact.image)),
            Shown::ResultStep(i, s) => result(i).and_then(|r| r.previews.get(s)).cloned(),
        }
    }

    /// What the picture on the canvas is, for the tag in its corner.
    pub fn shown_title(&self) -> String {
        self.title_of(self.shown)
    }

    /// What a picture is.
    pub fn title_of(&self, shown: Shown) -> String {
        match shown {
            Shown::Blank => "No image yet".to_owned(),
            Shown::Base => self.document.base.as_ref().map_or_else(String::new, |b| b.title.clone()),
            Shown::Example => "Example image, before the layers were used".to_owned(),
            Shown::Live => match &self.job {
                Some(job) if job.step > 0 => format!("Predicted image at step {}", job.step),
                _ => "Waiting for the first step".to_owned(),
            },
            Shown::LiveStep(_) | Shown::ResultStep(..) => {
                let step = Film::at(self, shown).chosen_step().unwrap_or(0);
                format!("Predicted image at step {step}")
            }
            Shown::Result(i) => match self.results.get(i) {
                Some(result) => format!("Finished image, seed {}", result.artifact.request.seed.0),
                None => String::new(),
            },
        }
    }

    /// Whether a run is under way or will be without a further word.
    pub fn is_running(&self) -> bool {
        self.job.as_ref().is_some_and(|j| !j.paused) || (self.queue.is_busy() && !matches!(self.model, ModelState::Failed(_)))
    }

    /// Lets exports tell as much as the settings say.
    pub fn apply_tier(&mut self) {
        self.images.export.tier = self.settings.tier;
        self.data_sets.tells = self.settings.tier;
    }

    /// The library's row of the result on the canvas.
    pub fn shown_run(&self) -> Option<&crate::library::RunRow> {
        match self.shown {
            Shown::Result(i) | Shown::ResultStep(i, _) => self.results.get(i).and_then(|r| r.run.as_deref()),
            _ => None,
        }
    }
}
