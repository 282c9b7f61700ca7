//! Answers and key become one table: what the analysis works on.
//!
//! Nothing is joined that does not fit: a wrong key, an edited study, answers to another study or a broken chain of events
//! are refused. What fits but went otherwise than planned is listed as a deviation, and counts all the same.

mod checks;
mod deviations;
mod readings;
mod words;

use std::collections::BTreeMap;
use std::path::Path;

use engine::store::atomic::write_atomic;
use serde::{Deserialize, Serialize};

use crate::analysis::{AuditFacts, Context, Hashes, PlanFacts, ReaderFacts};
use crate::answers::{AnswersFile, Progress};
use crate::error::{StudyError, read_text};
use crate::key::Key;
use crate::reading::{Purpose, Reading};
use crate::sealed::{AuditNote, Study, short};

const FORMAT: &str = "chexgen-joined";
const VERSION: u32 = 1;
/// Largest joined file that is read.
const MAX_BYTES: u64 = 512 << 20;

/// Answers with the key: everything that analysis and report need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Joined {
    /// `chexgen-joined`.
    format: String,
    /// 1.
    version: u32,
    /// Facts of the study, checks and deviations.
    pub context: Context,
    /// One row an answer and criterion.
    pub readings: Vec<Reading>,
}

/// What counts as a deviation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Longest pause within a trial that is not listed, in minutes.
    pub pause_minutes: f64,
    /// Shortest time for an answer that is not listed, in seconds.
    pub hasty_secs: f64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { pause_minutes: 10.0, hasty_secs: 1.0 }
    }
}

/// The log of one reader with what it adds up to.
struct Log<'a> {
    file: &'a AnswersFile,
    progress: Progress,
}

/// Joins a study, its key (`key_file` is used in errors) and the answers of its readers. `program` is who joins.
///
/// # Errors
/// One sentence, when the key or a file of answers belongs to another study, or a reader comes twice.
pub fn join(
    study: &Study,
    key: &Key,
    key_file: &str,
    answers: &[AnswersFile],
    bounds: &Bounds,
    program: &str,
) -> Result<Joined, StudyError> {
    key.fits(study, key_file)?;
    let logs = logs(study, answers)?;
    let sheet = study.sheet();
    let context = Context {
        title: sheet.title.clone(),
        template: sheet.template,
        question: sheet.question.clone(),
        arms: key.arms.clone(),
        real_arm: key.real.clone(),
        criteria: sheet.criteria.clone(),
        readers: readers(study, key, &logs),
        impressions: key.cases.iter().map(|case| (case.id.clone(), case.impression.clone())).collect(),
        plan: plan(study, key),
        hashes: Hashes {
            study: study.hash().to_owned(),
            key: key.hash.clone(),
            answers: logs.values().map(|log| (log.file.reader.clone(), log.file.head.clone())).collect(),
        },
        integrity: checks::checks(study, key, &logs),
        deviations: deviations::all(study, key, &logs, bounds),
        audit: audit(&sheet.audit),
        simulated: logs.values().any(|log| log.progress.simulated),
        program: program.to_owned(),
    };
    let mut readings = Vec::new();
    // In the order of the design.
    for plan in &sheet.readers {
        if let Some(log) = logs.get(plan.reader.as_str()) {
            readings::add(sheet, plan, key, &log.progress, &mut readings);
        }
    }
    Ok(Joined { format: FORMAT.to_owned(), version: VERSION, context, readings })
}

/// The logs by reader, each of this study and of a reader of it.
fn logs<'a>(study: &Study, answers: &'a [AnswersFile]) -> Result<BTreeMap<&'a str, Log<'a>>, StudyError> {
    if answers.is_empty() {
        return Err(StudyError::input("answers", "no file of answers was given; name at least one (.cxanswers)"));
    }
    let mut logs: BTreeMap<&str, Log<'_>> = BTreeMap::new();
    for file in answers {
        if file.study != study.hash() {
            let what = format!("it holds answers to study {}, and this is study {}", short(&file.study), short(study.hash()));
            return Err(StudyError::mismatch(&file.file, what));
        }
        study.reader(&file.reader)?;
        let log = Log { file, progress: file.progress(study.sheet().template) };
        if let Some(first) = logs.insert(&file.reader, log) {
            let what = format!("{} holds the answers of {:?} already; give one file a reader", first.file.file, file.reader);
            return Err(StudyError::mismatch(&file.file, what));
        }
    }
    Ok(logs)
}

fn readers(study: &Study, key: &Key, logs: &BTreeMap<&str, Log<'_>>) -> Vec<ReaderFacts> {
    let facts = |code: &String| {
        let given = logs.get(code.as_str()).and_then(|log| log.progress.experience.clone()).unwrap_or_default();
        let experience = [given.0, given.1].into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join(", ");
        let trials = key.trials.get(code).into_iter().flatten();
        let scored = trials.filter(|trial| trial.purpose == Purpose::Scored).count();
        ReaderFacts { code: code.clone(), experience, planned: scored * study.sheet().criteria.len().max(1) }
    };
    study.sheet().readers.iter().map(|plan| facts(&plan.reader)).collect()
}

fn plan(study: &Study, key: &Key) -> PlanFacts {
    let sheet = study.sheet();
    let first = key.trials.values().next();
    let count = |purpose| first.map_or(0, |trials| trials.iter().filter(|trial| trial.purpose == purpose).count());
    PlanFacts {
        seed: Some(key.seed),
        blocks: sheet.readers.first().map_or(0, |plan| plan.rounds.iter().map(|round| round.blocks.len()).sum()),
        separation: key.plan.separation as usize,
        repeats: count(Purpose::Repeat),
        catches: count(Purpose::Catch),
        practice: sheet.practice.len(),
        rounds: key.plan.rounds,
        washout_hours: (key.plan.rounds > 1).then_some(key.plan.washout_hours),
        changes_allowed: sheet.may_change,
        equalised: if key.equalised.is_empty() {
            String::new()
        } else {
            format!("a square of {} px, {} bits of grey and no metadata", sheet.side_px, key.bits)
        },
    }
}

fn audit(note: &AuditNote) -> Option<AuditFacts> {
    match note.clone() {
        AuditNote::Made { measure, guess, chance, probe, before, .. } => {
            Some(AuditFacts { measure, guess, chance, probe, before })
        }
        AuditNote::LeftOut { .. } => None,
    }
}

impl Joined {
    /// The bytes of the file.
    ///
    /// # Errors
    /// When a value has no JSON form.
    pub fn to_bytes(&self) -> Result<Vec<u8>, StudyError> {
        serde_json::to_vec_pretty(self).map_err(|error| StudyError::input("the joined file", error.to_string()))
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), StudyError> {
        Ok(write_atomic(path, &self.to_bytes()?)?)
    }

    /// Reads a joined file.
    ///
    /// # Errors
    /// One sentence, when it is another file, damaged, or of a later version.
    pub fn read(path: &Path) -> Result<Self, StudyError> {
        let text = read_text(path, MAX_BYTES)?;
        let file = path.display().to_string();
        let mut reader = serde_json::Deserializer::from_str(&text);
        let joined: Self = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let place = match error.path().to_string() {
                path if path == "." => String::new(),
                path => format!("{path}: "),
            };
            let what = format!("this is not what `chexgen study join` writes ({place}{}); join the answers again", error.inner());
            StudyError::input(&file, what)
        })?;
        if joined.format != FORMAT || joined.version != VERSION {
            let what =
                format!("it is {} version {}, and this program reads {FORMAT} version {VERSION}", joined.format, joined.version);
            return Err(StudyError::input(file, what));
        }
        Ok(joined)
    }
}

#[cfg(test)]
mod tests;
