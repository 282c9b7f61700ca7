//! A table of captions for pictures whose own set has none.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::prepare::case::{Case, Words};
use crate::prepare::table::Table;

/// Gives each case the caption of its name, with or without folders and ending.
///
/// # Errors
/// When the table cannot be read, or fits no case at all.
pub(crate) fn add(cases: &mut [Case], path: &Path) -> Result<()> {
    let table = Table::open(path)?;
    let columns: Vec<String> = table.columns().map(str::to_owned).collect();
    let first = |names: &[&'static str]| names.iter().find(|name| columns.iter().any(|column| column == *name)).copied();
    let text = first(&["impression", "caption", "text", "report"]);
    let Some(text) = text else {
        table.need(&["impression"])?;
        return Ok(());
    };
    let name = first(&["name", "image", "ImageId", "image_id", "file", "path"]);
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    table.each(|row| {
        let whose = name.map_or_else(|| row.at(0), |name| row.get(name));
        if !row.get(text).is_empty() {
            found.insert(stem(whose).to_owned(), row.get(text).to_owned());
        }
        Ok(())
    })?;
    let mut fitted = 0;
    for case in cases.iter_mut() {
        if let Some(caption) = found.get(stem(&case.name)) {
            case.words = Words::Caption(caption.clone());
            fitted += 1;
        }
    }
    ensure!(fitted > 0 || cases.is_empty(), "{}: none of its names is that of a picture", path.display());
    Ok(())
}

/// A file's name without folders and ending.
fn stem(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let endings = [".png", ".jpg", ".jpeg", ".dcm", ".dicom"];
    endings.iter().find_map(|ending| file.strip_suffix(ending)).unwrap_or(file)
}
