//! What the studio knows, without windows, threads or files.

pub mod demographics;
pub mod document;
pub mod history;
pub mod messages;
pub mod run;
pub mod view;

pub use demographics::{Demographics, Group, Sex, View};
pub use document::{Document, Layer, LayerId, Region};
pub use history::{Gesture, History};
pub use messages::{Level, Message, Messages};
pub use run::{Artifact, Job, JobId, Sampling, Shown, StudioResult};
pub use view::{Tool, ViewState};

use std::path::PathBuf;

use crate::jobs::ModelState;

/// Everything the window shows.
#[derive(Debug)]
pub struct State {
    /// The open case and its edits.
    pub document: Document,
    /// Undo and redo.
    pub history: History,
    /// Zoom, window level, tool: not undone.
    pub view: ViewState,
    /// Steps, guidance and seed.
    pub sampling: Sampling,
    /// The run in progress, if any.
    pub job: Option<Job>,
    /// Results of this session, newest first.
    pub results: Vec<StudioResult>,
    /// Which picture is on the canvas.
    pub shown: Shown,
    /// The model behind the window.
    pub model: ModelState,
    /// Toasts and the message list.
    pub messages: Messages,
    /// Where `Ctrl+S` writes.
    pub save_folder: PathBuf,
    /// Number of the last job.
    pub last_job: u64,
    /// Whether Generate was ever pressed; the button calls for attention until then.
    pub has_generated: bool,
}

impl State {
    /// A studio with a case on the canvas and no model yet.
    pub fn new(document: Document, save_folder: PathBuf) -> Self {
        Self {
            view: ViewState::for_document(&document),
            document,
            history: History::default(),
            sampling: Sampling::default(),
            job: None,
            results: Vec::new(),
            shown: Shown::Example,
            model: ModelState::Loading { since: None },
            messages: Messages::default(),
            save_folder,
            last_job: 0,
            has_generated: false,
        }
    }

    /// The layer that tools work on.
    pub fn chosen_layer(&self) -> Option<&Layer> {
        self.view.chosen.and_then(|id| self.document.layer(id))
    }

    /// Whether a run is under way.
    pub fn is_running(&self) -> bool {
        self.job.is_some()
    }
}
