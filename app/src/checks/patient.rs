//! Sex, age and projection in the text against the fields.

use std::ops::Range;

use super::{Check, Verdict};
use crate::action::Action;
use crate::insight;
use crate::state::{Document, Sex, View};

/// Years by which text and field may differ: birthdays.
const AGE_SLACK: u32 = 1;

/// What a text says of the patient, with the words.
#[derive(Clone, Debug, Default, PartialEq)]
struct Said {
    sex: Option<(Sex, Range<usize>)>,
    age: Option<(u32, Range<usize>)>,
    view: Option<(View, Range<usize>)>,
}

/// All checks of the fields.
pub(super) fn check(document: &Document) -> Vec<Check> {
    let text = &document.impression;
    let said = read(text);
    let fields = document.demographics;
    let mut checks = Vec::new();
    if let Some((sex, words)) = said.sex
        && sex != fields.sex
    {
        let written = &text[words.clone()];
        let sentence = match fields.sex {
            Sex::Unstated => format!("The text says “{written}”; the field Sex is empty."),
            other => format!("The text says “{written}”; the field says {}.", other.title()),
        };
        let verdict = if fields.sex == Sex::Unstated { Verdict::Note } else { Verdict::Conflict };
        let mut check = Check::new(verdict, sentence).words([words.clone()]).repair(
            format!("Set {}", sex.title()),
            "Changes the field",
            Action::SetSex(sex),
        );
        if let Some(better) = other_sex(written).filter(|_| fields.sex != Sex::Unstated) {
            let mut out = text.clone();
            out.replace_range(words, better);
            check = check.repair(
                format!("Say “{better}”"),
                "Changes the word in the text",
                Action::Insight(insight::Action::Rewrite(out)),
            );
        }
        checks.push(check);
    }
    if let Some((age, words)) = said.age
        && fields.age.is_none_or(|field| field.abs_diff(age) > AGE_SLACK)
    {
        let (verdict, sentence) = match fields.age {
            None => (Verdict::Note, format!("The text says {age} years; the field Age is empty.")),
            Some(field) => (Verdict::Conflict, format!("The text says {age} years; the field says {field}.")),
        };
        let mut check = Check::new(verdict, sentence).words([words.clone()]).repair(
            format!("Set {age}"),
            "Changes the field",
            Action::SetAge(Some(age)),
        );
        if let Some(field) = fields.age {
            let mut out = text.clone();
            out.replace_range(words, &field.to_string());
            check = check.repair(
                format!("Say {field}"),
                "Changes the number in the text",
                Action::Insight(insight::Action::Rewrite(out)),
            );
        }
        checks.push(check);
    }
    if let Some((view, words)) = said.view
        && fields.view != View::Unstated
        && fields.view != view
    {
        let sentence = format!("The text says “{}”; the field says {}.", &text[words.clone()], fields.view.title());
        checks.push(Check::new(Verdict::Conflict, sentence).words([words]).repair(
            format!("Set {}", view.title()),
            "Changes the field",
            Action::SetView(view),
        ));
    }
    checks
}

const WOMAN: [&str; 5] = ["woman", "female", "lady", "girl", "she"];
const MAN: [&str; 5] = ["man", "male", "gentleman", "boy", "he"];

fn other_sex(word: &str) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase();
    let other = |from: &[&str], to: &[&'static str]| from.iter().position(|w| *w == lower).map(|i| to[i]);
    other(&WOMAN, &MAN).or_else(|| other(&MAN, &WOMAN))
}

fn read(text: &str) -> Said {
    let mut said = Said::default();
    let words: Vec<(usize, &str)> = words(text);
    for (i, &(start, word)) in words.iter().enumerate() {
        let range = start..start + word.len();
        let lower = word.to_ascii_lowercase();
        let sex = if WOMAN.contains(&lower.as_str()) {
            Some(Sex::Female)
        } else if MAN.contains(&lower.as_str()) {
            Some(Sex::Male)
        } else {
            None
        };
        if let Some(sex) = sex {
            said.sex.get_or_insert((sex, range.clone()));
        }
        // "64M", and "64 y/o F" below.
        let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = &word[digits.len()..];
        if let Some(age) = years(digits) {
            let number = start..start + digits.len();
            let after = |k: usize| words.get(i + k).map_or("", |w| w.1);
            let old = after(1).eq_ignore_ascii_case("year") || after(1).eq_ignore_ascii_case("years");
            let short = matches!(unit, "yo" | "y")
                || (unit.is_empty() && (matches!(after(1), "yo" | "F" | "M") || (after(1) == "y" && after(2) == "o")));
            let aged = i > 0 && words[i - 1].1.eq_ignore_ascii_case("aged");
            let sexed = matches!(unit, "F" | "M");
            if (unit.is_empty() && old && after(2).eq_ignore_ascii_case("old")) || short || aged || sexed {
                said.age.get_or_insert((age, number));
                let letter = if sexed {
                    Some((unit, start + digits.len()))
                } else {
                    words[i + 1..].iter().take(3).find(|w| matches!(w.1, "F" | "M")).map(|w| (w.1, w.0))
                };
                if let Some((letter, at)) = letter {
                    let sex = if letter == "F" { Sex::Female } else { Sex::Male };
                    said.sex.get_or_insert((sex, at..at + 1));
                }
            }
        }
        let view = match (word, lower.as_str()) {
            ("AP", _) | (_, "portable" | "bedside" | "supine" | "anteroposterior") => Some(View::Ap),
            ("PA", _) | (_, "posteroanterior") => Some(View::Pa),
            _ => None,
        };
        if let Some(view) = view {
            said.view.get_or_insert((view, range));
        }
    }
    said
}

fn years(digits: &str) -> Option<u32> {
    digits.parse().ok().filter(|age| (1..=120).contains(age))
}

fn words(text: &str) -> Vec<(usize, &str)> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patients_as_they_are_written() {
        for (text, sex, age) in [
            ("72-year-old woman with cough.", Some(Sex::Female), Some(72)),
            ("A 64 year old man", Some(Sex::Male), Some(64)),
            ("64M with right pneumothorax", Some(Sex::Male), Some(64)),
            ("64 y/o F, effusion", Some(Sex::Female), Some(64)),
            ("Patient aged 50", None, Some(50)),
            ("Nodule of 12 mm, 5th rib, 2 years ago", None, None),
            ("The manubrium is normal", None, None),
        ] {
            let said = read(text);
            assert_eq!((said.sex.map(|s| s.0), said.age.map(|a| a.0)), (sex, age), "{text}");
        }
        assert_eq!(read("AP portable chest").view.map(|v| v.0), Some(View::Ap));
        assert_eq!(read("Erect PA view").view.map(|v| v.0), Some(View::Pa));
        assert_eq!(read("no apparent disease").view, None);
    }
}
