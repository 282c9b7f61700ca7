//! The processes of a job as one of them sees them.
//!
//! A thread of its own does all communication, call after call, so that the training goes on meanwhile and a partner
//! that never answers is noticed: whoever waits for an answer looks at the clock.

mod agreement;
mod ending;

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::collective::{Collective, Single};
use super::presence::Presence;
pub use agreement::Elsewhere;

/// How often somebody who waits tells that it does.
const BEAT: Duration = Duration::from_secs(1);
/// Rank 0 tells first of a partner that does not answer; the others hold back for this time.
const HOLD_BACK: Duration = Duration::from_secs(10);

/// Something for the thread to do.
type Job = Box<dyn FnOnce(&mut dyn Collective) + Send>;

/// Set when a call that is under way shall end all processes instead of waiting on.
pub type GiveUp = Arc<AtomicBool>;

/// An answer that may not be there yet.
#[must_use]
pub struct Pending<T> {
    answer: Receiver<Result<T>>,
    /// Number of the call, from 1; the same on all ranks.
    call: u64,
}

/// The processes of a job.
pub struct Group {
    rank: usize,
    world: usize,
    /// `rank 1 on node7 (process 4711)`.
    names: Vec<String>,
    limit: Duration,
    calls: Cell<u64>,
    /// Whether a failure is known to all.
    failed: Cell<bool>,
    presence: Option<Presence>,
    give_up: GiveUp,
    thread: RefCell<Option<(Sender<Job>, JoinHandle<()>)>>,
}

impl Group {
    /// One process.
    pub fn alone() -> Self {
        Self {
            rank: 0,
            world: 1,
            names: vec!["rank 0".to_owned()],
            limit: Duration::MAX,
            calls: Cell::new(0),
            failed: Cell::new(false),
            presence: None,
            give_up: GiveUp::default(),
            thread: RefCell::new(None),
        }
    }

    /// Joins the others by what `connect` makes; `presence` is where they tell that they wait, `limit` how long a
    /// partner may take.
    ///
    /// # Errors
    /// When they cannot be reached.
    pub fn join(
        connect: impl FnOnce(GiveUp) -> Result<Box<dyn Collective>> + Send + 'static,
        presence: Option<Presence>,
        limit: Duration,
    ) -> Result<Self> {
        let (jobs, todo) = bounded::<Job>(64);
        let (tell, told) = bounded(1);
        let give_up = GiveUp::default();
        let for_thread = give_up.clone();
        let work = move || {
            let connected = connect(for_thread).map(|collective| {
                let numbers = (collective.rank(), collective.world());
                (ManuallyDrop::new(collective), numbers)
            });
            let mut collective = match connected {
                Ok((collective, numbers)) => {
                    drop(tell.send(Ok(numbers)));
                    collective
                }
                Err(error) => return drop(tell.send(Err(error))),
            };
            for job in todo {
                job(collective.as_mut());
            }
            // Nobody asks any more. Whether the connection is taken down in an orderly way was decided by a job: a
            // process that failed must not wait for others that wait for it.
        };
        let thread = std::thread::Builder::new().name("ranks".to_owned()).spawn(work);
        let thread = thread.context("cannot start the thread that speaks with the other ranks")?;
        let answer = told.recv_timeout(limit).map_err(|_| {
            anyhow!("the other ranks were not there after {} s; see that all were started, then start again", limit.as_secs())
        })?;
        let (rank, world) = answer?;
        let mut group = Self {
            rank,
            world,
            names: (0..world).map(|rank| format!("rank {rank}")).collect(),
            limit: if rank == 0 { limit } else { limit.saturating_add(HOLD_BACK) },
            calls: Cell::new(0),
            failed: Cell::new(false),
            presence,
            give_up,
            thread: RefCell::new(Some((jobs, thread))),
        };
        let mine = format!("{} (process {})", super::presence::host(), std::process::id());
        let places = group.gather(mine.into_bytes())?;
        for (name, place) in group.names.iter_mut().zip(places) {
            *name = format!("{name} on {}", String::from_utf8_lossy(&place));
        }
        Ok(group)
    }

    /// Number of this process, from 0.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Number of processes.
    pub fn world(&self) -> usize {
        self.world
    }

    /// Whether this is the one that writes files and speaks.
    pub fn leads(&self) -> bool {
        self.rank == 0
    }

    /// Whether there is no other process.
    pub fn is_alone(&self) -> bool {
        self.world == 1
    }

    /// A rank with its machine and process.
    pub fn name(&self, rank: usize) -> &str {
        self.names.get(rank).map_or("a rank", String::as_str)
    }

    /// Asks for a call; the answer may be waited for later. All ranks ask for the same calls in the same order.
    ///
    /// # Errors
    /// When the thread has ended.
    pub fn begin<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut dyn Collective) -> Result<T> + Send + 'static,
    ) -> Result<Pending<T>> {
        let (tell, answer) = bounded(1);
        self.calls.set(self.calls.get() + 1);
        let pending = Pending { answer, call: self.calls.get() };
        match &*self.thread.borrow() {
            // Nobody who waits any more is no fault of the call.
            Some((jobs, _)) => jobs
                .send(Box::new(move |collective| drop(tell.send(call(collective)))))
                .map_err(|_| anyhow!("the thread that speaks with the other ranks has ended"))?,
            None => drop(tell.send(call(&mut Single))),
        }
        Ok(pending)
    }

    /// Waits for an answer.
    ///
    /// # Errors
    /// When the call failed, or a partner does not answer within the limit: the sentence names it.
    pub fn wait<T>(&self, pending: Pending<T>) -> Result<T> {
        let begin = Instant::now();
        loop {
            match pending.answer.recv_timeout(BEAT.min(self.limit)) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Disconnected) => bail!("the thread that speaks with the other ranks has ended"),
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(presence) = &self.presence {
                        presence.waits_for(pending.call);
                    }
                    if begin.elapsed() >= self.limit {
                        bail!(self.late(pending.call));
                    }
                }
            }
        }
    }

    /// Who keeps the others waiting.
    fn late(&self, call: u64) -> String {
        let waiting = self.presence.as_ref().map(|presence| presence.who_waits(call, self.world, BEAT)).unwrap_or_default();
        let missing: Vec<&str> =
            (0..self.world).filter(|rank| *rank != self.rank && !waiting.contains(rank)).map(|rank| self.name(rank)).collect();
        let seconds = self.limit.as_secs();
        let again = "the job ends; started again, it goes on from its newest checkpoint";
        if missing.is_empty() {
            let all: Vec<&str> = (0..self.world).map(|rank| self.name(rank)).collect();
            return format!(
                "all ranks wait for each other since {seconds} s: a connection between {} fails; {again}",
                all.join(", ")
            );
        }
        format!("no answer for {seconds} s (--rank-timeout) from {}; {again}", missing.join(", "))
    }
}

#[cfg(test)]
mod tests;
