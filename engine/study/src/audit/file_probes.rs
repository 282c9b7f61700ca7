//! Figures of files: what they are, what they carry, how they are named.

use std::collections::BTreeMap;

use super::Sample;
use super::probe::Probe;
use crate::picture::{Container, Source};

/// Most words of names, and most kinds of metadata, that become figures.
const WORDS: usize = 12;

/// Figures of all samples, with their names.
pub(super) struct Table {
    pub(super) names: Vec<Name>,
    pub(super) rows: Vec<Vec<f64>>,
}

/// What a figure is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Name {
    pub(super) words: String,
    /// Whether the figure is 1 where something is so, and 0 where not.
    pub(super) yes_or_no: bool,
}

impl Name {
    pub(super) fn figure(words: &str) -> Self {
        Self { words: words.to_owned(), yes_or_no: false }
    }

    fn mark(words: String) -> Self {
        Self { words, yes_or_no: true }
    }
}

/// The table of a probe of files; `None` where a sample has no file.
pub(super) fn table(probe: Probe, samples: &[Sample]) -> Option<Table> {
    let sources: Vec<&Source> = samples.iter().map(|sample| sample.source.as_ref()).collect::<Option<_>>()?;
    Some(match probe {
        Probe::Metadata => metadata(&sources),
        Probe::FileName => file_name(&sources),
        _ => Table {
            names: vec![Name::figure("bytes of the file (log)"), Name::figure("bytes of the file")],
            rows: sources.iter().map(|s| vec![(s.bytes as f64 + 1.0).ln(), s.bytes as f64]).collect(),
        },
    })
}

fn metadata(sources: &[&Source]) -> Table {
    let kinds = frequent(sources.iter().map(|s| s.metadata.clone()).collect());
    let mut names: Vec<Name> =
        ["a PNG file", "a JPEG file", "a DICOM file", "a pixel spacing"].iter().map(|w| Name::mark((*w).to_owned())).collect();
    names.push(Name::figure("bits of a stored grey"));
    names.push(Name::figure("entries beside the picture"));
    names.extend(kinds.iter().map(|kind| Name::mark(kind.clone())));
    let flag = |b: bool| f64::from(u8::from(b));
    let row = |s: &&Source| {
        let mut row: Vec<f64> =
            [Container::Png, Container::Jpeg, Container::Dicom].iter().map(|c| flag(s.container == *c)).collect();
        row.extend([flag(s.has_spacing), f64::from(s.bits), s.metadata.len() as f64]);
        row.extend(kinds.iter().map(|kind| flag(s.metadata.contains(kind))));
        row
    };
    Table { names, rows: sources.iter().map(row).collect() }
}

fn file_name(sources: &[&Source]) -> Table {
    let words: Vec<Vec<String>> = sources.iter().map(|s| words_of(&s.name)).collect();
    let usual = frequent(words.clone());
    let mut names: Vec<Name> = ["letters of the file name", "digits in it", "capitals in it", "separators in it"]
        .iter()
        .map(|w| Name::figure(w))
        .collect();
    names.extend(usual.iter().map(|word| Name::mark(format!("“{word}” in the file name"))));
    let count = |name: &str, is: fn(&char) -> bool| name.chars().filter(is).count() as f64;
    let row = |(s, own): (&&Source, &Vec<String>)| {
        let mut row = vec![
            s.name.chars().count() as f64,
            count(&s.name, char::is_ascii_digit),
            count(&s.name, |c| c.is_uppercase()),
            count(&s.name, |c| !c.is_alphanumeric()),
        ];
        row.extend(usual.iter().map(|word| f64::from(u8::from(own.contains(word)))));
        row
    };
    Table { names, rows: sources.iter().zip(&words).map(row).collect() }
}

/// Runs of letters of a file name, in small letters, without repetition.
fn words_of(name: &str) -> Vec<String> {
    let small = name.to_lowercase();
    let mut words: Vec<String> =
        small.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    words.sort();
    words.dedup();
    words
}

/// The words that several have and not all, most frequent first.
fn frequent(lists: Vec<Vec<String>>) -> Vec<String> {
    let all = lists.len();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for word in lists.into_iter().flatten() {
        *counts.entry(word).or_default() += 1;
    }
    let mut found: Vec<(String, usize)> = counts.into_iter().filter(|(_, n)| *n > 1 && *n < all).collect();
    found.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    found.into_iter().take(WORDS).map(|(word, _)| word).collect()
}
