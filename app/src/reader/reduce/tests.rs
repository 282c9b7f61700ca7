//! Whole readings without a window: what is sent, what waits for the disk, what a pause counts.

use std::sync::Arc;

use engine::domain::GrayImage;
use study::answers::Event;
use study::reading::ErrorKind;
use study::template::Template;

use super::*;
use crate::reader::sheet::Sheet;
use crate::reader::state::display::{Ambient, Side};
use crate::reader::state::form::Years;
use crate::reader::state::{Begun, Left};
use crate::reader::testing;

/// A window that decodes at once and whose disk answers when it is told to.
struct Desk {
    state: State,
    now: f64,
    events: Vec<Event>,
    decoded: Vec<Vec<String>>,
    closed: bool,
}

impl Desk {
    fn new(sheet: Sheet, begun: Begun) -> Self {
        let mut state = State::new(Arc::new(sheet), 1, 1_000_000);
        state.begun = begun;
        let mut desk = Self { state, now: 0.0, events: Vec::new(), decoded: Vec::new(), closed: false };
        desk.act(Action::Begin);
        desk.disk();
        desk
    }

    /// In front of the first block.
    fn begun(template: Template, trials: u32) -> Self {
        Self::new(testing::sheet(template, trials), Begun { consent: true, display: true, practice: 9, round: 0 })
    }

    fn act(&mut self, action: Action) {
        for effect in reduce(&mut self.state, action, self.now) {
            match effect {
                Effect::Write(_, event) => self.events.push(event),
                Effect::Decode(names) => {
                    self.decoded.push(names.clone());
                    for name in names {
                        let picture = Ok(Arc::new(GrayImage::black(2, 2)));
                        assert!(reduce(&mut self.state, Action::Picture(name, picture), self.now).is_empty());
                    }
                    for effect in reduce(&mut self.state, Action::Shown, self.now) {
                        if let Effect::Write(_, event) = effect {
                            self.events.push(event);
                        }
                    }
                }
                Effect::Close => self.closed = true,
                Effect::Retry | Effect::HandOver => {}
            }
        }
    }

    /// The disk has everything that was sent.
    fn disk(&mut self) {
        self.act(Action::Saved(self.state.saving.sent));
    }

    fn enter(&mut self) {
        self.act(Action::Next);
        self.disk();
    }

    fn kinds(&self) -> Vec<String> {
        let kind = |e: &Event| serde_json::to_value(e).expect("an event")["kind"].as_str().unwrap_or_default().to_owned();
        self.events.iter().map(kind).collect()
    }
}

#[test]
fn the_beginning_asks_for_everything_once() {
    let mut desk = Desk::new(testing::sheet(Template::ReportAlignment, 6), Begun::default());
    assert_eq!(desk.state.stage, Stage::Consent);
    desk.enter();
    assert!(desk.state.notice.as_deref().is_some_and(|n| n.contains("consent")));
    desk.act(Action::Agree(true));
    desk.act(Action::Years(Years::FiveToTen));
    desk.enter();
    assert_eq!(desk.state.stage, Stage::Display);
    desk.enter();
    assert!(desk.state.notice.as_deref().is_some_and(|n| n.contains("grey steps")));
    desk.act(Action::Steps(true));
    for ring in desk.state.check.rings {
        desk.act(Action::Ring(ring.open));
    }
    desk.act(Action::Ring(Side::Up));
    desk.act(Action::Ambient(Ambient::Dark));
    desk.enter();
    assert_eq!(desk.state.stage, Stage::Practice(0));
    assert_eq!(desk.kinds(), ["opened", "consent", "experience", "display"]);
    assert!(matches!(desk.events[3], Event::Display { steps: true, rings: (4, 4), .. }));

    // Practice asks for +1 and finds a mixed-up key.
    desk.act(Action::Choose(0));
    desk.enter();
    assert!(
        desk.state.notice.as_deref().is_some_and(|n| n == "That was −2 on key 1. +1 is on key 4: choose it, then press Enter.")
    );
    assert_eq!(desk.state.stage, Stage::Practice(0));
    desk.act(Action::Choose(3));
    desk.enter();
    assert_eq!(desk.state.stage, Stage::Practice(1));
    // A low score opens the error step there, too.
    desk.act(Action::Choose(1));
    desk.enter();
    assert_eq!(desk.state.turn.step, Step::Errors);
    desk.act(Action::Kind(ErrorKind::Artefact));
    desk.enter();
    assert_eq!(desk.state.stage, Stage::Rest(0));
    let practice: Vec<_> = desk.events[4..].iter().collect();
    assert!(practice.iter().all(|e| matches!(e, Event::Practice { .. })), "no score of practice is written: {practice:?}");
    assert_eq!(*practice[0], Event::Practice { trial: 1, as_asked: Some(false) });
}

#[test]
fn nothing_is_locked_before_enter_and_the_next_image_waits_for_the_disk() {
    let mut desk = Desk::begun(Template::ReportAlignment, 6);
    desk.enter();
    assert_eq!(desk.state.stage, Stage::Trial(0));
    desk.now = 3.0;
    desk.act(Action::Next);
    assert!(desk.state.notice.is_some(), "Enter without a choice says so");
    desk.act(Action::Choose(0));
    desk.act(Action::Move(1));
    desk.act(Action::Choose(4));
    assert!(!desk.kinds().contains(&"locked".to_owned()));
    desk.now = 5.5;
    desk.act(Action::Next);
    assert_eq!(desk.state.turn.step, Step::Locking);
    assert_eq!(desk.state.stage, Stage::Trial(0), "the disk has not answered");
    desk.act(Action::Choose(0));
    desk.act(Action::Next);
    let Some(Event::Locked { trial: 1, values, seconds, .. }) = desk.events.last() else { panic!("{:?}", desk.events) };
    assert_eq!((values.as_slice(), *seconds), (&[2][..], 5.5));
    desk.disk();
    assert_eq!(desk.state.stage, Stage::Trial(1));
    let chosen = desk.events.iter().filter(|e| matches!(e, Event::Chosen { .. })).count();
    assert_eq!(chosen, 3, "every press before the lock is in the record");
    assert!(desk.decoded.iter().any(|names| names.len() == 3), "two images are decoded ahead");
}

#[test]
fn a_full_disk_keeps_the_score_on_the_screen() {
    let mut desk = Desk::begun(Template::ReportAlignment, 6);
    desk.enter();
    desk.act(Action::Choose(3));
    desk.act(Action::Next);
    desk.act(Action::NotSaved("The disk is full.".to_owned()));
    assert_eq!(desk.state.turn.choice(), Some(3));
    assert!(desk.state.saving.trouble.is_some() && !desk.state.all_saved());
    assert_eq!(reduce(&mut desk.state, Action::Next, 0.0), [Effect::Retry], "Enter tries again and locks once");
    desk.act(Action::NotSaved("The disk is full.".to_owned()));
    assert_eq!(reduce(&mut desk.state, Action::TryAgain, 0.0), [Effect::Retry]);
    desk.disk();
    assert_eq!(desk.state.stage, Stage::Trial(1));
    assert!(desk.state.saving.trouble.is_none());
}

#[test]
fn a_low_score_asks_what_is_wrong_and_where() {
    let mut desk = Desk::begun(Template::ReportAlignment, 6);
    desk.enter();
    desk.act(Action::Choose(1));
    desk.enter();
    assert_eq!(desk.state.turn.step, Step::Errors);
    desk.act(Action::Mark(0.2, 0.3));
    assert!(desk.state.notice.is_some(), "a place needs a kind");
    desk.enter();
    assert_eq!(desk.state.turn.step, Step::Errors, "something has to be chosen");
    desk.act(Action::Kind(ErrorKind::Omission));
    desk.act(Action::Discrepancy);
    assert_eq!(desk.state.turn.marks.len(), 1, "a kind without a place gives way");
    desk.act(Action::Mark(0.25, 0.5));
    desk.act(Action::Mark(0.75, 0.5));
    desk.act(Action::Kind(ErrorKind::Artefact));
    assert_eq!(desk.state.turn.marks.len(), 3, "what has a place stays");
    desk.act(Action::Clear(0));
    desk.act(Action::Cross(0.1, 0.0));
    desk.act(Action::MarkCross);
    desk.act(Action::Comment("Too far down".to_owned()));
    desk.act(Action::Choose(4));
    let Some(Event::Marks { marks, .. }) = desk.events.iter().rev().find(|e| matches!(e, Event::Marks { .. })) else { panic!() };
    assert_eq!(
        marks.iter().map(|m| (m.kind, m.place)).collect::<Vec<_>>(),
        [(ErrorKind::Place, Some((0.75, 0.5))), (ErrorKind::Artefact, Some((0.5, 0.5)))]
    );
    desk.enter();
    assert_eq!(desk.state.stage, Stage::Trial(1));
    let locked = desk.events.iter().filter(|e| matches!(e, Event::Locked { .. })).count();
    assert_eq!(locked, 1, "the score is not touched by the error step");
    assert_eq!(desk.kinds().iter().filter(|k| *k == "finished").count(), 1);
}

#[test]
fn a_pause_does_not_count_and_hides_everything() {
    let mut desk = Desk::begun(Template::ReportAlignment, 6);
    desk.enter();
    desk.now = 4.0;
    desk.act(Action::Pause(true));
    desk.now = 100.0;
    desk.act(Action::Choose(2));
    assert_eq!(desk.state.turn.choice(), None, "nothing can be chosen without the image");
    desk.act(Action::Next);
    assert!(!desk.state.paused);
    desk.now = 101.0;
    desk.act(Action::Choose(2));
    desk.act(Action::Next);
    let Some(Event::Locked { seconds, .. }) = desk.events.last() else { panic!() };
    assert_eq!(*seconds, 5.0);
    assert!(desk.events.contains(&Event::Paused { trial: Some(1), seconds: 4.0 }));
    assert!(desk.events.contains(&Event::Resumed { trial: Some(1) }));
}

#[test]
fn a_slip_is_told_with_a_reason_and_changes_only_where_the_study_lets_it() {
    for may_change in [false, true] {
        let mut desk = Desk::begun(Template::ReportAlignment, 6);
        desk.state.sheet = Arc::new(Sheet { may_change, ..(*desk.state.sheet).clone() });
        desk.enter();
        desk.act(Action::Pause(true));
        desk.act(Action::Slip(true));
        assert!(desk.state.slip.is_none(), "there is no answer yet");
        desk.act(Action::Pause(false));
        desk.act(Action::Choose(3));
        desk.enter();
        desk.act(Action::Pause(true));
        desk.act(Action::Slip(true));
        desk.act(Action::SlipChoice(2));
        desk.act(Action::Next);
        assert!(desk.state.notice.is_some(), "a reason is needed");
        desk.act(Action::SlipReason("Wrong key".to_owned()));
        desk.act(Action::Next);
        let reason = "Wrong key".to_owned();
        let expected =
            if may_change { Event::Changed { trial: 1, values: vec![0], reason } } else { Event::Slip { trial: 1, reason } };
        assert_eq!(desk.events.last(), Some(&expected));
        desk.act(Action::Next);
        assert!(!desk.state.paused, "a second Enter goes on");
    }
}

#[test]
fn blocks_have_breaks_and_rounds_a_washout() {
    let mut sheet = testing::sheet(Template::ReportAlignment, 8);
    sheet.rounds.push(crate::reader::sheet::Round { number: 2, washout_hours: 2.0 });
    sheet.trials[6..].iter_mut().for_each(|t| (t.round, t.block) = (2, 3));
    let mut desk = Desk::new(sheet, Begun { consent: true, display: true, practice: 9, round: 0 });
    for _ in 0..2 {
        desk.enter();
        for _ in 0..if desk.state.turn.trial.block == 1 { 4 } else { 2 } {
            desk.act(Action::Choose(3));
            desk.enter();
        }
    }
    let ready = 1_000_000 + 2 * 3_600_000;
    assert_eq!(desk.state.stage, Stage::Washout(6, ready));
    desk.enter();
    assert!(desk.state.notice.is_some(), "beginning early needs a reason");
    desk.act(Action::Date(ready - 1));
    assert_eq!(desk.state.stage, Stage::Washout(6, ready));
    let mut early = State { early: "On leave next week".to_owned(), ..desk.state.clone() };
    let event = Event::Round { round: 2, reason: "On leave next week".to_owned() };
    assert_eq!(reduce(&mut early, Action::Early, 0.0)[0], Effect::Write(early.saving.sent, event));
    assert_eq!(early.stage, Stage::Rest(6));
    desk.act(Action::Date(ready));
    assert_eq!(desk.state.stage, Stage::Rest(6));
    desk.enter();
    assert_eq!(desk.kinds().iter().filter(|k| *k == "round").count(), 2);
    for _ in 0..2 {
        desk.act(Action::Choose(3));
        desk.enter();
    }
    assert_eq!(desk.state.stage, Stage::Done);
    assert_eq!(desk.kinds().iter().filter(|k| *k == "break").count(), 2);
    desk.act(Action::Next);
    assert_eq!(desk.state.handed, Some(Handed::Writing));
    assert_eq!(desk.events.last(), Some(&Event::Closed), "the file says that it is whole");
    desk.act(Action::Saved(desk.state.saving.sent));
    desk.act(Action::HandedOver(Ok(("a".to_owned(), "b".to_owned()))));
    let before = desk.events.len();
    desk.act(Action::Leave);
    assert!(desk.closed && desk.events.len() == before, "nothing comes after the closing event");
}

#[test]
fn a_sitting_goes_on_inside_the_error_step() {
    let sheet = testing::sheet(Template::ReportAlignment, 6);
    let mut state = State::new(Arc::new(sheet), 1, 0);
    state.begun = Begun { consent: true, display: true, practice: 2, round: 1 };
    state.start = 4;
    let marks = vec![study::reading::MarkedError { kind: ErrorKind::Place, place: Some((0.2, 0.4)) }];
    state.left = Some(Left {
        trial: 5,
        chosen: vec![Some(1)],
        locked: true,
        marks: marks.clone(),
        comment: "Opac".to_owned(),
        seconds: 0.0,
    });
    let mut desk = Desk { state, now: 0.0, events: Vec::new(), decoded: Vec::new(), closed: false };
    desk.act(Action::Begin);
    assert_eq!(desk.state.stage, Stage::Rest(4));
    desk.enter();
    let turn = &desk.state.turn;
    assert_eq!((turn.step, turn.choice(), turn.kind), (Step::Errors, Some(1), Some(ErrorKind::Place)));
    assert_eq!((&turn.marks, turn.comment.as_str()), (&marks, "Opac"));
    desk.enter();
    assert_eq!(desk.kinds(), ["opened", "shown", "finished", "shown"].map(str::to_owned).to_vec());
}

#[test]
fn every_criterion_is_scored_and_one_enter_locks_them() {
    let mut desk = Desk::begun(Template::VisualGrading, 4);
    desk.enter();
    desk.act(Action::Choose(4));
    assert_eq!(desk.state.turn.question, 1, "the next criterion follows");
    desk.act(Action::Next);
    assert!(desk.state.notice.as_deref().is_some_and(|n| n.contains("Contrast")));
    desk.act(Action::Choose(3));
    desk.act(Action::Choose(2));
    desk.act(Action::Question(0));
    desk.act(Action::Move(-1));
    desk.act(Action::Next);
    assert!(matches!(desk.events.last(), Some(Event::Locked { values, .. }) if *values == [4, 4, 3]));
}

#[test]
fn arrows_choose_among_two_and_four() {
    let mut desk = Desk::begun(Template::PairwiseChoice, 4);
    desk.enter();
    desk.act(Action::Move(1));
    assert_eq!(desk.state.turn.choice(), Some(1));
    desk.act(Action::Move(-1));
    assert_eq!(desk.state.turn.choice(), Some(0));
    let mut desk = Desk::begun(Template::Quartet, 4);
    desk.enter();
    desk.act(Action::Move(1));
    desk.act(Action::Move(2));
    assert_eq!(desk.state.turn.choice(), Some(2));
}

#[test]
fn leaving_waits_for_the_disk_and_can_be_insisted_on() {
    let mut desk = Desk::begun(Template::ReportAlignment, 4);
    desk.enter();
    desk.act(Action::Leave);
    assert!(!desk.closed && desk.state.paused);
    desk.disk();
    assert!(desk.closed);
    let mut desk = Desk::begun(Template::ReportAlignment, 4);
    desk.enter();
    desk.act(Action::Leave);
    desk.act(Action::NotSaved("The disk is full.".to_owned()));
    desk.act(Action::Leave);
    assert!(desk.closed, "asked twice, it closes; what is on the disk stays there");
}

#[test]
fn an_image_that_cannot_be_read_is_named_and_nothing_can_be_locked() {
    let mut desk = Desk::begun(Template::ReportAlignment, 4);
    let trial = desk.state.sheet.trials[0].clone();
    desk.state.stage = Stage::Trial(0);
    desk.state.turn = crate::reader::state::Turn::new(&desk.state.sheet, &trial, false);
    desk.act(Action::Picture(trial.images[0].clone(), Err("It is not the one that was sealed.".to_owned())));
    assert!(desk.state.turn.unreadable.is_some());
    desk.act(Action::Shown);
    desk.act(Action::Choose(2));
    desk.enter();
    assert_eq!(desk.state.stage, Stage::Trial(0));
}

#[test]
fn the_size_is_told_as_a_multiple() {
    let scale = Scale::ONE;
    let words = |zoom| size_words(scale, &Look { zoom, ..Look::default() });
    assert_eq!((words(1.0), words(2.0), words(1.37)), ("1 : 1".to_owned(), "2 : 1".to_owned(), "1.37 : 1".to_owned()));
}
