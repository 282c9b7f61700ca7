//! The processes of a job as one of them sees them.
//!
//! A thread of its own does all communication, call after call, so that the training goes on meanwhile and a partner
//! that never answers is noticed: whoever waits for an answer looks at the clock.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::collective::{Collective, Single};
use super::presence::Presence;

/// How often somebody who waits tells that it does.
const BEAT: Duration = Duration::from_secs(1);
/// Rank 0 tells first of a partner that does not answer; the others hold back for this time.
const HOLD_BACK: Duration = Duration::from_secs(10);

/// Something for the thread to do.
type Job = Box<dyn FnOnce(&mut dyn Collective) + Send>;

/// Set when a call that is under way shall end all processes instead of waiting on.
pub type GiveUp = Arc<AtomicBool>;

/// How long a process that failed waits for its end.
const LAST_WORD: Duration = Duration::from_secs(10);

/// An answer that may not be there yet.
#[must_use]
pub struct Pending<T> {
    answer: Receiver<Result<T>>,
    /// Number of the call, from 1; the same on all ranks.
    call: u64,
}

/// The failure of this process where another one tells of it.
#[derive(Debug)]
pub struct Elsewhere;

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another rank failed and says why")
    }
}

impl std::error::Error for Elsewhere {}

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

    /// Bytes of every rank, in their order.
    ///
    /// # Errors
    /// As [`Group::wait`].
    pub fn gather(&self, mine: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        self.wait(self.begin(move |ranks| ranks.gather(&mine))?)
    }

    /// The bytes of rank 0.
    ///
    /// # Errors
    /// As [`Group::wait`].
    pub fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        self.wait(self.begin(move |ranks| ranks.broadcast(bytes))?)
    }

    /// Waits for all.
    ///
    /// # Errors
    /// As [`Group::wait`].
    pub fn barrier(&self) -> Result<()> {
        self.wait(self.begin(|ranks| ranks.barrier())?)
    }

    /// What rank 0 finds; the others do not look, so that all act on the same.
    ///
    /// # Errors
    /// As [`Group::wait`], or when rank 0 finds out nothing.
    pub fn decide<T>(&self, find: impl FnOnce() -> Result<T>) -> Result<T>
    where
        T: serde::Serialize + serde::de::DeserializeOwned,
    {
        let found = self.together(if self.leads() { find().map(Some) } else { Ok(None) })?;
        match found {
            Some(found) if self.is_alone() => Ok(found),
            found => Ok(serde_json::from_slice(&self.broadcast(serde_json::to_vec(&found)?)?)?),
        }
    }

    /// Joins results of a step that all ranks take: when one fails, all fail, and the first that failed tells why.
    ///
    /// # Errors
    /// The failure of this rank, or [`Elsewhere`].
    pub fn together<T>(&self, result: Result<T>) -> Result<T> {
        if self.is_alone() {
            return result;
        }
        let mine = result.as_ref().err().map(|error| format!("{error:#}")).unwrap_or_default();
        let said = self.gather(mine.into_bytes())?;
        let Some(first) = said.iter().position(|said| !said.is_empty()) else { return result };
        self.failed.set(true);
        let same = said.iter().all(|other| *other == said[first]);
        match result {
            Err(error) if first == self.rank && (same || error.is::<Elsewhere>()) => Err(error),
            Err(error) if first == self.rank => Err(error.context(self.name(first).to_owned())),
            _ => Err(Elsewhere.into()),
        }
    }

    /// Makes sure that all ranks mean the same `text`.
    ///
    /// # Errors
    /// Names a rank that has another `what` than rank 0.
    pub fn agree(&self, what: &str, text: &str) -> Result<()> {
        if self.is_alone() {
            return Ok(());
        }
        let all = self.gather(text.as_bytes().to_vec())?;
        let Some(other) = all.iter().position(|text| *text != all[0]) else { return Ok(()) };
        let other = self.name(other);
        self.together(Err(anyhow!("{other} has another {what} than rank 0; start all ranks by the same command and program")))
    }

    /// Work that leaves files: first rank 0 does it (`true`), then the others read what it wrote (`false`).
    ///
    /// # Errors
    /// As [`Group::together`].
    pub fn first<T>(&self, work: impl Fn(bool) -> Result<T>) -> Result<T> {
        let led = self.together(if self.leads() { work(true).map(Some) } else { Ok(None) })?;
        match led {
            Some(led) if self.is_alone() => Ok(led),
            Some(led) => self.together(Ok(led)),
            None => self.together(work(false)),
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranks::testing::together;

    #[test]
    fn a_failure_of_one_rank_is_told_once_and_known_to_all() {
        let said = together(3, |group| {
            let mine = if group.rank() == 1 { Err(anyhow!("the disk is full")) } else { Ok(()) };
            let joined = group.together(mine).unwrap_err();
            let same = group.together::<()>(Err(anyhow!("no such file"))).unwrap_err();
            (format!("{joined:#}"), joined.is::<Elsewhere>(), format!("{same:#}"), same.is::<Elsewhere>())
        });
        let elsewhere: Vec<bool> = said.iter().map(|said| said.1).collect();
        assert_eq!(elsewhere, [true, false, true]);
        assert!(said[1].0.starts_with("rank 1 on ") && said[1].0.ends_with(": the disk is full"), "{}", said[1].0);
        assert_eq!((said[0].2.as_str(), said[0].3), ("no such file", false), "what all of them say needs no name");
        assert!(said[1].3 && said[2].3);
    }

    #[test]
    fn a_failure_that_only_one_rank_knows_ends_it_at_once() {
        let ended =
            together(2, |group| (group.rank() == 1).then(|| group.end::<()>(Err(anyhow!("a shard is damaged"))).unwrap_err()));
        let error = ended[1].as_ref().unwrap();
        assert!(error.is::<Elsewhere>(), "it was said already");
        assert!(error.chain().any(|cause| cause.to_string().starts_with("rank 1 on ")), "{error:#}");
    }

    #[test]
    fn ranks_that_do_not_mean_the_same_are_named() {
        let said = together(3, |group| {
            let mine = if group.rank() == 2 { "b" } else { "a" };
            group.agree("program", "same").unwrap();
            group.agree("configuration", mine).unwrap_err().to_string()
        });
        assert!(said[0].starts_with("rank 2 on ") && said[0].contains("another configuration than rank 0"), "{}", said[0]);
        assert_eq!(said[1], said[2]);
        assert_eq!(said[1], Elsewhere.to_string());
    }

    #[test]
    fn rank_0_decides_and_works_first() {
        let seen = std::sync::Mutex::new(Vec::new());
        let found = together(3, |group| {
            let number = group.decide(|| Ok(group.rank() + 7)).unwrap();
            let nothing = group.decide(|| Ok(None::<usize>)).unwrap();
            let led = group.first(|leads| {
                seen.lock().unwrap().push(leads);
                Ok(leads)
            });
            let any = group.wait(group.begin({
                let mine = group.rank() == 2;
                move |ranks| ranks.any(mine)
            })?)?;
            Ok::<_, anyhow::Error>((number, nothing, led?, any))
        });
        let found: Vec<_> = found.into_iter().map(|found| found.unwrap()).collect();
        assert_eq!(found, [(7, None, true, true), (7, None, false, true), (7, None, false, true)]);
        assert_eq!(*seen.lock().unwrap(), [true, false, false]);
    }

    #[test]
    fn a_rank_that_never_answers_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let (done, begun) = (dir.path().join("done"), dir.path().join("begun"));
        let said = together(3, |group| {
            let notes = Presence::new(dir.path(), group.rank());
            match group.rank() {
                0 => {
                    while !begun.exists() {
                        std::thread::sleep(Duration::from_millis(10));
                    }
                    let names = group.names.clone();
                    let group = Group { world: 3, names, presence: Some(notes), ..Group::alone() };
                    let said = group.late(1);
                    std::fs::write(&done, "").unwrap();
                    said
                }
                // It waits, and says so again and again.
                2 => {
                    while !done.exists() {
                        notes.waits_for(1);
                        std::fs::write(&begun, "").unwrap();
                        std::thread::sleep(Duration::from_millis(10));
                    }
                    String::new()
                }
                // It does not.
                _ => String::new(),
            }
        });
        assert!(said[0].contains("no answer for ") && said[0].contains("rank 1 on "), "{}", said[0]);
        assert!(!said[0].contains("rank 2"), "{}", said[0]);
    }

    #[test]
    fn waiting_ends_at_the_limit() {
        let impatient = Group { limit: Duration::from_millis(50), ..Group::alone() };
        let (_never, answer) = bounded(1);
        let said = impatient.wait(Pending::<()> { answer, call: 1 }).unwrap_err().to_string();
        assert!(said.contains("all ranks wait for each other since 0 s"), "{said}");
    }
}
