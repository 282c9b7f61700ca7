//! A cohort table from a CSV file: one patient a line.

use engine::domain::Side;
use engine::text::nearest;

use super::csv::{self, Table};
use super::named::Named;
use super::row::{Class, Lesion, MOST_FINDINGS, Row};

/// Columns that are read; only `finding` must be there.
pub const COLUMNS: [&str; 20] = [
    "name",
    "finding",
    "side",
    "zone",
    "size",
    "sex",
    "age",
    "group",
    "view",
    "impression",
    "mask",
    "count",
    "finding2",
    "side2",
    "zone2",
    "size2",
    "finding3",
    "side3",
    "zone3",
    "size3",
];
/// Columns of the findings after the first: class, side, zone, size.
const MORE: [[&str; 4]; MOST_FINDINGS - 1] = [["finding2", "side2", "zone2", "size2"], ["finding3", "side3", "zone3", "size3"]];
/// Most rows of a table.
pub const MAX_ROWS: usize = 200_000;

/// Reads a cohort.
///
/// # Errors
/// One phrase that names line and column, what is wrong and what can be written instead.
pub fn parse(text: &str) -> Result<Vec<Row>, String> {
    let table = csv::parse(text)?;
    let places = places(&table)?;
    let mut rows = Vec::new();
    for (line, fields) in &table.lines {
        let field = |column: &str| {
            let at = places.iter().find(|(name, _)| *name == column)?.1;
            fields.get(at).map(|f| f.trim()).filter(|f| !f.is_empty())
        };
        let (row, count) = row(&field).map_err(|(column, what)| format!("line {line}, column {column}: {what}"))?;
        if rows.len() + count > MAX_ROWS {
            return Err(format!("line {line}: more than {MAX_ROWS} rows; split the table"));
        }
        for copy in 1..=count {
            let mut row = row.clone();
            if count > 1 && !row.name.is_empty() {
                row.name = format!("{}-{copy}", row.name);
            }
            rows.push(row);
        }
    }
    if rows.is_empty() {
        return Err("it has no rows below its header".to_owned());
    }
    let mut seen = std::collections::HashSet::new();
    match rows.iter().filter(|row| !row.name.is_empty()).find(|row| !seen.insert(row.name.clone())) {
        Some(row) => Err(format!("the name {:?} stands twice; every row needs a name of its own", row.name)),
        None => Ok(rows),
    }
}

fn places(table: &Table) -> Result<Vec<(&'static str, usize)>, String> {
    let mut places = Vec::new();
    for (at, name) in table.header.iter().enumerate() {
        let key = match name.to_ascii_lowercase().as_str() {
            "race" => "group".to_owned(),
            other => other.to_owned(),
        };
        let Some(column) = COLUMNS.into_iter().find(|column| *column == key) else {
            let hint = nearest(&key, &COLUMNS).map_or_else(String::new, |near| format!("; did you mean {near}?"));
            return Err(format!("line 1: the column {name:?} is unknown{hint} Known are {}", COLUMNS.join(", ")));
        };
        if places.iter().any(|(known, _)| *known == column) {
            return Err(format!("line 1: the column {column} stands twice"));
        }
        places.push((column, at));
    }
    if places.iter().any(|(column, _)| *column == "finding") {
        Ok(places)
    } else {
        Err("line 1: the column finding is missing".to_owned())
    }
}

type At<T> = Result<T, (&'static str, String)>;

fn choice<'a, T: Named>(field: &dyn Fn(&str) -> Option<&'a str>, column: &'static str) -> At<Option<T>> {
    field(column).map(T::parse).transpose().map_err(|what| (column, what))
}

fn number<'a>(field: &dyn Fn(&str) -> Option<&'a str>, column: &'static str, most: u32) -> At<Option<u32>> {
    let Some(text) = field(column) else { return Ok(None) };
    let whole = text.strip_suffix(".0").unwrap_or(text);
    match whole.parse::<u32>() {
        Ok(number) if number <= most => Ok(Some(number)),
        _ => Err((column, format!("{column} is {text:?}; write a whole number from 0 to {most}"))),
    }
}

/// A further finding; `None` where its column is empty.
fn more<'a>(field: &dyn Fn(&str) -> Option<&'a str>, columns: [&'static str; 4]) -> At<Option<Lesion>> {
    let [class, side, zone, size] = columns;
    let Some(finding) = choice(field, class)? else {
        return match columns.into_iter().find(|column| field(column).is_some()) {
            Some(column) => Err((column, format!("{class} is empty; name the finding that this belongs to"))),
            None => Ok(None),
        };
    };
    let side = choice(field, side)?.unwrap_or(Side::Both);
    let lesion = Lesion { finding, side, zone: choice(field, zone)?, size: choice(field, size)? };
    possible(&lesion, columns)?;
    Ok(Some(lesion))
}

/// Whether the anatomy allows a finding; the error names its column.
fn possible(lesion: &Lesion, [_, side, zone, size]: [&'static str; 4]) -> At<()> {
    lesion.wish().check().map_err(|error| {
        use engine::phantom::PlacementError as E;
        let column = match error {
            E::Side { .. } => side,
            E::Size { .. } => size,
            E::Zone { .. } | E::NoRoom { .. } => zone,
        };
        (column, error.to_string())
    })
}

fn row<'a>(field: &dyn Fn(&str) -> Option<&'a str>) -> At<(Row, usize)> {
    let class: Class =
        choice(field, "finding")?.ok_or_else(|| ("finding", "it is empty; write normal or a finding".to_owned()))?;
    let side: Side = choice(field, "side")?.unwrap_or(Side::Both);
    let name = field("name").unwrap_or_default();
    if name.contains(['/', '\\', ':']) || name.starts_with('.') {
        return Err(("name", format!("{name:?} is no plain file name; use letters, digits, - and _")));
    }
    let row = Row {
        name: name.to_owned(),
        zone: choice(field, "zone")?,
        size: choice(field, "size")?,
        sex: choice(field, "sex")?.unwrap_or_default(),
        age: number(field, "age", 120)?,
        group: choice(field, "group")?.unwrap_or_default(),
        view: choice(field, "view")?.unwrap_or_default(),
        impression: field("impression").unwrap_or_default().to_owned(),
        mask: field("mask").unwrap_or_default().to_owned(),
        more: MORE.into_iter().map(|columns| more(field, columns)).collect::<At<Vec<_>>>()?.into_iter().flatten().collect(),
        ..Row::new(class, side)
    };
    row.check().map_err(|what| ("finding2", what))?;
    if let (Some(finding), true) = (class.finding(), row.mask.is_empty()) {
        possible(&Lesion { finding, side, zone: row.zone, size: row.size }, ["finding", "side", "zone", "size"])?;
    }
    let count = number(field, "count", 100_000)?.unwrap_or(1);
    Ok((row, count as usize))
}

#[cfg(test)]
mod tests {
    use engine::domain::Finding;
    use engine::phantom::Zone;

    use super::*;
    use crate::state::Sex;

    #[test]
    fn a_table_becomes_rows() {
        let rows = parse(
            "name,finding,side,zone,sex,age,race,count\np1,PTX,Right,apical,female,63,A,2\n,normal,,,male,40.0,,\np3,Nodule,left,,,,,",
        )
        .expect("a table");
        assert_eq!(rows.len(), 4);
        assert_eq!((rows[0].name.as_str(), rows[1].name.as_str()), ("p1-1", "p1-2"));
        assert_eq!(
            (rows[0].class, rows[0].zone, rows[0].sex),
            (Class::Finding(Finding::Pneumothorax), Some(Zone::Apical), Sex::Female)
        );
        assert_eq!((rows[2].class, rows[2].age), (Class::Normal, Some(40)));
    }

    #[test]
    fn a_row_takes_up_to_three_findings() {
        let header = "finding,side,zone,finding2,side2,size2,finding3";
        let rows = parse(&format!("{header}\npneumothorax,right,apical,effusion,left,small,edema\nnodule,left,,,,,\n"))
            .expect("a table");
        assert_eq!((rows[0].more.len(), rows[1].more.len()), (2, 0));
        assert_eq!((rows[0].more[0].finding, rows[0].more[0].side), (Finding::PleuralEffusion, Side::Left));
        assert_eq!((rows[0].more[1].finding, rows[0].more[1].side), (Finding::Edema, Side::Both));
        let refused = |line: &str| parse(&format!("{header}\n{line}")).expect_err(line);
        assert!(
            refused("nodule,left,,nodule,right,,").contains("column finding2: nodule stands twice"),
            "{}",
            refused("nodule,left,,nodule,right,,")
        );
        assert!(refused("normal,,,nodule,right,,").contains("normal"));
        assert!(refused("nodule,left,,,right,,").contains("column side2: finding2 is empty"));
        assert!(refused("nodule,left,,cardiomegaly,right,,").contains("column side2"));
    }

    #[test]
    fn bad_rows_are_named_by_line_and_column() {
        let refused = |text: &str| parse(text).expect_err(text);
        assert!(refused("finding,side\nnormal,\npneumothorax,middle").contains("line 3, column side"));
        assert!(refused("finding,side,zone\neffusion,left,apical").contains("line 2, column zone"));
        assert!(refused("finding,side\ncardiomegaly,left").contains("line 2, column side"));
        assert!(refused("finding,age\nnormal,old").contains("column age"));
        assert!(refused("finding,sied\nnormal,left").contains("did you mean side?"));
        assert!(refused("side\nleft").contains("finding is missing"));
        assert!(refused("name,finding\na,normal\na,normal").contains("twice"));
        assert!(refused("name,finding\n../a,normal").contains("column name"));
        assert!(refused("finding\n").contains("no rows"));
    }
}
