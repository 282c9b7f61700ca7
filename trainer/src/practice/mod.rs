//! The practice model: its tokenizer, its model folder, and how it is sampled and measured.

pub mod export;
pub mod model;
pub mod report;
pub mod run;
pub mod sampling;
pub mod sheet;
pub mod tokenizer;

/// The text as the tokenizer reads it.
pub fn clean(text: &str) -> String {
    text.trim().to_lowercase()
}
