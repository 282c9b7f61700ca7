//! Kinds of the diffusion transformer.

use super::Check;

/// Kinds of this family.
pub const KINDS: &[(&str, Check)] = &[];
