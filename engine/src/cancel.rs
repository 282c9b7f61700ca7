//! A handle that asks long work to stop or to pause; it is read once per step.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// A shared request to stop or to pause; clones refer to the same one.
///
/// A run that makes images pauses between two steps; work without steps, such as an import, does not pause.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    cancelled: AtomicBool,
    paused: Mutex<bool>,
    changed: Condvar,
}

impl Cancel {
    /// A request for neither.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the work to stop after its current step; paused work stops at once.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
        self.wake();
    }

    /// Whether stopping was asked for.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Relaxed)
    }

    /// Asks the work to wait after its current step.
    pub fn pause(&self) {
        *self.0.paused.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Lets paused work go on.
    pub fn resume(&self) {
        *self.0.paused.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.wake();
    }

    /// Whether the work is to wait; work that is to stop does not.
    pub fn is_paused(&self) -> bool {
        *self.0.paused.lock().unwrap_or_else(PoisonError::into_inner) && !self.is_cancelled()
    }

    /// Sleeps while pausing is asked for; wakes when the work is to go on or to stop.
    pub fn wait_while_paused(&self) {
        let mut paused = self.0.paused.lock().unwrap_or_else(PoisonError::into_inner);
        while *paused && !self.is_cancelled() {
            paused = self.0.changed.wait(paused).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn wake(&self) {
        // Whoever is about to sleep holds the lock until it sleeps, so it cannot miss this.
        drop(self.0.paused.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// Whether a thread that waits on the handle wakes after `change`, and not before.
    fn wakes_after(change: impl FnOnce(&Cancel)) -> bool {
        let cancel = Cancel::new();
        cancel.pause();
        let (tell, told) = mpsc::channel();
        let waiting = cancel.clone();
        let thread = thread::Builder::new().name("waits".into()).spawn(move || {
            waiting.wait_while_paused();
            tell.send(()).unwrap();
        });
        let thread = thread.unwrap();
        assert!(told.recv_timeout(Duration::from_millis(50)).is_err(), "it waits");
        change(&cancel);
        let woke = told.recv_timeout(Duration::from_secs(20)).is_ok();
        cancel.resume();
        thread.join().unwrap();
        woke
    }

    #[test]
    fn paused_work_wakes_when_it_is_to_go_on_or_to_stop() {
        assert!(wakes_after(Cancel::resume));
        assert!(wakes_after(Cancel::cancel));
        Cancel::new().wait_while_paused();
    }

    #[test]
    fn stopping_counts_more_than_pausing() {
        let cancel = Cancel::new();
        cancel.pause();
        assert!(cancel.is_paused() && !cancel.is_cancelled());
        cancel.clone().cancel();
        assert!(!cancel.is_paused() && cancel.is_cancelled());
        cancel.resume();
        assert!(cancel.is_cancelled(), "nothing takes it back");
    }
}
