//! The practice model: its tokenizer, its model folder, and how it is sampled and measured.

pub mod export;
mod handover;
pub mod model;
pub mod report;
pub mod run;
pub mod sampling;
pub mod sheet;
pub mod tokenizer;

/// The text as the tokenizer reads it.
///
/// # Errors
/// When the text cannot be cleaned.
pub fn clean(text: &str) -> anyhow::Result<String> {
    Ok(engine::text::clean(text)?.text)
}
