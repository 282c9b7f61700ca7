//! The rows of the library as plain values.

use serde::{Deserialize, Serialize};

use crate::state::measure::LayerMeasure;

/// Number of a job; never used twice.
pub type JobId = i64;
/// Number of a run; never used twice.
pub type RunId = i64;

/// A list of names that the library stores as text.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// The word in the library.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value of a word; `None` for words of others.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

named! {
    /// Where a job is.
    JobState {
        /// In the queue; a run that was paused goes on from its kept state.
        #[default]
        Waiting = "waiting",
        /// Being made.
        Running = "running",
        /// Between two steps, kept on disk.
        Paused = "paused",
        /// Its image is in the library.
        Done = "done",
        /// The person took it back.
        Cancelled = "cancelled",
        /// It could not be made; the reason says why.
        Failed = "failed",
    }
}

impl JobState {
    /// Whether an image is still to come.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Running | Self::Paused)
    }
}

named! {
    /// What a run is to the run it came from.
    Relation {
        /// It came from none.
        #[default]
        None = "",
        /// Went on from one of its steps.
        Fork = "fork",
        /// The same seed without or with the finding.
        Twin = "twin",
        /// Another seed of the same request.
        Variant = "variant",
        /// Another seed, because a rule was not met.
        Retry = "retry",
        /// Changed a region of its image.
        Edit = "edit",
        /// Another cell of the same grid.
        Cell = "cell",
    }
}

named! {
    /// What the person thinks of a run.
    Mark {
        /// Nothing.
        #[default]
        None = "",
        /// Worth finding again.
        Star = "star",
        /// Not wanted; kept all the same.
        Reject = "reject",
    }
}

named! {
    /// What a replay showed.
    Verified {
        /// It was not replayed.
        #[default]
        Not = "",
        /// The same bits.
        Equal = "equal",
        /// Other bits.
        Different = "different",
    }
}

/// What happens with the results of a group, once they are measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Reject all of a group but the best one.
    pub keep_best: bool,
    /// Reject a result whose least value is below this, and try another seed.
    pub below: Option<f32>,
    /// Further seeds to try for each result that is below.
    pub retries: u32,
}

impl Rule {
    /// Whether it asks for anything.
    pub fn is_set(&self) -> bool {
        self.keep_best || self.below.is_some()
    }

    /// The rule in one sentence, for a group of `n`.
    pub fn sentence(&self, n: usize) -> String {
        let mut words = String::new();
        if self.keep_best {
            words = format!("Keep the best of {n}.");
        }
        if let Some(below) = self.below {
            let often = match self.retries {
                0 => "Reject below".to_owned(),
                _ => "Retry below".to_owned(),
            };
            let most = match self.retries {
                0 => String::new(),
                1 => ", at most once".to_owned(),
                2 => ", at most twice".to_owned(),
                n => format!(", at most {n} times"),
            };
            words = format!("{words}{}{often} {below:.2}{most}.", if words.is_empty() { "" } else { " " });
        }
        if words.is_empty() { "Keep all.".to_owned() } else { words }
    }
}

/// What an image is asked as, besides what it shall show: the same before and after it went into the queue.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Task {
    /// Name of the case.
    pub name: String,
    /// Hash of the model it is asked for; empty for any.
    pub model_hash: String,
    /// What it is to its parent.
    pub relation: Relation,
    /// The run it comes from.
    pub parent_run: Option<RunId>,
    /// The step of a fork, from 1.
    pub parent_step: Option<u32>,
    /// The grid or data set it belongs to; empty for none.
    pub recipe: String,
    /// Its place in it.
    pub cell: String,
    /// What happens with its result.
    pub rule: Rule,
    /// Which attempt it is of a rule that retries, from 1.
    pub attempt: u32,
}

impl Task {
    /// A first attempt without parent, recipe and rule.
    pub fn new(name: impl Into<String>, model_hash: impl Into<String>) -> Self {
        Self { name: name.into(), model_hash: model_hash.into(), attempt: 1, ..Self::default() }
    }

    /// The case and what the image is to the one that it came from, to tell a twin from its original in a list.
    pub fn title(&self) -> String {
        match (self.relation, self.parent_step) {
            (Relation::None | Relation::Variant | Relation::Cell, _) => self.name.clone(),
            (Relation::Fork, Some(step)) => format!("{}, fork at step {step}", self.name),
            (relation, _) => format!("{}, {}", self.name, relation.word()),
        }
    }
}

/// A row of the queue, without its request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobRow {
    /// Its number.
    pub id: JobId,
    /// Number of its group: jobs that were asked for together.
    pub group: i64,
    /// Order in the queue, smaller first.
    pub position: f64,
    /// Where it is.
    pub state: JobState,
    /// Counts changes of the row: of two copies, the higher is newer.
    pub rev: i64,
    /// When it was asked for, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was begun last.
    pub started_ms: Option<i64>,
    /// When it ended.
    pub ended_ms: Option<i64>,
    /// What it was asked as.
    pub task: Task,
    /// Its seed.
    pub seed: u64,
    /// Steps in all.
    pub steps: u32,
    /// Steps that were done when it was paused or ended.
    pub steps_done: u32,
    /// Why it waits or failed, one sentence.
    pub reason: String,
    /// What came out.
    pub run: Option<RunId>,
}

/// A run: one image with what made it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunRow {
    /// Its number.
    pub id: RunId,
    /// The job that made it; none when it was imported.
    pub job: Option<JobId>,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
    /// Name of the case.
    pub name: String,
    /// The PNG, relative to the library's folder or absolute.
    pub file: String,
    /// The text, prefix included.
    pub impression: String,
    /// Its seed.
    pub seed: u64,
    /// Steps that were asked for.
    pub steps: u32,
    /// Steps that ran.
    pub steps_ran: u32,
    /// Guidance; 1 is off.
    pub guidance: f32,
    /// Name of the sampler.
    pub sampler: String,
    /// Name of the preset.
    pub preset: String,
    /// Side of the image in pixels.
    pub size_px: u32,
    /// Name of the model.
    pub model_name: String,
    /// Hash of the model.
    pub model_hash: String,
    /// Hash of the image.
    pub image_hash: String,
    /// Seconds it took.
    pub secs: f64,
    /// Whether a region of a real image was changed.
    pub edited: bool,
    /// What the person thinks of it.
    pub mark: Mark,
    /// What the person wrote about it.
    pub note: String,
    /// The least value of its layers.
    pub adherence: Option<f32>,
    /// One value a layer.
    pub measures: Vec<LayerMeasure>,
    /// Whether text and layers disagreed and were kept so.
    pub conflict: bool,
    /// What a replay showed.
    pub verified: Verified,
    /// What it is to its parent.
    pub relation: Relation,
    /// The run it comes from.
    pub parent_run: Option<RunId>,
    /// The step of a fork, from 1.
    pub parent_step: Option<u32>,
    /// The grid or data set it belongs to.
    pub recipe: String,
    /// Its place in it.
    pub cell: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_sentences() {
        let rule = |keep_best, below, retries| Rule { keep_best, below, retries }.sentence(4);
        assert_eq!(rule(true, Some(0.7), 2), "Keep the best of 4. Retry below 0.70, at most twice.");
        assert_eq!(rule(false, Some(0.5), 0), "Reject below 0.50.");
        assert_eq!(rule(true, None, 3), "Keep the best of 4.");
        assert_eq!(rule(false, None, 0), "Keep all.");
    }

    #[test]
    fn a_twin_is_told_from_its_original() {
        let task = |relation, parent_step| Task { relation, parent_step, ..Task::new("Nodule", "") }.title();
        assert_eq!(task(Relation::None, None), "Nodule");
        assert_eq!(task(Relation::Twin, None), "Nodule, twin");
        assert_eq!(task(Relation::Fork, Some(7)), "Nodule, fork at step 7");
    }

    #[test]
    fn words_come_back() {
        for state in ["waiting", "running", "paused", "done", "cancelled", "failed"] {
            assert_eq!(JobState::from_word(state).map(JobState::word), Some(state));
        }
        assert_eq!((Relation::from_word("cell"), Mark::from_word("maybe")), (Some(Relation::Cell), None));
    }
}
