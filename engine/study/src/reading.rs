//! One answer of one reader with the key joined: a row of the long table that analysis, CSV and report share.

use serde::{Deserialize, Serialize};

/// Why an image got a low score (supplement of the paper, error types).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// A finding of the impression is not in the image.
    Omission,
    /// The image shows a finding that the impression does not name.
    Commission,
    /// The finding is there, at another place.
    Place,
    /// The finding is there, larger or smaller than described.
    Extent,
    /// The finding is there, more or less severe than described.
    Severity,
    /// Something that no radiograph shows.
    Artefact,
}

impl ErrorKind {
    /// All kinds, in the order in which they are offered.
    pub const ALL: [Self; 6] = [Self::Omission, Self::Commission, Self::Place, Self::Extent, Self::Severity, Self::Artefact];

    /// The kind in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Omission => "Omission",
            Self::Commission => "Commission",
            Self::Place => "Discrepancy: place",
            Self::Extent => "Discrepancy: extent",
            Self::Severity => "Discrepancy: severity",
            Self::Artefact => "Artefact",
        }
    }
}

/// An error that a reader marked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkedError {
    /// Which kind.
    pub kind: ErrorKind,
    /// Where, as shares of width and height of the image from its upper left corner; `None` where the reader gave no place.
    pub place: Option<(f64, f64)>,
}

/// What a trial was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Counts.
    Scored,
    /// The same image a second time, for the reader's own repeatability.
    Repeat,
    /// An image whose right answer is known (a mismatch on purpose): is the reader awake?
    Catch,
}

/// One locked answer, arm known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// The reader's code in the study; never a name.
    pub reader: String,
    /// The case's id.
    pub case: String,
    /// The arm whose image was scored; of a choice between images, the arm that was chosen.
    pub arm: String,
    /// The arms that were beside it, in the order shown; empty where one image was shown.
    pub against: Vec<String>,
    /// Which criterion, where a template asks several; empty otherwise.
    pub criterion: String,
    /// Whether it counts, repeats or checks.
    pub purpose: Purpose,
    /// Round of the study, from 1; a washout lies between rounds.
    pub round: u32,
    /// Block within the reader's plan, from 1.
    pub block: u32,
    /// Place in the order of this reader, from 1, over all blocks.
    pub order: u32,
    /// The answer, a value of the template's choices; of a choice between images, the place that was chosen.
    pub score: i32,
    /// The right answer of a catch trial, of "real or synthetic" (1 synthetic, 5 real) or of a finding (1 absent, 5 present).
    pub truth: Option<i32>,
    /// Active time from the image being shown to the lock, without pauses, in seconds.
    pub seconds: f64,
    /// Errors marked after a low score.
    pub errors: Vec<MarkedError>,
    /// Findings of the case, as class codes ("PTX"), for tables by finding.
    pub findings: Vec<String>,
    /// The reader's words; empty where there are none.
    pub comment: String,
}
