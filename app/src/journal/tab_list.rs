//! The list of tabs on disk, beside the journals.

use std::io;
use std::path::Path;

use engine::store::atomic::write_atomic;
use serde::{Deserialize, Serialize};

use crate::examples::Example;
use crate::state::tabs::CaseId;

/// Name of the file.
const TABS_FILE: &str = "tabs.json";
/// Its mark.
const FORMAT: &str = "chexgen-cases";

/// The list of tabs, as the window sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TabList {
    /// The case on the canvas.
    pub open: CaseId,
    /// Open cases in their order.
    pub cases: Vec<(CaseId, Option<Example>)>,
    /// Closed cases that can be opened again, with their place.
    pub closed: Vec<(CaseId, Option<Example>, usize)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TabsForm {
    format: String,
    version: u32,
    open: CaseId,
    cases: Vec<CaseEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    closed: Vec<CaseEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseEntry {
    id: CaseId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    example: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<usize>,
}

/// Writes the list, whole or not at all.
///
/// # Errors
/// When the folder cannot be written.
pub(super) fn write(folder: &Path, list: &TabList) -> io::Result<()> {
    let entry =
        |id: CaseId, example: Option<Example>, place| CaseEntry { id, example: example.map(|e| e.title().to_owned()), place };
    let form = TabsForm {
        format: FORMAT.to_owned(),
        version: 1,
        open: list.open,
        cases: list.cases.iter().map(|&(id, example)| entry(id, example, None)).collect(),
        closed: list.closed.iter().map(|&(id, example, place)| entry(id, example, Some(place))).collect(),
    };
    let text = serde_json::to_vec_pretty(&form).map_err(io::Error::other)?;
    write_atomic(&folder.join(TABS_FILE), &text).map_err(io::Error::other)
}

/// Reads the list; an empty one where there is none yet.
///
/// # Errors
/// Why it cannot be read, as a part of a sentence.
pub(super) fn read(folder: &Path) -> Result<TabList, String> {
    let text = match std::fs::read(folder.join(TABS_FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(TabList::default()),
        Err(error) => return Err(error.to_string()),
    };
    let form: TabsForm = serde_json::from_slice(&text).map_err(|e| e.to_string())?;
    if form.format != FORMAT || form.version != 1 {
        return Err(format!("it is {} of version {}", form.format, form.version));
    }
    let example = |name: Option<String>| Example::ALL.into_iter().find(|e| Some(e.title()) == name.as_deref());
    Ok(TabList {
        open: form.open,
        cases: form.cases.into_iter().map(|c| (c.id, example(c.example))).collect(),
        closed: form.closed.into_iter().map(|c| (c.id, example(c.example), c.place.unwrap_or(0))).collect(),
    })
}
