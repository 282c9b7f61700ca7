//! Values of a list, be they cells or JSON.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, bail, ensure};
use engine::domain::RectPx;
use serde_json::Value;

use crate::prepare::case::{label_name, label_of};

/// A value as text; numbers as they are written.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Labels: `A|B`, a list of names, or an object of names and states.
pub(super) fn labels(value: &Value) -> Result<BTreeMap<String, i8>> {
    let positive = |names: &mut dyn Iterator<Item = &str>| {
        names.filter(|name| !name.trim().is_empty()).map(|name| (label_name(name), 1)).collect()
    };
    Ok(match value {
        Value::String(text) => positive(&mut text.split(['|', ';'])),
        Value::Array(names) => positive(&mut names.iter().filter_map(Value::as_str)),
        Value::Object(states) => {
            let state = |value: &Value| match value {
                Value::Bool(yes) => Some(i8::from(*yes)),
                other => label_of(text(other).trim()),
            };
            states.iter().filter_map(|(name, value)| Some((label_name(name), state(value)?))).collect()
        }
        _ => bail!("column labels is neither a text, a list nor an object"),
    })
}

/// `[{"class": "nodule", "box": [x0, y0, x1, y1]}, …]`, as a value or as text.
pub(super) fn boxes(value: &Value) -> Result<Vec<(String, RectPx)>> {
    let parsed;
    let list = match value {
        Value::String(text) => {
            parsed = serde_json::from_str::<Value>(text).map_err(|error| anyhow!("column boxes is no JSON: {error}"))?;
            &parsed
        }
        other => other,
    };
    let Value::Array(list) = list else { bail!("column boxes is no list of boxes") };
    list.iter()
        .map(|item| {
            let class = item.get("class").and_then(Value::as_str).ok_or_else(|| anyhow!("a box has no class"))?;
            let corners = item.get("box").or_else(|| item.get("rect")).ok_or_else(|| anyhow!("a box of {class} has no `box`"))?;
            Ok((class.to_owned(), rect(corners)?))
        })
        .collect()
}

/// Left, top, right, bottom.
fn rect(value: &Value) -> Result<RectPx> {
    let numbers: Vec<f32> = value.as_array().into_iter().flatten().filter_map(Value::as_f64).map(|v| v as f32).collect();
    let [x0, y0, x1, y1] = numbers[..] else { bail!("a box has {} numbers, and needs 4", numbers.len()) };
    Ok(RectPx { x0, y0, x1, y1 })
}

/// A finding as `chexgen phantom` writes it.
pub(super) struct Found {
    pub(super) class: String,
    pub(super) mask: Option<String>,
    pub(super) rect: Option<RectPx>,
    pub(super) severity: Option<f32>,
}

/// Reads a finding.
pub(super) fn finding(value: &Value) -> Result<Found> {
    let class = value.get("class").and_then(Value::as_str).ok_or_else(|| anyhow!("a finding has no class"))?;
    let severity = value.get("severity").and_then(Value::as_f64).map(|v| v as f32);
    ensure!(severity.is_none_or(|v| (0.0..=1.0).contains(&v)), "the severity of {class} is not from 0 to 1");
    Ok(Found {
        class: class.to_owned(),
        mask: value.get("mask").and_then(Value::as_str).map(str::to_owned),
        rect: value.get("box").map(rect).transpose()?.filter(RectPx::is_valid),
        severity,
    })
}
