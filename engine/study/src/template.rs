//! What is asked of a reader: kinds of study, their scales and words.

use serde::{Deserialize, Serialize};

/// A kind of study. Each trial of a study asks the same question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Template {
    /// How well one image agrees with the impression, -2 to +2 (the paper's study).
    ReportAlignment,
    /// How real one image looks, 1 to 5; the impression is hidden.
    Realism,
    /// Real or synthetic, with how sure; the impression is hidden.
    RealOrSynthetic,
    /// Two images of one case: which one agrees better with the impression.
    PairwiseChoice,
    /// Four images, one of them real: which one.
    Quartet,
    /// Named image criteria (sharpness, contrast, anatomy …), each 1 to 5.
    VisualGrading,
    /// A finding read without help, then, after a washout, with examples beside it.
    AssistedReading,
}

/// One value that a reader can choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What is stored and analysed.
    pub value: i32,
    /// The key that chooses it, as a digit or a letter.
    pub key: char,
    /// How the value is shown: "+1".
    pub figure: &'static str,
    /// What it means, in a few words.
    pub words: &'static str,
    /// Whether the kind of error is asked after it was locked.
    pub asks_error: bool,
}

const fn choice(value: i32, key: char, figure: &'static str, words: &'static str, asks_error: bool) -> Choice {
    Choice { value, key, figure, words, asks_error }
}

const ALIGNMENT: &[Choice] = &[
    choice(-2, '1', "−2", "Complete mismatch", true),
    choice(-1, '2', "−1", "Key findings missing", true),
    choice(0, '3', "0", "Major findings present, details missing", false),
    choice(1, '4', "+1", "Most aspects agree", false),
    choice(2, '5', "+2", "Perfect agreement", false),
];

const REALISM: &[Choice] = &[
    choice(1, '1', "1", "Clearly not a radiograph", true),
    choice(2, '2', "2", "Unlikely to be real", true),
    choice(3, '3', "3", "Cannot tell", false),
    choice(4, '4', "4", "Likely to be real", false),
    choice(5, '5', "5", "As a real radiograph", false),
];

const REAL_OR_SYNTHETIC: &[Choice] = &[
    choice(1, '1', "1", "Surely synthetic", true),
    choice(2, '2', "2", "Rather synthetic", true),
    choice(3, '3', "3", "Cannot tell", false),
    choice(4, '4', "4", "Rather real", false),
    choice(5, '5', "5", "Surely real", false),
];

const GRADING: &[Choice] = &[
    choice(1, '1', "1", "Not usable", false),
    choice(2, '2', "2", "Poor", false),
    choice(3, '3', "3", "Fair", false),
    choice(4, '4', "4", "Good", false),
    choice(5, '5', "5", "Excellent", false),
];

const PAIR: &[Choice] = &[
    choice(0, '1', "Left", "The left image agrees better", false),
    choice(1, '2', "Right", "The right image agrees better", false),
];

const FOUR: &[Choice] = &[
    choice(0, '1', "A", "Top left", false),
    choice(1, '2', "B", "Top right", false),
    choice(2, '3', "C", "Bottom left", false),
    choice(3, '4', "D", "Bottom right", false),
];

const PRESENCE: &[Choice] = &[
    choice(1, '1', "1", "Surely absent", false),
    choice(2, '2', "2", "Probably absent", false),
    choice(3, '3', "3", "Cannot tell", false),
    choice(4, '4', "4", "Probably present", false),
    choice(5, '5', "5", "Surely present", false),
];

impl Template {
    /// All kinds, in the order in which they are offered.
    pub const ALL: [Self; 7] = [
        Self::ReportAlignment,
        Self::Realism,
        Self::RealOrSynthetic,
        Self::PairwiseChoice,
        Self::Quartet,
        Self::VisualGrading,
        Self::AssistedReading,
    ];

    /// The kind in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReportAlignment => "Report alignment",
            Self::Realism => "Realism",
            Self::RealOrSynthetic => "Real or synthetic",
            Self::PairwiseChoice => "Pairwise choice",
            Self::Quartet => "Find the real one",
            Self::VisualGrading => "Visual grading",
            Self::AssistedReading => "Assisted reading",
        }
    }

    /// What the reader is asked, where the study does not word it otherwise.
    pub const fn question(self) -> &'static str {
        match self {
            Self::ReportAlignment => "How well does the image agree with the impression?",
            Self::Realism => "How real does the image look?",
            Self::RealOrSynthetic => "Is this a real or a synthetic radiograph?",
            Self::PairwiseChoice => "Which image agrees better with the impression?",
            Self::Quartet => "Which one is the real radiograph?",
            Self::VisualGrading => "How good is the image in this respect?",
            Self::AssistedReading => "Is the finding present?",
        }
    }

    /// What can be answered, lowest first.
    pub const fn choices(self) -> &'static [Choice] {
        match self {
            Self::ReportAlignment => ALIGNMENT,
            Self::Realism => REALISM,
            Self::RealOrSynthetic => REAL_OR_SYNTHETIC,
            Self::PairwiseChoice => PAIR,
            Self::Quartet => FOUR,
            Self::VisualGrading => GRADING,
            Self::AssistedReading => PRESENCE,
        }
    }

    /// Images beside each other in one trial.
    pub const fn images(self) -> usize {
        match self {
            Self::PairwiseChoice => 2,
            Self::Quartet => 4,
            _ => 1,
        }
    }

    /// Whether the impression is shown.
    pub const fn shows_impression(self) -> bool {
        matches!(self, Self::ReportAlignment | Self::PairwiseChoice)
    }

    /// Whether the answers stand on an ordered scale, so that means, kappa and the ordinal model apply.
    pub const fn is_ordinal(self) -> bool {
        !matches!(self, Self::PairwiseChoice | Self::Quartet)
    }
}
