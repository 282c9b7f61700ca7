//! A rule parser for impressions, written from the language and not from the templates; for tests only.

use crate::domain::Side;

/// What a sentence says about one finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Statement {
    pub(crate) noun: Noun,
    pub(crate) side: Option<Side>,
    pub(crate) severity: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Noun {
    Mediastinum,
    Heart,
    Lesion,
    Edema,
    Consolidation,
    Pneumonia,
    Atelectasis,
    Pneumothorax,
    Effusion,
    PleuralScar,
    Fracture,
    Device,
}

const SEVERITIES: [(&str, &str); 7] = [
    ("minimal", "minimal"),
    ("small", "small"),
    ("mild", "mild"),
    ("moderate", "moderate"),
    ("large", "large"),
    ("severe", "severe"),
    ("tiny", "minimal"),
];

/// Positive statements of an impression; sentences of absence and normality are left out.
pub(crate) fn statements(impression: &str) -> Vec<Statement> {
    let text = impression.to_lowercase();
    // A full stop between digits belongs to a number.
    let mut marked = String::new();
    let chars: Vec<char> = text.chars().collect();
    for (i, &c) in chars.iter().enumerate() {
        let number = c == '.'
            && i.checked_sub(1).is_some_and(|j| chars[j].is_ascii_digit())
            && chars.get(i + 1).is_some_and(char::is_ascii_digit);
        marked.push(if number { '_' } else { c });
    }
    marked.split(['.', ';']).flat_map(split_at_and).filter(|s| !is_negative(s)).filter_map(|s| statement(&s)).collect()
}

/// Parts around an "and" that joins two findings, not two places.
fn split_at_and(sentence: &str) -> Vec<String> {
    let guarded = sentence.replace("atrium and ventricle", "atrium+ventricle");
    guarded.split(" and ").map(str::to_owned).collect()
}

fn is_negative(s: &str) -> bool {
    let s = s.trim();
    s.starts_with("no ") || s.contains("normal") || s.contains("unremarkable") || s.contains("clear")
}

fn statement(sentence: &str) -> Option<Statement> {
    // Places inside the heart name no side of the patient.
    let s = ["right atrium+ventricle", "right atrium", "right ventricle"]
        .iter()
        .fold(sentence.to_owned(), |s, place| s.replace(place, "chamber"));
    let has = |word: &str| s.contains(word);
    let noun = if has("pneumothorax") {
        Noun::Pneumothorax
    } else if has("effusion") || has("pleural fluid") {
        Noun::Effusion
    } else if has("pleural thickening") {
        Noun::PleuralScar
    } else if has("pneumonia") {
        Noun::Pneumonia
    } else if has("consolidation") || has("consolidative") {
        Noun::Consolidation
    } else if has("nodule") || has("mass") {
        Noun::Lesion
    } else if has("edema") {
        Noun::Edema
    } else if has("atelectasis") {
        Noun::Atelectasis
    } else if has("fracture") {
        Noun::Fracture
    } else if has("mediastin") {
        Noun::Mediastinum
    } else if has("cardiomegaly") || has("heart") || has("cardiac silhouette") {
        Noun::Heart
    } else if ["pacemaker", "tube", "line", "catheter", "drain", "wires"].iter().any(|w| has(w)) {
        Noun::Device
    } else {
        return None;
    };
    let words: Vec<&str> = s.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let said = |word: &str| words.contains(&word);
    let side = if said("bilateral") || said("both") || said("bibasilar") {
        Some(Side::Both)
    } else {
        match (said("right"), said("left")) {
            (true, false) => Some(Side::Right),
            (false, true) => Some(Side::Left),
            (false, false) => None,
            (true, true) => panic!("two sides in {sentence:?}"),
        }
    };
    let severity = SEVERITIES.iter().find(|(word, _)| words.iter().any(|w| w.strip_suffix("ly").unwrap_or(w) == *word));
    Some(Statement { noun, side, severity: severity.map(|(_, canonical)| *canonical) })
}
