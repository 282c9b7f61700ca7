//! Kinds of noise tables and the official sampling loops.

use super::Check;

/// Kinds of this family.
pub const KINDS: &[(&str, Check)] = &[];
