//! A folder of pictures with a list: CSV or TSV with a header, or JSON lines.
//!
//! Columns: `image` and, as far as there are any, `impression` (or `report`), `patient`, `sex`, `age`, `race`, `view`,
//! `split`, `labels` (`A|B`, or a column for each of the usual fourteen), `mask` (files parted by `;`), `mask_class`,
//! `boxes` (JSON), `anatomy`, `severity`; JSON lines may have `findings` as `chexgen phantom` writes them.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::{Map, Value};

use super::{Listed, json};
use crate::prepare::case::{Case, Input, Place, Region, RegionKind, Split, View, Words, age_of, label_name, label_of, sex_of};
use crate::prepare::config::SourceConfig;
use crate::prepare::table::{Table, read_text};

/// Names under which a column is looked for where the settings name none.
const USUAL: [(&str, &[&str]); 14] = [
    ("image", &["image", "path", "file", "filename", "file_name", "image_path", "img_path", "Path", "name"]),
    ("impression", &["impression", "caption", "text"]),
    ("report", &["report"]),
    ("patient", &["patient", "patient_id", "subject_id", "PatientID", "Patient ID"]),
    ("sex", &["sex", "gender", "Sex", "PatientSex"]),
    ("age", &["age", "Age", "PatientAge"]),
    ("race", &["race", "Race"]),
    ("view", &["view", "view_position", "ViewPosition", "AP/PA"]),
    ("split", &["split"]),
    ("labels", &["labels", "Finding Labels"]),
    ("mask", &["mask", "masks"]),
    ("boxes", &["boxes"]),
    ("anatomy", &["anatomy"]),
    ("severity", &["severity"]),
];

/// Labels that have a column each.
const FOURTEEN: [&str; 14] = [
    "no finding",
    "enlarged cardiomediastinum",
    "cardiomegaly",
    "lung opacity",
    "lung lesion",
    "edema",
    "consolidation",
    "pneumonia",
    "atelectasis",
    "pneumothorax",
    "pleural effusion",
    "pleural other",
    "fracture",
    "support devices",
];

pub(crate) fn list(source: &SourceConfig) -> Result<Listed> {
    let path = source.list.as_deref().context("field list is missing")?;
    let mut listed = Listed::default();
    let packed = path.with_extension("");
    let named = if path.extension().is_some_and(|ending| ending == "gz") { packed.as_path() } else { path };
    let mut add = |fields: &Map<String, Value>| -> Result<()> {
        listed.cases.push(case(source, fields)?);
        Ok(())
    };
    match named.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).as_deref() {
        Some("jsonl" | "ndjson") => {
            for (at, line) in read_text(path)?.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                let told = || format!("{}, line {}", path.display(), at + 1);
                let value: Value = serde_json::from_str(line).with_context(told)?;
                let Value::Object(fields) = value else { bail!("{}: it is no JSON object", told()) };
                add(&fields).with_context(told)?;
            }
        }
        Some("csv" | "tsv" | "txt") => {
            let table = Table::open(path)?;
            let columns: Vec<String> = table.columns().map(str::to_owned).collect();
            if let Some(wanted) = source.columns.values().find(|wanted| !columns.contains(wanted)) {
                table.need(&[wanted.as_str()])?;
            }
            table.each(|row| {
                let cell = |name: &String| (name.clone(), Value::String(row.get(name).to_owned()));
                add(&columns.iter().map(cell).collect())
            })?;
        }
        _ => bail!("{}: its kind is unknown; name it .csv, .tsv or .jsonl", path.display()),
    }
    Ok(listed)
}

/// The value of a column, by the name that the settings give it or a usual one.
fn field<'a>(source: &SourceConfig, fields: &'a Map<String, Value>, role: &str) -> Option<&'a Value> {
    let given = source.columns.get(role).and_then(|name| fields.get(name));
    let usual = || USUAL.iter().find(|(name, _)| *name == role)?.1.iter().find_map(|name| fields.get(*name));
    given.or_else(usual).filter(|value| !value.is_null() && value.as_str() != Some(""))
}

fn case(source: &SourceConfig, fields: &Map<String, Value>) -> Result<Case> {
    let text = |role: &str| field(source, fields, role).map(json::text);
    let image = text("image").ok_or_else(|| anyhow!("the column image is missing or empty; name it in [source.columns]"))?;
    let mut case = Case::new(&image, Input::Picture(vec![source.image_root().join(&image)]));
    case.words = match (text("impression"), text("report")) {
        (Some(caption), _) => Words::Caption(caption),
        (None, Some(report)) if report.lines().count() == 1 && report.ends_with(".txt") => {
            Words::Report(source.root.join(report))
        }
        (None, Some(report)) => Words::ReportText(report),
        (None, None) => Words::None,
    };
    case.patient = text("patient").unwrap_or_else(|| patient_of_path(&image).to_owned());
    case.sex = text("sex").map(|word| sex_of(&word)).unwrap_or_default();
    case.age = text("age").and_then(|word| age_of(&word));
    case.race = text("race").unwrap_or_default();
    case.view = text("view").map(|word| View::of(&word)).unwrap_or_default();
    case.split = match text("split") {
        None => None,
        Some(word) => Some(Split::of(&word).ok_or_else(|| anyhow!("column split: {word:?} is none of train, val and test"))?),
    };
    case.labels = field(source, fields, "labels").map(json::labels).transpose()?.unwrap_or_default();
    for (name, value) in fields {
        if FOURTEEN.contains(&label_name(name).to_ascii_lowercase().as_str())
            && let Some(state) = label_of(json::text(value).trim())
        {
            case.labels.insert(label_name(name), state);
        }
    }
    regions(source, fields, &mut case)?;
    Ok(case)
}

fn regions(source: &SourceConfig, fields: &Map<String, Value>, case: &mut Case) -> Result<()> {
    let class = fields.get("mask_class").map(json::text).filter(|class| !class.is_empty());
    let positive: Vec<&String> = case.labels.iter().filter(|(_, state)| **state == 1).map(|(name, _)| name).collect();
    let only = if let [one] = positive.as_slice() { Some((*one).clone()) } else { None };
    let class = class.or(only).unwrap_or_else(|| "finding".to_owned());
    let mut push = |kind, class: &str, place, severity| {
        case.regions.push(Region { kind, class: class.to_owned(), place, severity });
    };
    let file = |name: &str| Place::File(source.root.join(name.trim()));
    let names = |role: &str| field(source, fields, role).map(json::text).unwrap_or_default();
    for name in names("mask").split(';').filter(|name| !name.trim().is_empty()) {
        push(RegionKind::Finding, &class, file(name), None);
    }
    for name in names("anatomy").split(';').filter(|name| !name.trim().is_empty()) {
        push(RegionKind::Anatomy, "anatomy", file(name), None);
    }
    if let Some(boxes) = field(source, fields, "boxes") {
        for (class, rect) in json::boxes(boxes)? {
            push(RegionKind::Finding, &class, Place::Box(rect), None);
        }
    }
    if let Some(score) = field(source, fields, "severity") {
        let value: f32 = json::text(score).trim().parse().map_err(|_| anyhow!("column severity is no number"))?;
        ensure!((0.0..=1.0).contains(&value), "column severity is {value}; it goes from 0 to 1");
        push(RegionKind::Finding, "severity", Place::All, Some(value));
    }
    if let Some(Value::Array(findings)) = fields.get("findings") {
        for finding in findings {
            let found = json::finding(finding)?;
            let place = match (&found.mask, found.rect) {
                (Some(mask), _) => file(mask),
                (None, Some(rect)) => Place::Box(rect),
                (None, None) => continue,
            };
            push(RegionKind::Finding, &found.class, place, found.severity);
        }
    }
    let told = ["mask", "boxes", "anatomy", "severity"].iter().any(|role| {
        let named = source.columns.get(*role).map(String::as_str).unwrap_or(role);
        fields.contains_key(named) || (*role == "mask" && fields.contains_key("masks"))
    });
    case.annotated = told || fields.contains_key("findings");
    Ok(())
}

/// The number of a patient in a path such as `train/p10999999/s01/view1_frontal.jpg`; empty where there is none.
fn patient_of_path(path: &str) -> &str {
    let of_part = |part: &'_ str| -> Option<usize> {
        let digits = part.strip_prefix("patient").or_else(|| part.strip_prefix('p'))?;
        (digits.len() >= 3 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits.len())
    };
    Path::new(path)
        .components()
        .rev()
        .filter_map(|part| part.as_os_str().to_str())
        .find_map(|part| of_part(part).map(|digits| &part[part.len() - digits..]))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patients_are_found_in_paths() {
        assert_eq!(patient_of_path("train/p10999999/s01/view1_frontal.jpg"), "10999999");
        assert_eq!(patient_of_path("a/patient90001/study3/view1.jpg"), "90001");
        assert_eq!(patient_of_path("p10/p.png"), "");
    }
}
