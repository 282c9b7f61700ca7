//! What the window is given of a run: plain values, made anew when something changed.

use std::sync::Arc;
use std::time::SystemTime;

use super::folder::{Checkpoint, Found, Lock, Picture};
use super::plan::Plan;
use super::stage::Stage;

/// How a run stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Its log is being read for the first time.
    #[default]
    Reading,
    /// A folder without an update.
    NotBegun,
    /// A process works in it.
    Running,
    /// All its stages are done.
    Finished,
    /// It was asked to stop: a checkpoint holds its last update.
    Stopped,
    /// It ended without a checkpoint of its last update.
    Crashed,
    /// It is no run, or cannot be read.
    Unreadable,
}

impl Standing {
    /// In a word or two.
    pub fn title(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::NotBegun => "not begun",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Crashed => "ended early",
            Self::Unreadable => "cannot be read",
        }
    }
}

/// A sentence of the run's own log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Stage.
    pub stage: String,
    /// Updates done.
    pub step: u64,
    /// Seconds since 1970.
    pub time: u64,
    /// The sentence.
    pub text: String,
}

/// A run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// How it stands.
    pub standing: Standing,
    /// Its stages, in the order in which the log begins them.
    pub stages: Vec<Arc<Stage>>,
    /// What its configuration says.
    pub plan: Plan,
    /// The text of the configuration.
    pub config: Arc<str>,
    /// Checkpoints by stage and update.
    pub checkpoints: Vec<Checkpoint>,
    /// Pictures of the panel by stage and update.
    pub pictures: Vec<Picture>,
    /// Stages whose last weights are there.
    pub finished: Vec<String>,
    /// What the run said, oldest first.
    pub said: Vec<Said>,
    /// What the folder makes one say: files that are damaged, missing or old, each a sentence.
    pub notes: Vec<String>,
    /// Share of the log that was read, until all was.
    pub reading: Option<f32>,
    /// Why nothing can be shown, or no more.
    pub trouble: Option<String>,
    /// When the log was last written.
    pub changed: Option<SystemTime>,
}

impl View {
    /// A stage of the log.
    pub fn stage(&self, name: &str) -> Option<&Arc<Stage>> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// The stage that works, or did last.
    pub fn newest(&self) -> Option<&Arc<Stage>> {
        self.stages.last()
    }

    /// The newest checkpoint of that stage that can be read.
    pub fn last_whole(&self) -> Option<&Checkpoint> {
        let stage = self.newest()?;
        self.checkpoints.iter().rfind(|checkpoint| checkpoint.stage == stage.name && checkpoint.whole)
    }

    /// Updates of a stage, where known.
    pub fn of(&self, stage: &Stage) -> Option<u64> {
        let of = stage.of.or_else(|| self.plan.stage(&stage.name)?.steps)?;
        // Another configuration may have been laid beside an old log.
        (of >= u64::from(stage.step)).then_some(of)
    }

    /// Names of all stages, those to come too.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.plan.stages.iter().map(|stage| stage.name.as_str()).collect();
        for stage in &self.stages {
            if !names.contains(&stage.name.as_str()) {
                names.push(&stage.name);
            }
        }
        names
    }

    /// Share of the updates of all stages that are done, where known.
    pub fn share(&self) -> Option<f32> {
        let mut done = 0.0;
        let names = self.names();
        for name in &names {
            done += match self.stage(name) {
                _ if self.finished.iter().any(|finished| finished == name) => 1.0,
                Some(stage) => (f64::from(stage.step) / self.of(stage)?.max(1) as f64).min(1.0),
                None => 0.0,
            };
        }
        (!names.is_empty()).then(|| (done / names.len() as f64) as f32)
    }

    /// Seconds that the newest stage has left at its pace.
    pub fn left(&self) -> Option<f64> {
        let stage = self.newest()?;
        let left = self.of(stage)?.saturating_sub(u64::from(stage.step));
        Some(stage.pace()? * left as f64)
    }

    /// Pictures of a stage, oldest first, without those of the data.
    pub fn panels(&self, stage: &str) -> Vec<&Picture> {
        self.pictures.iter().filter(|picture| picture.stage == stage && picture.step.is_some()).collect()
    }

    /// The pictures of the data that a stage's panel is compared with.
    pub fn truth(&self, stage: &str) -> Option<&Picture> {
        self.pictures.iter().find(|picture| picture.stage == stage && picture.step.is_none())
    }

    /// The newest checkpoint of a stage.
    pub fn checkpoint(&self, stage: &str) -> Option<&Checkpoint> {
        self.checkpoints.iter().rev().find(|checkpoint| checkpoint.stage == stage)
    }

    /// Takes over what lies in the folder and how that makes the run stand.
    pub(super) fn set(&mut self, found: Found, lock: Lock, recent: bool) {
        (self.checkpoints, self.pictures, self.finished) = (found.checkpoints, found.pictures, found.finished);
        self.standing = self.judge(lock, recent);
    }

    fn judge(&self, lock: Lock, recent: bool) -> Standing {
        let names = self.names();
        let all = !names.is_empty() && names.iter().all(|name| self.finished.iter().any(|finished| finished == name));
        match (lock, self.newest()) {
            (Lock::Held, _) => Standing::Running,
            _ if all => Standing::Finished,
            // Runs of older versions have no lock: who wrote a moment ago still works.
            (Lock::Unknown, Some(_)) if recent => Standing::Running,
            (_, None) => Standing::NotBegun,
            (_, Some(stage)) => {
                let kept = self.checkpoint(&stage.name).is_some_and(|c| c.whole && c.step >= u64::from(stage.step));
                let done = self.finished.contains(&stage.name);
                if kept || done { Standing::Stopped } else { Standing::Crashed }
            }
        }
    }
}
