//! NIH ChestX-ray14: `Data_Entry_2017*.csv`, twelve folders of pictures, a list of boxes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use engine::domain::RectPx;

use super::Listed;
use crate::prepare::case::{Case, Input, Place, Region, RegionKind, Split, View, age_of, label_name, sex_of};
use crate::prepare::config::SourceConfig;
use crate::prepare::table::{Table, find, find_maybe, read_text};

/// Side of the grid that boxes are drawn on.
const GRID: u32 = 1024;

pub(crate) fn list(source: &SourceConfig) -> Result<Listed> {
    let table = Table::open(&match &source.list {
        Some(list) => list.clone(),
        None => find(&source.root, "Data_Entry_2017", ".csv")?,
    })?;
    table.need(&["Image Index", "Finding Labels", "Patient ID", "View Position"])?;
    let folders = folders(source.image_root())?;
    let official = official(&source.root)?;
    let mut boxes = boxes(&source.root)?;
    let boxed = !boxes.is_empty();
    let mut listed = Listed::default();
    table.each(|row| {
        let name = row.get("Image Index");
        ensure!(!name.is_empty(), "column Image Index is empty");
        let paths = folders.iter().map(|folder| folder.join(name)).collect();
        let mut case = Case::new(name, Input::Picture(paths));
        case.patient = row.get("Patient ID").to_owned();
        case.view = View::of(row.get("View Position"));
        case.age = age_of(row.get("Patient Age"));
        case.sex = sex_of(row.get("Patient Gender"));
        case.labels = row
            .get("Finding Labels")
            .split('|')
            .filter(|word| !word.trim().is_empty())
            .map(|word| (label_name(word), 1))
            .collect();
        case.split = official.get(name).copied();
        if let Some(regions) = boxes.remove(name) {
            (case.regions, case.annotated) = (regions, true);
        } else if boxed && case.labels.len() == 1 && case.labels.contains_key("No Finding") {
            // Boxes were drawn for some positive pictures; where there is no finding there is none to draw.
            case.annotated = true;
        }
        listed.cases.push(case);
        Ok(())
    })?;
    Ok(listed)
}

/// Folders that may hold a picture: `images_001/images` to `images_012/images`, or one for all.
fn folders(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).with_context(|| format!("cannot list {}", root.display()))? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() && name.starts_with("images") {
            let inner = path.join("images");
            found.push(if inner.is_dir() { inner } else { path });
        }
    }
    found.sort();
    found.push(root.to_owned());
    Ok(found)
}

fn official(root: &Path) -> Result<BTreeMap<String, Split>> {
    let mut split = BTreeMap::new();
    for (file, which) in [("train_val_list.txt", Split::Train), ("test_list.txt", Split::Test)] {
        let path = root.join(file);
        if path.is_file() {
            split.extend(
                read_text(&path)?.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| (line.to_owned(), which)),
            );
        }
    }
    Ok(split)
}

/// Boxes by picture: x, y, width, height in four cells after the label.
fn boxes(root: &Path) -> Result<BTreeMap<String, Vec<Region>>> {
    let mut found: BTreeMap<String, Vec<Region>> = BTreeMap::new();
    let Some(path) = find_maybe(root, "BBox_List", ".csv")? else { return Ok(found) };
    let mut seen = BTreeSet::new();
    let table = Table::open(&path)?;
    table.need(&["Image Index", "Finding Label"])?;
    table.each(|row| {
        let first = row.place("Finding Label").unwrap_or(1) + 1;
        let mut numbers = [0f32; 4];
        for (number, place) in numbers.iter_mut().zip(first..) {
            let cell = row.at(place);
            *number = match cell.parse::<f32>() {
                Ok(value) if value.is_finite() => value,
                _ => bail!("cell {} is {cell:?}, and a box has four numbers", place + 1),
            };
        }
        let [x, y, w, h] = numbers;
        let rect = RectPx { x0: x, y0: y, x1: x + w, y1: y + h };
        let (name, class) = (row.get("Image Index"), label_name(row.get("Finding Label")));
        if seen.insert((name.to_owned(), class.clone(), format!("{rect:?}"))) {
            let region = Region { kind: RegionKind::Finding, class, place: Place::BoxOn(rect, GRID, GRID), severity: None };
            found.entry(name.to_owned()).or_default().push(region);
        }
        Ok(())
    })?;
    Ok(found)
}
