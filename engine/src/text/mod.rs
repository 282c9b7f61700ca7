//! From the words of an impression to token ids: cleaning, then tokenizing.
//!
//! Nothing here knows a network; the text encoder lives in [`crate::model`].

mod charsmap;
mod protobuf;
pub mod sentencepiece;
pub mod tokenizer;

pub use tokenizer::{TokenCount, TokenIds, Tokenizer, TokenizerError};
