//! Where a reader stands: what the events of a log add up to.

use std::collections::BTreeMap;

use super::event::{Entry, Event};
use crate::plan::ReaderPlan;
use crate::reading::MarkedError;
use crate::template::Template;

/// Where to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Consent is asked.
    Consent,
    /// Experience is asked.
    Experience,
    /// The display check was not done yet.
    Display,
    /// The next practice trial, from 1.
    Practice(u32),
    /// A round may not begin yet.
    Washout {
        /// Its first trial.
        next: u32,
        /// When it may begin, milliseconds since 1970.
        ready_ms: i64,
    },
    /// Before the first trial of a block.
    Rest {
        /// That trial.
        next: u32,
    },
    /// A trial that is not locked.
    Trial(u32),
    /// A trial that is locked and whose errors are still to be told.
    Errors(u32),
    /// Everything is answered.
    Done,
}

/// One trial so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrialState {
    /// When its images were first shown, milliseconds since 1970.
    pub shown_ms: Option<i64>,
    /// What is chosen for each criterion before the lock.
    pub chosen: Vec<Option<i32>>,
    /// The locked values.
    pub locked: Option<Vec<i32>>,
    /// The values that count: locked, or changed since.
    pub current: Option<Vec<i32>>,
    /// When it was locked, milliseconds since 1970.
    pub locked_ms: Option<i64>,
    /// Active seconds so far; from the lock on, those until the lock.
    pub seconds: f64,
    /// Marked errors.
    pub marks: Vec<MarkedError>,
    /// The reader's words.
    pub comment: String,
    /// Whether it is over.
    pub finished: bool,
    /// Reasons of changes and slips, in order, with whether the answer was changed.
    pub reasons: Vec<(bool, String)>,
}

/// What a log says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Whether the reader agreed.
    pub consent: bool,
    /// Years and training, as given.
    pub experience: Option<(String, String)>,
    /// Whether the display was checked.
    pub display: bool,
    /// Practice trials that are over.
    pub practice: u32,
    /// Rounds that were begun, with the reason where that was before their time.
    pub rounds: BTreeMap<u32, String>,
    /// Trials that something happened in.
    pub trials: BTreeMap<u32, TrialState>,
    /// Number of events.
    pub events: u64,
    /// The latest date and time of an event, milliseconds since 1970.
    pub latest_ms: i64,
    /// Whether the answers come from a program.
    pub simulated: bool,
}

impl Progress {
    /// The progress of a whole log.
    pub(super) fn of(entries: &[Entry], template: Template) -> Self {
        let mut progress = Self::default();
        for entry in entries {
            progress.add(entry, template);
        }
        progress
    }

    /// One more event.
    pub(super) fn add(&mut self, entry: &Entry, template: Template) {
        self.events = entry.seq;
        self.latest_ms = self.latest_ms.max(entry.wall_ms);
        match &entry.event {
            Event::Opened { simulated, .. } => self.simulated |= simulated,
            Event::Consent => self.consent = true,
            Event::Experience { years, training } => self.experience = Some((years.clone(), training.clone())),
            Event::Display { .. } => self.display = true,
            Event::Practice { trial, .. } => self.practice = self.practice.max(*trial),
            Event::Round { round, reason } => drop(self.rounds.insert(*round, reason.clone())),
            event => {
                if let Some(trial) = event.trial() {
                    self.trials.entry(trial).or_default().add(entry, template);
                }
            }
        }
    }

    /// Answers that are locked.
    pub fn locked(&self) -> usize {
        self.trials.values().filter(|trial| trial.locked.is_some()).count()
    }

    /// Where to go on at this date and time (milliseconds since 1970).
    pub(super) fn position(&self, plan: &ReaderPlan, practice: usize, now_ms: i64) -> Position {
        if !self.consent {
            return Position::Consent;
        }
        if self.experience.is_none() {
            return Position::Experience;
        }
        if !self.display {
            return Position::Display;
        }
        if (self.practice as usize) < practice {
            return Position::Practice(self.practice + 1);
        }
        for round in &plan.rounds {
            for (place, block) in round.blocks.iter().enumerate() {
                for (inside, trial) in block.trials.iter().enumerate() {
                    let state = self.trials.get(&trial.index);
                    match state {
                        Some(state) if state.finished => {}
                        Some(state) if state.locked.is_some() => return Position::Errors(trial.index),
                        Some(state) if state.shown_ms.is_some() => return Position::Trial(trial.index),
                        _ if inside > 0 => return Position::Trial(trial.index),
                        _ => {
                            let ready_ms = self.ready_ms(plan, round.number);
                            if place == 0 && now_ms < ready_ms && !self.rounds.contains_key(&round.number) {
                                return Position::Washout { next: trial.index, ready_ms };
                            }
                            return Position::Rest { next: trial.index };
                        }
                    }
                }
            }
        }
        Position::Done
    }

    /// When a round may begin, milliseconds since 1970: its washout after the last answer of the round before.
    pub fn ready_ms(&self, plan: &ReaderPlan, round: u32) -> i64 {
        let before = plan.rounds.iter().find(|other| other.number + 1 == round);
        let this = plan.rounds.iter().find(|other| other.number == round);
        let (Some(before), Some(this)) = (before, this) else { return 0 };
        let ended =
            before.blocks.iter().flat_map(|block| &block.trials).filter_map(|trial| self.trials.get(&trial.index)?.locked_ms);
        ended.max().map_or(0, |ended| ended.saturating_add((this.washout_hours * 3_600_000.0) as i64))
    }
}

impl TrialState {
    /// When the trial began: shown, or else locked; milliseconds since 1970.
    pub fn begun_ms(&self) -> Option<i64> {
        self.shown_ms.or(self.locked_ms)
    }

    fn add(&mut self, entry: &Entry, template: Template) {
        match &entry.event {
            Event::Shown { .. } => {
                self.shown_ms.get_or_insert(entry.wall_ms);
            }
            Event::Chosen { criterion, value, seconds, .. } => {
                let place = *criterion as usize;
                if self.chosen.len() <= place {
                    self.chosen.resize(place + 1, None);
                }
                self.chosen[place] = Some(*value);
                self.seconds = self.seconds.max(*seconds);
            }
            Event::Locked { values, seconds, .. } => {
                self.locked = Some(values.clone());
                self.current = Some(values.clone());
                self.locked_ms = Some(entry.wall_ms);
                self.seconds = *seconds;
                self.finished = !asks_error(template, values);
            }
            Event::Marks { marks, .. } => self.marks.clone_from(marks),
            Event::Comment { text, .. } => self.comment.clone_from(text),
            Event::Finished { .. } => self.finished = true,
            Event::Paused { seconds, .. } if self.locked.is_none() => self.seconds = self.seconds.max(*seconds),
            Event::Changed { values, reason, .. } => {
                self.current = Some(values.clone());
                self.reasons.push((true, reason.clone()));
            }
            Event::Slip { reason, .. } => self.reasons.push((false, reason.clone())),
            _ => {}
        }
    }
}

/// Whether an answer is followed by the question what is wrong.
pub fn asks_error(template: Template, values: &[i32]) -> bool {
    template.choices().iter().any(|choice| choice.asks_error && values.contains(&choice.value))
}
