//! A bar for long steps, and an interruption that is heard.

use anyhow::Result;
use engine::cancel::Cancel;
use indicatif::{ProgressBar, ProgressStyle};
use study::StudyError;

use super::files::say;
use crate::run::signals::StopRequest;

/// A step that is shown and can be stopped.
pub(super) struct Step {
    stop: StopRequest,
    bar: ProgressBar,
    /// Raised when the person asks to stop.
    pub(super) cancel: Cancel,
}

impl Step {
    /// Listens to interruptions; the bar is silent where standard error is no terminal.
    pub(super) fn begin(what: &str) -> Result<Self> {
        let style = ProgressStyle::with_template("{msg:20} {bar:30} {pos}/{len}  {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(0).with_style(style).with_message(what.to_owned());
        Ok(Self { stop: StopRequest::listen(None)?, bar, cancel: Cancel::new() })
    }

    /// Shows how much is done, and hears an interruption.
    pub(super) fn at(&self, done: usize, all: usize) {
        self.bar.set_length(all as u64);
        self.bar.set_position(done as u64);
        if self.stop.is_raised() {
            self.cancel.cancel();
        }
    }

    /// Shows another part of the step.
    pub(super) fn part(&self, what: &str, done: usize, all: usize) {
        self.bar.set_message(what.to_owned());
        self.at(done, all);
    }

    /// Whether the person asked to stop.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_raised()
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// Ends with what was made; `None` where the person asked to stop, which is said.
    pub(super) fn made<T>(&self, made: Result<T, StudyError>) -> Result<Option<T>> {
        self.end();
        match made {
            Err(StudyError::Stopped) => {
                say("interrupted; nothing was written")?;
                Ok(None)
            }
            made => Ok(Some(made?)),
        }
    }
}
