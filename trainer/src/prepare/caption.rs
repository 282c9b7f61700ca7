//! From the words of a source to what the text encoder reads, with a count of what was lost on the way.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use engine::text::{Tokenizer, clean};
use serde::{Deserialize, Serialize};

use super::case::Case;
use super::sections::sections;

/// What becomes of a caption with too many tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// The case is left out, as in the paper.
    #[default]
    Drop,
    /// The caption is cut at the limit, as in the release.
    Cut,
}

/// What becomes of a case without words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// It is left out.
    #[default]
    Reject,
    /// Its caption is empty: the end token alone.
    Empty,
}

/// `[captions]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CaptionConfig {
    /// Most tokens; 0 is the model's limit.
    pub max_tokens: usize,
    /// What becomes of longer ones.
    pub over: Over,
    /// What becomes of cases without words.
    pub missing: Missing,
    /// Sections of a report, the first that is there is taken; `labels` makes words of the labels.
    pub from: Vec<String>,
    /// Takes numbers of lists and sentences about phone calls away.
    pub tidy: bool,
    /// Takes sentences that compare with earlier images away.
    pub drop_comparisons: bool,
    /// Puts sex, age and race before the text, as the release's demographic model reads them.
    pub demographics: bool,
}

impl Default for CaptionConfig {
    fn default() -> Self {
        Self {
            max_tokens: 0,
            over: Over::Drop,
            missing: Missing::Reject,
            from: ["impression", "findings", "last_paragraph", "comparison"].map(str::to_owned).to_vec(),
            tidy: false,
            drop_comparisons: false,
            demographics: false,
        }
    }
}

/// A caption as it is encoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Caption {
    /// Cleaned text.
    pub(crate) text: String,
    /// Token ids with the end token.
    pub(crate) ids: Vec<u32>,
    /// De-identification marks that were taken out.
    pub(crate) marks: usize,
    /// Words with digits that cleaning destroyed.
    pub(crate) lost: Vec<String>,
    /// The text before cleaning, where it lost some.
    pub(crate) before: String,
    /// Whether it was too long and is cut.
    pub(crate) cut: bool,
}

/// Why a case has no caption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoCaption {
    /// There are no words.
    Missing,
    /// There are too many.
    TooLong { tokens: usize, limit: usize },
}

/// The words of a case; `report` is the text of its report, where it has one.
pub(crate) fn words(case: &Case, report: Option<&str>, caption: Option<&str>, config: &CaptionConfig) -> String {
    let parts = report.map(sections);
    for source in &config.from {
        let found = match (source.as_str(), &parts, caption) {
            ("labels", ..) => from_labels(&case.labels),
            ("impression", None, Some(text)) => text.trim().to_owned(),
            (name, Some(parts), _) => parts.pick(&[name.to_owned()]).unwrap_or_default().to_owned(),
            _ => String::new(),
        };
        if !found.trim().is_empty() {
            return found;
        }
    }
    String::new()
}

/// One sentence a positive label; uncertain ones are possible.
fn from_labels(labels: &BTreeMap<String, i8>) -> String {
    let quiet = |name: &str| matches!(name, "No Finding" | "No finding");
    let sentence = |(name, state): (&String, &i8)| match state {
        1 if quiet(name) => None,
        1 => Some(format!("{}.", sentence_case(name))),
        -1 => Some(format!("Possible {}.", name.to_lowercase())),
        _ => None,
    };
    let said: Vec<String> = labels.iter().filter_map(sentence).collect();
    let normal = labels.iter().any(|(name, state)| quiet(name) && *state == 1);
    if said.is_empty() && normal { "No acute findings.".to_owned() } else { said.join(" ") }
}

fn sentence_case(name: &str) -> String {
    let lower = name.to_lowercase();
    let mut chars = lower.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Prepares the words of a case.
///
/// # Errors
/// When a text cannot be cleaned or cut into tokens.
pub(crate) fn prepare(
    words: &str,
    case: &Case,
    config: &CaptionConfig,
    limit: usize,
    tokenizer: &Tokenizer,
) -> Result<Result<Caption, NoCaption>> {
    let (mut text, marks) = without_marks(words);
    if config.tidy || config.drop_comparisons {
        text = tidied(&text, config);
    }
    if text.trim().is_empty() && config.missing == Missing::Reject {
        return Ok(Err(NoCaption::Missing));
    }
    if config.demographics {
        text = format!("{}{text}", demographics(case));
    }
    let cleaned = clean(&text).context("the caption cannot be cleaned")?;
    let mut ids: Vec<u32> = tokenizer.pieces(&cleaned.text)?.into_iter().map(|piece| piece.id).collect();
    let tokens = ids.len() + tokenizer.marks();
    let cut = tokens > limit;
    if cut && config.over == Over::Drop {
        return Ok(Err(NoCaption::TooLong { tokens, limit }));
    }
    ids.truncate(limit.saturating_sub(tokenizer.marks()));
    ids.push(tokenizer.end_id());
    let before = if cleaned.lost.is_empty() { String::new() } else { text };
    Ok(Ok(Caption { text: cleaned.text, ids, marks, lost: cleaned.lost, before, cut }))
}

/// `sex:Male, age:71.0, race:Black. `, of what is known.
fn demographics(case: &Case) -> String {
    let sex = match case.sex.as_str() {
        "M" => Some("sex:Male".to_owned()),
        "F" => Some("sex:Female".to_owned()),
        _ => None,
    };
    let age = case.age.map(|age| format!("age:{age:.1}"));
    let race = (!case.race.is_empty()).then(|| format!("race:{}", case.race));
    let known: Vec<String> = [sex, age, race].into_iter().flatten().collect();
    if known.is_empty() { String::new() } else { format!("{}. ", known.join(", ")) }
}

/// The text on one line without de-identification marks, and how many there were: runs of two and more underscores.
///
/// What a mark leaves behind is mended: blanks before a full stop go, and so does a sentence of marks alone.
pub(crate) fn without_marks(text: &str) -> (String, usize) {
    let mut marks = 0;
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '_' && chars.peek() == Some(&'_') {
            while chars.next_if_eq(&'_').is_some() {}
            marks += 1;
            plain.push(' ');
        } else {
            plain.push(c);
        }
    }
    let mut line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if marks > 0 {
        for (from, to) in [(" .", "."), (" ,", ","), (" ;", ";"), ("( ", "("), (" )", ")"), ("()", "")] {
            line = line.replace(from, to);
        }
        // A sentence of nothing is a full stop behind another, or at the beginning.
        while line.contains("..") {
            line = line.replace("..", ".");
        }
        line = line.trim_start_matches(['.', ',', ';', ' ']).split_whitespace().collect::<Vec<_>>().join(" ");
    }
    (line, marks)
}

/// Words of sentences about who was told what and when.
const TOLD: [&str; 12] = [
    "telephone",
    "by phone",
    "paged",
    "pager",
    "discussed with",
    "communicated",
    "notified",
    "were reported to",
    "was informed",
    "relayed to",
    "dr.",
    "findings were conveyed",
];

/// Words of sentences that compare with earlier images.
const COMPARING: [&str; 12] = [
    "unchanged",
    "compared to",
    "comparison",
    "interval",
    "previous",
    "prior",
    "again seen",
    "stable",
    "new since",
    "improved",
    "worsened",
    "as before",
];

/// A sentence without the number of a list before it.
fn unnumbered(sentence: &str) -> &str {
    let rest = sentence.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = sentence.len() - rest.len();
    match rest.strip_prefix('.').or_else(|| rest.strip_prefix(')')) {
        Some(after) if (1..=2).contains(&digits) && after.starts_with(' ') => after.trim_start(),
        _ => sentence,
    }
}

/// The text without numbers of lists, sentences about calls and, if wanted, comparisons.
fn tidied(text: &str, config: &CaptionConfig) -> String {
    let mut kept: Vec<String> = Vec::new();
    for sentence in sentences(text) {
        let bare = if config.tidy { unnumbered(sentence) } else { sentence };
        let lower = bare.to_lowercase();
        let told = config.tidy && TOLD.iter().any(|word| lower.contains(word));
        let comparing = config.drop_comparisons && COMPARING.iter().any(|word| lower.contains(word));
        if !told && !comparing && bare.chars().any(char::is_alphanumeric) {
            kept.push(bare.to_owned());
        }
    }
    kept.join(" ")
}

/// Sentences of a line: they end with a full stop before a blank, unless that belongs to the number of a list.
fn sentences(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    for (at, _) in line.match_indices(". ") {
        let sentence = line[start..=at].trim();
        let number = sentence.trim_end_matches('.');
        let is_number = !number.is_empty() && number.len() <= 2 && number.bytes().all(|b| b.is_ascii_digit());
        let is_title = sentence.to_lowercase().ends_with(" dr.");
        if !is_number && !is_title {
            found.push(sentence);
            start = at + 1;
        }
    }
    found.push(line[start..].trim());
    found.retain(|sentence| !sentence.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::prepare::case::Input;

    fn case() -> Case {
        Case::new("a.png", Input::Picture(Vec::new()))
    }

    #[test]
    fn marks_are_taken_out_and_counted() {
        for (text, plain, marks) in [
            ("___ year old man", "year old man", 1),
            ("Compared to ___, no change.", "Compared to, no change.", 1),
            ("Seen by Dr. ___ ___.\n Clear.", "Seen by Dr. Clear.", 2),
            ("___.  Clear lungs.", "Clear lungs.", 1),
            ("PICC line (___) in place.", "PICC line in place.", 1),
            ("a_b c", "a_b c", 0),
            ("1.\n2.", "1. 2.", 0),
            ("______", "", 1),
        ] {
            assert_eq!(without_marks(text), (plain.to_owned(), marks), "{text:?}");
        }
    }

    #[test]
    fn tidying_takes_numbers_calls_and_comparisons_away() {
        let config = CaptionConfig { tidy: true, ..CaptionConfig::default() };
        let text = "1. Small right effusion. 2. No pneumothorax. Findings were discussed with Dr. Who by phone at 3 pm. Unchanged heart.";
        assert_eq!(tidied(text, &config), "Small right effusion. No pneumothorax. Unchanged heart.");
        let config = CaptionConfig { tidy: true, drop_comparisons: true, ..CaptionConfig::default() };
        assert_eq!(tidied(text, &config), "Small right effusion. No pneumothorax.");
        assert_eq!(tidied("Nodule of 1.5 cm. Size 12. ok", &config), "Nodule of 1.5 cm. Size 12. ok");
    }

    #[test]
    fn labels_speak_where_words_are_missing() {
        let mut case = case();
        case.labels = BTreeMap::from([("Edema".to_owned(), 1), ("Pneumonia".to_owned(), -1), ("Fracture".to_owned(), 0)]);
        let config = CaptionConfig { from: vec!["impression".to_owned(), "labels".to_owned()], ..CaptionConfig::default() };
        assert_eq!(words(&case, None, None, &config), "Edema. Possible pneumonia.");
        assert_eq!(words(&case, None, Some("Seen."), &config), "Seen.");
        assert_eq!(words(&case, Some(" IMPRESSION: Clear.\n"), None, &config), "Clear.");
        case.labels = BTreeMap::from([("No Finding".to_owned(), 1)]);
        assert_eq!(words(&case, None, None, &config), "No acute findings.");
        assert_eq!(words(&case, None, None, &CaptionConfig::default()), "");
    }

    #[test]
    fn demographics_stand_as_the_release_has_them() {
        let mut case = case();
        assert_eq!(demographics(&case), "");
        (case.sex, case.age, case.race) = ("M".to_owned(), Some(71.0), "Black".to_owned());
        assert_eq!(demographics(&case), "sex:Male, age:71.0, race:Black. ");
    }

    proptest! {
        #[test]
        fn no_mark_is_left_and_no_word_lost(words in prop::collection::vec("[a-z]{1,6}", 0..8), at in 0usize..8) {
            let mut with: Vec<&str> = words.iter().map(String::as_str).collect();
            let at = at.min(with.len());
            with.insert(at, "_____");
            let (plain, marks) = without_marks(&with.join(" "));
            prop_assert_eq!(marks, 1);
            prop_assert_eq!(plain, words.join(" "));
        }
    }
}
