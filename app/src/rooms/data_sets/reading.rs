//! Reading what the library has of the data set: one reading at a time, and never behind a person's back.
//!
//! A reading may have begun before a person's mark was written, and end after it was shown. So marks lie over what is
//! read until a reading that began after they were written has ended.

use std::collections::BTreeMap;

use super::work::Work;
use crate::action::Effect;
use crate::library::{Mark, RunId, RunRow};

/// A mark that was decided and is not in every reading yet.
#[derive(Clone, Debug)]
struct Decided {
    mark: Mark,
    /// The reason, where one was given.
    note: Option<String>,
    /// The newest reading that had begun when the library said that it is written.
    written: Option<u64>,
}

/// Readings of the library, and marks that they may not know.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// How many began.
    begun: u64,
    /// Whether the last one goes on.
    going: bool,
    /// Whether something changed since it began.
    again: bool,
    decided: BTreeMap<RunId, Decided>,
}

impl Reading {
    /// Reads what there is of a recipe: now, or once more after the reading in progress.
    pub fn ask(&mut self, tag: String) -> Vec<Effect> {
        if self.going {
            self.again = true;
            return Vec::new();
        }
        (self.going, self.again) = (true, false);
        self.begun += 1;
        vec![Effect::DataSets(Work::Load(tag))]
    }

    /// Puts marks over runs that were read.
    pub fn lay_over(&self, runs: &mut [RunRow]) {
        for run in runs {
            if let Some(decided) = self.decided.get(&run.id) {
                run.mark = decided.mark;
                if let Some(note) = &decided.note {
                    run.note.clone_from(note);
                }
            }
        }
    }

    /// The reading in progress has ended; reads the recipe once more where something changed meanwhile.
    pub fn ended(&mut self, tag: String) -> Vec<Effect> {
        self.going = false;
        self.decided.retain(|_, decided| decided.written.is_none_or(|begun| begun >= self.begun));
        if self.again { self.ask(tag) } else { Vec::new() }
    }

    /// A person marks a run; the library is asked to write it.
    pub fn decide(&mut self, id: RunId, mark: Mark, note: Option<String>) {
        self.decided.insert(id, Decided { mark, note, written: None });
    }

    /// The library tells runs as they are now.
    pub fn written(&mut self, rows: &[RunRow]) {
        for row in rows {
            let Some(decided) = self.decided.get_mut(&row.id) else { continue };
            let same = row.mark == decided.mark && decided.note.as_ref().is_none_or(|note| *note == row.note);
            match (same, decided.written) {
                (true, _) => decided.written = Some(self.begun),
                // It was marked otherwise since, elsewhere.
                (false, Some(_)) => drop(self.decided.remove(&row.id)),
                (false, None) => {}
            }
        }
    }

    /// The library refused something: what was not confirmed may not stand.
    pub fn refused(&mut self) {
        self.decided.retain(|_, decided| decided.written.is_some());
    }
}
