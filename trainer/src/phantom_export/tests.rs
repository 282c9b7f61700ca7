//! The written data set: names, whole files, same bytes, clear refusals.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use engine::imageio::png::{read_gray, read_mask, read_text};

use super::*;

fn export(dir: &Path, indices: Range<u64>, sheet: Option<PathBuf>) -> Export {
    Export { config: PhantomConfig::practice(), seed: 5, indices, size_px: 64, dir: dir.to_owned(), layout: Layout::Plain, sheet }
}

fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    ["images", "masks"]
        .iter()
        .flat_map(|sub| std::fs::read_dir(dir.join(sub)).unwrap())
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.strip_prefix(dir).unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect()
}

#[test]
fn a_data_set_is_complete_and_the_same_in_parts() {
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let sheet = whole.path().join("sheet.png");
    assert_eq!(export(whole.path(), 0..7, Some(sheet.clone())).run().unwrap(), Ended::Done);
    let mut joined = String::new();
    for range in [0..3, 3..7] {
        export(parts.path(), range, None).run().unwrap();
        joined += &std::fs::read_to_string(parts.path().join("manifest.jsonl")).unwrap();
    }
    assert_eq!(files(whole.path()), files(parts.path()));
    let manifest = std::fs::read_to_string(whole.path().join("manifest.jsonl")).unwrap();
    assert_eq!(manifest, joined);
    assert_eq!(manifest.lines().count(), 7);
    for line in manifest.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let image = whole.path().join(case["image"].as_str().unwrap());
        assert_eq!(read_gray(&image).unwrap().width(), 64);
        assert!(read_text(&image, "Synthetic").unwrap().unwrap().contains("phantom"));
        assert_eq!(case["labels"].as_object().unwrap().len(), 14);
        for finding in case["findings"].as_array().unwrap() {
            let mask = read_mask(&whole.path().join(finding["mask"].as_str().unwrap())).unwrap();
            let bounds = mask.bounds().unwrap();
            let stored: Vec<f64> = finding["box"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            assert_eq!(stored, [bounds.x0, bounds.y0, bounds.x1, bounds.y1].map(f64::from));
        }
    }
    assert_eq!(read_gray(&sheet).unwrap().height(), 128);
}

#[test]
fn a_file_in_place_of_the_folder_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let taken = dir.path().join("taken");
    std::fs::write(&taken, "x").unwrap();
    let error = format!("{:#}", export(&taken, 0..1, None).run().unwrap_err());
    assert!(error.contains("taken"), "{error}");
}
