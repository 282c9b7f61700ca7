//! The answers of one reader: one SQLite file to which events are only ever added.
//!
//! Each event carries a hash over the one before it and its own text; the first one is bound to the study and the reader.
//! A change in the middle breaks the chain. What was cut off at the end is told by the closing event, and by the hash that
//! the reader's program shows when the file is handed over.
//! Writes are whole and flushed (write-ahead log, full synchronisation): a killed program loses the event in hand at most.

mod event;
mod progress;
mod store;

use std::path::{Path, PathBuf};

use engine::store::atomic::write_atomic;
use engine::store::hash::hash_bytes;
use rusqlite::Connection;

pub use self::event::{Entry, Event, Looked, Moment, Screen};
pub use self::progress::{Position, Progress, TrialState, asks_error};
use crate::error::StudyError;
use crate::plan::ReaderPlan;
use crate::sealed::Study;
use crate::template::Template;

/// Most marks of one trial.
const MAX_MARKS: usize = 100;
/// Longest comment or reason, in characters.
const MAX_WORDS: usize = 4_000;

/// The answers of a reader, open for this window alone.
#[derive(Debug)]
pub struct Answers {
    connection: Connection,
    file: String,
    head: String,
    progress: Progress,
    plan: ReaderPlan,
    rules: Rules,
}

/// What of the study decides whether an event makes sense.
#[derive(Clone, Debug)]
struct Rules {
    template: Template,
    criteria: usize,
    practice: usize,
    may_change: bool,
}

impl Answers {
    /// The usual name of a reader's answers beside a study: `NAME-READER.cxanswers`.
    pub fn file_beside(study: &Path, reader: &str) -> PathBuf {
        let stem = study.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        study.with_file_name(format!("{stem}-{reader}.cxanswers"))
    }

    /// Opens the answers of a reader, made when missing.
    ///
    /// # Errors
    /// One sentence, when another window has them, they belong to another study or reader, the chain is broken, or the folder
    /// cannot be written.
    pub fn open(path: &Path, study: &Study, reader: &str) -> Result<Self, StudyError> {
        let plan = study.reader(reader)?.clone();
        let file = path.display().to_string();
        let sheet = study.sheet();
        let rules = Rules {
            template: sheet.template,
            criteria: sheet.criteria.len().max(1),
            practice: sheet.practice.len(),
            may_change: sheet.may_change,
        };
        let (connection, log) = store::open(path)?;
        let (head, progress) = match log {
            None => (store::begin(&connection, &file, study.hash(), reader)?, Progress::default()),
            Some(log) => {
                store::check_owner(&log, &file, study.hash(), reader)?;
                (log.head, Progress::of(&log.entries, sheet.template))
            }
        };
        Ok(Self { connection, file, head, progress, plan, rules })
    }

    /// Adds an event. When this returns, the event is on the disk.
    ///
    /// # Errors
    /// When the event makes no sense here, or cannot be written: then nothing has changed, and the same event can be given again.
    pub fn append(&mut self, moment: Moment, event: Event) -> Result<(), StudyError> {
        self.check(&event).map_err(|what| StudyError::input(&self.file, what))?;
        let entry = Entry { seq: self.progress.events + 1, wall_ms: moment.wall_ms, mono_secs: moment.mono_secs, event };
        self.head = store::append(&self.connection, &self.file, &entry, &self.head)?;
        self.progress.add(&entry, self.rules.template);
        Ok(())
    }

    /// What has happened so far.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The reader's plan.
    pub fn plan(&self) -> &ReaderPlan {
        &self.plan
    }

    /// Where to go on, at this date and time in milliseconds since 1970.
    ///
    /// A round whose washout is not over gives [`Position::Washout`]; an [`Event::Round`] with a reason begins it all the same,
    /// and is listed as a deviation. A clock that was set back makes a reader wait longer, and nothing else.
    pub fn position(&self, now_ms: i64) -> Position {
        self.progress.position(&self.plan, self.rules.practice, now_ms)
    }

    /// Hash of the last event.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Writes one closed copy, whole or not at all, and gives the hash of that file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn hand_over(&self, to: &Path) -> Result<String, StudyError> {
        let mut aside = to.as_os_str().to_owned();
        aside.push(".part");
        let aside = PathBuf::from(aside);
        drop(std::fs::remove_file(&aside));
        let copied = store::copy(&self.connection, &to.display().to_string(), &aside)
            .and_then(|()| std::fs::read(&aside).map_err(|error| StudyError::unreadable(&aside, &error)));
        drop(std::fs::remove_file(&aside));
        let bytes = copied?;
        write_atomic(to, &bytes)?;
        Ok(hash_bytes(&bytes))
    }

    /// Whether an event makes sense after what has happened; the words say why not.
    fn check(&self, event: &Event) -> Result<(), String> {
        let state = match event.trial() {
            None => None,
            Some(trial) => {
                self.plan.trial(trial).ok_or_else(|| format!("the plan has no trial {trial}"))?;
                Some((trial, self.progress.trials.get(&trial)))
            }
        };
        let locked = state.is_some_and(|(_, state)| state.is_some_and(|state| state.locked.is_some()));
        let words = |text: &str| match text.chars().count() > MAX_WORDS {
            true => Err(format!("a text of more than {MAX_WORDS} characters; shorten it")),
            false => Ok(()),
        };
        match event {
            Event::Locked { values, .. } => {
                if locked {
                    return Err("this answer is locked already".to_owned());
                }
                let open = self
                    .plan
                    .trials()
                    .map(|trial| trial.index)
                    .find(|index| self.progress.trials.get(index).is_none_or(|state| state.locked.is_none()));
                if open != event.trial() {
                    return Err("an earlier answer is not locked yet".to_owned());
                }
                self.check_values(values)
            }
            Event::Chosen { criterion, value, .. } if *criterion as usize >= self.rules.criteria => {
                Err(format!("there is no criterion {criterion} for {value}"))
            }
            Event::Chosen { value, .. } => self.check_values(&vec![*value; self.rules.criteria]),
            Event::Changed { values, reason, .. } => {
                if !self.rules.may_change {
                    return Err("this study does not let a locked answer be changed; tell the slip instead".to_owned());
                }
                if !locked || reason.trim().is_empty() {
                    return Err("only a locked answer can be changed, and with a reason".to_owned());
                }
                words(reason)?;
                self.check_values(values)
            }
            Event::Slip { reason, .. } | Event::Round { reason, .. } => words(reason),
            Event::Comment { text, .. } => words(text),
            Event::Marks { marks, .. } if marks.len() > MAX_MARKS => Err(format!("more than {MAX_MARKS} marks; take some away")),
            _ => Ok(()),
        }
    }

    fn check_values(&self, values: &[i32]) -> Result<(), String> {
        let known = |value: &i32| self.rules.template.choices().iter().any(|choice| choice.value == *value);
        if values.len() == self.rules.criteria && values.iter().all(known) {
            return Ok(());
        }
        Err(format!("{values:?} is no answer to {:?}", self.rules.template.name()))
    }
}

/// The answers of one reader as a file that nobody works with, chain checked.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswersFile {
    /// The file, as the caller called it.
    pub file: String,
    /// Hash of the study.
    pub study: String,
    /// The reader's code.
    pub reader: String,
    /// All events in order.
    pub entries: Vec<Entry>,
    /// Hash of the last event.
    pub head: String,
}

impl AnswersFile {
    /// Reads a file of answers without changing it.
    ///
    /// # Errors
    /// One sentence, when it is no file of answers, is open in a window, or its chain of events is broken.
    pub fn read(path: &Path) -> Result<Self, StudyError> {
        let log = store::read(path)?;
        let file = path.display().to_string();
        Ok(Self { file, study: log.study, reader: log.reader, entries: log.entries, head: log.head })
    }

    /// What the events add up to.
    pub fn progress(&self, template: Template) -> Progress {
        Progress::of(&self.entries, template)
    }
}

#[cfg(test)]
mod tests;
