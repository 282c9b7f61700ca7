//! SIIM-ACR pneumothorax: DICOM files in nested folders, run lengths in a table.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use engine::masks::run_length::RunOrder;

use super::Listed;
use crate::prepare::case::{Case, Input, Place, Region, RegionKind};
use crate::prepare::config::SourceConfig;
use crate::prepare::table::{Table, find};

pub(crate) fn list(source: &SourceConfig) -> Result<Listed> {
    let path = match &source.list {
        Some(list) => list.clone(),
        None => find(&source.root, "", "train-rle.csv").or_else(|_| find(&source.root, "", "train.csv"))?,
    };
    let table = Table::open(&path)?;
    table.need(&["ImageId", "EncodedPixels"])?;
    let files = files_below(source.image_root())?;
    let mut runs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    table.each(|row| {
        let (name, text) = (row.get("ImageId"), row.get("EncodedPixels"));
        ensure!(!name.is_empty(), "column ImageId is empty");
        let known = runs.entry(name.to_owned()).or_insert_with(|| {
            order.push(name.to_owned());
            Vec::new()
        });
        // -1 says that there is no mask; several lines of one image belong together.
        if text != "-1" && !text.is_empty() {
            known.push(text.to_owned());
        }
        Ok(())
    })?;
    let mut listed = Listed::default();
    for name in order {
        let Some(file) = files.get(&name) else {
            listed.refuse(&name, "its picture is not there; copy it, or take its lines out of the table");
            continue;
        };
        let mut case = Case::new(&name, Input::Picture(vec![file.clone()]));
        let texts = runs.remove(&name).unwrap_or_default();
        let positive = !texts.is_empty();
        case.labels.insert("Pneumothorax".to_owned(), i8::from(positive));
        case.annotated = true;
        if positive {
            let place = Place::Runs(texts, RunOrder::RelativeColumns);
            case.regions.push(Region { kind: RegionKind::Finding, class: "pneumothorax".to_owned(), place, severity: None });
        }
        listed.cases.push(case);
    }
    Ok(listed)
}

/// All picture files below a folder by their names without ending.
pub(super) fn files_below(root: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    let mut todo = vec![root.to_owned()];
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                todo.push(path);
                continue;
            }
            let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            if matches!(ending.as_str(), "dcm" | "dicom" | "png" | "jpg" | "jpeg") {
                // Of two files of one name the first in the order of paths counts, wherever a folder lists it.
                let slot = found.entry(stem).or_insert_with(|| path.clone());
                if path < *slot {
                    *slot = path;
                }
            }
        }
    }
    if found.is_empty() {
        bail!("{} holds no pictures; name the folder of the data set", root.display());
    }
    Ok(found)
}
