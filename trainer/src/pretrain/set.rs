//! The prepared data set of a stage, held against the configuration before anything is begun.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, ensure};

use super::parts::Parts;
use crate::config::StageConfig;
use crate::data::cases::ConditionKind;
use crate::data::dataset::{Dataset, Subset};

/// The samples of a split, and what there is to say of their conditions.
///
/// # Errors
/// When the set cannot be read, is of another size than the network, or a control stage finds no condition in it.
pub fn open(config: &StageConfig, folder: &Path, split: &str) -> Result<(Subset, Option<String>)> {
    let seen: RefCell<BTreeMap<ConditionKind, usize>> = RefCell::default();
    let with_any = RefCell::new(0usize);
    let wanted: Vec<ConditionKind> = match &config.control {
        Some(control) => control.conditions.iter().filter(|(_, weight)| **weight > 0.0).map(|(kind, _)| *kind).collect(),
        None => Vec::new(),
    };
    let subset = Dataset::open(folder)?.subset(split, &|about| {
        let has = wanted.iter().filter(|kind| about.conditions.contains(kind));
        let count = has.map(|kind| *seen.borrow_mut().entry(*kind).or_default() += 1).count();
        *with_any.borrow_mut() += usize::from(count > 0);
        true
    })?;
    let (binding, n) = (subset.binding(), &config.network);
    ensure!(
        binding.side == n.input_size,
        "the data set {} holds latents of side {}, but network.input_size is {}; prepare it with size_px = {}, or name a set of \
         that size",
        folder.display(),
        binding.side,
        n.input_size,
        n.input_size * binding.size_px / binding.side.max(1)
    );
    ensure!(
        binding.max_tokens <= n.token_num,
        "the data set {} holds captions of up to {} tokens, but network.token_num is {}; raise it, or prepare the set with \
         captions.max_tokens = {}",
        folder.display(),
        binding.max_tokens,
        n.token_num,
        n.token_num
    );
    if wanted.is_empty() {
        return Ok((subset, None));
    }
    let (seen, with_any) = (seen.into_inner(), with_any.into_inner());
    let names = |kinds: &mut dyn Iterator<Item = ConditionKind>| kinds.map(ConditionKind::name).collect::<Vec<_>>().join(", ");
    ensure!(
        with_any > 0,
        "the data set {} holds no condition of control.conditions ({}), so the control branch would learn nothing; prepare it with \
         conditions = [\"{}\"] from a source that has them",
        folder.display(),
        names(&mut wanted.iter().copied()),
        wanted.first().map_or("mask", |kind| kind.name())
    );
    let counts = seen.iter().map(|(kind, count)| format!("{} {count}", kind.name())).collect::<Vec<_>>().join(", ");
    let missing: Vec<ConditionKind> = wanted.into_iter().filter(|kind| !seen.contains_key(kind)).collect();
    let mut note = format!("control: {with_any} of {} cases have a condition ({counts})", subset.len());
    if !missing.is_empty() {
        note.push_str(&format!("; none has {}", names(&mut missing.into_iter())));
    }
    Ok((subset, Some(note)))
}

/// Refuses a set that was prepared with other parts.
///
/// # Errors
/// Names what is another.
pub fn refuse_other_parts(subset: &Subset, parts: &Parts) -> Result<()> {
    let binding = subset.binding();
    let stated = [
        ("autoencoder", &binding.autoencoder, parts.spec.autoencoder.weights()),
        ("text encoder", &binding.text, parts.spec.text.weights.as_str()),
        ("tokenizer", &binding.tokenizer, parts.spec.text.tokenizer.as_str()),
    ];
    for (what, hash, file) in stated {
        ensure!(
            parts.hashes.get(file) == Some(hash),
            "the data set {} was prepared with another {what} than that of {}; prepare it again with these parts, or name those it \
             was prepared with",
            subset.dir().display(),
            parts.dir.display()
        );
    }
    Ok(())
}
