//! Kinds of the control model.

use super::Check;

/// Kinds of this family.
pub const KINDS: &[(&str, Check)] = &[];
