//! The table of cases: its arms, and runs of the library as a further arm.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use engine::domain::Finding;
use engine::store::atomic::write_atomic;
use study::design::Design;

use super::sentence;
use crate::dataset::collect::row_of;
use crate::dataset::csv;
use crate::library::details::{Details, details};
use crate::library::{Database, RunId};
use crate::state::{Sex, View};

/// Largest table that is read.
const MAX_BYTES: u64 = 64 << 20;
/// Name of the table that is made of runs, beside the design.
const TABLE: &str = "cases.csv";
/// What begins the name of a column of images.
const IMAGE: &str = "image:";

/// One image of an arm that is made of runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RunImage {
    /// The impression that it was made from.
    pub impression: String,
    /// Class codes with ";" between them, or "none".
    pub findings: String,
    /// Sex, as readers see it.
    pub sex: String,
    /// Age, as readers see it.
    pub age: String,
    /// View, as readers see it.
    pub view: String,
    /// The file.
    pub file: PathBuf,
}

fn text_of(path: &Path) -> Result<String, String> {
    let refuse = |what: String| format!("{what} ({}).", path.display());
    let size = std::fs::metadata(path).map_err(|error| refuse(format!("The table of cases cannot be read: {error}")))?.len();
    if size > MAX_BYTES {
        return Err(refuse("The table of cases is larger than the 64 MiB that are read".to_owned()));
    }
    std::fs::read_to_string(path).map_err(|error| refuse(format!("The table of cases cannot be read: {error}")))
}

/// The arms that a table names: by its columns `image:ARM`, or by its column `arm`.
pub(super) fn arms_of(path: &Path) -> Result<Vec<String>, String> {
    let text = text_of(path)?;
    let refuse = |what: String| format!("{}: {}", path.display(), sentence(what));
    let is_csv = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let mut arms: Vec<String> = Vec::new();
    let mut add = |arm: &str| {
        if !arm.is_empty() && !arms.iter().any(|known| known == arm) {
            arms.push(arm.to_owned());
        }
    };
    if is_csv {
        let table = csv::parse(&text).map_err(refuse)?;
        table.header.iter().filter_map(|name| name.strip_prefix(IMAGE)).for_each(&mut add);
        if let Some(column) = table.header.iter().position(|name| name == "arm") {
            table.lines.iter().filter_map(|(_, fields)| fields.get(column)).for_each(|arm| add(arm.trim()));
        }
        return Ok(arms);
    }
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let row: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(line).map_err(|error| refuse(format!("line {}: {error}", number + 1)))?;
        row.keys().filter_map(|name| name.strip_prefix(IMAGE)).for_each(&mut add);
        row.get("arm").and_then(|arm| arm.as_str()).into_iter().for_each(&mut add);
    }
    Ok(arms)
}

/// Makes runs an arm of the study's table, which lies beside the design; gives the table, its arms and a sentence.
pub(super) fn add_runs(
    library: &Path,
    file: &Path,
    design: &Design,
    arm: &str,
    runs: &[RunId],
) -> Result<(PathBuf, Vec<String>, String), String> {
    let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
    let images = images_of(library, runs)?;
    let table = folder.join(TABLE);
    let before = if design.cases.as_os_str().is_empty() { None } else { Some(folder.join(&design.cases)) };
    let text = match &before {
        Some(path) if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv")) => text_of(path)?,
        Some(path) => {
            return Err(format!("Runs can be added to a table in CSV, and this one is another kind ({}).", path.display()));
        }
        None => String::new(),
    };
    let beside = before.as_deref().and_then(Path::parent).unwrap_or(&folder);
    let (text, arm) = with_arm(&text, beside, arm, &images)?;
    std::fs::create_dir_all(&folder).map_err(|error| format!("{} cannot be made: {error}.", folder.display()))?;
    write_atomic(&table, text.as_bytes()).map_err(sentence)?;
    let said = match images.len() {
        1 => format!("1 run became the arm {arm:?} ({}).", table.display()),
        n => format!("{n} runs became the arm {arm:?} ({}).", table.display()),
    };
    Ok((PathBuf::from(TABLE), arms_of(&table)?, said))
}

/// A table in CSV with an arm more. An image goes to the first case of its impression that has none of this arm yet, or
/// becomes a case of its own. Paths of `text` are relative to `beside` and become absolute. Gives the arm as it is called.
pub(super) fn with_arm(text: &str, beside: &Path, arm: &str, images: &[RunImage]) -> Result<(String, String), String> {
    let mut header: Vec<String> = ["case", "impression", "findings", "sex", "age", "view"].map(str::to_owned).to_vec();
    let mut rows: Vec<BTreeMap<String, String>> = Vec::new();
    if !text.trim().is_empty() {
        let table = csv::parse(text).map_err(|what| format!("The table of cases: {}", sentence(what)))?;
        if table.header.iter().any(|name| name == "arm") {
            return Err("The table of cases has a row for each image; give it a column image:ARM for each arm first.".to_owned());
        }
        for (_, fields) in table.lines {
            let mut row: BTreeMap<String, String> = table.header.iter().cloned().zip(fields).collect();
            for (name, path) in &mut row {
                if name.starts_with(IMAGE) && !path.is_empty() {
                    *path = beside.join(path.as_str()).display().to_string();
                }
            }
            rows.push(row);
        }
        header.extend(table.header.into_iter().filter(|name| !header.contains(name)).collect::<Vec<_>>());
    }
    // Runs that come twice under one name are two arms.
    let taken = |name: &String| header.contains(&format!("{IMAGE}{name}"));
    let numbered = (1..).map(|n| if n == 1 { arm.to_owned() } else { format!("{arm} {n}") });
    let arm = numbered.into_iter().find(|name| !taken(name)).unwrap_or_else(|| arm.to_owned());
    let column = format!("{IMAGE}{arm}");
    header.push(column.clone());
    for image in images {
        let path = image.file.display().to_string();
        let same = |row: &&mut BTreeMap<String, String>| {
            row.get("impression").is_some_and(|words| *words == image.impression) && !row.contains_key(&column)
        };
        if let Some(row) = rows.iter_mut().find(same) {
            row.insert(column.clone(), path);
            continue;
        }
        let ids = (rows.len() + 1..).map(|n| n.to_string());
        let free = |id: &String| !rows.iter().any(|row| row.get("case") == Some(id));
        let id = ids.into_iter().find(free).unwrap_or_default();
        let fields = [
            ("case", &id),
            ("impression", &image.impression),
            ("findings", &image.findings),
            ("sex", &image.sex),
            ("age", &image.age),
            ("view", &image.view),
            (column.as_str(), &path),
        ];
        rows.push(fields.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect());
    }
    let mut out = csv::line(&header);
    for row in &rows {
        let fields: Vec<&str> = header.iter().map(|name| row.get(name).map_or("", String::as_str)).collect();
        out.push_str(&csv::line(&fields));
    }
    Ok((out, arm))
}

/// What the library knows of runs, in their order.
fn images_of(library: &Path, runs: &[RunId]) -> Result<Vec<RunImage>, String> {
    let db = Database::open(library).map_err(sentence)?;
    runs.iter()
        .map(|&id| match details(&db.connection, library, id).map_err(sentence)? {
            None => Err(format!("There is no run {id} in the library.")),
            Some(Details { record: Err(why), .. }) => Err(format!("Run {id}: {why}")),
            Some(Details { record: Ok(record), file, .. }) => {
                let row = row_of(&record);
                let codes: Vec<&str> =
                    record.request.annotations.iter().filter(|a| a.strength > 0.0).map(|a| a.finding.code()).collect();
                Ok(RunImage {
                    findings: codes_of(codes),
                    sex: if row.sex == Sex::Unstated { String::new() } else { row.sex.title().to_owned() },
                    age: row.age.map_or_else(String::new, |age| format!("{age} years")),
                    view: if row.view == View::Unstated { String::new() } else { row.view.title().to_owned() },
                    impression: row.impression,
                    file,
                })
            }
        })
        .collect()
}

/// Codes in the order of their keys, each once; empty where nothing was drawn, for then the text alone says what is there.
fn codes_of(codes: Vec<&str>) -> String {
    let known = Finding::ALL.iter().map(|finding| finding.code()).filter(|code| codes.contains(code));
    known.collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(impression: &str, file: &str) -> RunImage {
        RunImage { impression: impression.to_owned(), file: PathBuf::from(file), ..RunImage::default() }
    }

    #[test]
    fn images_find_their_case_by_impression_and_keep_what_the_table_says() {
        let text = "case,impression,image:other\n7,\"A, b.\",a.png\n8,C.,b.png\n9,C.,c.png\n";
        let runs = [image("C.", "/r/1.png"), image("C.", "/r/2.png"), image("A, b.", "/r/3.png"), image("D.", "/r/4.png")];
        let (out, arm) = with_arm(text, Path::new("/t"), "mine", &runs).expect("a table");
        assert_eq!(arm, "mine");
        let table = csv::parse(&out).expect("reads back");
        let column = |name: &str| table.header.iter().position(|h| h == name).expect("a column");
        let cell = |row: usize, name: &str| table.lines[row].1[column(name)].clone();
        assert_eq!((cell(0, "case"), cell(0, "image:mine")), ("7".to_owned(), "/r/3.png".to_owned()));
        assert_eq!((cell(1, "image:mine"), cell(2, "image:mine")), ("/r/1.png".to_owned(), "/r/2.png".to_owned()));
        assert_eq!(cell(0, "image:other"), Path::new("/t").join("a.png").display().to_string());
        assert_eq!((cell(3, "case"), cell(3, "impression"), cell(3, "image:other")), ("4".into(), "D.".into(), String::new()));
        let (again, second) = with_arm(&out, Path::new("/t"), "mine", &runs).expect("a table");
        assert_eq!(second, "mine 2");
        assert_eq!(csv::parse(&again).expect("reads back").lines.len(), 4, "every image found its case");
    }

    #[test]
    fn arms_are_read_from_each_kind_of_table() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let check = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).expect("writable");
            arms_of(&path)
        };
        assert_eq!(check("a.csv", "case,image:x,image:y z\n1,a,b\n"), Ok(vec!["x".to_owned(), "y z".to_owned()]));
        assert_eq!(check("b.csv", "case,arm,image\n1,q,a\n1,p,b\n2,q,c\n"), Ok(vec!["q".to_owned(), "p".to_owned()]));
        assert_eq!(check("c.jsonl", "{\"case\":\"1\",\"image:x\":\"a\"}\n\n"), Ok(vec!["x".to_owned()]));
        assert!(check("d.jsonl", "{\n").is_err_and(|why| why.contains("line 1")));
        assert!(with_arm("case,arm,image\n1,q,a\n", Path::new(""), "m", &[]).is_err());
    }
}
