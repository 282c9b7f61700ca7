//! Kinds of prompt files.

use super::Check;

/// Kinds of this family.
pub const KINDS: &[(&str, Check)] = &[];
