//! Runs that a person put together by hand: a list in the studio's folder, and each as an image of an export.

use std::path::{Path, PathBuf};

use engine::domain::{Annotation, Finding, Side};
use engine::phantom::possible_sides;
use engine::store::atomic::write_atomic;
use engine::store::record::RunRecord;
use serde::{Deserialize, Serialize};

use super::cases::Case;
use super::export::Item;
use super::place::{mask_of, side_of};
use super::row::{Class, Lesion, MOST_FINDINGS, Row};
use crate::library::details::{Details, details};
use crate::library::{Database, RunId};
use crate::state::Demographics;

/// The list, inside the studio's folder.
const FILE: &str = "collected.json";
/// Value of its field `format`.
const FORMAT: &str = "chexgen-collected";
/// Value of its field `version`.
const VERSION: u32 = 1;
/// Most runs of the list.
pub const MOST: usize = 20_000;
/// Side of the grid on which sides are told.
const GRID_PX: u32 = 128;

/// What happens with the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing: it is read.
    Read,
    /// Runs are added at its end, each once.
    Add(Vec<RunId>),
    /// Runs are taken out; the library keeps them.
    Remove(Vec<RunId>),
    /// All are taken out.
    Clear,
}

/// One run of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct Collected {
    /// Its number.
    pub id: RunId,
    /// The image as it is exported.
    pub item: Item,
    /// The model that made it, and the model's hash.
    pub model: (String, String),
}

/// The list as it is now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Collection {
    /// Its runs, in the order in which they were put in.
    pub runs: Vec<Collected>,
    /// How many the last change added.
    pub added: usize,
    /// Runs that cannot be exported, a sentence each; they stay in the list.
    pub unreadable: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    format: String,
    version: u32,
    runs: Vec<RunId>,
}

/// Changes the list of the studio's folder and reads its runs.
///
/// # Errors
/// One phrase when the list or the library cannot be read, or the list not be written; then it stays as it was.
pub fn change(folder: &Path, change: &Change) -> Result<Collection, String> {
    let path = folder.join(FILE);
    let mut ids = read(&path)?;
    let before = ids.clone();
    match change {
        Change::Read => {}
        Change::Add(more) => {
            let mut known: std::collections::HashSet<RunId> = ids.iter().copied().collect();
            ids.extend(more.iter().copied().filter(|id| known.insert(*id)));
        }
        Change::Remove(gone) => ids.retain(|id| !gone.contains(id)),
        Change::Clear => ids.clear(),
    }
    if ids.len() > MOST {
        return Err(format!("a collected set takes at most {MOST} runs; export it and begin another"));
    }
    if ids != before {
        let list = List { format: FORMAT.to_owned(), version: VERSION, runs: ids.clone() };
        let json = serde_json::to_string_pretty(&list).map_err(|e| format!("the collected set cannot be written: {e}"))?;
        write_atomic(&path, (json + "\n").as_bytes()).map_err(|e| e.to_string())?;
    }
    let mut collection = Collection { added: ids.len().saturating_sub(before.len()), ..Collection::default() };
    if ids.is_empty() {
        return Ok(collection);
    }
    let db = Database::open(folder).map_err(|e| e.to_string())?;
    for id in ids {
        match details(&db.connection, folder, id).map_err(|e| e.to_string())? {
            None => collection.unreadable.push(format!("There is no run {id} in the library.")),
            Some(Details { record: Err(why), .. }) => collection.unreadable.push(format!("Run {id}: {why}")),
            Some(Details { record: Ok(record), row, file }) => {
                let number = u32::try_from(collection.runs.len() + 1).unwrap_or(u32::MAX);
                // Measures are those of all layers, also of layers without strength.
                let acts = record.request.annotations.iter().map(|annotation| annotation.strength > 0.0);
                let each = row.measures.iter().map(|measure| measure.value).zip(acts.chain(std::iter::repeat(true)));
                let item = Item {
                    case: Case { row: number, copy: 1, twin: false },
                    name: format!("run-{id:05}"),
                    row: row_of(&record),
                    file,
                    adherence: row.adherence,
                    each: each.filter_map(|(value, acts)| acts.then_some(value)).collect(),
                };
                collection.runs.push(Collected { id, item, model: (row.model_name, row.model_hash) });
            }
        }
    }
    Ok(collection)
}

fn read(path: &PathBuf) -> Result<Vec<RunId>, String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("the collected set cannot be read: {error} ({})", path.display())),
    };
    let refuse = |why: String| format!("the collected set cannot be read: {why}; mend or remove the file ({})", path.display());
    let list: List = serde_json::from_str(&text).map_err(|e| refuse(e.to_string()))?;
    if (list.format.as_str(), list.version) != (FORMAT, VERSION) {
        return Err(refuse(format!("it is no list of version {VERSION}")));
    }
    Ok(list.runs)
}

/// The patient of a record: fields and text as they were asked for, findings as they were drawn.
///
/// Each layer that acts is a finding of its own, in the order of the layers, however often its class was drawn.
pub fn row_of(record: &RunRecord) -> Row {
    let request = &record.request;
    let (fields, text) = Demographics::parse(&request.impression);
    let mut row = Row::new(Class::Normal, Side::Both);
    (row.sex, row.age, row.group, row.view) = (fields.sex, fields.age, fields.group, fields.view);
    row.impression = text;
    for (at, annotation) in acting(record).enumerate() {
        let (finding, side) = (annotation.finding, side_of(&mask_of(&annotation.shape, GRID_PX)));
        row.set(at, Lesion { finding, side: possible(finding, side), zone: None, size: None });
    }
    row
}

/// The layers that act.
fn acting(record: &RunRecord) -> impl Iterator<Item = &Annotation> {
    record.request.annotations.iter().filter(|annotation| annotation.strength > 0.0)
}

/// The row as a recipe takes it, where a class stands once and a patient has three findings at most: a class that was
/// drawn on both sides is one finding of both, or of the first side where it has no both, as a nodule.
#[must_use]
pub fn merged(row: &Row) -> Row {
    let mut lesions: Vec<Lesion> = Vec::new();
    for lesion in row.lesions() {
        let known = lesions.iter().position(|known| known.finding == lesion.finding);
        match known {
            Some(at) if lesions[at].side != lesion.side && possible_sides(lesion.finding).contains(&Side::Both) => {
                lesions[at].side = Side::Both;
            }
            None if lesions.len() < MOST_FINDINGS => lesions.push(lesion),
            _ => {}
        }
    }
    let mut merged = Row { more: Vec::new(), ..row.clone() };
    lesions.into_iter().enumerate().for_each(|(at, lesion)| merged.set(at, lesion));
    merged
}

/// The side, or the nearest that the class can have.
fn possible(finding: Finding, side: Side) -> Side {
    let sides = possible_sides(finding);
    if sides.contains(&side) { side } else { sides.iter().copied().find(|s| *s == Side::Both).unwrap_or(sides[0]) }
}

#[cfg(test)]
mod tests {
    use engine::domain::{GenerateRequest, Mask};

    use super::*;
    use crate::jobs::Generator as _;
    use crate::library::testing::{Sample, library};
    use crate::testing::FakeModel;

    fn request() -> GenerateRequest {
        let mut request = GenerateRequest::new("sex:Male, age:64.0, race:A. Left effusion and nodules.", 3);
        let at = |x0: u32| Mask::from_fn(64, 64, |x, y| x >= x0 && x < x0 + 8 && y > 20 && y < 30);
        let add = |finding, x0| Annotation::mask(finding, at(x0));
        request.annotations = vec![
            add(Finding::PleuralEffusion, 50),
            add(Finding::Nodule, 4),
            add(Finding::Nodule, 52),
            add(Finding::Cardiomegaly, 40),
        ];
        request
    }

    #[test]
    fn runs_become_images_of_an_export_and_the_list_is_kept() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let db = library(dir.path());
        let made = FakeModel::new(64, std::time::Duration::ZERO)
            .generate(&request(), &engine::cancel::Cancel::new(), &mut |_| {})
            .expect("it obeys")
            .expect("it was not cancelled");
        let file = dir.path().join("a.png");
        let bytes = engine::store::record::encode_png_with_record(&made.image, &made.record).expect("it encodes");
        std::fs::write(&file, bytes).expect("writable");
        Sample { file: file.to_str().expect("a plain path"), adherence: Some(0.8), ..Sample::default() }.insert(&db);
        Sample::default().insert(&db);
        let added = change(dir.path(), &Change::Add(vec![1, 2, 1])).expect("readable");
        assert_eq!((added.runs.len(), added.added, added.unreadable.len()), (1, 2, 1));
        assert!(added.unreadable[0].starts_with("Run 2:"), "{:?}", added.unreadable);
        let item = &added.runs[0].item;
        assert_eq!((item.name.as_str(), item.adherence), ("run-00001", Some(0.8)));
        let found: Vec<(Finding, Side)> = item.row.lesions().map(|lesion| (lesion.finding, lesion.side)).collect();
        let nodule = |side| (Finding::Nodule, side);
        assert_eq!(found[..3], [(Finding::PleuralEffusion, Side::Left), nodule(Side::Right), nodule(Side::Left)]);
        assert_eq!(found[3..], [(Finding::Cardiomegaly, Side::Both)], "the heart has no side");
        assert_eq!((item.row.age, item.row.impression.as_str()), (Some(64), "Left effusion and nodules."));
        let merged = merged(&item.row);
        assert_eq!(merged.check(), Ok(()));
        let merged: Vec<(Finding, Side)> = merged.lesions().map(|lesion| (lesion.finding, lesion.side)).collect();
        assert_eq!(merged, [found[0], nodule(Side::Right), (Finding::Cardiomegaly, Side::Both)]);
        // Another start finds the same list.
        assert_eq!(change(dir.path(), &Change::Read).expect("readable").runs, added.runs);
        assert_eq!(change(dir.path(), &Change::Add(vec![1])).expect("readable").added, 0);
        assert!(change(dir.path(), &Change::Remove(vec![2])).expect("readable").unreadable.is_empty());
        assert!(change(dir.path(), &Change::Clear).expect("readable").runs.is_empty());
        std::fs::write(dir.path().join(FILE), "{}").expect("writable");
        assert!(change(dir.path(), &Change::Read).expect_err("damaged").contains("mend or remove"));
    }
}
