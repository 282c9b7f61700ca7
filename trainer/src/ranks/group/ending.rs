//! How a job ends: in order where all ranks know why, else at once for all.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Result, anyhow};
use crossbeam_channel::bounded;

use super::{Elsewhere, Group};

/// How long a process that failed waits for its end.
const LAST_WORD: Duration = Duration::from_secs(10);

impl Group {
    /// Ends the job as its result says: in order where all ranks know it, else at once for all.
    ///
    /// # Errors
    /// That of the result.
    pub fn end<T>(&self, result: Result<T>) -> Result<T> {
        let Some((jobs, thread)) = self.thread.take() else { return result };
        if let Some(presence) = &self.presence {
            presence.leave();
        }
        match result {
            Err(error) if !self.failed.get() => {
                // The others wait for this rank and cannot know that it is gone.
                let error = error.context(self.name(self.rank).to_owned());
                crate::run::log::say(&format!("chexgen: {error:#}"));
                self.give_up.store(true, Ordering::Relaxed);
                let (tell, told) = bounded(1);
                drop(jobs.send(Box::new(move |ranks| {
                    ranks.abort();
                    tell.send(()).ok();
                })));
                // Most connections end this process here.
                told.recv_timeout(LAST_WORD).ok();
                Err(error.context(Elsewhere))
            }
            known => {
                let (tell, told) = bounded(1);
                drop(jobs.send(Box::new(move |ranks| drop(tell.send(ranks.leave())))));
                drop(jobs);
                let left = told.recv_timeout(self.limit).unwrap_or_else(|_| Err(anyhow!("the other ranks did not end in time")));
                drop(thread.join());
                known.and_then(|value| left.map(|()| value))
            }
        }
    }
}
