//! From rows to cases, with every rule that a table has to keep.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use engine::domain::Finding;

use super::rows::Row;
use super::{Case, CaseTable, MAX_CASES, MAX_TEXT};
use crate::design::Design;
use crate::template::Template;

/// Columns besides those of images.
const COLUMNS: [&str; 11] = ["case", "impression", "findings", "sex", "age", "view", "asked", "use", "examples", "arm", "image"];

/// A case on its way, with the line of its first row.
struct Draft {
    case: Case,
    practice: bool,
    line: u64,
}

/// The table of a design.
pub(super) fn table(rows: &[Row], folder: &Path, design: &Design) -> Result<CaseTable, String> {
    if rows.is_empty() {
        return Err("it has no row; list one case a line".to_owned());
    }
    check_columns(rows, design)?;
    let long = rows.iter().any(|row| row.fields.contains_key("arm"));
    let mut drafts: Vec<Draft> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows {
        let draft = read_row(row, folder, design, long)?;
        match places.get(&draft.case.id) {
            None => {
                places.insert(draft.case.id.clone(), drafts.len());
                drafts.push(draft);
            }
            Some(&place) if long => merge(&mut drafts[place], draft)?,
            Some(&place) => {
                let first = drafts[place].line;
                return Err(format!(
                    "line {}: the case {:?} stands in line {first} already; give every case its own id",
                    row.line, draft.case.id
                ));
            }
        }
    }
    if drafts.len() > MAX_CASES {
        return Err(format!("it lists {} cases, and at most {MAX_CASES} make a study", drafts.len()));
    }
    check_images(&drafts, design)?;
    let (practice, cases): (Vec<Draft>, Vec<Draft>) = drafts.into_iter().partition(|draft| draft.practice);
    let table = CaseTable {
        cases: cases.into_iter().map(|draft| draft.case).collect(),
        practice: practice.into_iter().map(|draft| draft.case).collect(),
    };
    check_counts(&table, design)?;
    Ok(table)
}

fn check_columns(rows: &[Row], design: &Design) -> Result<(), String> {
    let names: BTreeSet<&str> = rows.iter().flat_map(|row| row.fields.keys().map(String::as_str)).collect();
    for name in names {
        if let Some(arm) = name.strip_prefix("image:") {
            if !design.arms.iter().any(|known| known == arm) {
                return Err(format!(
                    "the column `{name}` names an arm that the design does not list ({})",
                    design.arms.join(", ")
                ));
            }
        } else if !COLUMNS.contains(&name) && !name.starts_with("note") {
            return Err(format!(
                "the column `{name}` is unknown; known are {} and image:ARM, and any that begins with `note`",
                COLUMNS.join(", ")
            ));
        }
    }
    Ok(())
}

fn read_row(row: &Row, folder: &Path, design: &Design, long: bool) -> Result<Draft, String> {
    let line = row.line;
    let id = row.get("case").to_owned();
    if id.is_empty() || id.len() > 100 {
        return Err(format!("line {line}: the column `case` must hold an id of 1 to 100 characters"));
    }
    for column in ["impression", "sex", "age", "view"] {
        if row.get(column).chars().count() > MAX_TEXT {
            return Err(format!("line {line}: {column} is longer than {MAX_TEXT} characters"));
        }
    }
    let mut case = Case {
        id,
        impression: row.get("impression").to_owned(),
        findings: findings(row.get("findings")).map_err(|what| format!("line {line}: findings: {what}"))?,
        sex: row.get("sex").to_owned(),
        age: row.get("age").to_owned(),
        view: row.get("view").to_owned(),
        asked: None,
        images: BTreeMap::new(),
        examples: row
            .get("examples")
            .split(';')
            .filter(|path| !path.trim().is_empty())
            .map(|path| folder.join(path.trim()))
            .collect(),
    };
    if !row.get("asked").is_empty() {
        let asked = Finding::from_str(row.get("asked")).map_err(|error| format!("line {line}: asked: {error}"))?;
        case.asked = Some(asked.code().to_owned());
    }
    let practice = match row.get("use") {
        "" | "scored" => false,
        "practice" => true,
        other => return Err(format!("line {line}: use is {other:?}; write `scored` or `practice`")),
    };
    if long {
        let (arm, path) = (row.get("arm"), row.get("image"));
        if !design.arms.iter().any(|known| known == arm) {
            return Err(format!("line {line}: the design lists no arm {arm:?} (it has {})", design.arms.join(", ")));
        }
        if path.is_empty() {
            return Err(format!("line {line}: the column `image` is empty; name a file"));
        }
        case.images.insert(arm.to_owned(), folder.join(path));
    } else {
        for arm in &design.arms {
            let path = row.get(&format!("image:{arm}"));
            if !path.is_empty() {
                case.images.insert(arm.clone(), folder.join(path));
            }
        }
    }
    if design.template.shows_impression() && case.impression.is_empty() {
        return Err(format!("line {line}: impression is empty, and {:?} shows it", design.template.name()));
    }
    if design.template == Template::AssistedReading && case.asked.is_none() {
        return Err(format!("line {line}: asked is empty; assisted reading needs the finding in question, such as PTX"));
    }
    Ok(Draft { case, practice, line })
}

/// Adds the image of another row of the same case.
fn merge(draft: &mut Draft, other: Draft) -> Result<(), String> {
    let line = other.line;
    let mut said = other.case;
    for (arm, path) in std::mem::take(&mut said.images) {
        if draft.case.images.insert(arm.clone(), path).is_some() {
            return Err(format!("line {line}: the case {:?} has an image of {arm} already; give every case its own id", said.id));
        }
    }
    said.images.clone_from(&draft.case.images);
    if said != draft.case || other.practice != draft.practice {
        return Err(format!("line {line}: the case {:?} says something else than in line {}", said.id, draft.line));
    }
    Ok(())
}

/// Class codes from names, codes or "none".
fn findings(text: &str) -> Result<Vec<String>, String> {
    let mut codes = BTreeSet::new();
    for name in text.split(';').map(str::trim).filter(|name| !name.is_empty()) {
        if name.eq_ignore_ascii_case("none") || name.eq_ignore_ascii_case("no finding") {
            continue;
        }
        let Ok(finding) = Finding::from_str(name) else {
            let known: Vec<&str> = Finding::ALL.iter().map(|finding| finding.code()).collect();
            return Err(format!("{name:?} is no class; known are {}, and none; part several by semicolons", known.join(", ")));
        };
        codes.insert(finding);
    }
    Ok(codes.into_iter().map(|finding| finding.code().to_owned()).collect())
}

/// Every image is a file, and no file stands for two images.
fn check_images(drafts: &[Draft], design: &Design) -> Result<(), String> {
    let mut used: BTreeMap<&PathBuf, u64> = BTreeMap::new();
    for draft in drafts {
        let line = draft.line;
        let examples = draft.case.examples.iter().map(|path| ("an example", path));
        for (what, path) in draft.case.images.iter().map(|(arm, path)| (arm.as_str(), path)).chain(examples) {
            if !path.is_file() {
                return Err(format!(
                    "line {line}: the image of {what} of the case {:?} is not there ({}); correct the path, which is relative to the table",
                    draft.case.id,
                    path.display()
                ));
            }
        }
        if design.template == Template::AssistedReading {
            let mut paths = draft.case.images.values();
            let first = paths.next();
            if paths.any(|path| Some(path) != first) {
                return Err(format!(
                    "line {line}: the case {:?} has another image with help than without; name the same file for both arms, or help \
                     cannot be told from the image",
                    draft.case.id
                ));
            }
            continue;
        }
        for path in draft.case.images.values() {
            if let Some(first) = used.insert(path, line) {
                return Err(format!(
                    "line {line}: {} stands in line {first} already; one image cannot stand for two",
                    path.display()
                ));
            }
        }
    }
    Ok(())
}

/// Every arm has as many images as the others.
fn check_counts(table: &CaseTable, design: &Design) -> Result<(), String> {
    let count = |arm: &String| table.cases.iter().filter(|case| case.images.contains_key(arm)).count();
    let counts: Vec<usize> = design.arms.iter().map(count).collect();
    let listed = || design.arms.iter().zip(&counts).map(|(arm, n)| format!("{arm} {n}")).collect::<Vec<_>>().join(", ");
    if table.cases.is_empty() {
        return Err("no case counts: all rows are practice; write `scored` or nothing into `use`".to_owned());
    }
    let case_fault = |wrong: &dyn Fn(&Case) -> bool| table.cases.iter().find(|case| wrong(case)).map(|case| case.id.clone());
    if !design.paired {
        if let Some(id) = case_fault(&|case| case.images.len() != 1) {
            return Err(format!("the case {id:?} needs exactly one image, because `paired = false` in the design"));
        }
        if counts.iter().any(|n| *n != counts[0]) {
            return Err(format!("arms of different counts of images ({}); give each arm the same number", listed()));
        }
    } else if let Some(id) = case_fault(&|case| case.images.len() != design.arms.len()) {
        let missing = table.cases.iter().find(|case| case.id == id);
        let arm = missing.and_then(|case| design.arms.iter().find(|arm| !case.images.contains_key(*arm)));
        return Err(format!(
            "arms of different counts of images ({}): the case {id:?} has none of {}; add the image or take the case out",
            listed(),
            arm.map_or("an arm", String::as_str)
        ));
    }
    if let Some(case) = table.practice.iter().find(|case| case.images.len() < needed(design)) {
        return Err(format!("the practice case {:?} has too few images", case.id));
    }
    let wanted = design.plan.practice as usize;
    if table.practice.len() < wanted {
        return Err(format!(
            "the design asks for {wanted} practice trials, and {} rows are marked so; write `practice` into the column `use` of more rows, or lower plan.practice",
            table.practice.len()
        ));
    }
    Ok(())
}

/// Images that one trial shows.
fn needed(design: &Design) -> usize {
    design.template.images()
}
