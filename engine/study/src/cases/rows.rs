//! Rows of a table as text by column, from CSV and from JSON lines.

use std::collections::BTreeMap;

use serde_json::Value;

/// One row: its line in the file, and what stands in each filled column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Line, from 1.
    pub(super) line: u64,
    /// Filled columns.
    pub(super) fields: BTreeMap<String, String>,
}

impl Row {
    /// What stands in a column; nothing where it is empty.
    pub(super) fn get(&self, column: &str) -> &str {
        self.fields.get(column).map_or("", String::as_str)
    }
}

/// What parts the columns: a comma, or what spreadsheets of many countries write in its place.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    if header.contains(',') {
        return b',';
    }
    [b';', b'\t'].into_iter().find(|mark| header.contains(char::from(*mark))).unwrap_or(b',')
}

/// Rows of a CSV with a header.
pub(super) fn from_csv(text: &str) -> Result<Vec<Row>, String> {
    let delimiter = delimiter(text);
    let mut reader = csv::ReaderBuilder::new().flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
    let header: Vec<String> =
        reader.headers().map_err(|error| error.to_string())?.iter().map(|name| name.trim().to_owned()).collect();
    for (place, name) in header.iter().enumerate() {
        if header[..place].contains(name) && !name.is_empty() {
            return Err(format!("the column `{name}` comes twice; keep one"));
        }
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() > header.len() {
            return Err(format!(
                "line {line} has {} fields and the header {}; put quotes around text that contains {}",
                record.len(),
                header.len(),
                match delimiter {
                    b';' => "semicolons",
                    b'\t' => "tabs",
                    _ => "commas",
                }
            ));
        }
        if record.len() < header.len() && record.iter().any(|value| value.contains('\n')) {
            return Err(format!(
                "line {line} has {} fields and the header {}, and a text that goes on over the next line; a quotation mark is not closed",
                record.len(),
                header.len()
            ));
        }
        let filled = header.iter().zip(record.iter()).filter(|(_, value)| !value.trim().is_empty());
        let fields: BTreeMap<_, _> = filled.map(|(name, value)| (name.clone(), value.trim().to_owned())).collect();
        if !fields.is_empty() {
            rows.push(Row { line, fields });
        }
    }
    Ok(rows)
}

/// One JSON object a line; `images` may be an object from arm to path, lists stand for texts with ";" between them.
pub(super) fn from_json_lines(text: &str) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for (line, content) in (1u64..).zip(text.lines()) {
        if content.trim().is_empty() {
            continue;
        }
        let Ok(Value::Object(object)) = serde_json::from_str(content) else {
            return Err(format!("line {line} is no JSON object; write one object a line"));
        };
        let mut fields = BTreeMap::new();
        for (name, value) in object {
            match value {
                Value::Object(images) if name == "images" => {
                    for (arm, path) in images {
                        put(&mut fields, format!("image:{arm}"), &path, line)?;
                    }
                }
                value => put(&mut fields, name, &value, line)?,
            }
        }
        rows.push(Row { line, fields });
    }
    Ok(rows)
}

fn put(fields: &mut BTreeMap<String, String>, name: String, value: &Value, line: u64) -> Result<(), String> {
    let text = match value {
        Value::Null => return Ok(()),
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(";")
        }
        _ => return Err(format!("line {line}: {name} must be a text, a number or a list of texts")),
    };
    if !text.is_empty() {
        fields.insert(name, text);
    }
    Ok(())
}
