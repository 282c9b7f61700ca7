//! The long table as CSV, one row an answer, and its data dictionary.

use engine::domain::Finding;

use crate::analysis::{Context, letter};
use crate::reading::{ErrorKind, Purpose, Reading};

/// Columns of the long table with what they hold.
pub const COLUMNS: &[(&str, &str)] = &[
    ("record_id", "Number of the row, from 1"),
    ("reader", "Reader’s code"),
    ("case_id", "Case"),
    ("arm", "Letter of the arm; of a choice between images, the arm chosen"),
    ("arm_name", "Name of the arm"),
    ("against", "Letters of the arms beside it, in the order shown, parted by spaces; empty of single images"),
    ("criterion", "Criterion of visual grading; empty otherwise"),
    ("purpose", "scored, repeat (hidden) or catch"),
    ("round", "Round of the study, from 1"),
    ("block", "Block of the reader, from 1"),
    ("trial", "Place in the reader’s order, from 1"),
    ("score", "Answer as a whole number; of a choice between images, the place chosen, from 0"),
    ("score_label", "Answer in words"),
    ("truth", "Right answer where one is known; empty otherwise"),
    ("seconds", "Active time from the image being shown to the lock, without pauses"),
    ("findings", "Class codes of the case’s findings, parted by spaces"),
    ("err_omission", "1 where the reader marked an omission, else 0"),
    ("err_commission", "1 where a commission was marked, else 0"),
    ("err_place", "1 where a discrepancy of place was marked, else 0"),
    ("err_extent", "1 where a discrepancy of extent was marked, else 0"),
    ("err_severity", "1 where a discrepancy of severity was marked, else 0"),
    ("err_artefact", "1 where an artefact was marked, else 0"),
    ("err_places", "Marked places as kind:x:y, shares from the upper left corner, parted by spaces"),
    ("remark", "The reader’s comment"),
];

/// Why the table could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the long table cannot be written: {0}")]
pub struct TableError(String);

fn failed(error: impl std::fmt::Display) -> TableError {
    TableError(error.to_string())
}

/// All readings as CSV in UTF-8 with a header, sorted by reader, order and criterion.
///
/// # Errors
/// When a row cannot be packed.
pub fn csv(readings: &[Reading], context: &Context) -> Result<Vec<u8>, TableError> {
    let mut sorted: Vec<&Reading> = readings.iter().collect();
    let at = |r: &Reading| context.readers.iter().position(|f| f.code == r.reader).unwrap_or(usize::MAX);
    sorted.sort_by(|a, b| (at(a), &a.reader, a.order, &a.criterion).cmp(&(at(b), &b.reader, b.order, &b.criterion)));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS.iter().map(|(name, _)| name)).map_err(failed)?;
    for (i, reading) in sorted.into_iter().enumerate() {
        writer.write_record(row(i + 1, reading, context)).map_err(failed)?;
    }
    writer.into_inner().map_err(failed)
}

fn row(id: usize, r: &Reading, context: &Context) -> Vec<String> {
    let code = |name: &String| context.arms.iter().position(|a| a == name).map_or_else(|| name.clone(), letter);
    let words = context.template.choices().iter().find(|c| c.value == r.score).map_or("", |c| c.words);
    let purpose = match r.purpose {
        Purpose::Scored => "scored",
        Purpose::Repeat => "repeat",
        Purpose::Catch => "catch",
    };
    let flag = |kind: ErrorKind| u8::from(r.errors.iter().any(|e| e.kind == kind)).to_string();
    let places: Vec<String> =
        r.errors.iter().filter_map(|e| e.place.map(|(x, y)| format!("{}:{x:.4}:{y:.4}", kind_name(e.kind)))).collect();
    let mut row = vec![
        id.to_string(),
        r.reader.clone(),
        r.case.clone(),
        code(&r.arm),
        r.arm.clone(),
        r.against.iter().map(code).collect::<Vec<_>>().join(" "),
        r.criterion.clone(),
        purpose.to_owned(),
        r.round.to_string(),
        r.block.to_string(),
        r.order.to_string(),
        r.score.to_string(),
        words.to_owned(),
        r.truth.map_or_else(String::new, |t| t.to_string()),
        format!("{:.2}", r.seconds),
        r.findings.join(" "),
    ];
    row.extend(ErrorKind::ALL.map(flag));
    row.push(places.join(" "));
    row.push(r.comment.clone());
    row
}

const fn kind_name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Omission => "omission",
        ErrorKind::Commission => "commission",
        ErrorKind::Place => "place",
        ErrorKind::Extent => "extent",
        ErrorKind::Severity => "severity",
        ErrorKind::Artefact => "artefact",
    }
}

/// Columns of REDCap's data dictionary.
const DICTIONARY: [&str; 18] = [
    "Variable / Field Name",
    "Form Name",
    "Section Header",
    "Field Type",
    "Field Label",
    "Choices, Calculations, OR Slider Labels",
    "Field Note",
    "Text Validation Type OR Show Slider Number",
    "Text Validation Min",
    "Text Validation Max",
    "Identifier?",
    "Branching Logic (Show field only if...)",
    "Required Field?",
    "Custom Alignment",
    "Question Number (surveys only)",
    "Matrix Group Name",
    "Matrix Ranking?",
    "Field Annotation",
];

/// The data dictionary of the long table as REDCap takes it, with the scale and the arms of this study.
///
/// # Errors
/// When a row cannot be packed.
pub fn dictionary(context: &Context) -> Result<Vec<u8>, TableError> {
    let scale: Vec<String> = context.template.choices().iter().map(|c| format!("{}: {}", c.value, c.words)).collect();
    let arms: Vec<String> = context.arms.iter().enumerate().map(|(i, name)| format!("{}: {name}", letter(i))).collect();
    let classes: Vec<String> = Finding::ALL.iter().map(|f| format!("{}: {}", f.code(), f.title())).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(DICTIONARY).map_err(failed)?;
    for (name, holds) in COLUMNS {
        let (kind, validation) = match *name {
            "remark" => ("notes", ""),
            "seconds" => ("text", "number"),
            "record_id" | "round" | "block" | "trial" | "score" | "truth" => ("text", "integer"),
            name if name.starts_with("err_") && name != "err_places" => ("yesno", ""),
            _ => ("text", ""),
        };
        let note = match *name {
            "score" => scale.join("; "),
            "arm" => arms.join("; "),
            "findings" => classes.join("; "),
            _ => String::new(),
        };
        let mut row = vec![String::new(); DICTIONARY.len()];
        row[0] = (*name).to_owned();
        row[1] = "readings".to_owned();
        row[3] = kind.to_owned();
        row[4] = (*holds).to_owned();
        row[6] = note;
        row[7] = validation.to_owned();
        writer.write_record(&row).map_err(failed)?;
    }
    writer.into_inner().map_err(failed)
}
