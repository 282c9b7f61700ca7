//! `chexgen prepare` from outside: public layouts in, verified shards out, killed, interrupted, fed with nonsense.

mod bad_input;
mod resume;

use std::path::{Path, PathBuf};
use std::process::Output;

use trainer::data::dataset::{ConditionKind, Dataset};
use trainer::prepare::fingerprint::Fingerprint;

use crate::support::{chexgen, files, names, run, stderr, stdout, tiny};

/// A folder with phantoms in a layout, 64 px.
pub(crate) fn phantoms(dir: &Path, layout: &str, count: usize) {
    let count = count.to_string();
    let args = ["phantom", "--count", &count, "--size", "64", "--layout", layout, "--preset", "practice", "--out", layout];
    stdout(&run(dir, &args));
}

/// Settings for the tiny model: `top` before the sources.
pub(crate) fn settings(dir: &Path, top: &str, sources: &str) -> PathBuf {
    let path = dir.join("prepare.toml");
    let model = tiny().model.display();
    std::fs::write(&path, format!("name = \"Phantoms\"\nmodel = \"{model}\"\nsalt = \"test\"\n{top}\n{sources}")).unwrap();
    path
}

pub(crate) fn prepare(dir: &Path, more: &[&str]) -> Output {
    let mut args = vec!["prepare", "prepare.toml", "--out", "set"];
    args.extend(more);
    run(dir, &args)
}

const LAYOUTS: &str = "\
[[source]]\nkind = \"mimic\"\nroot = \"mimic\"\n
[[source]]\nkind = \"siim\"\nroot = \"siim\"\ncaptions = \"captions.csv\"\nsplit = \"train\"\n
[[source]]\nkind = \"nih\"\nroot = \"nih\"\nsplit = \"val\"\n
[[source]]\nkind = \"vindr\"\nroot = \"vindr\"\nsplit = \"test\"\nsixteen_bit = \"linear\"\n";

const TOP: &str = "\
shard_cases = 5\nconditions = [\"mask\", \"box\"]\ncaption_rows = \"f32\"\n
[captions]\nfrom = [\"impression\", \"labels\"]\nover = \"cut\"\nmissing = \"empty\"\ntidy = true\n
[split]\nkind = \"mimic-folders\"\n";

#[test]
fn four_public_layouts_become_one_data_set() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for layout in ["mimic", "siim", "nih", "vindr"] {
        phantoms(dir, layout, 12);
    }
    settings(dir, TOP, LAYOUTS);
    let text = stdout(&prepare(dir, &[]));
    assert!(text.starts_with("48 samples, 0 rejects"), "{text}");
    let data = Dataset::open(&dir.join("set")).unwrap();
    let binding = data.binding().clone();
    assert_eq!((binding.size_px, binding.channels, binding.side, binding.max_tokens), (64, 4, 8, 24));
    let all = |split: &str| data.subset(split, &|_| true).unwrap();
    assert_eq!(all("train").len() + all("val").len() + all("test").len(), 48);
    let (mut masks, mut boxes, mut marks) = (0, 0, 0);
    for split in ["train", "val", "test"] {
        let subset = all(split);
        for index in 0..subset.len() {
            let sample = subset.sample(index).unwrap();
            assert_eq!(sample.image.mean.len(), 4 * 8 * 8);
            assert!(sample.image.mean.iter().chain(&sample.image.log_var).chain(&sample.caption).all(|v| v.is_finite()));
            assert!(sample.about.tokens == sample.ids.len() && sample.caption.len() == sample.ids.len() * binding.text_width);
            assert!(!sample.text.contains('_') && sample.about.source_blake3.len() == 64);
            masks += usize::from(sample.conditions.contains_key(&ConditionKind::Mask));
            boxes += usize::from(sample.conditions.contains_key(&ConditionKind::Box));
            marks += sample.about.marks;
            if sample.about.set == "mimic" {
                assert!(!sample.text.is_empty() && !sample.about.labels.is_empty());
            }
        }
    }
    assert_eq!(masks, 12 + no_regions(&data), "each of SIIM, and those without findings");
    assert!(boxes > 10 && marks == 4, "{boxes} {marks}");

    // The report counts the same, and the page needs nothing from outside.
    let text = stdout(&run(dir, &["prepare", "report", "set"]));
    assert!(text.contains("patients in two splits: 0") && text.contains("marks taken out: 4"), "{text}");
    let report: Fingerprint = serde_json::from_slice(&std::fs::read(dir.join("set/report.json")).unwrap()).unwrap();
    assert_eq!((report.samples, report.sets["siim"], report.marks), (48, 12, 4));
    assert!(stdout(&run(dir, &["prepare", "verify", "set"])).starts_with("48 samples are whole"));
    // No number of a patient is anywhere in the set.
    let patients: Vec<String> =
        names(&dir.join("mimic")).iter().filter_map(|path| path.split('/').nth(2).map(|p| p[1..].to_owned())).collect();
    assert!(!patients.is_empty());
    for (name, bytes) in files(&dir.join("set")) {
        for patient in &patients {
            assert!(!bytes.windows(patient.len()).any(|part| part == patient.as_bytes()), "{name} names patient {patient}");
        }
    }
}

/// Samples of NIH and VinDr without any region: their masks are black.
fn no_regions(data: &Dataset) -> usize {
    let silent = |about: &trainer::data::dataset::About| {
        about.set != "siim" && about.conditions.contains(&ConditionKind::Mask) && !about.conditions.contains(&ConditionKind::Box)
    };
    ["train", "val", "test"].iter().filter_map(|split| data.subset(split, &silent).ok()).map(|subset| subset.len()).sum()
}

#[test]
fn the_number_of_processes_and_threads_changes_no_byte() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    phantoms(dir, "mimic", 14);
    settings(dir, "shard_cases = 4", "[[source]]\nkind = \"mimic\"\nroot = \"mimic\"\n");
    stdout(&prepare(dir, &["--threads", "1"]));
    let expected = whole(dir, "set");
    for rank in ["0", "2", "1"] {
        let text =
            stdout(&run(dir, &["prepare", "prepare.toml", "--out", "parts", "--rank", rank, "--world", "3", "--threads", "3"]));
        assert_eq!(rank != "1", text.contains("shards of other processes are not there yet"), "{text}");
    }
    assert!(whole(dir, "parts") == expected);
    let error = stderr(&prepare(dir, &["--rank", "2", "--world", "2"]));
    assert!(error.contains("--rank and --world") && error.lines().count() == 1, "{error}");
}

#[test]
fn the_report_lists_the_words_that_cleaning_destroyed() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    phantoms(dir, "siim", 6);
    let list = std::fs::read_to_string(dir.join("siim/train-rle.csv")).unwrap();
    let names: std::collections::BTreeSet<&str> = list.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    let said = ["Nodule of 12x14 mm.", "Nodule of 12X14 mm.", "Line at t4a5.", "Clear lungs.", "Clear lungs.", "Clear lungs."];
    let rows: Vec<String> = names.iter().zip(said).map(|(name, text)| format!("{name},{text}")).collect();
    std::fs::write(dir.join("siim/words.csv"), format!("name,impression\n{}\n", rows.join("\n"))).unwrap();
    let source = "[[source]]\nkind = \"siim\"\nroot = \"siim\"\ncaptions = \"words.csv\"\n";
    settings(dir, "shard_cases = 1\n[captions]\nover = \"cut\"", source);
    stdout(&prepare(dir, &[]));
    let report: Fingerprint = serde_json::from_slice(&std::fs::read(dir.join("set/report.json")).unwrap()).unwrap();
    assert_eq!((report.lost_words, report.with_lost_words, report.different_lost_words), (3, 3, 2));
    // Over shards, the most frequent first, with a caption that lost it.
    let found: Vec<(&str, usize)> = report.destroyed.iter().map(|lost| (lost.word.as_str(), lost.count)).collect();
    assert_eq!(found, [("12x14", 2), ("t4a5", 1)]);
    assert!(report.destroyed[0].before.to_lowercase() == "nodule of 12x14 mm." && !report.destroyed[0].after.contains("14"));
    let text = stdout(&run(dir, &["prepare", "report", "set"]));
    assert!(text.contains("destroyed by cleaning: 3, in 3 captions\n  12x14, 2 times\n    before: Nodule of 12"), "{text}");
    let page = std::fs::read_to_string(dir.join("set/report.html")).unwrap();
    assert!(page.contains("12x14</th><td>2</td>"), "{page}");
}

/// Files of a data set, locks left out.
pub(crate) fn whole(dir: &Path, set: &str) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut all = files(&dir.join(set));
    all.retain(|name, _| !name.starts_with(".prepare"));
    assert!(all.contains_key("dataset.json"), "{:?}", all.keys());
    all
}

#[test]
fn lists_of_the_release_are_written_and_read() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    phantoms(dir, "siim", 6);
    let source = "[[source]]\nkind = \"siim\"\nroot = \"siim\"\ncaptions = \"captions.csv\"\n";
    settings(dir, "conditions = [\"mask\"]\ncaption_rows = \"f32\"\n[captions]\nover = \"cut\"", source);
    stdout(&prepare(dir, &[]));
    let model = tiny().model.to_str().unwrap();
    let text = stdout(&run(dir, &["prepare", "release", "set", "--model", model, "--out", "npz"]));
    assert!(text.starts_with("6 cases and train.txt written"), "{text}");
    let list = std::fs::read_to_string(dir.join("npz/train.txt")).unwrap();
    assert!(list.lines().count() == 6 && list.lines().all(|line| line.split(' ').count() == 3), "{list}");
    settings(dir, "caption_rows = \"f32\"", "[[source]]\nkind = \"release\"\nroot = \"npz\"\nlist = \"train.txt\"\n");
    stdout(&chexgen(dir, &["prepare", "prepare.toml", "--out", "again"]).output().unwrap());
    let read = |set: &str| Dataset::open(&dir.join(set)).unwrap().subset("train", &|_| true).unwrap();
    let (first, second) = (read("set"), read("again"));
    for index in 0..6 {
        let (first, second) = (first.sample(index).unwrap(), second.sample(index).unwrap());
        assert_eq!(first.caption, second.caption);
        assert_eq!(first.conditions.len(), second.conditions.len());
        // Drawn from the distribution: within a few deviations of its mean, and no noise is left in it.
        for ((mean, log_var), drawn) in first.image.mean.iter().zip(&first.image.log_var).zip(&second.image.mean) {
            assert!((mean - drawn).abs() <= 6.0 * (0.5 * log_var).exp() + 1e-3 * mean.abs() + 1e-5, "{mean} {drawn}");
        }
        assert!(second.image.log_var.iter().all(|v| *v == -30.0));
    }
}
