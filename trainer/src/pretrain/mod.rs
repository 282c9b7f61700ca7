//! Stages of a diffusion transformer: on prepared data or phantoms, beside frozen parts of a model folder.

pub mod alignment;
pub mod export;
pub mod panel;
pub mod parts;
pub mod set;
pub mod source;
pub mod start;

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use engine::diffusion::{LossConfig, LossKind, NoiseSchedule, Prediction, Variance};
use engine::domain::Seed;
use engine::model::Autoencoder;
use engine::phantom::PhantomConfig;
use engine::store::hash::hash_file;
use engine::store::model_dir::PartsSpec;

use crate::config::stage::{DataSource, PredictionName};
use crate::config::{StageConfig, parse, toml_differences};
use crate::data::cases::{Caption, Cases, ConditionKind};
use crate::data::dataset::Subset;
use crate::data::latents::Normaliser;
use crate::data::phantom_cases::Encoders;
use crate::data::phantoms::Phantoms;
use crate::data::prepared_cases::{PreparedCases, WithFeatures};
use crate::ranks::Group;
use crate::run::checkpoint::{Found, newest};
use crate::run::log::say;
use crate::run::run_dir::RunDir;
use crate::run::signals::StopRequest;
use crate::run::train_loop::{Ending, Origin, is_finished, train};
use crate::stages::batch::{Drawing, TIMESTEPS};
use crate::stages::diffusion::DiffusionStage;
use crate::stages::network::NetworkMaker;
use crate::stages::phantoms;
use crate::step::objective::Objective;
use crate::step::params::ParamStore;
use crate::step::pass::HiddenLoss;
use alignment::Alignment;
use parts::Parts;
use source::FROZEN;

impl From<PredictionName> for Prediction {
    fn from(name: PredictionName) -> Self {
        match name {
            PredictionName::Epsilon => Self::Epsilon,
            PredictionName::Velocity => Self::Velocity,
        }
    }
}

/// Trains a stage to its end, or until one of the ranks is asked to stop.
///
/// # Errors
/// When a part, the data, the start or a checkpoint cannot be used.
pub fn run(config: &StageConfig, device: &Device, run: &RunDir, stop: &StopRequest, group: &Rc<Group>) -> Result<Ending> {
    let open = || {
        let parts = open_parts(config, device)?;
        let autoencoder: Arc<dyn Autoencoder> = Arc::from(parts.autoencoder()?);
        check_sizes(config, &parts, autoencoder.as_ref())?;
        let set = match &config.data {
            DataSource::Prepared { folder, split, .. } => {
                let (subset, note) = set::open(config, folder, split)?;
                set::refuse_other_parts(&subset, &parts)?;
                note.filter(|_| group.leads()).iter().for_each(|note| say(note));
                Some(subset)
            }
            DataSource::Phantoms { .. } => None,
        };
        let maps = parts.maps(config.network.in_channels)?;
        Ok((parts, autoencoder, maps, set))
    };
    let (parts, autoencoder, maps, set) = group.together(open())?;
    let name = config.stage.name();
    let (params, frozen_hash) = group.first(|leads| parameters(config, device, run, leads))?;
    let cases = cases(config, device, run, (&parts, autoencoder.as_ref(), &maps), set, (stop, group));
    let Some(cases) = group.together(cases)? else { return Ok(Ending::Stopped) };
    let steps = config.train.updates(cases.len())?;
    let mut models = parts.hashes.clone();
    models.insert(FROZEN.to_owned(), frozen_hash);
    let origin = Origin {
        config: parse::to_text(config)?,
        data: cases.fingerprint(),
        identity: serde_json::to_string(&(config.seed, &config.network, config.objective.prediction, &config.control))?,
        models,
    };
    let source = panel::Source { parts: &parts, autoencoder, maps: &maps };
    let stage = group.together(stage(config, device, &params, cases, source, group.leads()))?;
    if group.decide(|| is_finished(run, name, steps))? {
        if group.leads() {
            say(&format!("{name}: its {steps} updates are done"));
        }
        return Ok(Ending::Finished);
    }
    let warmup = config.train.lr.warmup_steps;
    if warmup > steps && group.leads() {
        say(&format!(
            "{name}: the warm-up of {warmup} updates is longer than the stage of {steps}, so the rate never reaches lr.peak"
        ));
    }
    train(&stage, &params, (&config.train, steps), run, (stop, group), &origin)
}

/// Looks whether the parts, the data and the beginning that a stage names are there and fit it, before their values are read.
///
/// A run that has a checkpoint does not need its beginning any more.
///
/// # Errors
/// Names what is missing or of another kind.
pub fn look(config: &StageConfig, run: &Path) -> Result<()> {
    PartsSpec::read(parts_dir(config)?)?;
    if let DataSource::Prepared { folder, split, .. } = &config.data {
        set::open(config, folder, split)?;
    }
    match &config.start.from {
        Some(from) if newest(&run.join(config.stage.name()))?.is_none() => source::look(from, config.start.weights.into()),
        _ => Ok(()),
    }
}

/// The frozen parts that a configuration names.
///
/// # Errors
/// When it names none, or they cannot be used.
pub fn open_parts(config: &StageConfig, device: &Device) -> Result<Parts> {
    Parts::open(parts_dir(config)?, device)
}

fn parts_dir(config: &StageConfig) -> Result<&Path> {
    config.parts.as_deref().context(
        "field parts is missing: name a folder of parts (chexgen import --parts) or of a model, whose autoencoder and text \
         encoder are used, there or with --parts",
    )
}

fn check_sizes(config: &StageConfig, parts: &Parts, autoencoder: &dyn Autoencoder) -> Result<()> {
    let (n, dir) = (&config.network, parts.dir.display());
    let (channels, width) = (autoencoder.latent_channels(), parts.text_width()?);
    ensure!(
        n.in_channels == channels,
        "field network.in_channels is {}, but the autoencoder of {dir} has {channels}",
        n.in_channels
    );
    ensure!(
        n.text_embed_dims == width,
        "field network.text_embed_dims is {}, but the text encoder of {dir} gives rows of {width}",
        n.text_embed_dims
    );
    Ok(())
}

/// The parameters: of the newest checkpoint's run, or at the stage's beginning; and the hash of those that rest, which the
/// rank that `leads` writes.
fn parameters(config: &StageConfig, device: &Device, run: &RunDir, leads: bool) -> Result<(ParamStore, String)> {
    let dir = run.stage(config.stage.name());
    let path = dir.join(FROZEN);
    let list = start::parameters(config)?;
    let resting: std::collections::BTreeSet<String> =
        list.iter().filter(|param| !param.trainable).map(|param| param.name.clone()).collect();
    let mut tensors = match newest(&dir)? {
        // What is trained is filled in from the checkpoint, so its beginning does not matter any more.
        Some(found) => {
            refuse_other_network(&found, config)?;
            let mut tensors = source::frozen_of(&found)?;
            for param in list.iter().filter(|param| param.trainable) {
                tensors.insert(param.name.clone(), Tensor::zeros(param.shape.as_slice(), candle_core::DType::F32, &Device::Cpu)?);
            }
            tensors
        }
        None => {
            let begun = start::begin(config)?;
            if leads {
                say(&format!("{}: begins with {}", config.stage.name(), begun.story));
                std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
                let frozen: BTreeMap<&String, &Tensor> =
                    begun.tensors.iter().filter(|(name, _)| resting.contains(*name)).collect();
                let bytes = safetensors::serialize(frozen, None).context("cannot lay out the frozen tensors")?;
                engine::store::atomic::write_atomic(&path, &bytes)?;
            }
            begun.tensors
        }
    };
    let expected: std::collections::BTreeSet<&String> = list.iter().map(|param| &param.name).collect();
    ensure!(tensors.keys().collect::<std::collections::BTreeSet<_>>() == expected, "{} does not fit this stage", path.display());
    if let Some(settings) = &config.objective.alignment {
        tensors.extend(start::projection(&config.dit(), settings, config.seed)?);
    }
    let hash = hash_file(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok((ParamStore::starting_from(tensors, device, Box::new(move |name| resting.contains(name)))?, hash))
}

/// Refuses a checkpoint whose network has other sizes, before its tensors are laid into this one.
fn refuse_other_network(found: &Found, config: &StageConfig) -> Result<()> {
    let changes = toml_differences(&found.meta.config, &parse::to_text(config)?);
    let sizes: Vec<String> = changes.into_iter().filter(|change| change.starts_with("network.")).collect();
    ensure!(
        sizes.is_empty(),
        "the checkpoint of step {} in {} was written with another network ({}); restore that configuration or choose another run \
         folder",
        found.meta.step,
        found.tensors.parent().unwrap_or(Path::new("")).display(),
        sizes.join("; ")
    );
    Ok(())
}

/// What is learnt from; `None` where a rank was signalled before it was ready.
fn cases(
    config: &StageConfig,
    device: &Device,
    run: &RunDir,
    (parts, autoencoder, maps): (&Parts, &dyn Autoencoder, &(Normaliser, Normaliser)),
    set: Option<Subset>,
    (stop, group): (&StopRequest, &Group),
) -> Result<Option<Arc<dyn Cases>>> {
    let size = config.network.input_size * autoencoder.factor();
    let kinds: Vec<ConditionKind> = config.control.as_ref().map(|c| c.conditions.keys().copied().collect()).unwrap_or_default();
    let cases: Arc<dyn Cases> = match &config.data {
        DataSource::Prepared { sample_posterior, .. } => {
            let subset = set.context("a prepared data set is opened before")?;
            Arc::new(PreparedCases::new(subset, maps.clone(), *sample_posterior))
        }
        DataSource::Phantoms { count, seed, cache, sample_posterior } => {
            let dir = run.root().join(cache);
            let drawn = Phantoms::new(*seed, PhantomConfig::practice(), size, *count, Some(dir));
            if !phantoms::draw(&drawn, stop, group)? {
                return Ok(None);
            }
            let text = group.together(parts.text(config.network.token_num))?;
            let palette = group.together(parts.palette())?;
            let with = Encoders {
                autoencoder,
                maps: Some(maps.clone()),
                caption: &|words| Ok(Caption::Rows(text.embed(words)?)),
                caption_width: Some(config.network.text_embed_dims),
                palette: &palette,
                kinds: &kinds,
                sample_posterior: *sample_posterior,
            };
            match phantoms::encode(&drawn, &with, device, stop, group)? {
                Some(cases) => Arc::new(cases),
                None => return Ok(None),
            }
        }
    };
    match &config.objective.alignment {
        None => Ok(Some(cases)),
        Some(a) => {
            let numbers = config.dit().num_tokens() * a.width;
            Ok(Some(Arc::new(WithFeatures::open(cases, Path::new(&a.features), numbers)?)))
        }
    }
}

fn stage(
    config: &StageConfig,
    device: &Device,
    params: &ParamStore,
    cases: Arc<dyn Cases>,
    source: panel::Source<'_>,
    leads: bool,
) -> Result<DiffusionStage> {
    let (o, name) = (&config.objective, config.stage.name());
    let variance = if config.network.learn_variance { Variance::LearnedRange } else { Variance::FixedLarge };
    let loss = LossConfig { prediction: o.prediction.into(), variance, kind: LossKind::Mse };
    let hidden = o
        .alignment
        .as_ref()
        .map(|a| -> Result<Box<dyn HiddenLoss>> { Ok(Box::new(Alignment::new(params, config.network.hidden_size, a)?)) });
    let control = config.control.as_ref();
    let drawing = Drawing {
        seed: Seed::for_case(config.seed, name).0,
        caption_dropout: o.caption_dropout,
        timesteps: o.timesteps,
        timestep_power: o.timestep_power,
        conditions: control.map(|c| c.conditions.iter().map(|(kind, weight)| (*kind, *weight)).collect()).unwrap_or_default(),
        control_share: control.map_or(0.0, |c| c.share),
        control_share_dropped: control.map_or(0.0, |c| c.share_dropped),
    };
    let panel = if leads && config.train.sheet_every > 0 { panel::build(config, device, cases.as_ref(), source)? } else { None };
    let compute = config.train.compute.on(device);
    Ok(DiffusionStage {
        name,
        text: None,
        network: NetworkMaker::new(params, "", &config.dit(), config.network.control_blocks, compute)?,
        objective: Objective::new(NoiseSchedule::linear(TIMESTEPS)?, loss, o.min_snr_gamma)?,
        hidden: hidden.transpose()?,
        checkpointing: config.train.gradient_checkpointing,
        cases,
        device: device.clone(),
        drawing,
        panel,
    })
}
