//! SIIM-ACR pneumothorax: nested DICOM files, a table of run lengths, captions beside it.

use anyhow::Result;
use engine::domain::Finding;
use engine::imageio::dicom::encode_secondary_capture;
use engine::masks::run_length::{RunOrder, encode};

use super::{Files, Numbered};

const RUNS: &str = "train-rle.csv";
const CAPTIONS: &str = "captions.csv";

pub(super) fn header(table: &str) -> Vec<&'static str> {
    // The first edition has a blank before the second name.
    if table == RUNS { vec!["ImageId", " EncodedPixels"] } else { vec!["name", "impression"] }
}

pub(super) fn case(numbered: &Numbered<'_>) -> Result<Files> {
    let case = numbered.case;
    let uid = |what: &str| {
        let digits: String = numbered.letters(what).bytes().take(24).map(|byte| char::from(b'0' + byte % 10)).collect();
        format!("2.25.1{digits}")
    };
    let name = uid("instance");
    let mut out = Files::default();
    let path = format!("dicom-images-train/{}/{}/{name}.dcm", uid("study"), uid("series"));
    out.files.push((path, encode_secondary_capture(&case.image, super::STATEMENT, None)?));
    let air = case.findings.iter().filter(|found| found.finding == Finding::Pneumothorax && !found.mask.is_empty());
    let runs: Vec<String> = air.map(|found| encode(&found.mask, RunOrder::RelativeColumns)).collect();
    if runs.is_empty() {
        out.row(RUNS, [name.as_str(), " -1"]);
    }
    for text in &runs {
        out.row(RUNS, [name.as_str(), text]);
    }
    out.row(CAPTIONS, [name.as_str(), &case.impression]);
    Ok(out)
}
