//! The stages of a practice run in order; finished ones are read back, the rest is trained.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use engine::condition::Palette;
use engine::diffusion::{LossConfig, LossKind, NoiseSchedule, Prediction, Variance};
use engine::domain::{Preset, Seed};
use engine::model::checker::Checker;
use engine::model::init::{self, ControlStart, InitOptions};
use engine::model::practice_ae::{FACTOR, PracticeAe};
use engine::model::t5::{FeedForward, T5Config, T5Encoder};
use engine::model::{Base, DitConfig, control_params, dit_params};
use engine::phantom::PhantomConfig;
use engine::text::Tokenizer;

use super::handover::Trained;
use super::{sampling, tokenizer};
use crate::config::TrainConfig;
use crate::config::parse;
use crate::data::cases::{Caption, Cases, ConditionKind};
use crate::data::phantom_cases::{Encoders, PhantomCases};
use crate::data::phantoms::{CHUNK, Phantoms};
use crate::ranks::Group;
use crate::run::run_dir::RunDir;
use crate::run::settings::LoopConfig;
use crate::run::signals::StopRequest;
use crate::run::stage::Stage;
use crate::run::train_loop::{Ending, Origin, load_finished, train};
use crate::stages::autoencoder::AutoencoderStage;
use crate::stages::batch::{Drawing, TIMESTEPS};
use crate::stages::checker::CheckerStage;
use crate::stages::diffusion::DiffusionStage;
use crate::stages::init::{convolutional, text_encoder};
use crate::stages::network::NetworkMaker;
use crate::stages::panel::Panel;
use crate::stages::phantoms;
use crate::step::objective::Objective;
use crate::step::params::ParamStore;

/// Names of the stages.
pub const STAGES: [&str; 4] = ["autoencoder", "checker", "base", "control"];

/// Which stages to train now; the others are read where they are finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stages(Vec<String>);

impl Stages {
    /// All stages, or the named ones.
    ///
    /// # Errors
    /// Names an unknown stage.
    pub fn new(names: &[String]) -> Result<Self> {
        for name in names {
            ensure!(STAGES.contains(&name.as_str()), "stage {name:?} is unknown; choose from {}", STAGES.join(", "));
        }
        Ok(Self(names.to_vec()))
    }

    /// No stage: what is finished is read, nothing is trained.
    pub fn none() -> Self {
        Self(vec![String::new()])
    }

    fn wants(&self, name: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|n| n == name)
    }
}

/// Where the model folder goes.
pub struct ExportTo<'a> {
    /// The folder.
    pub dir: &'a Path,
    /// Other weights of the control stage than those it ended with.
    pub control: Option<BTreeMap<String, Tensor>>,
    /// Whether it may take the place of another model.
    pub replace: bool,
}

/// How far a run came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All stages are done.
    Finished,
    /// It was asked to stop; running it again continues.
    Stopped,
}

/// Sizes of the diffusion transformer of a configuration.
pub fn dit_config(config: &TrainConfig) -> DitConfig {
    DitConfig {
        input_size: config.data.size_px / FACTOR,
        in_channels: config.autoencoder.net.latent_channels,
        patch_size: config.dit.patch_size,
        hidden_size: config.dit.hidden_size,
        depth: config.dit.depth,
        num_heads: config.dit.num_heads,
        text_embed_dims: config.text.width,
        token_num: config.text.max_tokens,
        class_dropout_prob: config.dit.caption_dropout,
        learn_sigma: false,
        ..DitConfig::default()
    }
}

/// Sizes of the text encoder of a configuration.
pub fn text_config(config: &TrainConfig, vocab_size: usize) -> T5Config {
    T5Config {
        d_model: config.text.width,
        d_kv: config.text.width / config.text.heads.max(1),
        d_ff: 2 * config.text.width,
        num_layers: config.text.layers,
        num_heads: config.text.heads,
        vocab_size,
        feed_forward_proj: FeedForward::GatedGelu,
        ..T5Config::xxl()
    }
}

/// Trains what is missing and, when all is done, writes the model folder.
///
/// # Errors
/// As the stages.
pub fn run(
    config: &TrainConfig,
    device: &Device,
    run: &RunDir,
    (stop, group): (&StopRequest, &Rc<Group>),
    stages: &Stages,
    export: Option<&ExportTo<'_>>,
) -> Result<Progress> {
    let d = &config.data;
    let cache = run.root().join(&d.cache);
    let data = Arc::new(Phantoms::new(d.seed, PhantomConfig::practice(), d.size_px, d.count, Some(cache)));
    let origin = Origin {
        config: parse::to_text(config)?,
        data: format!("{} phantoms of {} px, seed {}", data.len(), d.size_px, d.seed),
        identity: format!("seed {}", config.seed),
        models: BTreeMap::new(),
    };
    let going = Going { run, stop, group, stages, origin: &origin, cases: data.len() };

    if !phantoms::draw(&data, stop, group)? {
        return Ok(Progress::Stopped);
    }
    let ae_params = conv_params(device, config.seed);
    let stage = autoencoder_stage(config, device, &data, &ae_params)?;
    // With a closed-form encoder the decoder may learn at any time; a learned encoder comes first.
    let encoder_learns = config.autoencoder.refit_from > 0.0;
    if !going.is_finished(stage.name(), &ae_params)? {
        stage.start_from_pca(&ae_params)?;
        if (encoder_learns || stages.wants(stage.name()))
            && going.train(&stage, &ae_params, &config.autoencoder.train)? == Ending::Stopped
        {
            return Ok(Progress::Stopped);
        }
    }
    let ae_weights = ae_params.tensors()?;
    let autoencoder = || PracticeAe::new(fixed(&ae_weights, device)?, &config.autoencoder.net);

    let checker_params = conv_params(device, config.seed ^ 0xc4ec);
    let stage = CheckerStage {
        net: Checker::new(checker_params.builder(), &config.checker.net)?,
        autoencoder: autoencoder()?,
        data: data.clone(),
        device: device.clone(),
        seed: config.seed,
        batch_size: config.checker.train.batch_size,
    };
    if going.trained(&stage, &checker_params, &config.checker.train)? == Ending::Stopped {
        return Ok(Progress::Stopped);
    }
    if !stages.wants("base") && !stages.wants("control") && export.is_none() {
        return Ok(Progress::Finished);
    }

    let tokenizer_text = group.first(|_| tokenizer_of(config, run, &data))?;
    let tokenizer = Tokenizer::from_json(tokenizer_text.as_bytes())?;
    let autoencoder = Arc::new(autoencoder()?);
    let Some(latents) = encode(&data, &autoencoder, &tokenizer, (config, device), (stop, group))? else {
        return Ok(Progress::Stopped);
    };
    let latents = Arc::new(latents);
    let (dit_sizes, text_sizes) = (dit_config(config), text_config(config, tokenizer.vocab_size()));
    let options = InitOptions { seed: Seed(config.seed), gate_mean: 0.4, control: ControlStart::Joint(0.02) };
    let dit_start = init::initial_dit(&dit_params(&dit_sizes)?, &dit_sizes, &options, &Device::Cpu)?;
    let params = network_params(device, [("text.", text_encoder(&text_sizes, config.seed)?), ("dit.", dit_start)])?;
    let builder = params.builder();
    let text = T5Encoder::new(builder.pp("text"), &text_sizes)?;
    let made = Made { config, device, autoencoder: &autoencoder, latents: &latents, sizes: &dit_sizes };
    let stage = made.stage("base", text, &params, 0, &config.base.train)?;
    if going.trained(&stage, &params, &config.base.train)? == Ending::Stopped {
        return Ok(Progress::Stopped);
    }

    let learned = params.tensors()?;
    let blocks = config.dit.control_blocks;
    let list = control_params(&dit_sizes, blocks, Base::Trained)?;
    let start = init::control_from_base(&part(&learned, "dit."), &list, &options, &Device::Cpu)?;
    let params = network_params(device, [("text.", part(&learned, "text.")), ("dit.", start)])?;
    let builder = params.builder();
    let text = T5Encoder::new(builder.pp("text"), &text_sizes)?;
    let stage = made.stage("control", text, &params, blocks, &config.control.train)?;
    if going.trained(&stage, &params, &config.control.train)? == Ending::Stopped {
        return Ok(Progress::Stopped);
    }

    if let Some(to) = export.filter(|_| group.leads()) {
        let trained = Trained {
            config,
            device,
            run,
            data: &data,
            latents: &latents,
            tokenizer: &tokenizer_text,
            dit: &dit_sizes,
            text: &text_sizes,
            params: &params,
            autoencoder: ae_weights,
            checker: checker_params.tensors()?,
        };
        trained.write(to)?;
    }
    Ok(Progress::Finished)
}

fn autoencoder_stage(
    config: &TrainConfig,
    device: &Device,
    data: &Arc<Phantoms>,
    params: &ParamStore,
) -> Result<AutoencoderStage> {
    let c = &config.autoencoder;
    let net = PracticeAe::new(params.builder(), &c.net)?;
    let refit_from_step = (c.refit_from * c.train.updates(data.len())? as f64) as usize;
    let rows = c.train.batch_size;
    let token = config.dit.patch_size;
    Ok(AutoencoderStage::new(net, data.clone(), device, config.seed, rows, refit_from_step, c.kl_weight, token, c.decoder_noise))
}

/// What all stages of a run share.
struct Going<'a> {
    run: &'a RunDir,
    stop: &'a StopRequest,
    group: &'a Rc<Group>,
    stages: &'a Stages,
    origin: &'a Origin,
    cases: usize,
}

impl Going<'_> {
    fn train<S: Stage>(&self, stage: &S, params: &ParamStore, config: &LoopConfig) -> Result<Ending> {
        train(stage, params, (config, config.updates(self.cases)?), self.run, (self.stop, self.group), self.origin)
    }

    /// Reads a stage's weights, if rank 0 sees that they are there.
    fn is_finished(&self, stage: &str, params: &ParamStore) -> Result<bool> {
        Ok(self.group.decide(|| Ok(self.run.final_weights(stage).is_file()))? && load_finished(self.run, stage, params)?)
    }

    /// Reads a finished stage's weights, or trains it.
    fn trained<S: Stage>(&self, stage: &S, params: &ParamStore, config: &LoopConfig) -> Result<Ending> {
        if self.is_finished(stage.name(), params)? || !self.stages.wants(stage.name()) {
            return Ok(Ending::Finished);
        }
        self.train(stage, params, config)
    }
}

/// What the diffusion stages share.
struct Made<'a> {
    config: &'a TrainConfig,
    device: &'a Device,
    autoencoder: &'a Arc<PracticeAe>,
    latents: &'a Arc<PhantomCases>,
    sizes: &'a DitConfig,
}

impl Made<'_> {
    fn stage(
        &self,
        name: &'static str,
        text: T5Encoder,
        params: &ParamStore,
        control_blocks: usize,
        train: &LoopConfig,
    ) -> Result<DiffusionStage> {
        let c = &self.config.dit;
        let loss = LossConfig { prediction: Prediction::Velocity, variance: Variance::FixedLarge, kind: LossKind::Mse };
        let with_control = control_blocks > 0;
        Ok(DiffusionStage {
            name,
            text: Some(text),
            network: NetworkMaker::new(params, "dit", self.sizes, control_blocks, train.compute.on(self.device))?,
            objective: Objective::new(NoiseSchedule::linear(TIMESTEPS)?, loss, None)?,
            hidden: None,
            checkpointing: train.gradient_checkpointing,
            cases: self.latents.clone(),
            device: self.device.clone(),
            drawing: Drawing {
                seed: Seed::for_case(self.config.seed, name).0,
                caption_dropout: c.caption_dropout,
                timesteps: c.timesteps,
                timestep_power: c.timestep_power,
                conditions: if with_control { vec![(ConditionKind::Mask, 3.0), (ConditionKind::Box, 1.0)] } else { Vec::new() },
                control_share: c.control_share,
                // Guidance leaves out caption and condition together, so that pair must be known.
                control_share_dropped: 0.5 * c.control_share,
            },
            panel: Some(self.panel(with_control)?),
        })
    }

    /// The first cases, with their masks where there is control.
    fn panel(&self, with_control: bool) -> Result<Panel> {
        let masks = |has: &[ConditionKind]| has.contains(&ConditionKind::Mask).then_some(ConditionKind::Mask);
        let cases = (0..8.min(self.latents.len())).map(|i| self.latents.read(i, &masks)).collect::<Result<Vec<_>>>()?;
        let (autoencoder, map) = (self.autoencoder.clone(), self.latents.maps().0.clone());
        Ok(Panel {
            conditions: cases
                .iter()
                .map(|case| case.condition.as_ref().filter(|_| with_control).map(|c| c.mean.clone()))
                .collect(),
            truth: cases.iter().map(|case| case.image.mean.clone()).collect(),
            captions: cases.into_iter().map(|case| case.caption).collect(),
            caption_width: None,
            sampling: self.config.dit.panel,
            preset: Preset::Paper,
            prediction: Prediction::Velocity,
            decode: Box::new(move |latents| sampling::decode(&autoencoder, &map, latents)),
        })
    }
}

fn conv_params(device: &Device, seed: u64) -> ParamStore {
    ParamStore::new(device, Box::new(move |name, shape| convolutional(seed, name, shape)), Box::new(|_| false))
}

/// Parameters that start from given tensors under prefixes; position tables are constants.
fn network_params<const N: usize>(device: &Device, starts: [(&str, BTreeMap<String, Tensor>); N]) -> Result<ParamStore> {
    let named = |(prefix, tensors): (&str, BTreeMap<String, Tensor>)| {
        tensors.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)).collect::<Vec<_>>()
    };
    let all = starts.into_iter().flat_map(named).collect();
    Ok(ParamStore::starting_from(all, device, Box::new(|name| name.ends_with("pos_embed")))?)
}

/// A builder over fixed tensors.
fn fixed(weights: &BTreeMap<String, Tensor>, device: &Device) -> candle_core::Result<candle_nn::VarBuilder<'static>> {
    let moved = weights.iter().map(|(n, t)| Ok((n.clone(), t.to_device(device)?))).collect::<candle_core::Result<_>>()?;
    Ok(candle_nn::VarBuilder::from_tensors(moved, DType::F32, device))
}

/// The tensors under a prefix, without it.
pub(super) fn part(all: &BTreeMap<String, Tensor>, prefix: &str) -> BTreeMap<String, Tensor> {
    all.iter().filter_map(|(n, t)| Some((n.strip_prefix(prefix)?.to_owned(), t.clone()))).collect()
}

/// The run's tokenizer, learned from its first texts and kept beside the checkpoints.
fn tokenizer_of(config: &TrainConfig, run: &RunDir, data: &Phantoms) -> Result<String> {
    let path = run.root().join("tokenizer.json");
    if path.is_file() {
        return std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()));
    }
    let mut texts = Vec::new();
    for index in 0..(data.len() / CHUNK).min(32) {
        let chunk = data.chunk(index)?;
        for text in &chunk.texts {
            texts.push(super::clean(&text.prompt)?);
        }
    }
    let json = tokenizer::learn(&texts, config.text.vocab_size)?;
    engine::store::atomic::write_atomic(&path, json.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(json)
}

fn encode(
    data: &Arc<Phantoms>,
    autoencoder: &PracticeAe,
    tokenizer: &Tokenizer,
    (config, device): (&TrainConfig, &Device),
    (stop, group): (&StopRequest, &Group),
) -> Result<Option<PhantomCases>> {
    let with = Encoders {
        autoencoder,
        maps: None,
        caption: &|text| {
            let tokens = tokenizer.encode(&super::clean(text)?, config.text.max_tokens)?;
            Ok(Caption::Tokens(tokens.ids[..tokens.used()].to_vec()))
        },
        caption_width: None,
        palette: &Palette::practice(),
        kinds: &[ConditionKind::Mask, ConditionKind::Box],
        sample_posterior: false,
    };
    phantoms::encode(data, &with, device, stop, group)
}
