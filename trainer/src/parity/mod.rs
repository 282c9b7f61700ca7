//! Golden checks: every entry of a manifest is run through the engine and compared.
//!
//! An entry is a kind, a configuration, tensors (or JSON) in a file beside the manifest and a
//! tolerance. A check is chosen by the kind alone; sizes, weights and settings come from the entry,
//! so a folder with other goldens of the same kinds runs unchanged.

mod allowance;
mod compare;
mod context;
mod json;
mod registry;

pub mod control;
pub mod diffusion;
pub mod dit;
pub mod guided;
pub mod pixels;
pub mod prompt_files;
pub mod scheduler;
pub mod stable_diffusion;
pub mod statistics;
pub mod text;
pub mod training;
pub mod vae;
pub mod weights;

pub use allowance::{Allowance, WIDER};
pub use compare::{Comparison, Tolerance};
pub use context::{Context, Entry};
pub use json::parse as parse_json;
pub use registry::{Check, check_for};

/// What became of one entry.
#[derive(Debug)]
pub enum Verdict {
    /// Within the tolerance.
    Passed(Comparison),
    /// Outside the tolerance.
    Failed(Comparison),
    /// The check could not be carried out.
    Broken(anyhow::Error),
    /// The kind is not known to this build.
    Unknown,
}

/// Runs one entry.
pub fn run_entry(context: &Context, entry: &Entry) -> Verdict {
    let Some(check) = check_for(entry.kind()) else { return Verdict::Unknown };
    match check(context, entry) {
        Ok(comparison) if comparison.passed() => Verdict::Passed(comparison),
        Ok(comparison) => Verdict::Failed(comparison),
        Err(error) => Verdict::Broken(error),
    }
}

#[cfg(test)]
mod tests;
