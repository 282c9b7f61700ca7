//! Signals that ask a run to write a checkpoint and end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Exit code of a process that a second Ctrl-C ended.
const IMPATIENT: i32 = 130;

/// Why a run should stop.
#[derive(Clone)]
pub struct StopRequest {
    flag: Arc<AtomicBool>,
    deadline: Option<Instant>,
}

impl StopRequest {
    /// Listens to SIGINT, SIGTERM and SIGUSR1; `stop_after` ends the run after that time. A second SIGINT ends the process
    /// at once with exit code 130, as a kill does.
    ///
    /// # Errors
    /// When a handler cannot be installed.
    pub fn listen(stop_after: Option<Duration>) -> Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        let impatient = signal_hook::flag::register_conditional_shutdown(signal_hook::consts::SIGINT, IMPATIENT, flag.clone());
        impatient.context("cannot listen to Ctrl-C")?;
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGUSR1] {
            signal_hook::flag::register(signal, flag.clone()).with_context(|| format!("cannot listen to signal {signal}"))?;
        }
        Ok(Self { flag, deadline: stop_after.map(|after| Instant::now() + after) })
    }

    /// A request that never comes, for tests.
    pub fn never() -> Self {
        Self { flag: Arc::new(AtomicBool::new(false)), deadline: None }
    }

    /// A request that comes when `flag` is set, for tests.
    #[cfg(test)]
    pub(crate) fn by(flag: Arc<AtomicBool>) -> Self {
        Self { flag, deadline: None }
    }

    /// Whether a signal came. A time that is over is not meant: a run whose preparation takes longer than `stop_after` comes
    /// further with each start.
    pub fn is_signalled(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    /// Whether the run should stop now.
    pub fn is_raised(&self) -> bool {
        self.is_signalled() || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}
