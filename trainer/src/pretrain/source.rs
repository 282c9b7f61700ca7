//! Weights to begin with or to hand on: of a run, a checkpoint, a model folder or a published file.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Tensor};
use engine::model::names;
use engine::store::hash::hash_file;
use engine::store::model_dir::ModelSpec;
use engine::store::weights::TensorFile;

use crate::config::stage::Weights;
use crate::run::checkpoint::{self, Found};

/// File of the tensors that a stage does not train, beside its checkpoints.
pub const FROZEN: &str = "frozen.safetensors";

/// Prefix of parameters that belong to the training and not to the model.
pub const TRAINING_ONLY: &str = "alignment.";

/// Which weights of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The average with the longest half-life; the trained weights where there is none.
    Longest,
    /// The average with this half-life.
    HalfLife(u64),
    /// Those that were trained.
    Trained,
}

impl From<Weights> for Choice {
    fn from(weights: Weights) -> Self {
        match weights {
            Weights::Average => Self::Longest,
            Weights::Trained => Self::Trained,
        }
    }
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "longest" => Ok(Self::Longest),
            "none" | "trained" => Ok(Self::Trained),
            number => number.parse().map(Self::HalfLife).map_err(|_| {
                format!("{text:?} is no half-life; give a number of updates, longest, or none for the trained weights")
            }),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Longest => f.write_str("longest"),
            Self::HalfLife(updates) => write!(f, "{updates}"),
            Self::Trained => f.write_str("none"),
        }
    }
}

/// The newest checkpoint of a run or of a stage's folder, or the one that is named.
///
/// # Errors
/// When there is none, or it is damaged.
pub fn checkpoint_at(path: &Path) -> Result<Option<Found>> {
    if path.is_file() {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_ours = name.starts_with("step-") && path.with_extension("json").is_file();
        return is_ours.then(|| Found::at(path)).transpose();
    }
    for stage in ["control", "text", "base"] {
        if let Some(found) = checkpoint::newest(&path.join(stage))? {
            return Ok(Some(found));
        }
    }
    checkpoint::newest(path)
}

/// All tensors of the network in a checkpoint, under official names, and which weights they are, in words.
///
/// # Errors
/// When it is damaged, has no such average, or the frozen tensors beside it are others.
pub fn of_checkpoint(found: &Found, choice: Choice) -> Result<(BTreeMap<String, Tensor>, String)> {
    let mut tensors = BTreeMap::new();
    let (variables, words) = trained(found, choice)?;
    for (name, tensor) in variables {
        // A practice run trains its text encoder along and calls the network `dit`.
        let name = name.strip_prefix("dit.").unwrap_or(&name);
        if !name.starts_with(TRAINING_ONLY) && !name.starts_with("text.") {
            tensors.insert(name.to_owned(), tensor);
        }
    }
    tensors.extend(frozen_of(found)?);
    Ok((tensors, words))
}

/// The variables of a checkpoint by name, and which weights they are, in words.
///
/// # Errors
/// When it is damaged or has no such average.
pub fn trained(found: &Found, choice: Choice) -> Result<(BTreeMap<String, Tensor>, String)> {
    let state = found.load()?;
    let half_lives: Vec<u64> = half_lives(&state);
    let average = match choice {
        Choice::Trained => None,
        Choice::Longest => half_lives.last().copied(),
        Choice::HalfLife(updates) => {
            let known: Vec<String> = half_lives.iter().map(u64::to_string).collect();
            ensure!(
                half_lives.contains(&updates),
                "{} has no average with a half-life of {updates} updates; it has {}",
                found.tensors.display(),
                if known.is_empty() { "none".to_owned() } else { known.join(", ") }
            );
            Some(updates)
        }
    };
    let prefix = average.map_or("weight.".to_owned(), |updates| format!("average.{updates}."));
    let words = average.map_or("as trained".to_owned(), |updates| format!("averaged with a half-life of {updates} updates"));
    let of = |(name, tensor): (String, Tensor)| Some((name.strip_prefix(&prefix)?.to_owned(), tensor));
    Ok((state.into_iter().filter_map(of).collect(), words))
}

/// The tensors that a checkpoint's stage does not train.
///
/// # Errors
/// When they are not those that it was trained with.
pub fn frozen_of(found: &Found) -> Result<BTreeMap<String, Tensor>> {
    let Some(stated) = found.meta.models.get(FROZEN) else { return Ok(BTreeMap::new()) };
    let path = found.tensors.with_file_name(FROZEN);
    let hash = hash_file(&path).with_context(|| format!("cannot read {}, which belongs to the checkpoint", path.display()))?;
    ensure!(
        hash == *stated,
        "{} is not the file that the checkpoint of step {} was trained with",
        path.display(),
        found.meta.step
    );
    Ok(engine::store::weights::load(&path, None)?)
}

/// Half-lives of the averages in a state, ascending.
fn half_lives(state: &BTreeMap<String, Tensor>) -> Vec<u64> {
    let number = |name: &String| name.strip_prefix("average.")?.split('.').next()?.parse().ok();
    let all: std::collections::BTreeSet<u64> = state.keys().filter_map(number).collect();
    all.into_iter().collect()
}

/// Where a network's weights lie.
enum Place {
    /// The file of a model folder.
    Model(PathBuf),
    /// A checkpoint.
    Checkpoint(Box<Found>),
    /// A weight file, and the dictionary in it that is meant.
    File(Option<&'static str>),
}

impl Place {
    fn of(path: &Path, choice: Choice) -> Result<Self> {
        ensure!(path.exists(), "{} does not exist; name a run, a checkpoint, a model folder or a weight file", path.display());
        if path.join("model.toml").is_file() {
            let spec = ModelSpec::read(path)?;
            let Some(dit) = spec.dit() else { bail!("{} is a Stable Diffusion model, not one of this family", path.display()) };
            return Ok(Self::Model(path.join(&dit.weights)));
        }
        if let Some(found) = checkpoint_at(path)? {
            return Ok(Self::Checkpoint(Box::new(found)));
        }
        ensure!(
            path.is_file(),
            "{} holds no checkpoint and no model.toml; name a run, a checkpoint, a model folder or a weight file",
            path.display()
        );
        let is_archive = path.extension().is_none_or(|extension| extension != "safetensors");
        Ok(Self::File((choice == Choice::Trained && is_archive).then_some("state_dict")))
    }
}

/// Looks whether there are weights, without reading them.
///
/// # Errors
/// When there is nothing of that kind.
pub fn look(path: &Path, choice: Choice) -> Result<()> {
    match Place::of(path, choice)? {
        Place::Model(file) => drop(TensorFile::open(&file, None)?),
        Place::Checkpoint(_) => {}
        Place::File(select) => drop(TensorFile::open(path, select)?),
    }
    Ok(())
}

/// The network's tensors wherever they are, under official names, `f32`, and where they were found.
///
/// # Errors
/// When there is nothing of that kind.
pub fn read(path: &Path, choice: Choice) -> Result<(BTreeMap<String, Tensor>, PathBuf)> {
    Ok(match Place::of(path, choice)? {
        Place::Model(file) => (of_file(&file, None)?, file),
        Place::Checkpoint(found) => (of_checkpoint(&found, choice)?.0, found.tensors),
        Place::File(select) => (of_file(path, select)?, path.to_owned()),
    })
}

fn of_file(path: &Path, select: Option<&str>) -> Result<BTreeMap<String, Tensor>> {
    let mut file = TensorFile::open(path, select)?.translated(names::official_name, names::official_shape)?;
    let mut tensors = BTreeMap::new();
    for name in file.in_file_order() {
        let tensor = file.read_f32(&name)?.to_dtype(DType::F32)?;
        tensors.insert(name, tensor);
    }
    Ok(tensors)
}
