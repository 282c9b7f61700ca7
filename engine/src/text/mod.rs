//! From the words of an impression to token ids: cleaning, then tokenizing.
//!
//! Nothing here knows a network; the text encoder lives in [`crate::model`].

pub mod align;
mod charsmap;
pub mod cleaning;
pub mod clip;
mod entities;
pub mod findings;
mod html_text;
mod nearest;
mod patterns;
mod protobuf;
mod repair;
mod repair_bytes;
mod repair_tables;
pub mod sentencepiece;
pub mod tokenizer;

pub use cleaning::{Cleaned, CleaningError, clean, clean_once};
pub use nearest::nearest;
pub use tokenizer::{TokenCount, TokenIds, Tokenizer, TokenizerError};
