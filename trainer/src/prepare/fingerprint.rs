//! What is in a data set, counted from its indices: `report.json` and `report.html`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Result, ensure};
use engine::store::atomic::write_atomic;
use serde::{Deserialize, Serialize};

use super::{REJECTS_FILE, html, table::Table};
use crate::data::dataset::{About, Dataset, LostWord};

/// Counts by name.
pub type Counts = BTreeMap<String, usize>;

/// A word that caption cleaning destroyed, how often, and a caption before and after.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destroyed {
    /// The word, in small letters.
    pub word: String,
    /// How often.
    pub count: usize,
    /// A caption before cleaning.
    pub before: String,
    /// The same caption as it is encoded.
    pub after: String,
}

impl Destroyed {
    fn new(word: String, lost: LostWord) -> Self {
        let LostWord { count, before, after } = lost;
        Self { word, count, before, after }
    }
}

/// Destroyed words that a report keeps; dates and codes of a large set are many.
const MOST_WORDS: usize = 500;

/// Numbers in classes of equal width from 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Width of a class.
    pub width: f64,
    /// Counts of the classes.
    pub counts: Vec<usize>,
}

impl Histogram {
    fn new(width: f64) -> Self {
        Self { width, counts: Vec::new() }
    }

    fn add(&mut self, value: f64) {
        let class = (value.max(0.0) / self.width) as usize;
        // An absurd number must not take memory.
        let class = class.min(999);
        if self.counts.len() <= class {
            self.counts.resize(class + 1, 0);
        }
        self.counts[class] += 1;
    }
}

/// Numbers of one split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitCounts {
    /// Samples.
    pub samples: usize,
    /// Patients by pseudonym; samples without one are not counted.
    pub patients: usize,
    /// Samples without a pseudonym.
    pub without_patient: usize,
    /// Labels that are present.
    pub positive: Counts,
}

/// What a data set was made with, and how large it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Name of the model whose parts encoded it.
    pub model: String,
    /// Hash of the autoencoder's weights.
    pub autoencoder: String,
    /// Hash of the text encoder's weights.
    pub text: String,
    /// Hash of the tokenizer's file.
    pub tokenizer: String,
    /// Most tokens of a caption that are taken.
    pub max_tokens: usize,
    /// Shards.
    pub shards: usize,
    /// Bytes of the shards.
    pub bytes: u64,
}

/// What is in a data set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Its name.
    pub name: String,
    /// Hash of what decides its content.
    pub recipe: String,
    /// What it was made with.
    pub provenance: Provenance,
    /// Side of the pictures in pixels.
    pub size_px: usize,
    /// Samples.
    pub samples: usize,
    /// By split.
    pub splits: BTreeMap<String, SplitCounts>,
    /// Patients that are in more than one split; there are none in what `chexgen prepare` finishes.
    pub patients_in_two_splits: usize,
    /// Samples by collection.
    pub sets: Counts,
    /// Samples by view.
    pub views: Counts,
    /// Samples by sex.
    pub sexes: Counts,
    /// Samples by race.
    pub races: Counts,
    /// Ages in classes of ten years.
    pub ages: Histogram,
    /// Samples without an age.
    pub without_age: usize,
    /// Labels that are present.
    pub positive: Counts,
    /// Labels that are absent.
    pub negative: Counts,
    /// Labels that are uncertain.
    pub uncertain: Counts,
    /// Samples without any present label.
    pub without_label: usize,
    /// Samples by size of the source picture.
    pub sizes: Counts,
    /// Mean greys in classes of 0.05.
    pub grey_means: Histogram,
    /// Deviations of greys in classes of 0.02.
    pub grey_deviations: Histogram,
    /// Tokens of captions in classes of ten: 1 to 10, 11 to 20.
    pub tokens: Histogram,
    /// Most tokens of a caption.
    pub most_tokens: usize,
    /// Captions that were cut.
    pub cut: usize,
    /// De-identification marks that were taken out.
    pub marks: usize,
    /// Captions with such marks.
    pub with_marks: usize,
    /// Words with digits that caption cleaning destroyed.
    pub lost_words: usize,
    /// Captions that lost one.
    pub with_lost_words: usize,
    /// Which these are, the most frequent first, at most 500; empty where earlier builds prepared the set.
    #[serde(default)]
    pub destroyed: Vec<Destroyed>,
    /// Different words among them.
    #[serde(default)]
    pub different_lost_words: usize,
    /// Condition pictures by kind.
    pub conditions: Counts,
    /// Regions whose class has no grey in the model's palette.
    pub unknown_classes: usize,
    /// Source files that are there more than once.
    pub repeated_files: usize,
    /// Of these, files that are in more than one split.
    pub repeated_across_splits: usize,
    /// Rejects by kind.
    pub rejects: Counts,
    /// Rejects by collection and kind.
    pub rejects_by_set: BTreeMap<String, Counts>,
}

/// Counts a data set.
///
/// # Errors
/// When an index is damaged or missing.
pub fn fingerprint(data: &Dataset) -> Result<Fingerprint> {
    let form = data.form();
    let mut print = Fingerprint {
        name: form.name.clone(),
        recipe: form.recipe.clone(),
        provenance: Provenance {
            model: form.binding.model.clone(),
            autoencoder: form.binding.autoencoder.clone(),
            text: form.binding.text.clone(),
            tokenizer: form.binding.tokenizer.clone(),
            max_tokens: form.binding.max_tokens,
            shards: 0,
            bytes: 0,
        },
        size_px: form.binding.size_px,
        ages: Histogram::new(10.0),
        grey_means: Histogram::new(0.05),
        grey_deviations: Histogram::new(0.02),
        tokens: Histogram::new(10.0),
        ..Fingerprint::default()
    };
    let mut homes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut files: BTreeMap<String, (usize, BTreeSet<String>)> = BTreeMap::new();
    let mut destroyed: BTreeMap<String, LostWord> = BTreeMap::new();
    for split in form.splits.keys() {
        let mut counts = SplitCounts::default();
        let mut patients = BTreeSet::new();
        data.visit(split, &mut |_, form| {
            print.provenance.shards += 1;
            print.provenance.bytes += form.tar_bytes;
            form.lost_words.into_iter().for_each(|(word, lost)| destroyed.entry(word).or_default().join(lost));
            for sample in form.samples {
                let about = sample.about;
                counts.samples += 1;
                for (name, _) in about.labels.iter().filter(|(_, state)| **state == 1) {
                    *counts.positive.entry(name.clone()).or_default() += 1;
                }
                if about.patient.is_empty() {
                    counts.without_patient += 1;
                } else {
                    homes.entry(about.patient.clone()).or_default().insert(split.clone());
                    patients.insert(about.patient.clone());
                }
                if !about.source_blake3.is_empty() {
                    let (times, splits) = files.entry(about.source_blake3.clone()).or_default();
                    *times += 1;
                    splits.insert(split.clone());
                }
                print.add(&about);
            }
            Ok(())
        })?;
        counts.patients = patients.len();
        print.splits.insert(split.clone(), counts);
    }
    print.patients_in_two_splits = homes.values().filter(|splits| splits.len() > 1).count();
    print.repeated_files = files.values().filter(|(times, _)| *times > 1).count();
    print.repeated_across_splits = files.values().filter(|(_, splits)| splits.len() > 1).count();
    print.different_lost_words = destroyed.len();
    print.destroyed = destroyed.into_iter().map(|(word, lost)| Destroyed::new(word, lost)).collect();
    // By name already; the sort keeps that order where counts are equal.
    print.destroyed.sort_by_key(|destroyed| std::cmp::Reverse(destroyed.count));
    print.destroyed.truncate(MOST_WORDS);
    print.add_rejects(data.dir())?;
    Ok(print)
}

impl Fingerprint {
    fn add(&mut self, about: &About) {
        let count = |counts: &mut Counts, name: &str| *counts.entry(name.to_owned()).or_default() += 1;
        let known = |word: &str| if word.is_empty() { "unknown".to_owned() } else { word.to_owned() };
        self.samples += 1;
        count(&mut self.sets, &about.set);
        count(&mut self.views, &about.view);
        count(&mut self.sexes, &known(&about.sex));
        count(&mut self.races, &known(&about.race));
        match about.age {
            Some(age) => self.ages.add(f64::from(age)),
            None => self.without_age += 1,
        }
        for (name, state) in &about.labels {
            let counts = match state {
                1 => &mut self.positive,
                0 => &mut self.negative,
                _ => &mut self.uncertain,
            };
            count(counts, name);
        }
        self.without_label += usize::from(!about.labels.values().any(|state| *state == 1));
        count(&mut self.sizes, &format!("{}×{}", about.width, about.height));
        if !about.source_blake3.is_empty() {
            self.grey_means.add(f64::from(about.grey_mean));
            self.grey_deviations.add(f64::from(about.grey_sd));
        }
        self.tokens.add(about.tokens as f64 - 1.0);
        self.most_tokens = self.most_tokens.max(about.tokens);
        self.cut += usize::from(about.cut);
        self.marks += about.marks;
        self.with_marks += usize::from(about.marks > 0);
        self.lost_words += about.lost;
        self.with_lost_words += usize::from(about.lost > 0);
        self.unknown_classes += about.unknown_classes;
        for kind in &about.conditions {
            count(&mut self.conditions, kind.name());
        }
    }

    fn add_rejects(&mut self, dir: &Path) -> Result<()> {
        let path = dir.join(REJECTS_FILE);
        ensure!(path.is_file(), "{} is missing; prepare again, finished shards are kept", path.display());
        Table::open(&path)?.each(|row| {
            let kind = row.get("kind").to_owned();
            *self.rejects_by_set.entry(row.get("set").to_owned()).or_default().entry(kind.clone()).or_default() += 1;
            *self.rejects.entry(kind).or_default() += 1;
            Ok(())
        })
    }
}

/// What an earlier [`write`] counted, where both of its files are there.
pub fn read(dir: &Path) -> Option<Fingerprint> {
    let json = std::fs::read(dir.join("report.json")).ok()?;
    dir.join("report.html").is_file().then(|| serde_json::from_slice(&json).ok()).flatten()
}

/// Counts a data set and writes `report.json` and `report.html` into its folder.
///
/// # Errors
/// As [`fingerprint`], or when the files cannot be written.
pub fn write(data: &Dataset) -> Result<Fingerprint> {
    let print = fingerprint(data)?;
    let mut json = serde_json::to_vec_pretty(&print)?;
    json.push(b'\n');
    write_atomic(&data.dir().join("report.json"), &json)?;
    write_atomic(&data.dir().join("report.html"), html::page(&print).as_bytes())?;
    Ok(print)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::dataset::testing;

    #[test]
    fn a_small_data_set_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let data = testing::write(dir.path(), 10);
        assert!(format!("{:#}", fingerprint(&data).unwrap_err()).contains("rejects.csv is missing"));
        std::fs::write(dir.path().join(REJECTS_FILE), "set,split,case,kind,reason\ndrawn,train,x,view,its view is AP\n").unwrap();
        let print = write(&data).unwrap();
        assert_eq!((print.samples, print.sets["drawn"], print.splits["train"].patients), (10, 10, 5));
        assert_eq!((print.rejects["view"], print.rejects_by_set["drawn"]["view"]), (1, 1));
        assert_eq!((print.provenance.shards, print.splits["train"].positive["Edema"]), (3, 10));
        assert_eq!((print.conditions["mask"], print.positive["Edema"], print.sizes["40×32"]), (4, 10, 10));
        assert_eq!((print.most_tokens, print.tokens.counts.clone(), print.without_age), (5, vec![10], 10));
        let read = super::read(dir.path()).unwrap();
        assert_eq!(read, print);
        let page = std::fs::read_to_string(dir.path().join("report.html")).unwrap();
        assert!(page.contains("<svg") && page.contains("Edema") && !page.contains("http"), "{page}");
    }
}
