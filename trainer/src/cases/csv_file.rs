//! Case files as CSV, with pandas' rules for missing values.

use anyhow::{Context as _, bail};

use super::{CaseRow, MORE};

/// What pandas takes for a missing value, besides nothing at all.
const MISSING: [&str; 19] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL",
    "NaN", "None", "n/a", "nan", "null",
];

/// Places of the columns that are read.
struct Columns {
    count: usize,
    name: Option<usize>,
    impression: usize,
    mask: Option<usize>,
    seed: Option<usize>,
    boxes: Option<usize>,
    more: Vec<(&'static str, usize)>,
}

pub(super) fn parse(text: &str) -> anyhow::Result<Vec<CaseRow>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let columns = columns(reader.headers().context("the header line cannot be read")?)?;
    let mut rows: Vec<CaseRow> = Vec::new();
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() > columns.count {
            bail!(
                "line {line} has {} fields and the header {}; put quotes around text that contains commas",
                record.len(),
                columns.count
            );
        }
        let field = |column: Option<usize>| {
            column.and_then(|column| record.get(column)).filter(|value| !is_missing(value)).map(str::to_owned)
        };
        let Some(impression) = field(Some(columns.impression)) else { continue };
        rows.push(CaseRow {
            name: field(columns.name).unwrap_or_else(|| rows.len().to_string()),
            impression,
            mask: field(columns.mask),
            seed: field(columns.seed).map(|seed| whole_number(&seed, line)).transpose()?,
            boxes: field(columns.boxes),
            more: columns.more.iter().filter_map(|&(name, place)| Some((name, field(Some(place))?))).collect(),
        });
    }
    Ok(rows)
}

fn columns(header: &csv::StringRecord) -> anyhow::Result<Columns> {
    let place = |wanted: &str| header.iter().position(|name| name == wanted);
    let Some(impression) = place("impression") else {
        let names: Vec<&str> = header.iter().take(20).collect();
        bail!("the column `impression` is missing (it has: {}); name the column of the texts so", names.join(", "));
    };
    Ok(Columns {
        count: header.len(),
        name: place("name"),
        impression,
        mask: place("mask"),
        seed: place("seed"),
        boxes: place("boxes"),
        more: MORE.into_iter().filter_map(|name| Some((name, place(name)?))).collect(),
    })
}

fn is_missing(value: &str) -> bool {
    MISSING.contains(&value)
}

fn whole_number(text: &str, line: u64) -> anyhow::Result<u64> {
    // A column of numbers with gaps comes out of pandas as 7.0.
    let digits = text.trim();
    let digits = digits.strip_suffix(".0").unwrap_or(digits);
    digits.parse().with_context(|| format!("line {line}: seed is `{text}`; it must be a whole number from 0"))
}
