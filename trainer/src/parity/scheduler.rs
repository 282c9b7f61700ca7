//! Kinds of library-style schedulers.

use super::Check;

/// Kinds of this family.
pub const KINDS: &[(&str, Check)] = &[];
