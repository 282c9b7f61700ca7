//! Small changes of a text: another side, a finding denied, or said to be there.

use std::ops::Range;

use super::{Mention, mentions};
use crate::domain::{Finding, Side};

/// The text with right and left swapped where it speaks of a finding that it does not deny.
///
/// What cannot be swapped, such as `bilateral` or `lingula`, stays.
pub fn flipped(text: &str, finding: Finding) -> String {
    let mut words: Vec<Range<usize>> =
        mentions(text).into_iter().filter(|m| m.finding == finding && !m.negated()).flat_map(|m| m.side_words).collect();
    words.sort_by_key(|w| w.start);
    words.dedup();
    let mut out = text.to_owned();
    for word in words.into_iter().rev() {
        if let Some(other) = other_side(&text[word.clone()]) {
            out.replace_range(word, &other);
        }
    }
    out
}

/// The word for the other side, written in the same way.
fn other_side(word: &str) -> Option<String> {
    let other = match word.to_ascii_lowercase().as_str() {
        "right" => "left",
        "left" => "right",
        "rt" => "lt",
        "lt" => "rt",
        "r" => "l",
        "l" => "r",
        "rll" => "lll",
        "lll" => "rll",
        "rul" => "lul",
        "lul" => "rul",
        _ => return None,
    };
    Some(in_case_of(word, other))
}

fn in_case_of(model: &str, word: &str) -> String {
    let mut letters = model.chars();
    let first = letters.next().is_some_and(char::is_uppercase);
    if first && letters.clone().next().is_none_or(char::is_uppercase) {
        word.to_uppercase()
    } else if first {
        capital(word)
    } else {
        word.to_owned()
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect())
}

/// The text with a one-sided mention made two-sided; `None` where the sentence does not allow it in one word.
pub fn bilateral(text: &str, mention: &Mention) -> Option<String> {
    let [word] = mention.side_words.as_slice() else { return None };
    let written = text.get(word.clone())?;
    if !matches!(written.to_ascii_lowercase().as_str(), "right" | "left") {
        return None;
    }
    let mut out = text.to_owned();
    let (before, after) = (&text[..word.start], &text[word.end..]);
    if let Some(head) = before.strip_suffix("on the ") {
        out.replace_range(head.len()..word.end, "on both sides");
    } else if before.ends_with("the ") {
        return None;
    } else {
        let end = word.end + if after.starts_with("-sided") { "-sided".len() } else { 0 };
        out.replace_range(word.start..end, &in_case_of(written, "bilateral"));
    }
    Some(out)
}

/// The text with a two-sided mention made one-sided; `None` where the sentence does not allow it in one word.
pub fn one_sided(text: &str, mention: &Mention, side: Side) -> Option<String> {
    let [word] = mention.side_words.as_slice() else { return None };
    let written = text.get(word.clone())?;
    if side == Side::Both || !written.eq_ignore_ascii_case("bilateral") {
        return None;
    }
    let mut out = text.to_owned();
    out.replace_range(word.clone(), &in_case_of(written, side.name()));
    Some(out)
}

/// A sentence that says a finding is there.
pub fn phrase(finding: Finding, side: Option<Side>) -> String {
    let noun = match finding {
        Finding::Nodule => "nodule",
        Finding::Cardiomegaly => return "Heart is enlarged.".to_owned(),
        Finding::Fracture => "rib fracture",
        Finding::Device => "support device",
        Finding::Edema => "pulmonary edema",
        _ => return with_side(side, &finding.title().to_lowercase()),
    };
    with_side(side, noun)
}

fn with_side(side: Option<Side>, noun: &str) -> String {
    let words = match side {
        Some(Side::Both) => format!("bilateral {noun}."),
        Some(side) => format!("{side} {noun}."),
        None => format!("{noun}."),
    };
    capital(&words)
}

/// The text with a sentence that denies a finding at its end; mentions that say it is there are taken out.
pub fn denied(text: &str, finding: Finding) -> String {
    let mut out = without_mentions(text, finding, false);
    let noun = match finding {
        Finding::Nodule => "nodule".to_owned(),
        Finding::Cardiomegaly => "cardiomegaly".to_owned(),
        Finding::Device => "support device".to_owned(),
        other => other.title().to_lowercase(),
    };
    append(&mut out, &format!("No {noun}."));
    out
}

/// The text with a finding said to be there; what denies it is taken out.
pub fn affirmed(text: &str, finding: Finding, side: Option<Side>) -> String {
    let mut out = without_mentions(text, finding, true);
    append(&mut out, &phrase(finding, side));
    out
}

fn append(text: &mut String, sentence: &str) {
    let kept = text.trim_end().len();
    text.truncate(kept);
    if !text.is_empty() {
        text.push_str(if text.ends_with(['.', ';', '!']) { " " } else { ". " });
    }
    text.push_str(sentence);
}

/// The text without what it says of a finding, denied or not.
fn without_mentions(text: &str, finding: Finding, denied: bool) -> String {
    let mut out = text.to_owned();
    // From the end, so that earlier places stay; again after each change, since a list was written anew.
    while let Some(change) = removal(&out, finding, denied) {
        out.replace_range(change.0, &change.1);
    }
    out.trim().to_owned()
}

/// The last place that speaks of a finding, and what stands there instead.
fn removal(text: &str, finding: Finding, denied: bool) -> Option<(Range<usize>, String)> {
    let all = mentions(text);
    let target = all.iter().rfind(|m| m.finding == finding && m.negated() == denied)?;
    let sentence = target.sentence.clone();
    let items: Vec<&Mention> = all.iter().filter(|m| m.sentence == sentence).collect();
    let whole = whole_sentence(text, &sentence);
    let alone = items.iter().all(|m| m.noun == target.noun);
    let list = target.denial.as_ref().filter(|d| d.end <= target.noun.start);
    if alone || list.is_none() || items.iter().any(|m| m.denial.as_ref() != list) {
        return Some((whole, String::new()));
    }
    // A list of denied findings: the others stay.
    let start = list.map_or(sentence.start, |d| d.end);
    let (rest, tail) = list_items(text, start..sentence.end, &items);
    let kept: Vec<&str> = rest.iter().zip(&items).filter(|(_, m)| m.finding != finding).map(|(words, _)| *words).collect();
    let joined = match kept.as_slice() {
        [] => return Some((whole, String::new())),
        [one] => (*one).to_owned(),
        [some @ .., last] => format!("{} or {last}", some.join(", ")),
    };
    Some((start..sentence.end, format!(" {joined}{tail}")))
}

/// The words of each item of a list, and what follows the last one.
fn list_items<'a>(text: &'a str, range: Range<usize>, items: &[&Mention]) -> (Vec<&'a str>, &'a str) {
    let mut words = Vec::new();
    let mut from = range.start;
    for mention in items {
        let item = text[from..mention.noun.end].trim();
        let item = item.trim_start_matches([',', ' ']);
        let item = ["or ", "nor ", "and "].iter().find_map(|join| item.strip_prefix(join)).unwrap_or(item);
        words.push(item.trim());
        from = mention.noun.end;
    }
    (words, &text[from..range.end])
}

/// A sentence with its mark and the blank after it.
fn whole_sentence(text: &str, sentence: &Range<usize>) -> Range<usize> {
    let mut end = sentence.end;
    let mut chars = text[end..].chars();
    if let Some(c) = chars.next() {
        end += c.len_utf8();
    }
    let blanks = text[end..].len() - text[end..].trim_start_matches(' ').len();
    // The first sentence begins at the start; later ones after a blank, which goes with the one before.
    let lead = text[sentence.clone()].len() - text[sentence.clone()].trim_start().len();
    sentence.start + lead..end + blanks
}
