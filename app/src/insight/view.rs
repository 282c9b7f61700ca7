//! What the panels are given of all this, computed before a frame is drawn.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use engine::condition::Survival;
use engine::domain::GrayImage;
use engine::text::Cleaned;

use super::rows::Looked;
use super::word_map::Heat;
use crate::checks::{Check, Verdict};
use crate::state::Document;

/// The autoencoder's round trip of the condition picture.
#[derive(Clone, Debug, Default)]
pub enum Trip {
    /// There is no condition picture, or no model yet.
    #[default]
    None,
    /// It waits until the run in progress is over.
    AfterRun,
    /// It is being computed.
    Busy,
    /// It takes long on this model, so it is computed when asked for; the time is that of the last one.
    OnDemand(Option<Duration>),
    /// The model cannot tell.
    Unknown,
    /// It failed, with one sentence why.
    Failed(String),
    /// What is left.
    Ready {
        /// The picture.
        after: Arc<GrayImage>,
        /// How much of the drawn contrast is left.
        survival: Option<Survival>,
    },
}

/// What the checker sees in the image on the canvas.
#[derive(Clone, Debug, Default)]
pub enum Look {
    /// No finished image is on the canvas.
    #[default]
    None,
    /// The image is still forming.
    Pending,
    /// The checker is looking.
    Busy,
    /// No checker fits the model.
    NoChecker,
    /// It failed, with one sentence why.
    Failed(String),
    /// What it sees.
    Ready(Arc<Looked>),
}

/// Everything that is computed of the open case and the shown image.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// All checks, conflicts first.
    pub checks: Arc<Vec<Check>>,
    /// The text after cleaning, where the model cleans it.
    pub cleaned: Option<Cleaned>,
    /// The condition picture after the autoencoder.
    pub trip: Trip,
    /// What the checker sees.
    pub look: Look,
    /// The words of the shown run that can be pointed at, as bytes of its text.
    pub words: Arc<Vec<Range<usize>>>,
    /// The text that those words stand in.
    pub text: String,
    /// Where the word that is pointed at acts.
    pub heat: Option<Arc<Heat>>,
}

impl View {
    /// The conflicts that were kept on purpose.
    pub fn kept(&self, document: &Document) -> usize {
        self.checks.iter().filter(|c| c.verdict == Verdict::Conflict && document.kept_conflicts.contains(&c.sentence)).count()
    }
}
