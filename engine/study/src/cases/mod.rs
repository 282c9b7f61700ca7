//! The cases of a study: a table of impressions with one image of each arm, as CSV or as JSON lines.
//!
//! Columns: `case`, `impression`, `findings` ("PTX;EFF", "none"), `sex`, `age`, `view`, `asked` (the finding in question, assisted
//! reading), `use` (`scored` or `practice`), `examples` (paths, ";" between them; assisted reading), and the images: a column
//! `image:ARM` for each arm, or the two columns `arm` and `image` with a row for each image. Columns whose name begins with
//! `note` are left alone. Paths are relative to the table.

mod build;
mod image;
mod rows;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use self::image::read_image;
use crate::design::Design;
use crate::error::{StudyError, read_text};

/// Largest table that is read.
const MAX_BYTES: u64 = 64 << 20;
/// Most cases of a study.
pub const MAX_CASES: usize = 10_000;
/// Longest impression, in characters.
pub const MAX_TEXT: usize = 4_000;

/// All cases of a study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseTable {
    /// Cases that count, in the order of the table.
    pub cases: Vec<Case>,
    /// Cases for practice.
    pub practice: Vec<Case>,
}

/// One case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Case {
    /// Its id in the table; it is in the key, never in the sealed study.
    pub id: String,
    /// The impression; may be empty where readers do not see it.
    pub impression: String,
    /// Findings that are present, as class codes.
    pub findings: Vec<String>,
    /// Sex, as readers see it; may be empty.
    pub sex: String,
    /// Age, as readers see it; may be empty.
    pub age: String,
    /// View, as readers see it; may be empty.
    pub view: String,
    /// The finding in question, as class code; assisted reading only.
    pub asked: Option<String>,
    /// File of each arm.
    pub images: BTreeMap<String, PathBuf>,
    /// Files that are shown as help; assisted reading only.
    pub examples: Vec<PathBuf>,
}

impl CaseTable {
    /// Reads the table that a design names, beside the design, and checks it against the design.
    ///
    /// # Errors
    /// One sentence with file, line, column and remedy: images that are not there, ids that come twice, arms of different counts.
    pub fn read(design: &Design, folder: &Path) -> Result<Self, StudyError> {
        let path = folder.join(&design.cases);
        let text = read_text(&path, MAX_BYTES)?;
        let file = path.display().to_string();
        let beside = path.parent().unwrap_or(folder);
        Self::parse(&text, &file, beside, design)
    }

    /// As [`CaseTable::read`], from text; `file` tells the kind and is used in errors.
    ///
    /// # Errors
    /// As [`CaseTable::read`].
    pub fn parse(text: &str, file: &str, folder: &Path, design: &Design) -> Result<Self, StudyError> {
        let fail = |what| StudyError::input(file, what);
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let ending = file.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        let rows = match ending.as_deref() {
            Some("csv") => rows::from_csv(text),
            Some("jsonl" | "ndjson") => rows::from_json_lines(text),
            _ => Err("its kind is unknown; name it .csv or .jsonl".to_owned()),
        }
        .map_err(fail)?;
        build::table(&rows, folder, design).map_err(fail)
    }
}

impl Case {
    /// The finding that is present, for a truth: whether the asked finding is there.
    pub fn shows_asked(&self) -> Option<bool> {
        self.asked.as_ref().map(|asked| self.findings.contains(asked))
    }
}

#[cfg(test)]
mod tests;
