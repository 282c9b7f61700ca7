//! Case files as JSON: a list, or one value a line. A value is a string or an object.

use std::collections::BTreeMap;

use anyhow::{Context as _, anyhow, bail};
use serde_json::{Map, Value};

use super::{CaseRow, MORE};

pub(super) fn parse(text: &str) -> anyhow::Result<Vec<CaseRow>> {
    let value: Value = serde_json::from_str(text).context("is not valid JSON")?;
    let Value::Array(items) = value else { bail!("must be a list of impressions or of objects") };
    let rows = items.into_iter().enumerate().map(|(index, item)| row(index, item).with_context(|| format!("item {index}")));
    rows.filter_map(Result::transpose).collect()
}

pub(super) fn parse_lines(text: &str) -> anyhow::Result<Vec<CaseRow>> {
    let mut rows = Vec::new();
    let filled = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    for (index, (line, text)) in filled.enumerate() {
        let parsed = serde_json::from_str(text).context("is not valid JSON").and_then(|item| row(index, item));
        rows.extend(parsed.with_context(|| format!("line {}", line + 1))?);
    }
    Ok(rows)
}

/// The case of one value; `None` if it has a null for impression.
fn row(index: usize, item: Value) -> anyhow::Result<Option<CaseRow>> {
    let fields = match item {
        Value::String(impression) => {
            return Ok(Some(CaseRow { name: index.to_string(), impression, ..CaseRow::default() }));
        }
        Value::Object(fields) => fields,
        other => bail!("is {}; it must be a text or an object with `impression`", kind(&other)),
    };
    let impression = match fields.get("impression") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) => return Ok(None),
        Some(other) => bail!("impression is {}; it must be a text", kind(other)),
        None => bail!("has no `impression`; add the text under that name"),
    };
    let seed = match fields.get("seed") {
        None | Some(Value::Null) => None,
        Some(seed) => Some(seed.as_u64().ok_or_else(|| anyhow!("seed is {seed}; it must be a whole number from 0"))?),
    };
    let boxes = match fields.get("boxes") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(boxes @ (Value::Array(_) | Value::Object(_))) => Some(boxes.to_string()),
        Some(other) => bail!("boxes is {}; it must be a list of boxes", kind(other)),
    };
    let name = label(&fields, "name")?.unwrap_or_else(|| index.to_string());
    let mut more = BTreeMap::new();
    for key in MORE {
        match fields.get(key) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => drop(more.insert(key, text.clone())),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => drop(more.insert(key, value.to_string())),
            Some(list @ Value::Array(_)) if key == "masks" => drop(more.insert(key, list.to_string())),
            Some(other) => bail!("{key} is {}; it must be a text", kind(other)),
        }
    }
    Ok(Some(CaseRow { name, impression, mask: label(&fields, "mask")?, seed, boxes, more }))
}

/// A name: a text or a number.
fn label(fields: &Map<String, Value>, key: &str) -> anyhow::Result<Option<String>> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(other) => bail!("{key} is {}; it must be a text", kind(other)),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
