//! What can be wrong with a study: each error is one sentence that names the file and the remedy.

use std::path::{Path, PathBuf};

use engine::store::atomic::WriteError;

/// Why a step of a study cannot be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// A file holds something that it should not, or misses something.
    #[error("{file}: {what}")]
    Input {
        /// The file, as the caller calls it.
        file: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// The system does not let a file be read.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// No order of trials keeps what the design asks for.
    #[error("no plan fits the design: {what}")]
    Plan {
        /// What does not fit, and the nearest that does.
        what: String,
    },
    /// A sealed file is not what was sealed.
    #[error("{file} was changed after it was sealed: {what}; take the sealed file again from whoever sealed it")]
    Changed {
        /// The file.
        file: String,
        /// What shows it.
        what: String,
    },
    /// A file of answers whose chain is broken, or that is damaged.
    #[error("{file} is damaged, or was changed by another program: {what}; ask the reader for the file again")]
    BrokenAnswers {
        /// The file.
        file: String,
        /// What shows it.
        what: String,
    },
    /// Files that do not belong together.
    #[error("{file} does not belong here: {what}")]
    Mismatch {
        /// The file.
        file: String,
        /// Why not, and what to do.
        what: String,
    },
    /// Another window works with the answers.
    #[error("{file} is open in another window; close that one first")]
    InUse {
        /// The file.
        file: String,
    },
    /// An answer could not be written. Everything that was written before is safe, and the same event can be given again.
    #[error("not saved in {file}: {reason}")]
    NotSaved {
        /// The file.
        file: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A person asked to stop.
    #[error("stopped; nothing was written")]
    Stopped,
    /// A whole file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl StudyError {
    /// A file whose content is wrong.
    pub fn input(file: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Input { file: file.into(), what: one_line(what) }
    }

    /// A plan that does not fit.
    pub(crate) fn plan(what: impl Into<String>) -> Self {
        Self::Plan { what: what.into() }
    }

    /// A sealed file that was changed.
    pub(crate) fn changed(file: &str, what: impl Into<String>) -> Self {
        Self::Changed { file: file.to_owned(), what: one_line(what) }
    }

    /// Answers that are not what was written.
    pub(crate) fn broken_answers(file: &str, what: impl Into<String>) -> Self {
        Self::BrokenAnswers { file: file.to_owned(), what: one_line(what) }
    }

    /// Files that do not belong together.
    pub(crate) fn mismatch(file: &str, what: impl Into<String>) -> Self {
        Self::Mismatch { file: file.to_owned(), what: what.into() }
    }

    /// A file that the system does not give.
    pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        let reason = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
            _ => error.to_string(),
        };
        Self::Unreadable { path: path.to_owned(), reason }
    }
}

/// The words of a parser on one line.
fn one_line(what: impl Into<String>) -> String {
    let what: String = what.into();
    if what.contains('\n') { what.split_whitespace().collect::<Vec<_>>().join(" ") } else { what }
}

/// The text of a file of at most `max` bytes.
pub(crate) fn read_text(path: &Path, max: u64) -> Result<String, StudyError> {
    use std::io::Read as _;
    let fail = |error: std::io::Error| StudyError::unreadable(path, &error);
    let file = std::fs::File::open(path).map_err(fail)?;
    if !file.metadata().map_err(fail)?.is_file() {
        return Err(fail(std::io::ErrorKind::IsADirectory.into()));
    }
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes).map_err(fail)?;
    let name = path.display().to_string();
    if bytes.len() as u64 > max {
        return Err(StudyError::input(name, format!("it is larger than the {} MiB that are read", max >> 20)));
    }
    String::from_utf8(bytes).map_err(|_| StudyError::input(name, "it is not UTF-8 text; save it again as UTF-8"))
}
