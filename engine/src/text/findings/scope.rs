//! What is denied and what is only thought possible.

use std::ops::Range;

use super::sentence::Sentence;
use super::words::Noun;

/// Words that deny what follows them.
const TRIGGERS: [&str; 11] =
    ["no", "without", "not", "negative for", "free of", "clear of", "absence of", "absent", "neither", "nor", "never"];
/// Words after which a denial no longer reaches.
const ENDS: [&str; 12] = [
    "but",
    "however",
    "although",
    "though",
    "except",
    "apart from",
    "aside from",
    "other than",
    "yet",
    "whereas",
    "while",
    "otherwise",
];
/// What may stand between a denial and the change that it denies, as in `no significant interval change in`.
const DEGREES: [&str; 9] =
    ["significant", "significantly", "interval", "appreciable", "substantial", "substantially", "further", "major", "relevant"];
/// Beginnings of words for change: what does not change is there.
const CHANGES: [&str; 8] = ["chang", "increas", "decreas", "improve", "worsen", "larger", "smaller", "different"];
/// Verbs and such that begin a statement of its own after a comma.
const STATEMENTS: [&str; 11] = ["is", "are", "was", "were", "has", "have", "there", "remains", "remain", "persists", "shows"];
/// Words for sizes that begin a new item after a comma.
const SIZES: [&str; 8] = ["small", "moderate", "large", "minimal", "mild", "severe", "tiny", "trace"];
/// Words that leave it open whether something is there.
const DOUBTS: [&str; 17] = [
    "possible",
    "possibly",
    "probable",
    "probably",
    "likely",
    "suspected",
    "suspicious",
    "suspicion",
    "may",
    "might",
    "could",
    "questionable",
    "equivocal",
    "presumed",
    "versus",
    "vs",
    "cannot",
];

/// For each finding the bytes of the words that deny it.
pub(super) fn denials(sentence: &Sentence<'_>, nouns: &[Noun]) -> Vec<Option<Range<usize>>> {
    let denied = before(sentence);
    nouns
        .iter()
        .enumerate()
        .map(|(k, noun)| {
            let ahead = noun.tokens.clone().find_map(|i| denied.get(i).cloned().flatten());
            let next = nouns[k + 1..].iter().find(|n| n.tokens.start >= noun.tokens.end);
            let until = next.map_or(sentence.tokens.len(), |n| n.tokens.start);
            ahead
                .or_else(|| resolved_before(sentence, nouns, k))
                .or_else(|| after(sentence, noun.tokens.end..until))
                .map(|t| sentence.bytes(t))
        })
        .collect()
}

/// For each token the tokens that deny it from before.
fn before(sentence: &Sentence<'_>) -> Vec<Option<Range<usize>>> {
    let mut open: Option<Range<usize>> = None;
    let mut denied = Vec::with_capacity(sentence.tokens.len());
    for i in 0..sentence.tokens.len() {
        if open.is_some() && ends_before(sentence, i) {
            open = None;
        }
        if let Some(trigger) = TRIGGERS.iter().find_map(|pattern| exactly(sentence, i, pattern))
            && denies(sentence, &trigger)
        {
            open = Some(trigger);
        }
        denied.push(open.clone());
    }
    denied
}

/// As [`Sentence::stands`], but no plural: `nos` is no denial.
fn exactly(sentence: &Sentence<'_>, at: usize, pattern: &str) -> Option<Range<usize>> {
    let words: Vec<&str> = pattern.split(' ').collect();
    words.iter().enumerate().all(|(k, word)| sentence.word(at + k) == *word).then(|| at..at + words.len())
}

fn denies(sentence: &Sentence<'_>, trigger: &Range<usize>) -> bool {
    let word = sentence.word(trigger.start);
    if matches!(sentence.word(trigger.end), "longer" | "doubt")
        || (word == "not" && sentence.word(trigger.end).starts_with("exclu"))
    {
        return false;
    }
    if word == "absent" && trigger.start > 0 && matches!(sentence.word(trigger.start - 1), "is" | "are") {
        return false;
    }
    let mut next = trigger.end;
    while DEGREES.contains(&sentence.word(next)) {
        next += 1;
    }
    !CHANGES.iter().any(|change| sentence.word(next).starts_with(change))
}

/// Whether a denial from before does not reach token `i`.
fn ends_before(sentence: &Sentence<'_>, i: usize) -> bool {
    if ENDS.iter().any(|pattern| exactly(sentence, i, pattern).is_some()) {
        return true;
    }
    // "… and a small left effusion" says that it is there.
    if matches!(sentence.word(i), "and" | "with") && matches!(sentence.word(i + 1), "a" | "an" | "the" | "there") {
        return true;
    }
    if !sentence.comma_before(i) || matches!(sentence.word(i), "or" | "nor" | "and" | "no") {
        return false;
    }
    let item = (i..sentence.tokens.len())
        .take_while(|&j| j == i || !(sentence.comma_before(j) || matches!(sentence.word(j), "or" | "and")));
    if item.clone().any(|j| STATEMENTS.contains(&sentence.word(j))) {
        return true;
    }
    let goes_on = (i..sentence.tokens.len()).any(|j| matches!(sentence.word(j), "or" | "nor"));
    SIZES.contains(&sentence.word(i)) && !goes_on
}

/// `resolved right pneumothorax`: only the finding right after it.
fn resolved_before(sentence: &Sentence<'_>, nouns: &[Noun], k: usize) -> Option<Range<usize>> {
    let end = nouns[k].tokens.start;
    let from = nouns[..k].iter().map(|n| n.tokens.end).max().unwrap_or(0).max(end.saturating_sub(4));
    let at = (from..end).rev().find(|&i| sentence.word(i) == "resolved")?;
    // After a finding or a verb it speaks of what came before.
    let looks_back = nouns[..k].iter().any(|n| n.tokens.end == at)
        || (at > 0 && matches!(sentence.word(at - 1), "has" | "have" | "is" | "are" | "now"));
    (!looks_back).then_some(at..at + 1)
}

/// `has resolved`, `is no longer seen`, `is not present` after a finding.
fn after(sentence: &Sentence<'_>, range: Range<usize>) -> Option<Range<usize>> {
    for i in range.clone() {
        if i > range.start && (ENDS.contains(&sentence.word(i)) || sentence.comma_before(i)) {
            return None;
        }
        let seen = |word: &str| {
            [
                "seen",
                "identified",
                "present",
                "visible",
                "evident",
                "visualized",
                "demonstrated",
                "appreciated",
                "detected",
                "there",
            ]
            .contains(&word)
        };
        match sentence.word(i) {
            "resolved" | "excluded" if !doubted(sentence, i) => return Some(i..i + 1),
            "absent" => return Some(i..i + 1),
            "ruled" if sentence.word(i + 1) == "out" && !doubted(sentence, i) => return Some(i..i + 2),
            "no" if sentence.word(i + 1) == "longer" => return Some(i..i + 2),
            "not" if seen(sentence.word(i + 1)) => return Some(i..i + 2),
            "not" if matches!(sentence.word(i + 1), "clearly" | "definitely") && seen(sentence.word(i + 2)) => {
                return Some(i..i + 3);
            }
            _ => {}
        }
    }
    None
}

/// `cannot be excluded`, `not excluded`.
fn doubted(sentence: &Sentence<'_>, at: usize) -> bool {
    (at.saturating_sub(3)..at).any(|i| matches!(sentence.word(i), "cannot" | "not" | "never"))
}

/// Whether the part of the sentence around a finding leaves it open.
pub(super) fn is_uncertain(sentence: &Sentence<'_>, noun: &Noun) -> bool {
    let part = sentence.parts.get(sentence.part_of(noun.tokens.start)).cloned().unwrap_or(0..0);
    let asked = sentence.text[sentence.range.start..].trim_start().starts_with('?') && part.start == 0;
    asked
        || part.clone().any(|i| DOUBTS.contains(&sentence.word(i)))
        || part.clone().any(|i| sentence.word(i).starts_with("exclu") && doubted(sentence, i))
        || part.clone().any(|i| sentence.word(i) == "concern" || sentence.word(i) == "concerning")
}
