//! MIMIC-CXR-JPG and MIMIC-CXR: metadata a picture, labels a study, a report a study.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::Listed;
use crate::prepare::case::{Case, Input, Split, View, label_name, label_of, sex_of};
use crate::prepare::config::SourceConfig;
use crate::prepare::table::{Table, find, find_maybe};

pub(crate) fn list(source: &SourceConfig) -> Result<Listed> {
    let root = &source.root;
    let metadata = match &source.list {
        Some(list) => list.clone(),
        None => match find_maybe(root, "mimic-cxr-2", "-metadata.csv")? {
            Some(path) => path,
            // Without the JPG set's tables the plain list of records says which pictures there are.
            None => find(root, "cxr-record-list", ".csv")?,
        },
    };
    let split = splits(root)?;
    let labels = labels(root, source.labels.as_deref().unwrap_or("chexpert"))?;
    let people = match &source.demographics {
        Some(dir) => people(dir)?,
        None => BTreeMap::new(),
    };
    let images = inside_files(source.image_root());
    let reports = inside_files(source.reports.as_deref().unwrap_or(root));
    let table = Table::open(&metadata)?;
    table.need(&["dicom_id", "subject_id", "study_id"])?;
    let mut listed = Listed::default();
    table.each(|row| {
        let (dicom, subject, study) = (row.get("dicom_id"), row.get("subject_id"), row.get("study_id"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        ensure!(digits(subject) && digits(study) && subject.len() > 1, "subject_id and study_id must be numbers");
        ensure!(!dicom.is_empty() && !dicom.contains(['/', '\\']), "dicom_id is no name");
        let folder = format!("p{}/p{subject}", &subject[..2]);
        let picture = format!("{folder}/s{study}/{dicom}");
        let paths = ["jpg", "dcm", "png"].iter().map(|ending| images.join(format!("{picture}.{ending}"))).collect();
        let mut case = Case::new(&format!("files/{picture}"), Input::Picture(paths));
        case.patient = subject.to_owned();
        case.view = View::of(row.get("ViewPosition"));
        case.words = crate::prepare::case::Words::Report(reports.join(format!("{folder}/s{study}.txt")));
        case.labels = labels.get(study).cloned().unwrap_or_default();
        case.split = split.get(dicom).copied();
        if let Some(person) = people.get(subject) {
            (case.sex, case.race) = (person.sex.clone(), person.race.clone());
            case.age = person.age(row.get("StudyDate"));
        }
        listed.cases.push(case);
        Ok(())
    })?;
    Ok(listed)
}

/// The folder with the folders of patients.
fn inside_files(root: &Path) -> PathBuf {
    let files = root.join("files");
    if files.is_dir() { files } else { root.to_owned() }
}

/// Official split by picture.
fn splits(root: &Path) -> Result<BTreeMap<String, Split>> {
    let mut found = BTreeMap::new();
    if let Some(path) = find_maybe(root, "mimic-cxr-2", "-split.csv")? {
        let table = Table::open(&path)?;
        table.need(&["dicom_id", "split"])?;
        table.each(|row| {
            if let Some(split) = Split::of(row.get("split")) {
                found.insert(row.get("dicom_id").to_owned(), split);
            }
            Ok(())
        })?;
    }
    Ok(found)
}

/// Labels by study.
fn labels(root: &Path, kind: &str) -> Result<BTreeMap<String, BTreeMap<String, i8>>> {
    let mut found = BTreeMap::new();
    if let Some(path) = find_maybe(root, "mimic-cxr-2", &format!("-{kind}.csv"))? {
        let table = Table::open(&path)?;
        table.need(&["study_id"])?;
        let names: Vec<String> =
            table.columns().filter(|name| !matches!(*name, "subject_id" | "study_id" | "")).map(str::to_owned).collect();
        table.each(|row| {
            let labels = names.iter().filter_map(|name| Some((label_name(name), label_of(row.get(name))?))).collect();
            found.insert(row.get("study_id").to_owned(), labels);
            Ok(())
        })?;
    }
    Ok(found)
}

/// What MIMIC-IV knows of a person.
#[derive(Default)]
struct Person {
    sex: String,
    anchor_age: Option<f32>,
    anchor_year: Option<f32>,
    race: String,
}

impl Person {
    /// Age at a study on the day `YYYYMMDD`.
    fn age(&self, day: &str) -> Option<f32> {
        let year = day.get(..4)?.parse::<f32>().ok()?;
        let age = self.anchor_age? + year - self.anchor_year?;
        (age > 0.0 && age <= 120.0).then_some(age)
    }
}

/// People by number; who is said to be of several races has none.
fn people(dir: &Path) -> Result<BTreeMap<String, Person>> {
    let mut found: BTreeMap<String, Person> = BTreeMap::new();
    let table = Table::open(&find(dir, "patients", ".csv")?)?;
    table.need(&["subject_id"])?;
    table.each(|row| {
        let person = found.entry(row.get("subject_id").to_owned()).or_default();
        person.sex = sex_of(row.get("gender"));
        (person.anchor_age, person.anchor_year) = (row.number("anchor_age")?, row.number("anchor_year")?);
        Ok(())
    })?;
    let mut races: BTreeMap<String, Option<&'static str>> = BTreeMap::new();
    let table = Table::open(&find(dir, "admissions", ".csv")?)?;
    table.need(&["subject_id"])?;
    table.each(|row| {
        let said = [row.get("race"), row.get("ethnicity")].concat().to_uppercase();
        let race = [("WHITE", "White"), ("BLACK", "Black"), ("ASIAN", "Asian")].iter().find(|(word, _)| said.contains(word));
        let race = race.map(|(_, name)| *name);
        let known = races.entry(row.get("subject_id").to_owned()).or_insert(race);
        if *known != race {
            *known = None;
        }
        Ok(())
    })?;
    for (subject, race) in races {
        if let (Some(person), Some(race)) = (found.get_mut(&subject), race) {
            person.race = race.to_owned();
        }
    }
    Ok(found)
}
