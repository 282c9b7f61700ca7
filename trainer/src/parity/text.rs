//! Kinds of tokenizer, caption cleaning, text encoder.

use super::Check;

/// Kinds of this family.
pub const KINDS: &[(&str, Check)] = &[];
