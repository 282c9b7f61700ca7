//! Going on from a checkpoint: refused where its state would mean something else, and what else is different is said.

use std::path::Path;

use anyhow::{Result, bail, ensure};

use super::checkpoint::{Found, Meta};
use crate::step::Optimizer;

/// Takes over a checkpoint; what there is to say about it.
///
/// # Errors
/// When it is damaged or of another training.
pub(super) fn resume(found: Option<&Found>, meta: &Meta, dir: &Path, optimizer: &mut Optimizer) -> Result<Vec<String>> {
    let Some(found) = found else { return Ok(Vec::new()) };
    let mut notes = refuse_or_note(&found.meta, meta, meta.world, dir)?;
    if notes.is_empty() {
        notes.push(format!("{}: going on from the checkpoint of step {}", found.meta.stage, found.meta.step));
    }
    optimizer.load_state(found.meta.applied, &found.load()?)?;
    Ok(notes)
}

/// Refuses a checkpoint of another training; says what else is different.
pub(super) fn refuse_or_note(found: &Meta, now: &Meta, world: usize, dir: &Path) -> Result<Vec<String>> {
    let (step, dir) = (found.step, dir.display());
    ensure!(
        found.identity == now.identity,
        "the checkpoint of step {step} in {dir} was written with another batch size, optimiser, set of averages, network or \
         seed; restore that configuration (chexgen config diff shows the difference) or choose another run folder"
    );
    ensure!(
        found.data == now.data,
        "the checkpoint of step {step} in {dir} was trained on other data ({}) than this ({}); restore that data or choose \
         another run folder",
        found.data,
        now.data
    );
    for (file, hash) in &now.models {
        if let Some(before) = found.models.get(file).filter(|before| *before != hash) {
            bail!(
                "the checkpoint of step {step} in {dir} was trained with another {file} ({before:.12}, now {hash:.12}); restore it"
            );
        }
    }
    let mut notes = Vec::new();
    if found.config != now.config {
        let changes = crate::config::toml_differences(&found.config, &now.config);
        notes.push(format!("{}: going on from step {step} with changed settings: {}", found.stage, changes.join("; ")));
    }
    if found.world != world {
        notes.push(format!(
            "{}: going on from sample {} on {world} ranks instead of {}: each update's rows are shared anew, none is seen twice",
            found.stage, found.samples, found.world
        ));
    }
    Ok(notes)
}
