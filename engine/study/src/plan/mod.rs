//! Who sees what in which order.
//!
//! A [`Plan`] knows arms and truths: it becomes the key. A [`ReaderPlan`] is what the sealed study holds of it: opaque names
//! in an order. Both follow from the design, the cases and the seed alone.
//!
//! # Source
//! Balanced orders: Williams, Experimental designs balanced for the estimation of residual effects of treatments (1949).

mod build;
mod catches;
mod passes;
mod repeats;
mod square;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::square::williams;
use crate::cases::CaseTable;
use crate::design::Design;
use crate::error::StudyError;
use crate::reading::Purpose;

/// Most trials of one reader.
pub const MAX_TRIALS: usize = 20_000;

/// The opaque name of an image in a sealed study: sixteen hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageId(pub String);

/// The opaque name of what is shown beside an image: impression, age, sex, view, finding in question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CaseId(pub String);

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What one reader does, as the sealed study holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReaderPlan {
    /// The reader's code.
    pub reader: String,
    /// Parts with a washout between them, in order.
    pub rounds: Vec<Round>,
}

/// A part of the study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Round {
    /// From 1.
    pub number: u32,
    /// Least time since the round before, in hours; 0 of the first.
    pub washout_hours: f64,
    /// Blocks with breaks between them.
    pub blocks: Vec<Block>,
}

/// Trials without a break.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// From 1, over all rounds.
    pub number: u32,
    /// In order.
    pub trials: Vec<Trial>,
}

/// One question to a reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// Place in the reader's order, from 1, over all rounds; of practice, from 1 by itself.
    pub index: u32,
    /// What is shown beside the image.
    pub case: CaseId,
    /// The images, in the order in which they stand.
    pub images: Vec<ImageId>,
    /// Images that help; assisted reading only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<ImageId>,
    /// The value that a practice trial asks for, so that the keys are learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub give: Option<i32>,
}

impl ReaderPlan {
    /// All trials in order.
    pub fn trials(&self) -> impl Iterator<Item = &Trial> {
        self.rounds.iter().flat_map(|round| &round.blocks).flat_map(|block| &block.trials)
    }

    /// The trial of an index, with its round and block.
    pub fn trial(&self, index: u32) -> Option<(&Round, &Block, &Trial)> {
        let blocks = self.rounds.iter().flat_map(|round| round.blocks.iter().map(move |block| (round, block)));
        blocks
            .flat_map(|(round, block)| block.trials.iter().map(move |trial| (round, block, trial)))
            .find(|(.., trial)| trial.index == index)
    }

    /// Number of trials.
    pub fn len(&self) -> usize {
        self.rounds.iter().flat_map(|round| &round.blocks).map(|block| block.trials.len()).sum()
    }

    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An image that is shown, by its place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shown {
    /// Index of the case whose image it is.
    pub case: usize,
    /// Index of the arm.
    pub arm: usize,
    /// Whether its tiles are shuffled, so that it is clearly no radiograph (catch trials without an impression).
    pub scrambled: bool,
}

/// One trial with all that the reader must not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Index of the case whose impression is shown.
    pub case: usize,
    /// The images in the order in which they stand.
    pub shown: Vec<Shown>,
    /// Whether it counts, repeats or checks.
    pub purpose: Purpose,
    /// The right answer, where there is one.
    pub truth: Option<i32>,
    /// Which showing of the case, from 0.
    pub pass: usize,
    /// Round, from 1.
    pub round: u32,
    /// Block over all rounds, from 1.
    pub block: u32,
}

impl Assignment {
    /// Cases that the reader sees something of: those must be far enough apart.
    fn touches(&self, case: usize) -> bool {
        self.case == case || self.shown.iter().any(|shown| shown.case == case)
    }
}

/// The order of one reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheme {
    /// The reader's code.
    pub reader: String,
    /// All trials in order, over all rounds.
    pub trials: Vec<Assignment>,
}

/// The orders of all readers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// One a reader, in the order of the design.
    pub readers: Vec<Scheme>,
    /// What the key for random choices was.
    pub(crate) key: u64,
}

impl Plan {
    /// The plan of a design for a table of cases.
    ///
    /// # Errors
    /// When repeats, catch trials or the separation do not fit; the sentence names the largest separation that does.
    pub fn build(design: &Design, table: &CaseTable) -> Result<Self, StudyError> {
        build::plan(design, table)
    }
}

#[cfg(test)]
mod tests;
