//! The list of a data set's images, as CSV and as JSON lines.

use engine::domain::GrayImage;
use engine::masks::LabelledMask;
use engine::store::hash::hash_bytes;
use engine::store::record::{RunRecord, Tier};
use serde::Serialize;

use super::Item;
use crate::dataset::csv;
use crate::dataset::named::Named as _;
use crate::dataset::row::Lesion;

/// One image. The text is left out where images do not tell theirs.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) image_blake3: String,
    pub(super) pixels_blake3: String,
    pub(super) mask: String,
    pub(super) mask_blake3: String,
    row: u32,
    copy: u32,
    twin: bool,
    finding: &'static str,
    side: &'static str,
    zone: &'static str,
    size: &'static str,
    sex: &'static str,
    age: Option<u32>,
    group: &'static str,
    view: &'static str,
    width: u32,
    height: u32,
    area_px: usize,
    #[serde(rename = "box")]
    corners: Option<[f32; 4]>,
    impression: String,
    /// Every finding with what is known of it; more than the columns above tell where a row has several.
    findings: Vec<Found>,
    seed: u64,
    adherence: Option<f32>,
    model: String,
    synthetic: bool,
}

/// One finding of an image.
#[derive(Clone, Debug, Serialize)]
struct Found {
    finding: &'static str,
    side: &'static str,
    zone: &'static str,
    size: &'static str,
    /// Of its layer, where it was measured.
    adherence: Option<f32>,
}

impl Found {
    /// As one word of the table: class, side, zone, size and adherence, parted by slashes.
    fn words(&self) -> String {
        let adherence = self.adherence.map_or_else(String::new, |value| value.to_string());
        [self.finding, self.side, self.zone, self.size, &adherence].join("/")
    }
}

impl Entry {
    pub(super) fn of(
        item: &Item,
        record: &RunRecord,
        image: &GrayImage,
        masks: &[LabelledMask],
        image_blake3: String,
        mask: Option<&[u8]>,
        tells: Tier,
    ) -> Self {
        let row = &item.row;
        let twin = item.case.twin;
        let rect = masks.first().and_then(|labelled| labelled.mask.bounds());
        Self {
            name: item.name.clone(),
            image: format!("images/{}.png", item.name),
            image_blake3,
            pixels_blake3: record.pixels_blake3.clone(),
            mask: mask.map_or_else(String::new, |_| format!("masks/{}.png", item.name)),
            mask_blake3: mask.map_or_else(String::new, hash_bytes),
            row: item.case.row,
            copy: item.case.copy,
            twin,
            // A twin shows what its image shows without the finding.
            finding: if twin { "normal" } else { row.class.name() },
            side: if twin { "both" } else { row.side.word() },
            zone: row.zone.filter(|_| !twin).map_or("", |zone| zone.name()),
            size: row.size.filter(|_| !twin).map_or("", |size| size.name()),
            sex: row.sex.word(),
            age: row.age,
            group: row.group.word(),
            view: row.view.word(),
            width: image.width(),
            height: image.height(),
            area_px: masks.iter().map(|labelled| labelled.mask.area()).sum(),
            corners: rect.map(|r| [r.x0, r.y0, r.x1, r.y1]),
            findings: if twin { Vec::new() } else { found(item) },
            impression: if tells == Tier::Full { record.request.impression.clone() } else { String::new() },
            seed: record.request.seed.0,
            adherence: item.adherence,
            model: record.model_name.clone(),
            synthetic: true,
        }
    }
}

fn found(item: &Item) -> Vec<Found> {
    let one = |(at, lesion): (usize, Lesion)| Found {
        finding: lesion.finding.name(),
        side: lesion.side.word(),
        zone: lesion.zone.map_or("", |zone| zone.name()),
        size: lesion.size.map_or("", |size| size.name()),
        adherence: item.each.get(at).copied().flatten(),
    };
    item.row.lesions().enumerate().map(one).collect()
}

pub(super) fn json(entry: &Entry) -> Result<String, String> {
    Ok(serde_json::to_string(entry).map_err(|e| format!("the manifest cannot be written: {e}"))? + "\n")
}

pub(super) fn jsonl(entries: &[Entry]) -> Result<String, String> {
    entries.iter().map(json).collect()
}

pub(super) fn csv(entries: &[Entry]) -> String {
    let mut text = csv::line(&[
        "name",
        "image",
        "image_blake3",
        "pixels_blake3",
        "mask",
        "mask_blake3",
        "row",
        "copy",
        "twin",
        "finding",
        "side",
        "zone",
        "size",
        "sex",
        "age",
        "group",
        "view",
        "width",
        "height",
        "area_px",
        "x0",
        "y0",
        "x1",
        "y1",
        "impression",
        "findings",
        "seed",
        "adherence",
        "model",
        "synthetic",
    ]);
    for e in entries {
        let corner = |k: usize| e.corners.map_or_else(String::new, |c| c[k].to_string());
        text += &csv::line(&[
            e.name.clone(),
            e.image.clone(),
            e.image_blake3.clone(),
            e.pixels_blake3.clone(),
            e.mask.clone(),
            e.mask_blake3.clone(),
            e.row.to_string(),
            e.copy.to_string(),
            e.twin.to_string(),
            e.finding.to_owned(),
            e.side.to_owned(),
            e.zone.to_owned(),
            e.size.to_owned(),
            e.sex.to_owned(),
            e.age.map_or_else(String::new, |age| age.to_string()),
            e.group.to_owned(),
            e.view.to_owned(),
            e.width.to_string(),
            e.height.to_string(),
            e.area_px.to_string(),
            corner(0),
            corner(1),
            corner(2),
            corner(3),
            e.impression.clone(),
            e.findings.iter().map(Found::words).collect::<Vec<_>>().join("; "),
            e.seed.to_string(),
            e.adherence.map_or_else(String::new, |a| format!("{a:.3}")),
            e.model.clone(),
            e.synthetic.to_string(),
        ]);
    }
    text
}
