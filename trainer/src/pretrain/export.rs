//! A trained stage as a model folder: its network under the published names beside the parts it was trained with.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Device, Tensor};
use engine::store::atomic::{AtomicFile, write_atomic};
use engine::store::hash::hash_file;
use engine::store::model_dir::{DefaultsSpec, DitSpec, NetworkSpec, PartsSpec};
use engine::store::safetensors_writer::SafetensorsWriter;
use engine::store::weights::TensorFile;

use super::parts::Parts;
use super::source::{self, Choice};
use super::start;
use crate::config::stage::PredictionName;
use crate::config::{AnyConfig, StageConfig, TrainConfig};
use crate::out_folder::{holds_model, refuse, refuse_model};
use crate::practice::export::table;
use crate::practice::run::{self, ExportTo, Stages};
use crate::ranks::Group;
use crate::run::checkpoint::Found;
use crate::run::lock::RunLock;
use crate::run::run_dir::RunDir;
use crate::run::signals::StopRequest;

/// The network's file.
const NETWORK: &str = "dit.safetensors";
/// The practice checker's.
const CHECKER: &str = "checker.safetensors";

/// What is to be exported.
#[derive(Clone, Debug)]
pub struct Request {
    /// A run, a stage's folder or a checkpoint.
    pub from: PathBuf,
    /// Which weights.
    pub choice: Choice,
    /// How they are stored.
    pub dtype: DType,
    /// The parts, where they are not where the configuration says.
    pub parts: Option<PathBuf>,
    /// The model folder.
    pub out: PathBuf,
    /// Whether it may take the place of another model there.
    pub replace: bool,
}

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported {
    /// Update of the checkpoint.
    pub step: usize,
    /// Tensors of the network.
    pub tensors: usize,
    /// Which weights they are, in words.
    pub weights: String,
    /// Whether this very model was there already, so that nothing was written.
    pub was_there: bool,
}

/// Writes the folder; `model.toml` comes last.
///
/// # Errors
/// When the checkpoint or the parts cannot be used, another model is in the folder and is not to be replaced, or the folder
/// cannot be written.
pub fn run(request: &Request) -> Result<Exported> {
    refuse("--out", &request.out, Some("model.toml"))?;
    let found = source::checkpoint_at(&request.from)?;
    let found = found.with_context(|| {
        format!(
            "{} holds no checkpoint; name a run folder of chexgen train, or a checkpoint in it, such as \
             RUN/control/step-00001000.json",
            request.from.display()
        )
    })?;
    match AnyConfig::from_text(&found.meta.config, &[]).context("the configuration in the checkpoint")? {
        AnyConfig::Stage(config) => of_stage(request, &found, *config),
        AnyConfig::Practice(config) => of_practice(request, &found, &config),
    }
}

/// A practice run's folder with the weights of a checkpoint of its last stage; its other parts are in the run.
fn of_practice(request: &Request, found: &Found, config: &TrainConfig) -> Result<Exported> {
    let stage = &found.meta.stage;
    ensure!(stage == "control", "{} is of stage {stage}; a model folder is made of the stage control", found.tensors.display());
    ensure!(
        request.parts.is_none() && request.dtype == DType::F32,
        "a practice model is stored in half precision with its own parts; leave --parts and --dtype out"
    );
    if !request.replace {
        refuse_model(&request.out)?;
    }
    let root = found.tensors.parent().and_then(Path::parent).context("a checkpoint lies in the folder of its stage")?;
    let run_dir = RunDir::open(root)?;
    let _lock = RunLock::take(run_dir.root())?;
    let (tensors, weights) = source::trained(found, request.choice)?;
    let count = tensors.len();
    let to = ExportTo { dir: &request.out, control: Some(tensors), replace: request.replace };
    let alone = Rc::new(Group::alone());
    run::run(config, &Device::Cpu, &run_dir, (&StopRequest::never(), &alone), &Stages::none(), Some(&to))?;
    Ok(Exported { step: found.meta.step, tensors: count, weights, was_there: false })
}

fn of_stage(request: &Request, found: &Found, mut config: StageConfig) -> Result<Exported> {
    if request.parts.is_some() {
        config.parts = request.parts.clone();
    }
    let parts = super::open_parts(&config, &Device::Cpu)?;
    for (file, hash) in &parts.hashes {
        if found.meta.models.get(file).is_some_and(|trained| trained != hash) {
            bail!(
                "{} is not the {file} that the checkpoint was trained with; name the right folder with --parts",
                parts.dir.display()
            );
        }
    }
    let (tensors, weights) = source::of_checkpoint(found, request.choice)?;
    for param in start::parameters(&config)? {
        let shape = tensors.get(&param.name).map(|tensor| tensor.dims().to_vec());
        ensure!(shape == Some(param.shape), "{}: tensor {} is missing or misshapen", found.tensors.display(), param.name);
    }
    let out = &request.out;
    if !request.replace && holds_model(out) {
        if is_there(out, &tensors, request.dtype, &parts)? {
            return Ok(Exported { step: found.meta.step, tensors: tensors.len(), weights, was_there: true });
        }
        refuse_model(out)?;
    }
    engine::store::atomic::ensure_writable_dir(out)?;
    engine::store::atomic::remove_leftovers(out)?;
    let mut hashes = BTreeMap::new();
    let list = tensors.iter().map(|(name, tensor)| (name.clone(), request.dtype, tensor.dims().to_vec())).collect();
    let mut writer = SafetensorsWriter::create(&out.join(NETWORK), list)?;
    for (name, tensor) in &tensors {
        writer.write(name, &tensor.to_dtype(request.dtype)?)?;
    }
    hashes.insert(NETWORK.to_owned(), writer.finish()?);
    let (n, e) = (&config.network, &config.export);
    let copied = copied_files(&parts.spec, &parts.dir);
    for name in &copied {
        hashes.insert(name.clone(), copy(&parts, name, out)?);
    }
    // A checker of the model that was there is none of this one.
    if !copied.iter().any(|name| name == CHECKER) && out.join(CHECKER).is_file() {
        std::fs::remove_file(out.join(CHECKER)).with_context(|| format!("cannot remove {}", out.join(CHECKER).display()))?;
    }
    let size_px = n.input_size * parts.autoencoder()?.factor();
    let network = NetworkSpec::Dit(DitSpec {
        weights: NETWORK.to_owned(),
        prediction: match config.objective.prediction {
            PredictionName::Epsilon => "epsilon",
            PredictionName::Velocity => "velocity",
        }
        .to_owned(),
        control_blocks: n.control_blocks,
        // Where every row had its condition, dropped captions had theirs, too.
        control_unconditional: config.control.as_ref().is_none_or(|control| control.share_dropped >= 1.0),
        config: table(&config.dit())?,
    });
    let defaults = DefaultsSpec {
        preset: e.preset.clone(),
        sampler: e.sampler.clone(),
        num_steps: e.num_steps,
        guidance_scale: e.guidance_scale,
    };
    let mut spec = PartsSpec {
        name: config.name.clone(),
        practice: config.practice,
        notice: e.notice.clone(),
        hashes,
        ..parts.spec.clone()
    };
    spec.text.max_tokens = n.token_num;
    let text = spec.into_model(size_px as u32, network, defaults).to_toml()?;
    write_atomic(&out.join("model.toml"), text.as_bytes())?;
    Ok(Exported { step: found.meta.step, tensors: tensors.len(), weights, was_there: false })
}

/// Whether a model folder holds these tensors of a network, stored so, beside these parts.
fn is_there(dir: &Path, tensors: &BTreeMap<String, Tensor>, dtype: DType, parts: &Parts) -> Result<bool> {
    let same = |name: &String| Ok::<_, std::io::Error>(hash_file(&dir.join(name))? == hash_file(&parts.dir.join(name))?);
    // What cannot be read is not this model.
    if !copied_files(&parts.spec, &parts.dir).iter().all(|name| same(name).unwrap_or(false)) {
        return Ok(false);
    }
    let Ok(mut there) = TensorFile::open(&dir.join(NETWORK), None) else { return Ok(false) };
    if there.infos().count() != tensors.len() {
        return Ok(false);
    }
    for (name, tensor) in tensors {
        let Ok(found) = there.read(name) else { return Ok(false) };
        let wanted = tensor.to_dtype(dtype)?;
        if found.dtype() != dtype || found.dims() != wanted.dims() {
            return Ok(false);
        }
        let bits = |tensor: &Tensor| -> Result<Vec<u32>> {
            let values = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
            Ok(values.into_iter().map(f32::to_bits).collect())
        };
        if bits(&found)? != bits(&wanted)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Files of the parts that belong into the folder; the practice checker beside them, where it is there.
fn copied_files(spec: &PartsSpec, dir: &Path) -> Vec<String> {
    let named = spec.files().into_iter().map(|(_, name)| name.to_owned());
    let beside = dir.join(CHECKER).is_file().then(|| CHECKER.to_owned());
    named.chain(beside).collect()
}

/// Copies a file piece by piece; the hash of what was written.
fn copy(parts: &Parts, name: &str, out: &Path) -> Result<String> {
    let (from, to) = (parts.dir.join(name), out.join(name));
    let fail = || format!("cannot copy {} to {}", from.display(), to.display());
    // A model may be exported into the folder of its own parts.
    if from.canonicalize().ok() != to.canonicalize().ok() || !to.exists() {
        let mut source = std::fs::File::open(&from).with_context(fail)?;
        let mut target = AtomicFile::create(&to)?;
        std::io::copy(&mut source, &mut target).with_context(fail)?;
        target.flush().with_context(fail)?;
        target.commit()?;
    }
    hash_file(&to).with_context(fail)
}
