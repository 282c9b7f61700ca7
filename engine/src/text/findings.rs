//! What an impression says of findings: which, on which side, where in the lung, how large, and what is denied.
//!
//! Rules written for the language of chest radiograph impressions; no network. They serve checks that a person
//! sees and can overrule, so where a sentence can be read in two ways the rule takes the more usual one.

mod place;
mod repair;
mod scope;
mod sentence;
#[cfg(test)]
mod tests;
mod words;

use std::ops::Range;

use crate::domain::{Finding, Side};

pub use repair::{affirmed, bilateral, denied, flipped, one_sided, phrase};

use place::Placed;
use sentence::Sentence;

/// Part of the lung that a text names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// The very top.
    Apical,
    /// The upper lobe, zone or field.
    Upper,
    /// The middle.
    Middle,
    /// Beside the hilum.
    Perihilar,
    /// The lower lobe, zone or field.
    Lower,
    /// The very bottom.
    Basal,
}

impl Zone {
    /// The share of the lung's height, from the apex, in which something of this zone can lie; generous.
    pub fn band(self) -> (f32, f32) {
        match self {
            Self::Apical => (0.0, 0.35),
            Self::Upper => (0.0, 0.6),
            Self::Middle | Self::Perihilar => (0.25, 0.8),
            Self::Lower => (0.35, 1.0),
            Self::Basal => (0.6, 1.0),
        }
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Apical => "apical",
            Self::Upper => "upper",
            Self::Middle => "middle",
            Self::Perihilar => "perihilar",
            Self::Lower => "lower",
            Self::Basal => "basal",
        }
    }
}

/// How large a text calls a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Minimal, tiny, trace.
    Minimal,
    /// Small, mild.
    Small,
    /// Moderate.
    Moderate,
    /// Large, severe, massive.
    Large,
}

/// A finding that a text names. Ranges are bytes of the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Mention {
    /// The class.
    pub finding: Finding,
    /// The words that name it.
    pub noun: Range<usize>,
    /// The same from the side before it on, as in `right apical pneumothorax`.
    pub span: Range<usize>,
    /// The sentence it stands in, without its full stop.
    pub sentence: Range<usize>,
    /// The side it is said to be on.
    pub side: Option<Side>,
    /// The words that say so.
    pub side_words: Vec<Range<usize>>,
    /// The part of the lung, with its word.
    pub zone: Option<(Zone, Range<usize>)>,
    /// The size word, with its place.
    pub severity: Option<(Severity, Range<usize>)>,
    /// A diameter in centimetres.
    pub size_cm: Option<f32>,
    /// The words that deny it, if any do.
    pub denial: Option<Range<usize>>,
    /// Whether it is only thought possible.
    pub uncertain: bool,
}

impl Mention {
    /// Whether the text says that it is not there.
    pub fn negated(&self) -> bool {
        self.denial.is_some()
    }
}

/// The findings named in a text, in their order.
pub fn mentions(text: &str) -> Vec<Mention> {
    // Lower case of ASCII letters keeps every byte where it was.
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for sentence in Sentence::all(text, &lower) {
        let nouns = words::nouns(&sentence);
        let denials = scope::denials(&sentence, &nouns);
        let placed = place::places(&sentence, &nouns);
        for ((noun, denial), placed) in nouns.iter().zip(denials).zip(placed) {
            let Placed { side, side_words, first_side, zone, severity, size_cm } = placed;
            let bytes = sentence.bytes(noun.tokens.clone());
            found.push(Mention {
                finding: noun.finding,
                span: first_side.unwrap_or(bytes.start)..bytes.end,
                noun: bytes,
                sentence: sentence.range.clone(),
                side,
                side_words,
                zone,
                severity,
                size_cm,
                uncertain: scope::is_uncertain(&sentence, noun),
                denial: noun.normal.clone().map(|t| sentence.bytes(t)).or(denial),
            });
        }
    }
    found
}

/// The first finding that the text names and does not deny: the class of a mask that comes without one.
pub fn first_present(text: &str) -> Option<Finding> {
    mentions(text).into_iter().find(|m| !m.negated()).map(|m| m.finding)
}

/// The words that call the whole study normal, as in `No acute cardiopulmonary process`.
pub fn normal_study(text: &str) -> Option<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    Sentence::all(text, &lower).iter().find_map(|sentence| words::normal_study(sentence).map(|t| sentence.bytes(t)))
}
