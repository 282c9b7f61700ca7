//! CheXpert: `train.csv` and `valid.csv`, paths with the set's own folder in front.

use anyhow::{Result, bail, ensure};

use super::Listed;
use crate::prepare::case::{Case, Input, Split, View, label_name, label_of, sex_of};
use crate::prepare::config::SourceConfig;
use crate::prepare::table::Table;

/// Columns that are no labels.
const FACTS: [&str; 5] = ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA"];

pub(crate) fn list(source: &SourceConfig) -> Result<Listed> {
    let mut listed = Listed::default();
    let mut tables = 0;
    for (file, split) in [("train.csv", Split::Train), ("valid.csv", Split::Val), ("test.csv", Split::Test)] {
        let path = source.root.join(file);
        if !path.is_file() {
            continue;
        }
        tables += 1;
        let table = Table::open(&path)?;
        table.need(&["Path"])?;
        let labels: Vec<String> =
            table.columns().filter(|name| !FACTS.contains(name) && !name.is_empty()).map(str::to_owned).collect();
        table.each(|row| {
            let path = row.get("Path");
            let inside =
                ["CheXpert-v1.0-small/", "CheXpert-v1.0/"].iter().find_map(|folder| path.strip_prefix(folder)).unwrap_or(path);
            ensure!(!inside.is_empty(), "column Path is empty");
            let mut case = Case::new(inside, Input::Picture(vec![source.image_root().join(inside)]));
            case.patient = patient(inside).to_owned();
            case.view = match (row.get("Frontal/Lateral"), row.get("AP/PA")) {
                ("Lateral", _) | (_, "LL" | "RL") => View::Lateral,
                (_, projection) => View::of(projection),
            };
            case.sex = sex_of(row.get("Sex"));
            // 0 stands for unknown, 90 for 90 and more.
            case.age = row.number("Age")?.filter(|age| *age > 0.0);
            case.labels = labels.iter().filter_map(|name| Some((label_name(name), label_of(row.get(name))?))).collect();
            case.split = Some(split);
            listed.cases.push(case);
            Ok(())
        })?;
    }
    if tables == 0 {
        bail!("{} holds no train.csv, valid.csv or test.csv; name the folder of CheXpert", source.root.display());
    }
    Ok(listed)
}

/// The digits behind `patient` in a path.
fn patient(path: &str) -> &str {
    let Some(at) = path.find("patient") else { return "" };
    let rest = &path[at + "patient".len()..];
    &rest[..rest.bytes().take_while(u8::is_ascii_digit).count()]
}
