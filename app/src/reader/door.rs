//! Opening: the sealed study, the reader's answers, and where the reader stands. Runs on a thread.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::domain::GrayImage;
use study::StudyError;
use study::answers::{Answers, Position, Progress};
use study::plan::ImageId;
use study::sealed::Study;

use super::desk::{Book, Entry};
use super::plates::Source;
use super::sheet::{self, Sheet};
use super::state::{Begun as Past, LastAnswer, Left, State};
use super::window::Options;

/// Milliseconds for which a display check holds when the window is opened again.
const CHECK_HOLDS_MS: i64 = 30 * 60 * 1000;

/// What the window begins with.
pub struct Begun {
    /// Where the reader stands.
    pub state: State,
    /// Where answers go.
    pub book: Box<dyn Book>,
    /// Where pictures come from.
    pub source: Arc<dyn Source>,
}

/// What opening came to.
pub enum Opened {
    /// One sentence why there is nothing to read.
    Refused(String),
    /// Several readers: who sits here?
    Choose(Arc<Study>),
    /// The study and the reader's answers.
    Begun(Box<Begun>),
}

impl Source for Study {
    fn picture(&self, name: &str) -> Result<GrayImage, String> {
        self.image(&ImageId(name.to_owned())).map_err(|error| sentence(&error))
    }
}

/// The file of answers of one reader.
struct File {
    answers: Answers,
    path: PathBuf,
}

impl Book for File {
    fn write(&mut self, entry: &Entry) -> Result<(), String> {
        self.answers.append(entry.moment, entry.event.clone()).map_err(|error| match error {
            // The folder is the reader's own; the name says which file it is, and leaves room for what to do.
            StudyError::NotSaved { file, reason } => {
                let name = Path::new(&file).file_name().map_or(file.clone(), |name| name.to_string_lossy().into_owned());
                format!("Not saved in {name}: {reason}.")
            }
            error => sentence(&error),
        })
    }

    fn hand_over(&mut self) -> Result<(String, String), String> {
        let to = handed_over(&self.path);
        let hash = self.answers.hand_over(&to).map_err(|error| sentence(&error))?;
        let name = to.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        Ok((name, hash))
    }
}

/// The name of the file that is handed over, beside the answers.
pub fn handed_over(answers: &Path) -> PathBuf {
    let stem = answers.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    answers.with_file_name(format!("{stem}-handed-over.cxanswers"))
}

/// An error as a whole sentence.
fn sentence(error: &dyn std::error::Error) -> String {
    let words = error.to_string();
    let mut letters = words.chars();
    let first = letters.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    // A file's name stays as it is written.
    let begins_with_name = words.split_whitespace().next().is_some_and(|w| w.contains(['/', '\\', '.']));
    let words = if begins_with_name { words.clone() } else { format!("{first}{}", letters.as_str()) };
    if words.ends_with('.') { words } else { format!("{words}.") }
}

/// Opens a study and, where the reader is known, their answers.
pub fn open(options: &Options, chosen: Option<(Arc<Study>, String)>, now_ms: i64) -> Opened {
    let (study, reader) = match chosen {
        Some((study, reader)) => (study, Some(reader)),
        None => match Study::open(&options.study) {
            Ok(study) => (Arc::new(study), options.reader.clone()),
            Err(error) => return Opened::Refused(sentence(&error)),
        },
    };
    let readers = &study.sheet().readers;
    let reader = match (reader, readers.as_slice()) {
        (Some(reader), _) => reader,
        (None, [only]) => only.reader.clone(),
        (None, _) => return Opened::Choose(study),
    };
    match begin(options, &study, &reader, now_ms) {
        Ok(begun) => Opened::Begun(Box::new(begun)),
        Err(why) => Opened::Refused(why),
    }
}

fn begin(options: &Options, study: &Arc<Study>, reader: &str, now_ms: i64) -> Result<Begun, String> {
    let sheet = sheet::of(study, reader).map_err(|error| sentence(&error))?;
    let path = options.answers.clone().unwrap_or_else(|| Answers::file_beside(&options.study, reader));
    let answers = Answers::open(&path, study, reader).map_err(|error| sentence(&error))?;
    let state = state(sheet, answers.progress(), answers.position(now_ms), now_ms);
    Ok(Begun { state, book: Box::new(File { answers, path }), source: Arc::clone(study) as Arc<dyn Source> })
}

/// Where the reader stands after an earlier sitting.
fn state(sheet: Sheet, progress: &Progress, position: Position, now_ms: i64) -> State {
    // Rings open to other sides in each sitting.
    let seed = u64::from_str_radix(sheet.hash.get(..12).unwrap_or("0"), 16).unwrap_or(0) ^ progress.events;
    let place = |value: i32| sheet.choices.iter().position(|c| c.value == value);
    let count = sheet.trials.len();
    let start = match position {
        Position::Done => count,
        Position::Rest { next } | Position::Washout { next, .. } | Position::Trial(next) | Position::Errors(next) => {
            (next.saturating_sub(1) as usize).min(count)
        }
        Position::Consent | Position::Experience | Position::Display | Position::Practice(_) => 0,
    };
    let left = match position {
        Position::Trial(number) | Position::Errors(number) => progress.trials.get(&number).map(|trial| Left {
            trial: number,
            chosen: {
                let values = match &trial.locked {
                    Some(values) => values.iter().map(|v| Some(*v)).collect(),
                    None => trial.chosen.clone(),
                };
                let mut chosen: Vec<Option<usize>> = values.into_iter().map(|v| v.and_then(place)).collect();
                chosen.resize(sheet.questions(), None);
                chosen
            },
            locked: trial.locked.is_some(),
            marks: trial.marks.clone(),
            comment: trial.comment.clone(),
            seconds: if trial.locked.is_some() { 0.0 } else { trial.seconds },
        }),
        _ => None,
    };
    let last = progress.trials.iter().rev().find_map(|(number, trial)| {
        let chosen = trial.current.as_ref()?.iter().filter_map(|v| place(*v)).collect();
        Some(LastAnswer { trial: *number, chosen })
    });
    let locked_ms = progress.trials.values().filter_map(|t| t.locked_ms).max().unwrap_or(0);
    let past = Past {
        consent: progress.consent && progress.experience.is_some(),
        display: progress.display && (0..CHECK_HOLDS_MS).contains(&(now_ms - progress.latest_ms)),
        practice: progress.practice as usize,
        round: progress.rounds.keys().max().copied().unwrap_or(0),
    };
    let mut state = State::new(Arc::new(sheet), seed, now_ms);
    (state.start, state.left, state.last, state.locked_ms, state.begun) = (start, left, last, locked_ms, past);
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_is_handed_over_lies_beside_the_answers() {
        assert_eq!(handed_over(Path::new("a/ct-R2.cxanswers")), Path::new("a/ct-R2-handed-over.cxanswers"));
    }

    #[test]
    fn errors_are_whole_sentences() {
        let words = |what: &str| sentence(&std::io::Error::other(what.to_owned()));
        assert_eq!(words("cannot read it"), "Cannot read it.");
        assert_eq!(words("a.cxstudy was changed."), "a.cxstudy was changed.");
    }
}
