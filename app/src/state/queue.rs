//! The queue as the window shows it: a copy of the library's open jobs, and how the queue stands.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::JobId;
use crate::library::{Counts, JobRow, JobState, Rule};

/// Ended jobs that are kept in memory; the library has them all.
const ENDED: usize = 64;
/// Fewest and most images at once.
pub const VARIANTS: std::ops::RangeInclusive<usize> = 1..=64;

/// Why no further job is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// The person paused it.
    Person,
    /// Runs of the last session wait to be allowed.
    Restart,
    /// Something must be mended first, one sentence.
    Trouble(String),
}

/// Whether the library can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LibraryState {
    /// It is being opened.
    #[default]
    Opening,
    /// It belongs to this window.
    Open(PathBuf),
    /// It cannot be used, one sentence why.
    Unusable(String),
}

/// The queue.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    /// Whether the library can be used.
    pub library: LibraryState,
    /// Jobs whose image is still to come, the running one first, then in their order.
    pub jobs: Vec<JobRow>,
    /// The jobs that ended last, newest first.
    pub ended: VecDeque<JobRow>,
    /// How many jobs there are of each kind in the library.
    pub counts: Counts,
    /// Why no further job is taken; `None` while the queue goes on.
    pub held: Option<Held>,
    /// Groups that were asked for and are not in the library yet.
    pub asked: usize,
    /// Seconds a step takes with the model in use, from earlier runs.
    pub secs_per_step: Option<f64>,
    /// What happens with the results of the next group.
    pub rule: Rule,
    /// Whether the canvas shows each run as it forms.
    pub follow: bool,
}

impl Queue {
    /// Takes a newer copy of some rows.
    pub fn apply(&mut self, rows: &[JobRow]) {
        for row in rows {
            let known = self.jobs.iter().chain(&self.ended).find(|r| r.id == row.id).map(|r| r.rev);
            if known.is_some_and(|rev| rev >= row.rev) {
                continue;
            }
            self.jobs.retain(|r| r.id != row.id);
            self.ended.retain(|r| r.id != row.id);
            if row.state.is_open() {
                self.jobs.push(row.clone());
            } else {
                self.ended.push_front(row.clone());
            }
        }
        self.ended.truncate(ENDED);
        let place = |row: &JobRow| (row.state != JobState::Running, row.position);
        self.jobs.sort_by(|a, b| {
            let ((x, p), (y, q)) = (place(a), place(b));
            x.cmp(&y).then(p.total_cmp(&q)).then(a.id.cmp(&b.id))
        });
    }

    /// Jobs that wait for their turn, in their order.
    pub fn waiting(&self) -> impl Iterator<Item = &JobRow> {
        self.jobs.iter().filter(|r| r.state == JobState::Waiting)
    }

    /// Jobs that wait or are paused.
    pub fn len(&self) -> usize {
        self.jobs.iter().filter(|r| r.state != JobState::Running).count()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether an image will form without a further word.
    pub fn is_busy(&self) -> bool {
        // A job with a reason waits for something that may never come.
        self.held.is_none() && (self.asked > 0 || self.jobs.iter().any(|r| r.reason.is_empty()))
    }

    /// An open job.
    pub fn job(&self, id: JobId) -> Option<&JobRow> {
        self.jobs.iter().find(|r| r.id == id)
    }

    /// Place of a job in its group and size of the group as far as they are known, from 1.
    pub fn place(&self, job: &JobRow) -> (usize, usize) {
        let of_group = |r: &&JobRow| r.group == job.group;
        let all = self.jobs.iter().chain(&self.ended).filter(of_group);
        let before = all.clone().filter(|r| r.id < job.id).count();
        (before + 1, all.count().max(1))
    }

    /// Seconds a job takes from its beginning, by earlier runs.
    pub fn cost_secs(&self, steps: u32) -> Option<f64> {
        self.secs_per_step.map(|secs| secs * f64::from(steps))
    }

    /// Seconds until everything that can be done is done, the running job left out.
    pub fn secs_waiting(&self) -> Option<f64> {
        let left = |r: &JobRow| self.cost_secs(r.steps.saturating_sub(r.steps_done));
        let able = self.jobs.iter().filter(|r| r.state != JobState::Running && r.reason.is_empty());
        able.map(left).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: JobId, position: f64, rev: i64, state: JobState) -> JobRow {
        JobRow { id, position, rev, state, steps: 10, group: 1, ..JobRow::default() }
    }

    #[test]
    fn late_copies_change_nothing() {
        let mut queue = Queue::default();
        queue.apply(&[row(1, 1.0, 0, JobState::Waiting), row(2, 2.0, 0, JobState::Waiting)]);
        queue.apply(&[row(2, 2.0, 2, JobState::Done)]);
        queue.apply(&[row(2, 0.5, 1, JobState::Waiting)]);
        assert_eq!(queue.jobs.iter().map(|r| r.id).collect::<Vec<_>>(), [1]);
        assert_eq!(queue.ended[0].state, JobState::Done);
        queue.apply(&[row(3, 0.1, 0, JobState::Waiting), row(1, 1.0, 1, JobState::Running)]);
        assert_eq!(queue.jobs.iter().map(|r| r.id).collect::<Vec<_>>(), [1, 3], "what runs comes first");
        assert_eq!((queue.len(), queue.place(&queue.jobs[1])), (1, (3, 3)));
    }

    #[test]
    fn time_is_counted_for_what_can_be_done() {
        let mut queue = Queue { secs_per_step: Some(0.5), ..Queue::default() };
        assert_eq!(queue.secs_waiting(), Some(0.0));
        let foreign = JobRow { reason: "Its weights are missing.".to_owned(), ..row(3, 3.0, 0, JobState::Waiting) };
        let half = JobRow { steps_done: 5, ..row(2, 2.0, 0, JobState::Paused) };
        queue.apply(&[row(1, 1.0, 0, JobState::Waiting), half, foreign]);
        assert_eq!(queue.secs_waiting(), Some(7.5));
        assert!(queue.is_busy());
        queue.held = Some(Held::Person);
        assert!(!queue.is_busy());
        queue.secs_per_step = None;
        assert_eq!(queue.secs_waiting(), None);
    }

    #[test]
    fn ended_jobs_do_not_pile_up() {
        let mut queue = Queue::default();
        for id in 0..1000 {
            queue.apply(&[row(id, id as f64, 0, JobState::Waiting)]);
            queue.apply(&[row(id, id as f64, 1, JobState::Done)]);
        }
        assert_eq!((queue.jobs.len(), queue.ended.len()), (0, ENDED));
        assert_eq!(queue.ended[0].id, 999);
    }
}
