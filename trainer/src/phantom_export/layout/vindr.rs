//! VinDr-CXR as published: DICOM files, labels and boxes of three readers.

use anyhow::Result;
use engine::domain::Finding;
use engine::imageio::dicom::encode_secondary_capture;

use super::{Files, Numbered};

const LABELS: &str = "annotations/image_labels_train.csv";
const BOXES: &str = "annotations/annotations_train.csv";

/// Classes of the table that phantoms can have.
const CLASSES: [&str; 9] = [
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Nodule/Mass",
    "Pleural effusion",
    "Pneumothorax",
    "Rib fracture",
    "No finding",
];

fn class(finding: Finding) -> Option<&'static str> {
    Some(match finding {
        Finding::Pneumothorax => "Pneumothorax",
        Finding::PleuralEffusion => "Pleural effusion",
        Finding::Consolidation => "Consolidation",
        Finding::Nodule => "Nodule/Mass",
        Finding::Cardiomegaly => "Cardiomegaly",
        Finding::Atelectasis => "Atelectasis",
        Finding::Edema => "Edema",
        Finding::Fracture => "Rib fracture",
        // Devices were not annotated there.
        Finding::Device => return None,
    })
}

pub(super) fn header(table: &str) -> Vec<&'static str> {
    if table == LABELS {
        ["image_id", "rad_id"].into_iter().chain(CLASSES).collect()
    } else {
        vec!["image_id", "rad_id", "class_name", "x_min", "y_min", "x_max", "y_max"]
    }
}

pub(super) fn case(numbered: &Numbered<'_>) -> Result<Files> {
    let case = numbered.case;
    let name = numbered.letters("picture")[..32].to_owned();
    let mut out = Files::default();
    out.files.push((format!("train/{name}.dicom"), encode_secondary_capture(&case.image, super::STATEMENT, None)?));
    let found: Vec<_> = case
        .findings
        .iter()
        .filter(|found| !found.mask.is_empty())
        .filter_map(|found| Some((class(found.finding)?, found.rect)))
        .collect();
    for reader in 0..3u8 {
        let id = format!("R{}", reader + 1);
        let named = |class: &str| found.iter().any(|(known, _)| *known == class) || (class == "No finding" && found.is_empty());
        let cells = CLASSES.iter().map(|class| if named(class) { "1" } else { "0" }.to_owned());
        out.row(LABELS, [name.clone(), id.clone()].into_iter().chain(cells));
        for (class, rect) in &found {
            // Readers do not draw the same box.
            let shift = f32::from(reader) * 0.5;
            let corners = [rect.x0 + shift, rect.y0 + shift, rect.x1 + shift, rect.y1 + shift].map(|v| v.to_string());
            out.row(BOXES, [name.clone(), id.clone(), (*class).to_owned()].into_iter().chain(corners));
        }
        if found.is_empty() {
            out.row(BOXES, [name.as_str(), &id, "No finding", "", "", "", ""]);
        }
    }
    Ok(out)
}
