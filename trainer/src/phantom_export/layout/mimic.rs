//! MIMIC-CXR-JPG: folders of patients and studies, packed tables, reports.

use anyhow::Result;
use engine::phantom::{LABEL_NAMES, Sex, View};

use super::{Files, Numbered, jpeg, sentence};

const METADATA: &str = "mimic-cxr-2.0.0-metadata.csv.gz";
const SPLIT: &str = "mimic-cxr-2.0.0-split.csv.gz";
const LABELS: &str = "mimic-cxr-2.0.0-chexpert.csv.gz";

/// Labels in the order of the real table, which is that of the alphabet.
fn labels() -> Vec<&'static str> {
    let mut names = LABEL_NAMES.to_vec();
    names.sort_unstable();
    names
}

pub(super) fn header(table: &str) -> Vec<&'static str> {
    match table {
        METADATA => vec![
            "dicom_id",
            "subject_id",
            "study_id",
            "PerformedProcedureStepDescription",
            "ViewPosition",
            "Rows",
            "Columns",
            "StudyDate",
            "StudyTime",
            "ProcedureCodeSequence_CodeMeaning",
            "ViewCodeSequence_CodeMeaning",
            "PatientOrientationCodeSequence_CodeMeaning",
        ],
        SPLIT => vec!["dicom_id", "study_id", "subject_id", "split"],
        _ => ["subject_id", "study_id"].into_iter().chain(labels()).collect(),
    }
}

pub(super) fn case(numbered: &Numbered<'_>) -> Result<Files> {
    let case = numbered.case;
    let subject = 10_000_000 + numbered.patient();
    let study = 50_000_000 + (numbered.index.wrapping_mul(7_654_321) + 13) % 10_000_000;
    let letters = numbered.letters("picture");
    let dicom: Vec<&str> = (0..5).map(|part| &letters[part * 8..part * 8 + 8]).collect();
    let dicom = dicom.join("-");
    let folder = format!("files/p{}/p{subject}", subject / 1_000_000);
    let (view, meaning) = match case.view {
        View::Pa => ("PA", "postero-anterior"),
        View::ApPortable => ("AP", "antero-posterior"),
    };
    let mut out = Files::default();
    out.files.push((format!("{folder}/s{study}/{dicom}.jpg"), jpeg(&case.image)?));
    out.files.push((format!("{folder}/s{study}.txt"), report(numbered).into_bytes()));
    let (rows, columns) = (case.image.height().to_string(), case.image.width().to_string());
    let (subject, study) = (subject.to_string(), study.to_string());
    let procedure = if view == "PA" { "CHEST (PA AND LAT)" } else { "CHEST (PORTABLE AP)" };
    let facts =
        [&dicom, &subject, &study, procedure, view, &rows, &columns, "21800506", "213014.531", procedure, meaning, "Erect"];
    out.row(METADATA, facts);
    out.row(SPLIT, [dicom.as_str(), &study, &subject, numbered.split()]);
    let present = case.labels.names();
    // Unmentioned is empty, as in the real table; a few stand as absent.
    let state = |name: &str| match present.contains(&name) {
        true => "1.0",
        false if name == "Pneumothorax" => "0.0",
        false => "",
    };
    out.row(LABELS, [subject.as_str(), &study].into_iter().chain(labels().into_iter().map(state)));
    Ok(out)
}

/// A report with sections and de-identification marks.
fn report(numbered: &Numbered<'_>) -> String {
    let case = numbered.case;
    let person = if case.sex == Sex::Female { "woman" } else { "man" };
    let mut findings: Vec<String> = case.findings.iter().map(sentence).collect();
    if findings.is_empty() {
        findings.push("The lungs are clear.".to_owned());
    }
    let numbered_list = numbered.index.is_multiple_of(3);
    let impression =
        if numbered_list { format!("1. {}\n 2. Compared to ___.", case.impression) } else { case.impression.clone() };
    format!(
        "                                 FINAL REPORT\n EXAMINATION:  CHEST ({})\n\n INDICATION:  ___ year old {person} with cough.\n\n \
         COMPARISON:  None.\n\n FINDINGS:\n\n {}\n\n IMPRESSION:\n\n {impression}\n",
        if case.view == View::Pa { "PA AND LAT" } else { "PORTABLE AP" },
        findings.join(" "),
    )
}
