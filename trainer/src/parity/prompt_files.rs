//! Kinds of prompt files.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::Deserialize;

use super::{Check, Comparison, Context, Entry};
use crate::cases::order::release_order;
use crate::cases::parse_cases;

/// Kinds of this family.
pub const KINDS: &[(&str, Check)] = &[("prompt_files", prompt_files), ("sampler_order", sampler_order)];

#[derive(Deserialize)]
struct PromptFile {
    content: String,
    items: Vec<(String, String)>,
}

fn prompt_files(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let files: BTreeMap<String, PromptFile> = serde_json::from_value(context.json(entry)?).context("prompt files")?;
    let mut comparison = Comparison::new();
    for (name, file) in &files {
        let rows = parse_cases(name, &file.content)?;
        let items: Vec<(String, String)> = rows.into_iter().map(|row| (row.name, row.impression)).collect();
        comparison.equal(name, &items, &file.items);
    }
    Ok(comparison)
}

/// Every order says by itself for how many prompts and workers it is.
fn sampler_order(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let orders: BTreeMap<String, Vec<Vec<usize>>> = serde_json::from_value(context.json(entry)?).context("orders")?;
    let mut comparison = Comparison::new();
    for (name, want) in &orders {
        let prompts = want.iter().flatten().max().map_or(0, |last| last + 1);
        comparison.equal(name, &release_order(prompts, want.len()), want);
    }
    Ok(comparison)
}
