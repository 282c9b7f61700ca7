//! What the model does not read: marks of de-identification, text beyond its tokens, words that cleaning takes away.

use std::ops::Range;

use super::{Check, Reading, Verdict};
use crate::action::Action;
use crate::insight;
use crate::state::Document;

/// All checks of the text as such.
pub(super) fn check(document: &Document, reading: &Reading) -> Vec<Check> {
    let mut checks: Vec<Check> = marks(&document.impression).into_iter().collect();
    let cut = cut(document, reading);
    let lost = lost(document, reading);
    if cut.is_none() && lost.is_none() && !document.impression.trim().is_empty() {
        let sentence = if reading.cleaned.is_some() { "Nothing is cut off or cleaned away." } else { "Nothing is cut off." };
        checks.push(Check::new(Verdict::Agrees, sentence));
    }
    checks.extend(cut);
    checks.extend(lost);
    checks
}

/// Where de-identification left its marks.
fn mark_ranges(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find("[**").map(|i| from + i) {
        let end = text[at..].find("**]").map_or(text.len(), |i| at + i + 3);
        found.push(at..end);
        from = end;
    }
    for (letter, least) in [('_', 3), ('X', 4)] {
        let mut start = None;
        for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
            match (c == letter, start) {
                (true, None) => start = Some(at),
                (false, Some(begin)) => {
                    if at - begin >= least {
                        found.push(begin..at);
                    }
                    start = None;
                }
                _ => {}
            }
        }
    }
    found.sort_by_key(|r| r.start);
    found
}

fn marks(text: &str) -> Option<Check> {
    let found = mark_ranges(text);
    if found.is_empty() {
        return None;
    }
    let mut without = text.to_owned();
    for range in found.iter().rev() {
        without.replace_range(range.clone(), "");
    }
    let mut tidy = without.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    for mark in [",", ".", ";"] {
        tidy = tidy.replace(&format!(" {mark}"), mark);
    }
    let sentence = "The text holds a de-identification mark; take it out, such marks bring memorised images back.";
    Some(Check::new(Verdict::Conflict, sentence).words(found).repair(
        "Take it out",
        "Removes the marks from the text",
        Action::Insight(insight::Action::Rewrite(tidy)),
    ))
}

fn cut(document: &Document, reading: &Reading) -> Option<Check> {
    let at = reading.cut_at?;
    let prefix = document.demographics.prefix().len();
    let lead = document.impression.len() - document.impression.trim_start().len();
    let end = document.impression.trim_end().len();
    let mut from = (at.saturating_sub(prefix) + lead).min(end);
    while !document.impression.is_char_boundary(from) {
        from -= 1;
    }
    let rest = document.impression[from..].trim();
    let words = rest.split_whitespace().count();
    let first: String = rest.split_whitespace().next().unwrap_or("").chars().take(24).collect();
    let sentence = format!(
        "The model reads {} tokens; the last {words} words, from “{first}” on, are cut off. Shorten the text.",
        reading.limit
    );
    let line = format!("Cut off from “{first}” on: {words} words.");
    Some(Check::new(Verdict::Conflict, sentence).line(line).words(std::iter::once(from..end)))
}

fn lost(document: &Document, reading: &Reading) -> Option<Check> {
    let text = &document.impression;
    let lost = &reading.cleaned.as_ref()?.lost;
    // The prefix is the studio's own and comes through.
    let mut words: Vec<(String, Range<usize>)> = Vec::new();
    let mut from = 0;
    for word in lost {
        if let Some(at) = text[from..].find(word.as_str()).map(|i| from + i) {
            from = at + word.len();
            words.push((word.clone(), at..from));
        }
    }
    let (first, _) = words.first()?;
    let named: Vec<String> = words.iter().map(|(word, _)| format!("“{word}”")).collect();
    let sentence = format!("Cleaning takes {} away before the model reads the text.", named.join(", "));
    let mut check =
        Check::new(Verdict::Conflict, sentence).line(format!("Cleaned away: “{first}”.")).words(words.into_iter().map(|w| w.1));
    if let Some(better) = spelled_out(text, lost) {
        check = check.repair("Write it out", "Writes sizes as 3.5 by 4", Action::Insight(insight::Action::Rewrite(better)));
    }
    Some(check)
}

/// Sizes such as `3.5x4` as `3.5 by 4`; `None` unless that saves all words.
fn spelled_out(text: &str, lost: &[String]) -> Option<String> {
    let mut out = text.to_owned();
    for word in lost {
        let parts: Vec<&str> = word.split(['x', 'X', '×']).collect();
        let (last, init) = parts.split_last()?;
        let number =
            |part: &&str| part.chars().all(|c| c.is_ascii_digit() || c == '.') && part.starts_with(|c: char| c.is_ascii_digit());
        let unit = last.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let value = &last[..last.len() - unit.len()];
        if init.is_empty() || !init.iter().all(number) || !number(&value) || !matches!(unit, "" | "cm" | "mm") {
            return None;
        }
        let spelled = format!("{} by {value}{}{unit}", init.join(" by "), if unit.is_empty() { "" } else { " " });
        out = out.replacen(word.as_str(), &spelled, 1);
    }
    engine::text::clean(&out).ok().filter(|cleaned| cleaned.lost.is_empty()).map(|_| out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(document: &Document) -> Reading {
        let cleaned = engine::text::clean(&document.full_impression()).expect("a text of usual length");
        Reading { cut_at: None, limit: 120, cleaned: Some(cleaned) }
    }

    fn document(text: &str) -> Document {
        let mut document = Document::empty(64);
        document.impression = text.to_owned();
        document
    }

    #[test]
    fn sizes_that_cleaning_destroys_are_named_and_written_out() {
        let lossy = document("A 3.5x4 cm mass in the left lung.");
        let check = lost(&lossy, &reading(&lossy)).expect("a size is lost");
        assert_eq!(check.sentence, "Cleaning takes “3.5x4” away before the model reads the text.");
        assert_eq!(&lossy.impression[check.words[0].clone()], "3.5x4");
        let Action::Insight(insight::Action::Rewrite(better)) = &check.repairs[0].action else { panic!("{check:?}") };
        assert_eq!(better, "A 3.5 by 4 cm mass in the left lung.");
        let better = document(better);
        assert_eq!(lost(&better, &reading(&better)), None);
        let calm = document("A 3.5 cm mass in the left lung.");
        assert_eq!(lost(&calm, &reading(&calm)), None);
    }

    #[test]
    fn marks_are_found_and_taken_out() {
        for (text, clean) in [
            ("Compared to ___, unchanged.", "Compared to, unchanged."),
            ("Dr. [**Last Name**] was told.", "Dr. was told."),
            ("XXXX-year-old male", "-year-old male"),
        ] {
            let check = marks(text).expect(text);
            let Action::Insight(insight::Action::Rewrite(better)) = &check.repairs[0].action else { panic!("{check:?}") };
            assert_eq!(better, clean);
            assert_eq!(marks(better), None);
        }
        assert_eq!(marks("a_b __ XXX [*]"), None);
        assert!(marks("broken [**mark").is_some());
    }

    #[test]
    fn cut_text_is_named_by_its_first_word() {
        let long = document("one two three four");
        let check = cut(&long, &Reading { cut_at: Some(8), limit: 2, cleaned: None }).expect("cut");
        assert!(check.sentence.contains("reads 2 tokens; the last 2 words, from “three” on"), "{}", check.sentence);
        assert_eq!(&long.impression[check.words[0].clone()], "three four");
    }
}
