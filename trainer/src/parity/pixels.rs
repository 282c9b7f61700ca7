//! Kinds of image preparation.

use super::Check;

/// Kinds of this family.
pub const KINDS: &[(&str, Check)] = &[];
