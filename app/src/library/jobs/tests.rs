//! What goes in comes out, in order, once, whatever happens between.

use engine::domain::{Annotation, Finding, Mask};

use super::*;
use crate::jobs::{Artifact, Generator};
use crate::library::rows::{Mark, Rule};
use crate::library::runs::{self, NewRun};
use crate::library::transfer;
use crate::state::measure::{LayerMeasure, MeasureKind};
use crate::testing::FakeModel;

struct Studio {
    dir: tempfile::TempDir,
    db: Database,
}

impl Studio {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let db = Database::open(dir.path()).expect("a library");
        Self { dir, db }
    }

    fn enqueue(&mut self, seeds: impl IntoIterator<Item = u64>, first: bool, rule: Rule) -> Vec<JobId> {
        let jobs = seeds
            .into_iter()
            .map(|seed| NewJob { task: Task { rule, ..Task::new("case", "m") }, request: asked(seed) })
            .collect();
        enqueue(&mut self.db, &NewGroup { jobs, first }, 1).expect("goes in").iter().map(|r| r.id).collect()
    }

    fn claim(&mut self) -> Option<Claimed> {
        claim(&mut self.db, "m", 2).expect("the library is writable")
    }

    fn finish(&mut self, claimed: &Claimed, value: Option<f32>) -> runs::Finished {
        let model = FakeModel::new(16, std::time::Duration::ZERO);
        let made: Artifact = model
            .generate(&claimed.request, &engine::cancel::Cancel::new(), &mut |_| {})
            .expect("the fake model works")
            .expect("nobody cancelled");
        let measures = value.map(|value| LayerMeasure {
            layer: 1,
            finding: Finding::Nodule,
            kind: MeasureKind::Overlap,
            value: Some(value),
            wanted: 0.7,
        });
        let file = format!("images/{}.png", claimed.row.id);
        let new = NewRun::new("case", &made, "m", file, 3).expect("a small picture");
        let new = new.of_job(&claimed.row).measured(measures.into_iter().collect());
        runs::finish(&mut self.db, claimed.row.id, &new, 3).expect("the library takes it")
    }

    fn order(&self) -> Vec<u64> {
        open(&self.db.connection).expect("readable").iter().map(|r| r.seed).collect()
    }

    fn counts(&self) -> Counts {
        let counts = counts(&self.db.connection).expect("readable");
        assert!(counts.adds_up(), "{counts:?}");
        counts
    }
}

fn asked(seed: u64) -> GenerateRequest {
    let mut request = GenerateRequest::new("Right nodule.", seed);
    request.num_steps = 2;
    request.annotations.push(Annotation::mask(Finding::Nodule, Mask::from_fn(16, 16, |x, y| x < 5 && y < 5)));
    request
}

#[test]
fn jobs_come_out_in_order_and_keep_their_requests_once() {
    let mut s = Studio::new();
    s.enqueue([u64::MAX, 2, 3], false, Rule::default());
    s.enqueue([9], true, Rule::default());
    assert_eq!(s.order(), [9, u64::MAX, 2, 3]);
    let stored: i64 = s.db.connection.query_row("SELECT count(*) FROM requests", [], |r| r.get(0)).expect("readable");
    assert_eq!(stored, 1, "variants share their masks");
    let mut seen = Vec::new();
    while let Some(claimed) = s.claim() {
        assert_eq!(claimed.request, asked(claimed.row.seed));
        seen.push(claimed.row.seed);
        s.finish(&claimed, None);
    }
    assert_eq!(seen, [9, u64::MAX, 2, 3]);
    assert_eq!(s.counts(), Counts { queued: 4, done: 4, ..Counts::default() });
}

#[test]
fn a_run_and_the_end_of_its_job_are_one() {
    let mut s = Studio::new();
    s.enqueue([1, 2], false, Rule::default());
    let (a, b) = (s.claim().expect("a job"), s.claim().expect("a job"));
    let done = s.finish(&a, Some(0.5));
    assert_eq!((done.run.job, done.jobs[0].run, done.run.adherence), (Some(a.row.id), Some(done.run.id), Some(0.5)));
    assert_eq!(runs::get(&s.db.connection, done.run.id).expect("readable"), done.run);
    assert!(runs::thumb(&s.db.connection, done.run.id).expect("readable").is_some_and(|png| png.starts_with(b"\x89PNG")));
    // The same file twice is refused, and then the job has not ended either.
    let artifact = FakeModel::new(16, std::time::Duration::ZERO)
        .generate(&b.request, &engine::cancel::Cancel::new(), &mut |_| {})
        .expect("works")
        .expect("not cancelled");
    let new = NewRun::new("case", &artifact, "m", done.run.file, 3).expect("a small picture").of_job(&b.row);
    assert!(runs::finish(&mut s.db, b.row.id, &new, 4).is_err());
    assert_eq!(get(&s.db.connection, b.row.id).expect("readable").state, JobState::Running);
    assert_eq!(s.counts(), Counts { queued: 2, open: 1, done: 1, ..Counts::default() });
}

#[test]
fn what_a_killed_program_was_making_waits_again() {
    let mut s = Studio::new();
    let ids = s.enqueue([1, 2, 3], false, Rule::default());
    s.claim();
    s.claim();
    std::fs::write(s.dir.path().join("kept"), b"state").expect("writable");
    pause(&mut s.db, ids[1], 1, 0.5, "kept").expect("writable");
    assert_eq!(recover(&mut s.db).expect("writable").len(), 1);
    let states = |s: &Studio| open(&s.db.connection).expect("readable").iter().map(|r| r.state).collect::<Vec<_>>();
    assert_eq!(states(&s), [JobState::Waiting, JobState::Paused, JobState::Waiting]);
    resume(&mut s.db).expect("writable");
    s.claim();
    let second = s.claim().expect("a job");
    assert_eq!((second.row.id, second.state_file.as_str(), second.row.steps_done), (ids[1], "kept", 1));
    // Killed again while it went on: the state is still there.
    recover(&mut s.db).expect("writable");
    assert_eq!(states(&s), [JobState::Waiting, JobState::Paused, JobState::Waiting]);
    std::fs::remove_file(s.dir.path().join("kept")).expect("it was there");
    recover(&mut s.db).expect("writable");
    assert_eq!(states(&s), [JobState::Waiting; 3], "a lost state means from the beginning");
}

#[test]
fn clearing_is_taken_back_and_moving_keeps_everything() {
    let mut s = Studio::new();
    let ids = s.enqueue(1..=5, false, Rule::default());
    let running = s.claim().expect("a job");
    let cleared = cancel(&mut s.db, &ids, 5).expect("writable");
    assert_eq!(cleared.jobs.len(), 4, "what runs is left alone");
    assert_eq!(s.order(), [1]);
    put_back(&mut s.db, &ids).expect("writable");
    assert_eq!(s.order(), [1, 2, 3, 4, 5]);
    move_before(&mut s.db, &[ids[4], ids[3]], Some(ids[1])).expect("writable");
    assert_eq!(s.order(), [1, 4, 5, 2, 3]);
    move_before(&mut s.db, &[ids[3]], None).expect("writable");
    assert_eq!(s.order(), [1, 5, 2, 3, 4]);
    // So often into the same gap that positions must be counted anew.
    for _ in 0..80 {
        let order: Vec<JobId> = open(&s.db.connection).expect("readable").iter().map(|r| r.id).collect();
        move_before(&mut s.db, &[order[4]], Some(order[2])).expect("writable");
        let expected = [order[0], order[1], order[4], order[2], order[3]];
        assert_eq!(open(&s.db.connection).expect("readable").iter().map(|r| r.id).collect::<Vec<_>>(), expected);
    }
    end(&mut s.db, running.row.id, JobState::Failed, 1, "The disk is full.", 6).expect("writable");
    assert_eq!(again(&mut s.db, &[running.row.id]).expect("writable").len(), 1);
    assert_eq!(s.counts(), Counts { queued: 5, open: 5, ..Counts::default() });
}

#[test]
fn jobs_of_other_weights_wait_and_say_why() {
    let mut s = Studio::new();
    let other = NewJob::new("other", asked(1), "a41c0000ff");
    enqueue(&mut s.db, &NewGroup { jobs: vec![other], first: false }, 1).expect("goes in");
    s.enqueue([2], false, Rule::default());
    assert_eq!(s.claim().map(|c| c.row.seed), Some(2));
    assert!(s.claim().is_none());
    let told = explain_foreign(&mut s.db, "m").expect("writable");
    assert_eq!(told[0].reason, "It was asked for weights a41c0000, which are not loaded.");
    assert!(explain_foreign(&mut s.db, "m").expect("writable").is_empty(), "once is enough");
}

#[test]
fn a_damaged_request_fails_and_the_queue_goes_on() {
    let mut s = Studio::new();
    s.enqueue([1], false, Rule::default());
    let other = NewJob::new("other", GenerateRequest::new("Clear lungs.", 2), "m");
    enqueue(&mut s.db, &NewGroup { jobs: vec![other], first: false }, 1).expect("goes in");
    s.db.connection.execute("UPDATE requests SET json = '{}' WHERE id = 1", []).expect("writable");
    assert_eq!(s.claim().map(|c| c.row.seed), Some(2));
    let failed = ended(&s.db.connection, 9).expect("readable");
    assert!(failed[0].state == JobState::Failed && failed[0].reason.ends_with('.'), "{}", failed[0].reason);
    assert_eq!(s.counts(), Counts { queued: 2, open: 1, failed: 1, ..Counts::default() });
}

#[test]
fn rules_keep_the_best_and_retry_with_new_seeds() {
    let mut s = Studio::new();
    s.enqueue([10, 11], false, Rule { keep_best: true, below: Some(0.7), retries: 2 });
    let values = [0.9, 0.2, 0.4, 0.95];
    let mut seen = Vec::new();
    for value in values {
        let claimed = s.claim().expect("a job or a retry");
        seen.push((claimed.row.seed, claimed.row.task.attempt));
        s.finish(&claimed, Some(value));
    }
    assert!(s.claim().is_none(), "two retries at most");
    assert_eq!(seen, [(10, 1), (11, 1), (12, 2), (13, 3)]);
    let marks: Vec<Mark> = runs::newest(&s.db.connection, 9).expect("readable").iter().rev().map(|r| r.mark).collect();
    assert_eq!(marks, [Mark::Reject, Mark::Reject, Mark::Reject, Mark::None], "the best of all attempts stays");
    s.counts();

    // Nothing was measured: a rule does nothing.
    let mut s = Studio::new();
    s.enqueue([1, 2], false, Rule { keep_best: true, below: Some(0.7), retries: 2 });
    while let Some(claimed) = s.claim() {
        let done = s.finish(&claimed, None);
        assert_eq!((done.run.mark, done.jobs.len()), (Mark::None, 1));
    }
    assert_eq!(s.counts().queued, 2);
}

#[test]
fn the_best_is_kept_however_the_last_job_of_a_group_ends() {
    let keep_best = Rule { keep_best: true, below: None, retries: 0 };
    let marks = |s: &Studio| {
        let kept = runs::newest(&s.db.connection, 9).expect("readable");
        kept.iter().rev().map(|r| r.mark).collect::<Vec<Mark>>()
    };
    // It fails.
    let mut s = Studio::new();
    s.enqueue([1, 2, 3], false, keep_best);
    for value in [0.4, 0.8] {
        let claimed = s.claim().expect("a job");
        s.finish(&claimed, Some(value));
    }
    assert_eq!(marks(&s), [Mark::None, Mark::None], "one is to come");
    let last = s.claim().expect("the last one");
    let (_, marked) = end(&mut s.db, last.row.id, JobState::Failed, 3, "No room.", 9).expect("writable");
    assert_eq!((marked.len(), marks(&s)), (1, vec![Mark::Reject, Mark::None]));
    // Those that wait are taken back.
    let mut s = Studio::new();
    s.enqueue([1, 2, 3, 4], false, keep_best);
    for value in [0.9, 0.8] {
        let claimed = s.claim().expect("a job");
        s.finish(&claimed, Some(value));
    }
    let ids: Vec<_> = open(&s.db.connection).expect("readable").iter().map(|row| row.id).collect();
    assert_eq!(cancel(&mut s.db, &ids[..1], 9).expect("writable").marked.len(), 0, "another one waits");
    let ended = cancel(&mut s.db, &ids[1..], 9).expect("writable");
    assert_eq!((ended.jobs.len(), ended.marked.len(), marks(&s)), (1, 1, vec![Mark::None, Mark::Reject]));
    // Nothing was measured: nothing is marked.
    let mut s = Studio::new();
    s.enqueue([1, 2], false, keep_best);
    let claimed = s.claim().expect("a job");
    s.finish(&claimed, None);
    let last = s.claim().expect("the last one");
    end(&mut s.db, last.row.id, JobState::Cancelled, 1, "", 9).expect("writable");
    assert_eq!(marks(&s), [Mark::None]);
}

#[test]
fn the_queue_as_text_comes_back() {
    let mut s = Studio::new();
    s.enqueue([u64::MAX, 4], false, Rule { keep_best: true, below: None, retries: 0 });
    let path = s.dir.path().join("queue.jsonl");
    assert_eq!(transfer::export(&s.db.connection, &path).expect("writable"), 2);
    let mut other = Studio::new();
    let group = transfer::import(&path).expect("readable");
    enqueue(&mut other.db, &group, 1).expect("goes in");
    let claimed = other.claim().expect("a job");
    assert_eq!((claimed.request, claimed.row.task.rule.keep_best), (asked(u64::MAX), true));
    let said = |text: &str| {
        std::fs::write(&path, text).expect("writable");
        crate::jobs::sentence(&transfer::import(&path).expect_err("it is no queue"))
    };
    let good = std::fs::read_to_string(&path).expect("readable");
    assert!(said("").contains("no job"));
    assert!(said(&format!("{good}{{}}")).contains("ine 3"), "{}", said(&format!("{good}{{}}")));
    assert!(said(&good.replace("karras", "karas")).contains("ine 1"));
}

#[test]
fn changes_of_runs_are_kept_and_found() {
    let mut s = Studio::new();
    s.enqueue([1], false, Rule::default());
    let claimed = s.claim().expect("a job");
    let id = s.finish(&claimed, None).run.id;
    let changes = [runs::Change::Mark(Mark::Star), runs::Change::Note("crisp margin".to_owned()), runs::Change::Conflict(true)];
    for change in &changes {
        runs::change(&mut s.db, &[id], change).expect("writable");
    }
    let run = runs::get(&s.db.connection, id).expect("readable");
    assert_eq!((run.mark, run.note.as_str(), run.conflict), (Mark::Star, "crisp margin", true));
    let found: i64 =
        s.db.connection
            .query_row("SELECT rowid FROM run_words WHERE run_words MATCH 'crisp'", [], |r| r.get(0))
            .expect("a search works");
    assert_eq!(found, id);
}
