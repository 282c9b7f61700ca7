//! A data set on disk: images, masks, COCO, YOLO, manifest, datasheet, shards.
//!
//! | file | what |
//! |---|---|
//! | `images/NAME.png` | 16-bit radiographs with as much of their records as the privacy tier tells |
//! | `masks/NAME.png` | regions, black and white; of several findings also each alone, as `masks/NAME-CLASS.png` |
//! | `coco.json` | all regions as run lengths, with boxes |
//! | `yolo/NAME.txt`, `yolo/classes.txt` | boxes |
//! | `manifest.csv`, `manifest.jsonl` | one line an image, with hashes |
//! | `datasheet.md` | what the set is and how it was made |
//! | `contact_sheet.png` | all images, small |
//! | `shards/set-00000.tar` | image, mask and JSON of each case, in the order of the manifest |
//!
//! Bytes depend on the images and the plan only. The folder is gathered aside and renamed: whole or absent. What was
//! gathered before an interruption is taken over when the same export runs again.

pub mod datasheet;
mod manifest;
mod tar;

use std::path::{Path, PathBuf};

use engine::domain::{Finding, Mask};
use engine::imageio::png::{self, Text, encode_mask};
use engine::masks::LabelledMask;
use engine::masks::coco::{self, CocoExport};
use engine::masks::yolo::{self, YoloBox};
use engine::store::atomic::write_atomic;
use engine::store::hash::{hash_bytes, hash_image};
use engine::store::record::{RunRecord, Tier, encode_png};

use super::cases::Case;
use super::place::mask_of;
use super::row::Row;
use super::sheet;
use manifest::Entry;

/// An accepted image.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Which case.
    pub case: Case,
    /// Name of its files, without ending.
    pub name: String,
    /// The patient.
    pub row: Row,
    /// The image with its record.
    pub file: PathBuf,
    /// The least adherence of its layers, where it was measured.
    pub adherence: Option<f32>,
    /// The adherence of each layer, in the order of the record.
    pub each: Vec<Option<f32>>,
}

/// What to export.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The accepted images, in the order of the recipe.
    pub items: Vec<Item>,
    /// The facts of the datasheet; no data set goes out without it.
    pub facts: datasheet::Facts,
    /// How much each image tells.
    pub tells: Tier,
    /// Whether shards are written, too.
    pub shards: bool,
}

/// Plain mark in every mask.
const MASK_MARK: Text<'static> = Text::Plain("Comment", "Mask of drawn findings, made by ChexGen Studio. Not a radiograph.");
/// Images of one shard.
const PER_SHARD: usize = 500;
/// Names the export that a gathered folder belongs to.
const STAMP: &str = "unfinished.txt";

/// Writes the data set `to`; `tick` is told the number of written images and answers whether to go on.
///
/// # Errors
/// Names the image that cannot be read or the file that cannot be written; then `to` is not there.
pub fn write(to: &Path, plan: &Plan, mut tick: impl FnMut(usize) -> bool) -> Result<PathBuf, String> {
    if plan.items.is_empty() {
        return Err("no image is accepted yet; accept some first".to_owned());
    }
    if to.exists() {
        return Err(format!("there is already something at this place; choose another name ({})", to.display()));
    }
    let aside = gathered(to, plan)?;
    fill(&aside, plan, &mut tick)?;
    let finish = std::fs::remove_file(aside.join(STAMP)).and_then(|()| std::fs::rename(&aside, to));
    finish.map_err(|e| format!("the folder cannot take its name: {e} ({})", to.display()))?;
    Ok(to.to_path_buf())
}

/// The folder aside: the one of an interrupted run of the same export, or a new one.
fn gathered(to: &Path, plan: &Plan) -> Result<PathBuf, String> {
    let name = to.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let stamp = stamp(plan);
    let earlier = to.with_file_name(format!(".writing-{name}"));
    if std::fs::read_to_string(earlier.join(STAMP)).is_ok_and(|known| known == stamp) {
        return Ok(earlier);
    }
    let aside = super::job_folder::aside(to)?;
    for folder in ["images", "masks", "yolo"] {
        std::fs::create_dir_all(aside.join(folder)).map_err(|e| format!("the folder {folder} cannot be made: {e}"))?;
    }
    put(&aside, STAMP, stamp.as_bytes())?;
    Ok(aside)
}

fn stamp(plan: &Plan) -> String {
    let items: Vec<String> = plan.items.iter().map(|item| format!("{} {}", item.name, item.file.display())).collect();
    hash_bytes(format!("{:?} {} {:?} {}", plan.tells, plan.shards, plan.facts, items.join("\n")).as_bytes())
}

fn put(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), String> {
    write_atomic(&dir.join(name), bytes).map_err(|e| e.to_string())
}

fn fill(dir: &Path, plan: &Plan, tick: &mut dyn FnMut(usize) -> bool) -> Result<(), String> {
    let mut entries = Vec::with_capacity(plan.items.len());
    let mut pictures = Vec::new();
    let mut regions: Vec<(String, u32, u32, Vec<LabelledMask>)> = Vec::new();
    for (i, item) in plan.items.iter().enumerate() {
        if !tick(i) {
            return Err("stopped; run the same export again to go on".to_owned());
        }
        let about = |e: &dyn std::fmt::Display| format!("{}: {e}", item.name);
        let record = RunRecord::read(&item.file).map_err(|e| about(&e))?;
        let image = png::read_gray(&item.file).map_err(|e| about(&e))?;
        if hash_image(&image) != record.pixels_blake3 {
            return Err(format!("{}: its pixels are not those of its record; quarantine it or make it again", item.name));
        }
        let bytes = encode_png(&image, &record, plan.tells, None).map_err(|e| about(&e))?;
        put(dir, &format!("images/{}.png", item.name), &bytes)?;
        let masks = labelled(&record, image.width(), image.height());
        let mask_bytes = match &masks[..] {
            [] => None,
            all => {
                let mut union = Mask::empty(image.width(), image.height());
                all.iter().for_each(|one| union.union_with(&one.mask));
                let packed = encode_mask(&union, &[MASK_MARK]).map_err(|e| about(&e))?;
                put(dir, &format!("masks/{}.png", item.name), &packed)?;
                if all.len() > 1 {
                    alone(dir, &item.name, all)?;
                }
                Some(packed)
            }
        };
        let boxes = boxes(&masks)?;
        let text = yolo::encode(&boxes, image.width(), image.height()).map_err(|e| about(&e))?;
        put(dir, &format!("yolo/{}.txt", item.name), text.as_bytes())?;
        entries.push(Entry::of(item, &record, &image, &masks, hash_bytes(&bytes), mask_bytes.as_deref(), plan.tells));
        if pictures.len() < sheet::MOST {
            pictures.push(sheet::small(&image));
        }
        regions.push((format!("{}.png", item.name), image.width(), image.height(), masks));
    }
    let exports: Vec<CocoExport<'_>> = regions
        .iter()
        .map(|(name, width, height, objects)| CocoExport { file_name: name, width: *width, height: *height, objects })
        .collect();
    let coco = coco::encode(&exports, true).map_err(|e| e.to_string())?;
    put(dir, "coco.json", coco.as_bytes())?;
    put(dir, "yolo/classes.txt", (Finding::ALL.map(Finding::name).join("\n") + "\n").as_bytes())?;
    put(dir, "manifest.csv", manifest::csv(&entries).as_bytes())?;
    put(dir, "manifest.jsonl", manifest::jsonl(&entries)?.as_bytes())?;
    put(dir, "contact_sheet.png", &sheet::encode(&pictures).map_err(|e| e.to_string())?)?;
    put(dir, "datasheet.md", datasheet::markdown(&plan.facts, &plan.items, plan.tells).as_bytes())?;
    if plan.shards {
        shards(dir, &entries)?;
    }
    Ok(())
}

/// The region of each class as a file of its own.
fn alone(dir: &Path, name: &str, masks: &[LabelledMask]) -> Result<(), String> {
    let mut classes: Vec<&str> = masks.iter().map(|labelled| labelled.label.as_str()).collect();
    classes.dedup();
    for class in classes {
        let mut own = masks.iter().filter(|labelled| labelled.label == class).map(|labelled| &labelled.mask);
        let Some(mut union) = own.next().cloned() else { continue };
        own.for_each(|mask| union.union_with(mask));
        let packed = encode_mask(&union, &[MASK_MARK]).map_err(|e| format!("{name}: {e}"))?;
        put(dir, &format!("masks/{name}-{class}.png"), &packed)?;
    }
    Ok(())
}

/// The regions of a record on the grid of its image.
fn labelled(record: &RunRecord, width: u32, height: u32) -> Vec<LabelledMask> {
    let on_image = |mask: Mask| if mask.width() == width && mask.height() == height { mask } else { mask.resized(width, height) };
    let masks = record.request.annotations.iter().map(|annotation| LabelledMask {
        label: annotation.finding.name().to_owned(),
        mask: on_image(mask_of(&annotation.shape, width.max(height))),
    });
    masks.filter(|labelled| !labelled.mask.is_empty()).collect()
}

fn boxes(masks: &[LabelledMask]) -> Result<Vec<YoloBox>, String> {
    let one = |labelled: &LabelledMask| {
        let class = labelled.label.parse::<Finding>().map_err(|e| e.to_string())?.index();
        let rect = labelled.mask.bounds().ok_or("an empty region has no box")?;
        Ok(YoloBox { class, rect })
    };
    masks.iter().map(one).collect()
}

/// Image, mask and JSON of each case as archives of a fixed number of cases.
fn shards(dir: &Path, entries: &[Entry]) -> Result<(), String> {
    std::fs::create_dir_all(dir.join("shards")).map_err(|e| format!("the folder of shards cannot be made: {e}"))?;
    for (number, part) in entries.chunks(PER_SHARD).enumerate() {
        let mut shard = tar::Writer::create(&dir.join(format!("shards/set-{number:05}.tar")))?;
        for entry in part {
            let read = |name: &str| std::fs::read(dir.join(name)).map_err(|e| format!("{name} cannot be read again: {e}"));
            shard.add(&format!("{}.png", entry.name), &read(&entry.image)?)?;
            if !entry.mask.is_empty() {
                shard.add(&format!("{}.mask.png", entry.name), &read(&entry.mask)?)?;
            }
            shard.add(&format!("{}.json", entry.name), manifest::json(entry)?.as_bytes())?;
        }
        shard.finish()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
