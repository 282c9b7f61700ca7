//! Kind of a golden → the check that runs it.

use super::{Comparison, Context, Entry};
use super::{
    control, diffusion, dit, pixels, prompt_files, scheduler, stable_diffusion, statistics, text, training, vae, weights,
};

/// Runs one entry and gathers the differences.
///
/// An error means that the entry could not be run at all (missing tensor, unusable configuration).
pub type Check = fn(&Context, &Entry) -> anyhow::Result<Comparison>;

/// All known kinds, by family; a family lists its kinds in its own file.
const FAMILIES: &[&[(&str, Check)]] = &[
    control::KINDS,
    diffusion::KINDS,
    dit::KINDS,
    pixels::KINDS,
    prompt_files::KINDS,
    scheduler::KINDS,
    stable_diffusion::KINDS,
    statistics::KINDS,
    text::KINDS,
    training::KINDS,
    vae::KINDS,
    weights::KINDS,
];

/// The check of a kind, if this build knows it.
pub fn check_for(kind: &str) -> Option<Check> {
    FAMILIES.iter().flat_map(|family| family.iter()).find(|(name, _)| *name == kind).map(|(_, check)| *check)
}
