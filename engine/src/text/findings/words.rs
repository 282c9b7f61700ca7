//! The one list of words for findings.

use std::ops::Range;

use super::sentence::Sentence;
use crate::domain::Finding;

/// Words of each class; longer ones first where one begins another. `*` is any ending, other words may be plural.
const WORDS: &[(&str, Finding)] = &[
    ("pneumothora*", Finding::Pneumothorax),
    ("hydropneumothora*", Finding::Pneumothorax),
    ("hemopneumothora*", Finding::Pneumothorax),
    ("ptx", Finding::Pneumothorax),
    ("pleural effusion", Finding::PleuralEffusion),
    ("pleural fluid", Finding::PleuralEffusion),
    ("hydrothora*", Finding::PleuralEffusion),
    ("hemothora*", Finding::PleuralEffusion),
    ("effusion", Finding::PleuralEffusion),
    ("airspace opacit*", Finding::Consolidation),
    ("airspace disease", Finding::Consolidation),
    ("consolidative opacit*", Finding::Consolidation),
    ("consolidat*", Finding::Consolidation),
    ("pneumonia", Finding::Consolidation),
    ("infiltrate", Finding::Consolidation),
    ("opacit*", Finding::Consolidation),
    ("opacification", Finding::Consolidation),
    ("nodul*", Finding::Nodule),
    ("mass", Finding::Nodule),
    ("lesion", Finding::Nodule),
    ("cardiomegaly", Finding::Cardiomegaly),
    ("atelecta*", Finding::Atelectasis),
    ("pulmonary edema", Finding::Edema),
    ("pulmonary oedema", Finding::Edema),
    ("edema", Finding::Edema),
    ("oedema", Finding::Edema),
    ("vascular congestion", Finding::Edema),
    ("venous congestion", Finding::Edema),
    ("fracture*", Finding::Fracture),
    ("support device", Finding::Device),
    ("chest tube", Finding::Device),
    ("chest drain", Finding::Device),
    ("endotracheal tube", Finding::Device),
    ("central venous catheter", Finding::Device),
    ("central venous line", Finding::Device),
    ("central line", Finding::Device),
    ("subclavian line", Finding::Device),
    ("jugular line", Finding::Device),
    ("picc", Finding::Device),
    ("pacemaker", Finding::Device),
    ("catheter", Finding::Device),
    ("tube", Finding::Device),
    ("sternal wire", Finding::Device),
    ("sternotomy wire", Finding::Device),
];

/// A word, and the words before it (or after, with `>`) that make something else of it.
const NOT: &[(&str, &[&str])] = &[
    ("effusion", &["pericardial", "joint", "knee"]),
    ("edema", &["subcutaneous", "tissue", "peripheral"]),
    ("oedema", &["subcutaneous", "tissue", "peripheral"]),
    ("mass", &[">effect"]),
    ("opacit*", &["joint"]),
];

/// A finding's words in a sentence.
#[derive(Clone, Debug)]
pub(super) struct Noun {
    pub(super) finding: Finding,
    pub(super) tokens: Range<usize>,
    /// The word that calls it normal, which denies it.
    pub(super) normal: Option<Range<usize>>,
}

/// How many words may stand between `heart` and `enlarged`.
const HEART_REACH: usize = 5;

/// The findings' words of a sentence, in order.
pub(super) fn nouns(sentence: &Sentence<'_>) -> Vec<Noun> {
    let mut found: Vec<Noun> = Vec::new();
    let mut i = 0;
    while i < sentence.tokens.len() {
        let next = WORDS.iter().find_map(|&(pattern, finding)| {
            let tokens = sentence.stands(i, pattern)?;
            (!is_other(sentence, pattern, &tokens)).then_some((tokens, finding))
        });
        match next {
            Some((tokens, finding)) => {
                i = tokens.end;
                found.push(Noun { finding, tokens, normal: None });
            }
            None => i += 1,
        }
    }
    found.extend(heart(sentence, &found));
    found.extend(clear_lungs(sentence));
    found.sort_by_key(|noun| noun.tokens.start);
    found
}

fn is_other(sentence: &Sentence<'_>, pattern: &str, tokens: &Range<usize>) -> bool {
    let before = tokens.start.checked_sub(1).map_or("", |i| sentence.word(i));
    let after = sentence.word(tokens.end);
    NOT.iter().filter(|(word, _)| *word == pattern).flat_map(|(_, others)| others.iter()).any(|other| {
        match other.strip_prefix('>') {
            Some(follower) => after == follower,
            None => before == *other,
        }
    })
}

/// `heart is mildly enlarged`, `enlarged cardiac silhouette`, `heart size is normal`.
fn heart(sentence: &Sentence<'_>, others: &[Noun]) -> Option<Noun> {
    let heart = sentence.tokens.iter().position(|t| {
        matches!(t.word, "heart" | "cardiac" | "cardiomediastinal") && !sentence.text[t.end..].starts_with("-shaped")
    })?;
    let near = |wanted: &dyn Fn(&str) -> bool| {
        let reach = heart.saturating_sub(HEART_REACH)..(heart + HEART_REACH + 1).min(sentence.tokens.len());
        reach.filter(|&i| wanted(sentence.word(i))).min_by_key(|&i| i.abs_diff(heart))
    };
    let apart = |other: usize| {
        let between = heart.min(other)..heart.max(other);
        others.iter().any(|noun| between.contains(&noun.tokens.start))
            || (between.start + 1..=between.end).any(|i| sentence.comma_before(i))
    };
    let noun = |other: usize, normal: Option<Range<usize>>| Noun {
        finding: Finding::Cardiomegaly,
        tokens: heart.min(other)..heart.max(other) + 1,
        normal,
    };
    let enlarged = near(&|word| word.starts_with("enlarg")).filter(|&i| !apart(i));
    let normal = near(&|word| matches!(word, "normal" | "unremarkable")).filter(|&i| !apart(i));
    match (enlarged, normal) {
        (Some(i), _) => Some(noun(i, None)),
        (None, Some(i)) => Some(noun(i, Some(i..i + 1))),
        (None, None) => None,
    }
}

/// `The lungs are clear` denies what would make them less clear.
fn clear_lungs(sentence: &Sentence<'_>) -> Vec<Noun> {
    let place = (0..sentence.tokens.len()).find_map(|i| {
        ["lungs are clear", "lungs are grossly clear", "lungs appear clear", "lungs remain clear", "clear lungs"]
            .iter()
            .find_map(|pattern| sentence.stands(i, pattern))
    });
    let denied = [Finding::Consolidation, Finding::Nodule, Finding::Atelectasis, Finding::Edema];
    let noun = |tokens: &Range<usize>, finding| Noun { finding, tokens: tokens.clone(), normal: Some(tokens.clone()) };
    place.map_or_else(Vec::new, |tokens| denied.iter().map(|&finding| noun(&tokens, finding)).collect())
}

/// `No acute cardiopulmonary process`, `Normal chest radiograph`.
pub(super) fn normal_study(sentence: &Sentence<'_>) -> Option<Range<usize>> {
    let last = ["finding", "process", "abnormality", "abnormalities", "disease"];
    for i in 0..sentence.tokens.len() {
        if sentence.word(i) == "no" {
            let mut j = i + 1;
            while matches!(sentence.word(j), "acute" | "active" | "significant" | "cardiopulmonary" | "intrathoracic" | "chest") {
                j += 1;
            }
            if j > i + 1 && last.iter().any(|word| sentence.stands(j, word).is_some()) {
                return Some(i..j + 1);
            }
        }
        let calm = ["normal chest", "normal study", "normal examination", "unremarkable chest", "unremarkable study"];
        if let Some(tokens) = calm.iter().find_map(|pattern| sentence.stands(i, pattern)) {
            return Some(tokens);
        }
    }
    None
}
