//! What the model makes of a case: how it reads the text and the layers, what the checker sees in an image, and where
//! each word acts.
//!
//! [`State`] is what a person chose; [`Live`] computes the rest, slow parts on a thread of its own.

pub mod desk;
mod live;
pub mod rows;
pub mod view;
pub mod word_map;

use std::sync::Arc;

use crate::checks::{Check, Verdict};
use crate::state::{Gesture, JobId, State as Studio};

pub use live::Live;
pub use view::{Look, Trip, View};
pub use word_map::WordMaps;

/// A command about checks, pictures of what the model sees, and words.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Puts another text into the impression, as one gesture.
    Rewrite(String),
    /// Keeps a conflict of this sentence and says so in the record; again takes that back.
    KeepConflict(String),
    /// Whether runs tell where each word acts.
    ToggleWordMap,
    /// Points at a word of the shown run, by its place in the list of words.
    PointAt(Option<usize>),
    /// Goes to the next or the previous word.
    StepWord(i32),
    /// Shows what the model sees large, or small again.
    ToggleEnlarged,
    /// Asks for the autoencoder's round trip where it takes long.
    AskRoundTrip,
}

/// What a person chose.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Whether runs tell where each word acts.
    pub word_map: bool,
    /// The word that is pointed at.
    pub word: Option<usize>,
    /// How many words can be pointed at, as it was last computed.
    pub words: usize,
    /// Whether the pictures of what the model sees are large.
    pub enlarged: bool,
    /// Counts requests for a round trip by hand.
    pub asked: u32,
    /// The checks of the open case, as they were last computed.
    pub checks: Arc<Vec<Check>>,
    /// Where the words of recent runs act.
    pub maps: WordMaps,
}

/// The first conflict of the open case that was not kept on purpose.
pub fn open_conflict(state: &Studio) -> Option<&Check> {
    let kept = &state.document.kept_conflicts;
    state.insight.checks.iter().find(|c| c.verdict == Verdict::Conflict && !kept.contains(&c.sentence))
}

/// Applies an action.
pub fn reduce(state: &mut Studio, action: Action) {
    match action {
        Action::Rewrite(text) => {
            if text != state.document.impression {
                crate::reduce::edit(state, Gesture::Click, |d| d.impression = text);
            }
        }
        Action::KeepConflict(sentence) => crate::reduce::edit(state, Gesture::Click, |d| {
            let kept = d.kept_conflicts.len();
            d.kept_conflicts.retain(|s| *s != sentence);
            if d.kept_conflicts.len() == kept {
                d.kept_conflicts.push(sentence);
            }
        }),
        Action::ToggleWordMap => {
            state.insight.word_map = !state.insight.word_map;
            state.insight.word = None;
        }
        Action::PointAt(word) => state.insight.word = word,
        Action::StepWord(by) => {
            let last = i64::try_from(state.insight.words).unwrap_or(0) - 1;
            let at = state.insight.word.map_or(if by > 0 { -1 } else { last + 1 }, |w| i64::try_from(w).unwrap_or(0));
            state.insight.word = usize::try_from((at + i64::from(by)).clamp(0, last.max(0))).ok();
        }
        Action::ToggleEnlarged => state.insight.enlarged = !state.insight.enlarged,
        Action::AskRoundTrip => state.insight.asked += 1,
    }
}

/// The job or result whose words are on the canvas, and the step, from 0; `None` for the step is the whole run.
pub fn shown_run(state: &Studio) -> Option<(JobId, Option<usize>)> {
    use crate::state::Shown;
    let result = |i: usize| state.results.get(i).map(|r| r.job);
    match state.shown {
        Shown::Live => state.job.as_ref().map(|j| (j.id, j.previews.len().checked_sub(1))),
        Shown::LiveStep(s) => state.job.as_ref().map(|j| (j.id, Some(s))),
        Shown::Result(i) => result(i).map(|job| (job, None)),
        Shown::ResultStep(i, s) => result(i).map(|job| (job, Some(s))),
        Shown::Example | Shown::Base | Shown::Blank => None,
    }
}

/// The request behind the picture on the canvas.
pub fn shown_request(state: &Studio) -> Option<&engine::domain::GenerateRequest> {
    use crate::state::Shown;
    match state.shown {
        Shown::Live | Shown::LiveStep(_) => state.job.as_ref().map(|j| &j.request),
        Shown::Result(i) | Shown::ResultStep(i, _) => state.results.get(i).map(|r| &r.artifact.request),
        Shown::Example | Shown::Base | Shown::Blank => None,
    }
}
