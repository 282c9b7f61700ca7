//! Live checks of the text against layers and fields: sides, contradictions, what the model does not read.
//!
//! A check never blocks; it says what is the case and offers repairs that one click does and undo takes back.

mod layers;
mod patient;
mod place;
mod words;

use std::ops::Range;

use engine::text::Cleaned;
use engine::text::findings::{self, Mention};

use crate::action::Action;
use crate::state::{Document, LayerId};

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing to do.
    Agrees,
    /// Worth knowing.
    Note,
    /// Text and layers, or text and fields, say different things.
    Conflict,
}

/// What one click can do about a check.
#[derive(Clone, Debug, PartialEq)]
pub struct Repair {
    /// Words on the button.
    pub label: String,
    /// One line what it does.
    pub purpose: &'static str,
    /// The edit.
    pub action: Action,
}

/// One line below the impression.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// How it came out.
    pub verdict: Verdict,
    /// One sentence for the card of a conflict.
    pub sentence: String,
    /// A shorter one for the list, which names the layer.
    pub line: String,
    /// Bytes of the impression that it is about.
    pub words: Vec<Range<usize>>,
    /// The layers that it is about.
    pub layers: Vec<LayerId>,
    /// What can be done, the most natural first.
    pub repairs: Vec<Repair>,
}

impl Check {
    fn new(verdict: Verdict, sentence: impl Into<String>) -> Self {
        let sentence = sentence.into();
        Self { verdict, line: sentence.clone(), sentence, words: Vec::new(), layers: Vec::new(), repairs: Vec::new() }
    }

    fn line(mut self, line: impl Into<String>) -> Self {
        self.line = line.into();
        self
    }

    fn words(mut self, words: impl IntoIterator<Item = Range<usize>>) -> Self {
        self.words.extend(words);
        self
    }

    fn layer(mut self, id: LayerId) -> Self {
        self.layers.push(id);
        self
    }

    fn repair(mut self, label: impl Into<String>, purpose: &'static str, action: Action) -> Self {
        self.repairs.push(Repair { label: label.into(), purpose, action });
        self
    }
}

/// What the model does to the text before it reads it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Byte of the full text, prefix included, from which nothing is read.
    pub cut_at: Option<usize>,
    /// Tokens that are read at most.
    pub limit: usize,
    /// The text after cleaning; `None` where the model cleans nothing or is not known yet.
    pub cleaned: Option<Cleaned>,
}

/// All checks of a document, conflicts first.
pub fn check(document: &Document, reading: &Reading) -> Vec<Check> {
    let mentions = findings::mentions(&document.impression);
    let mut checks = layers::check(document, &mentions);
    checks.extend(patient::check(document));
    checks.extend(words::check(document, reading));
    checks.sort_by_key(|c| match c.verdict {
        Verdict::Conflict => 0,
        Verdict::Agrees => 1,
        Verdict::Note => 2,
    });
    checks
}

/// How many conflicts there are.
pub fn conflicts(checks: &[Check]) -> usize {
    checks.iter().filter(|c| c.verdict == Verdict::Conflict).count()
}

/// The conflicts of a document that are kept on purpose; those that were mended since are not among them.
pub fn kept(document: &Document) -> Vec<String> {
    if document.kept_conflicts.is_empty() {
        return Vec::new();
    }
    let there = check(document, &Reading::default());
    let is_there = |sentence: &&String| there.iter().any(|c| c.verdict == Verdict::Conflict && c.sentence == **sentence);
    document.kept_conflicts.iter().filter(is_there).cloned().collect()
}

/// The name of a class inside a sentence.
fn noun(mention: &Mention) -> String {
    in_sentence(mention.finding)
}

/// The name of a class inside a sentence.
fn in_sentence(finding: engine::domain::Finding) -> String {
    finding.title().to_lowercase()
}

#[cfg(test)]
mod tests;
