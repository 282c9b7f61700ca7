//! Case files: which impressions (and masks) to generate images for.
//!
//! Reads what the release's own samplers read: CSV with the columns `name`, `impression` and, for control,
//! `mask`; a JSON list; JSON lines; plain text with one impression a line. Our optional columns `seed` and
//! `boxes` (JSON text), and those of [`MORE`], go with each. Other columns are ignored. In a CSV, values that pandas takes for missing
//! (`NA`, `nan`, `null`, nothing …) are missing, and rows without an impression are dropped; rows without a
//! name are numbered.

mod csv_file;
mod json_file;
pub mod order;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, anyhow};

use crate::text_file::{self, LIST_BYTES};

/// Optional columns that are kept as text: several masks, an image to change and how, and a twin's text.
pub const MORE: [&str; 9] =
    ["masks", "edit_image", "edit_strength", "may_change", "must_not_change", "feather", "invert", "image_text", "twin"];

/// One image to generate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaseRow {
    /// Name of the result; may hold folders (`sub/c.png`) and is not checked here.
    pub name: String,
    /// The impression, as written.
    pub impression: String,
    /// Mask file, relative to a folder given elsewhere.
    pub mask: Option<String>,
    /// Seed of this image.
    pub seed: Option<u64>,
    /// Boxes as JSON text.
    pub boxes: Option<String>,
    /// The columns of [`MORE`] that are filled.
    pub more: BTreeMap<&'static str, String>,
}

/// Reads a case file; its kind is told by the ending: `.csv`, `.json`, `.jsonl`, `.txt`.
///
/// # Errors
/// One sentence that names the file, the line or item, the field and the remedy.
pub fn read_cases(path: &Path) -> anyhow::Result<Vec<CaseRow>> {
    let name = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
    let text = text_file::read(path, LIST_BYTES).with_context(|| format!("{name} cannot be read"))?;
    parse_cases(&name, &text)
}

/// Parses the text of a case file of the given name.
///
/// # Errors
/// As [`read_cases`].
pub fn parse_cases(file_name: &str, text: &str) -> anyhow::Result<Vec<CaseRow>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let ending = file_name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("csv") => csv_file::parse(text),
        Some("json") => json_file::parse(text),
        Some("jsonl" | "ndjson") => json_file::parse_lines(text),
        Some("txt") => Ok(lines(text)),
        _ => Err(anyhow!("its kind is unknown; name it .csv, .json, .jsonl or .txt")),
    }
    .with_context(|| file_name.to_owned())
}

/// Every line is an impression, blank ones too; lines are numbered from 0.
fn lines(text: &str) -> Vec<CaseRow> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let row =
        |(index, line): (usize, &str)| CaseRow { name: index.to_string(), impression: line.to_owned(), ..CaseRow::default() };
    text.lines().enumerate().map(row).collect()
}

#[cfg(test)]
mod tests;
