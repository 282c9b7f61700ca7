//! NIH ChestX-ray14: pictures in numbered folders, a table whose rows end with an empty cell, boxes on a grid of 1024.

use anyhow::Result;
use engine::domain::Finding;
use engine::phantom::{Sex, View};

use super::{Files, Numbered, png8};

const ENTRIES: &str = "Data_Entry_2017.csv";
const BOXES: &str = "BBox_List_2017.csv";
const TRAIN: &str = "train_val_list.txt";
const TEST: &str = "test_list.txt";

fn class(finding: Finding) -> Option<&'static str> {
    Some(match finding {
        Finding::Pneumothorax => "Pneumothorax",
        Finding::PleuralEffusion => "Effusion",
        Finding::Consolidation => "Consolidation",
        Finding::Nodule => "Nodule",
        Finding::Cardiomegaly => "Cardiomegaly",
        Finding::Atelectasis => "Atelectasis",
        Finding::Edema => "Edema",
        Finding::Fracture | Finding::Device => return None,
    })
}

pub(super) fn header(table: &str) -> Vec<&'static str> {
    match table {
        // The two names in brackets hold commas, so that each is two cells.
        ENTRIES => vec![
            "Image Index",
            "Finding Labels",
            "Follow-up #",
            "Patient ID",
            "Patient Age",
            "Patient Gender",
            "View Position",
            "OriginalImage[Width",
            "Height]",
            "OriginalImagePixelSpacing[x",
            "y]",
            "",
        ],
        BOXES => vec!["Image Index", "Finding Label", "Bbox [x", "y", "w", "h]", "", "", ""],
        _ => Vec::new(),
    }
}

pub(super) fn case(numbered: &Numbered<'_>) -> Result<Files> {
    let case = numbered.case;
    let patient = numbered.patient() + 1;
    let follow_up = numbered.index % 2;
    let name = format!("{patient:08}_{follow_up:03}.png");
    let mut out = Files::default();
    let folder = 1 + numbered.index % 12;
    out.files.push((format!("images_{folder:03}/images/{name}"), png8(&case.image)?));
    let mut labels: Vec<&str> = case.findings.iter().filter_map(|found| class(found.finding)).collect();
    labels.sort_unstable();
    labels.dedup();
    let joined = if labels.is_empty() { "No Finding".to_owned() } else { labels.join("|") };
    let sex = if case.sex == Sex::Female { "F" } else { "M" };
    let view = if case.view == View::Pa { "PA" } else { "AP" };
    let (width, height) = (case.image.width().to_string(), case.image.height().to_string());
    let (follow_up, patient, age) = (follow_up.to_string(), patient.to_string(), format!("{:.0}", case.age));
    out.row(ENTRIES, [&name, &joined, &follow_up, &patient, &age, sex, view, &width, &height, "0.15", "0.15", ""]);
    let scale = 1024.0 / case.image.width() as f32;
    for found in case.findings.iter().filter(|found| !found.mask.is_empty()) {
        if let Some(label) = class(found.finding) {
            let r = found.rect.scaled(scale, scale);
            let numbers = [r.x0, r.y0, r.width(), r.height()].map(|v| v.to_string());
            out.row(BOXES, [name.clone(), label.to_owned()].into_iter().chain(numbers).chain([(); 3].map(|()| String::new())));
        }
    }
    out.row(if numbered.split() == "test" { TEST } else { TRAIN }, [&name]);
    Ok(out)
}
