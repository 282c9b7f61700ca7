//! Kinds of the autoencoder.

use super::Check;

/// Kinds of this family.
pub const KINDS: &[(&str, Check)] = &[];
