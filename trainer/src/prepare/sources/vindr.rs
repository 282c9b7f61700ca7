//! VinDr-CXR: labels of three readers a picture and boxes, as published or as in the competition.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Result, bail, ensure};
use engine::domain::RectPx;

use super::Listed;
use super::siim::files_below;
use crate::prepare::case::{Case, Input, Place, Region, RegionKind, Split, label_name};
use crate::prepare::config::{SourceConfig, Vote};
use crate::prepare::table::{Row, Table, find_maybe};

/// What readers said of one picture.
#[derive(Default)]
struct Said {
    readers: BTreeSet<String>,
    /// Readers by label.
    votes: BTreeMap<String, BTreeSet<String>>,
    boxes: Vec<(String, String, RectPx)>,
}

const NO_FINDING: [&str; 2] = ["No finding", "No Finding"];

pub(crate) fn list(source: &SourceConfig) -> Result<Listed> {
    let files = files_below(source.image_root())?;
    let mut listed = Listed::default();
    let mut tables = 0;
    for split in [Split::Train, Split::Test] {
        let mut said: BTreeMap<String, Said> = BTreeMap::new();
        for root in [source.root.join("annotations"), source.root.clone()] {
            if !root.is_dir() {
                continue;
            }
            for (begin, global) in [("image_labels_", true), ("annotations_", false)] {
                if let Some(path) = find_maybe(&root, begin, &format!("{}.csv", split.name()))? {
                    tables += 1;
                    read(&path, global, &mut said)?;
                }
            }
            let kaggle = root.join(format!("{}.csv", split.name()));
            if kaggle.is_file() {
                tables += 1;
                read(&kaggle, false, &mut said)?;
            }
        }
        for (name, said) in said {
            match files.get(&name) {
                Some(file) => {
                    let mut case = Case::new(&name, Input::Picture(vec![file.clone()]));
                    settle(&mut case, &said, source.vote);
                    case.split = Some(split);
                    listed.cases.push(case);
                }
                None => listed.refuse(&name, "its picture is not there; copy it, or take its lines out of the tables"),
            }
        }
    }
    if tables == 0 {
        bail!(
            "{} holds no annotations_train.csv, image_labels_train.csv or train.csv; name the folder of VinDr-CXR",
            source.root.display()
        );
    }
    Ok(listed)
}

/// Reads labels of whole pictures, or boxes.
fn read(path: &Path, global: bool, said: &mut BTreeMap<String, Said>) -> Result<()> {
    let table = Table::open(path)?;
    table.need(&["image_id"])?;
    if !global {
        table.need(&["class_name", "x_min", "y_min", "x_max", "y_max"])?;
    }
    let facts = ["image_id", "rad_id", "rad_ID"];
    let labels: Vec<String> =
        table.columns().filter(|name| !facts.contains(name) && !name.is_empty()).map(str::to_owned).collect();
    table.each(|row| {
        let name = row.get("image_id");
        ensure!(!name.is_empty(), "column image_id is empty");
        let reader =
            ["rad_id", "rad_ID"].iter().map(|column| row.get(column)).find(|id| !id.is_empty()).unwrap_or("one").to_owned();
        let entry = said.entry(name.to_owned()).or_default();
        entry.readers.insert(reader.clone());
        if global {
            for label in labels.iter().filter(|label| matches!(row.get(label), "1" | "1.0")) {
                entry.votes.entry(label_name(label)).or_default().insert(reader.clone());
            }
            return Ok(());
        }
        let class = label_name(row.get("class_name"));
        entry.votes.entry(class.clone()).or_default().insert(reader.clone());
        if let Some(rect) = corners(row)? {
            entry.boxes.push((reader, class, rect));
        }
        Ok(())
    })
}

/// The box of a row; `None` where its cells are empty.
fn corners(row: &Row<'_>) -> Result<Option<RectPx>> {
    let numbers = ["x_min", "y_min", "x_max", "y_max"].map(|column| row.number(column));
    let [x0, y0, x1, y1] = numbers;
    Ok(match (x0?, y0?, x1?, y1?) {
        (Some(x0), Some(y0), Some(x1), Some(y1)) => Some(RectPx::from_corners(x0, y0, x1, y1)),
        (None, None, None, None) => None,
        _ => bail!("a box has four numbers, and some are missing"),
    })
}

/// What counts of what was said.
fn settle(case: &mut Case, said: &Said, vote: Vote) {
    let needed = match vote {
        Vote::Any => 1,
        Vote::Majority => said.readers.len() / 2 + 1,
    };
    for (label, voters) in &said.votes {
        let state = i8::from(voters.len() >= needed);
        let name = if NO_FINDING.contains(&label.as_str()) { "No Finding" } else { label };
        case.labels.insert(name.to_owned(), state);
    }
    case.annotated = true;
    let counts = |class: &str| said.votes.get(class).is_some_and(|voters| voters.len() >= needed);
    let kept: Vec<&(String, String, RectPx)> = said.boxes.iter().filter(|(_, class, _)| counts(class)).collect();
    let mut taken: Vec<(&str, RectPx)> = Vec::new();
    for (_, class, rect) in kept {
        // Readers who mean the same thing draw nearly the same box; one stands for all.
        if rect.is_valid() && !taken.iter().any(|(known, other)| known == class && overlap(other, rect) > 0.5) {
            taken.push((class, *rect));
        }
    }
    for (class, rect) in taken {
        let region = Region { kind: RegionKind::Finding, class: class.to_owned(), place: Place::Box(rect), severity: None };
        case.regions.push(region);
    }
}

/// Common area over joint area.
fn overlap(a: &RectPx, b: &RectPx) -> f32 {
    let side = |from: f32, to: f32| (to - from).max(0.0);
    let common = side(a.x0.max(b.x0), a.x1.min(b.x1)) * side(a.y0.max(b.y0), a.y1.min(b.y1));
    let joint = a.width() * a.height() + b.width() * b.height() - common;
    if joint > 0.0 { common / joint } else { 0.0 }
}
