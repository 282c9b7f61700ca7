//! Kinds of training losses and optimiser steps.

use super::Check;

/// Kinds of this family.
pub const KINDS: &[(&str, Check)] = &[];
