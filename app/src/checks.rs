//! Live checks of the text against the layers: sides, contradictions, marks that do not belong.
//!
//! A check never blocks; it says what is the case and offers a repair.

use engine::domain::{Finding, Side};

use crate::state::{Document, LayerId};

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing to do.
    Agrees,
    /// Worth knowing.
    Note,
    /// Text and layers say different things.
    Conflict,
}

/// One line below the impression.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// How it came out.
    pub verdict: Verdict,
    /// One sentence.
    pub sentence: String,
    /// The layer and finding a repair would change.
    pub repair: Option<(LayerId, Finding)>,
}

/// A finding named in the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Mention {
    /// The class.
    pub finding: Finding,
    /// Bytes of the words, side included where it stands right before.
    pub span: std::ops::Range<usize>,
    /// The side named in the same clause.
    pub side: Option<Side>,
    /// Whether the clause denies it.
    pub negated: bool,
    /// Bytes of the clause it stands in.
    pub clause: std::ops::Range<usize>,
}

/// Words of each class, longest first; matched in lower case at word starts.
const WORDS: [(&str, Finding); 24] = [
    ("hydropneumothorax", Finding::Pneumothorax),
    ("pneumothorax", Finding::Pneumothorax),
    ("pneumothoraces", Finding::Pneumothorax),
    ("pleural effusion", Finding::PleuralEffusion),
    ("pleural fluid", Finding::PleuralEffusion),
    ("effusion", Finding::PleuralEffusion),
    ("consolidation", Finding::Consolidation),
    ("airspace opacity", Finding::Consolidation),
    ("pneumonia", Finding::Consolidation),
    ("opacity", Finding::Consolidation),
    ("nodule", Finding::Nodule),
    ("mass", Finding::Nodule),
    ("lesion", Finding::Nodule),
    ("cardiomegaly", Finding::Cardiomegaly),
    ("enlarged heart", Finding::Cardiomegaly),
    ("enlarged cardiac", Finding::Cardiomegaly),
    ("heart is enlarged", Finding::Cardiomegaly),
    ("atelecta", Finding::Atelectasis),
    ("edema", Finding::Edema),
    ("vascular congestion", Finding::Edema),
    ("fracture", Finding::Fracture),
    ("pacemaker", Finding::Device),
    ("catheter", Finding::Device),
    ("tube", Finding::Device),
];

/// Words that begin others of another meaning, such as massive and tuberculosis.
const WHOLE: [&str; 2] = ["mass", "tube"];

/// The findings named in a text, in their order.
pub fn mentions(text: &str) -> Vec<Mention> {
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for clause in clauses(&lower) {
        let words = &lower[clause.clone()];
        let side = side_of(words);
        let denied = denial(words);
        let mut taken: Vec<std::ops::Range<usize>> = Vec::new();
        for (word, finding) in WORDS {
            for (at, _) in words.match_indices(word) {
                let end = word_end(words, at + word.len());
                let starts_word = !words[..at].ends_with(|c: char| c.is_alphanumeric());
                let other_word = WHOLE.contains(&word) && !matches!(&words[at + word.len()..end], "" | "s" | "es");
                if !starts_word || other_word || taken.iter().any(|t| at < t.end && end > t.start) {
                    continue;
                }
                taken.push(at..end);
                let from = with_side_before(words, at);
                found.push(Mention {
                    finding,
                    span: clause.start + from..clause.start + end,
                    side,
                    negated: denied.is_some_and(|no| no < at),
                    clause: clause.clone(),
                });
            }
        }
    }
    found.sort_by_key(|m| m.span.start);
    found
}

/// Byte ranges between full stops, semicolons and line breaks; `and` and commas stay inside.
fn clauses(lower: &str) -> Vec<std::ops::Range<usize>> {
    let mut clauses = Vec::new();
    let mut from = 0;
    for (at, c) in lower.char_indices() {
        if matches!(c, '.' | ';' | '\n') {
            clauses.push(from..at);
            from = at + c.len_utf8();
        }
    }
    clauses.push(from..lower.len());
    // Two findings in one sentence may have a side each: cut before a connector that brings another side.
    clauses.into_iter().flat_map(|c| split_by_side(lower, c)).collect()
}

fn split_by_side(lower: &str, clause: std::ops::Range<usize>) -> Vec<std::ops::Range<usize>> {
    let words = &lower[clause.clone()];
    let mut cuts: Vec<usize> = [" and ", " with ", ", "]
        .iter()
        .flat_map(|connector| words.match_indices(connector).map(|(at, _)| at))
        .filter(|&at| side_of(&words[..at]).is_some() && side_of(&words[at..]).is_some())
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut parts = Vec::new();
    let mut from = clause.start;
    for cut in cuts {
        parts.push(from..clause.start + cut);
        from = clause.start + cut;
    }
    parts.push(from..clause.end);
    parts
}

fn has_word(words: &str, word: &str) -> Option<usize> {
    words.match_indices(word).map(|(at, _)| at).find(|&at| {
        !words[..at].ends_with(|c: char| c.is_alphanumeric())
            && !words[at + word.len()..].starts_with(|c: char| c.is_alphanumeric())
    })
}

fn side_of(words: &str) -> Option<Side> {
    let right = has_word(words, "right").or_else(|| has_word(words, "right-sided"));
    let left = has_word(words, "left").or_else(|| has_word(words, "left-sided"));
    if has_word(words, "bilateral").is_some() || has_word(words, "both").is_some() {
        return Some(Side::Both);
    }
    match (right, left) {
        (Some(_), Some(_)) => Some(Side::Both),
        (Some(_), None) => Some(Side::Right),
        (None, Some(_)) => Some(Side::Left),
        (None, None) => None,
    }
}

fn denial(words: &str) -> Option<usize> {
    ["no", "without", "negative for", "free of", "resolved"].iter().filter_map(|w| has_word(words, w)).min()
}

fn word_end(words: &str, from: usize) -> usize {
    words[from..].find(|c: char| !c.is_alphanumeric()).map_or(words.len(), |n| from + n)
}

/// Takes `right apical` and the like, up to three words before, into the span of a finding.
fn with_side_before(words: &str, at: usize) -> usize {
    let mut start = at;
    for _ in 0..3 {
        let before = words[..start].trim_end();
        let word = before.rsplit(|c: char| !c.is_alphanumeric() && c != '-').next().unwrap_or("");
        let word_start = before.len() - word.len();
        if word.is_empty() || before.ends_with(',') {
            break;
        }
        if matches!(word, "right" | "left" | "bilateral" | "right-sided" | "left-sided") {
            return word_start;
        }
        start = word_start;
    }
    at
}

/// All checks of a document, conflicts first.
pub fn check(document: &Document, cut_at: Option<usize>) -> Vec<Check> {
    let text = &document.impression;
    let mentions = mentions(text);
    let mut checks = Vec::new();
    let mut agreeing = 0;
    for layer in document.layers.iter().filter(|l| document.is_active(l) && l.region.is_finding()) {
        let Some(layer_side) = layer.side(document.size_px) else { continue };
        let title = layer.finding.title().to_lowercase();
        let of_class: Vec<&Mention> = mentions.iter().filter(|m| m.finding == layer.finding).collect();
        let conflict = |sentence: String| Check { verdict: Verdict::Conflict, sentence, repair: Some((layer.id, layer.finding)) };
        if of_class.is_empty() {
            checks.push(Check {
                verdict: Verdict::Note,
                sentence: format!("The text does not name the {title} of layer {}.", document.number(layer.id)),
                repair: None,
            });
        } else if of_class.iter().all(|m| m.negated) {
            checks.push(Check {
                verdict: Verdict::Conflict,
                sentence: format!("The text denies {title}, and layer {} draws it.", document.number(layer.id)),
                repair: None,
            });
        } else if let Some(named) = of_class.iter().filter(|m| !m.negated).find_map(|m| m.side) {
            if named == layer_side || named == Side::Both || layer_side == Side::Both {
                agreeing += 1;
            } else {
                checks.push(conflict(format!(
                    "The text says {named} {title}; the {} lies on the patient's {layer_side}.",
                    layer.kind().to_lowercase()
                )));
            }
        }
    }
    if text.contains("___") || text.contains("[**") {
        checks.push(Check {
            verdict: Verdict::Conflict,
            sentence: "The text holds a de-identification mark; take it out, such marks bring memorised images back.".to_owned(),
            repair: None,
        });
    }
    checks.sort_by_key(|c| std::cmp::Reverse(c.verdict == Verdict::Conflict));
    if agreeing > 0 && checks.iter().all(|c| c.repair.is_none()) {
        let sentence = if agreeing == 1 { "Text and layer name the same side." } else { "Text and layers name the same sides." };
        checks.insert(0, Check { verdict: Verdict::Agrees, sentence: sentence.to_owned(), repair: None });
    }
    match cut_at {
        Some(at) => checks.push(Check {
            verdict: Verdict::Conflict,
            sentence: format!(
                "The model does not read the last {} letters; shorten the text.",
                document.full_impression().len().saturating_sub(at)
            ),
            repair: None,
        }),
        None if !text.trim().is_empty() => {
            checks.push(Check { verdict: Verdict::Agrees, sentence: "Nothing is cut off.".to_owned(), repair: None });
        }
        None => {}
    }
    checks
}

/// The text with right and left swapped in the clauses that name a finding.
pub fn flip_side(text: &str, finding: Finding) -> String {
    let mut out = text.to_owned();
    let mut clauses: Vec<_> =
        mentions(text).into_iter().filter(|m| m.finding == finding && !m.negated).map(|m| m.clause).collect();
    clauses.dedup();
    for clause in clauses.into_iter().rev() {
        let swapped = swap_sides(&out[clause.clone()]);
        out.replace_range(clause, &swapped);
    }
    out
}

fn swap_sides(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    let mut word = String::new();
    let flush = |word: &mut String, out: &mut String| {
        out.push_str(match word.as_str() {
            "right" => "left",
            "left" => "right",
            "Right" => "Left",
            "Left" => "Right",
            other => other,
        });
        word.clear();
    };
    for c in words.chars() {
        if c.is_alphanumeric() {
            word.push(c);
        } else {
            flush(&mut word, &mut out);
            out.push(c);
        }
    }
    flush(&mut word, &mut out);
    out
}

#[cfg(test)]
mod tests;
