//! The stages of a practice run in order; finished ones are read back, the rest is trained.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use engine::denoise::Network;
use engine::domain::Seed;
use engine::model::checker::Checker;
use engine::model::init::{self, ControlStart, InitOptions};
use engine::model::practice_ae::{FACTOR, PracticeAe};
use engine::model::t5::{FeedForward, T5Config, T5Encoder};
use engine::model::{Base, ControlDit, Dit, DitConfig, control_params, dit_params};
use engine::phantom::PhantomConfig;
use engine::text::Tokenizer;

use super::{export, tokenizer};
use crate::config::TrainConfig;
use crate::data::latents::{LatentSet, chunk_images};
use crate::data::phantoms::{CHUNK, Phantoms};
use crate::run::run_dir::RunDir;
use crate::run::signals::StopRequest;
use crate::run::train_loop::{Ending, LoopConfig, Stage, load_finished, train};
use crate::stages::autoencoder::AutoencoderStage;
use crate::stages::checker::CheckerStage;
use crate::stages::dit::DitStage;
use crate::stages::init::{convolutional, text_encoder};
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

    fn wants(&self, name: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|n| n == name)
    }
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
    stop: &StopRequest,
    stages: &Stages,
    export_dir: Option<&Path>,
) -> Result<Progress> {
    let d = &config.data;
    let cache = run.root().join(&d.cache);
    let data = Arc::new(Phantoms::new(d.seed, PhantomConfig::practice(), d.size_px, d.count, Some(cache)));

    let ae_params = conv_params(device, config.seed);
    let stage = autoencoder_stage(config, device, &data, &ae_params)?;
    // With a closed-form encoder the decoder may learn at any time; a learned encoder comes first.
    let encoder_learns = config.autoencoder.refit_from > 0.0;
    if !load_finished(run, stage.name(), &ae_params)? {
        stage.start_from_pca(&ae_params)?;
        if (encoder_learns || stages.wants(stage.name()))
            && train(&stage, &ae_params, &config.autoencoder.train, run, stop)? == Ending::Stopped
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
    if trained(&stage, &checker_params, &config.checker.train, run, stop, stages)? == Ending::Stopped {
        return Ok(Progress::Stopped);
    }
    if !stages.wants("base") && !stages.wants("control") && export_dir.is_none() {
        return Ok(Progress::Finished);
    }

    let tokenizer_text = tokenizer_of(config, run, &data)?;
    let tokenizer = Tokenizer::from_json(tokenizer_text.as_bytes())?;
    let autoencoder = Arc::new(autoencoder()?);
    let latents = Arc::new(encode(&data, &autoencoder, &tokenizer, config, device)?);
    let make_stage = |name: &'static str, text, network, train: &LoopConfig| DitStage {
        name,
        text,
        network,
        autoencoder: autoencoder.clone(),
        data: latents.clone(),
        device: device.clone(),
        seed: Seed::for_case(config.seed, name).0,
        batch_size: train.batch_size,
        caption_dropout: config.dit.caption_dropout,
        control_share: config.dit.control_share,
        timestep_power: config.dit.timestep_power,
    };

    let (dit_sizes, text_sizes) = (dit_config(config), text_config(config, tokenizer.vocab_size()));
    let options = InitOptions { seed: Seed(config.seed), gate_mean: 0.4, control: ControlStart::Joint(0.02) };
    let dit_start = init::initial_dit(&dit_params(&dit_sizes)?, &dit_sizes, &options, &Device::Cpu)?;
    let params = network_params(device, [("text.", text_encoder(&text_sizes, config.seed)?), ("dit.", dit_start)])?;
    let builder = params.builder();
    let text = T5Encoder::new(builder.pp("text"), &text_sizes)?;
    let stage = make_stage("base", text, Network::Text(Box::new(Dit::new(builder.pp("dit"), &dit_sizes)?)), &config.base.train);
    if trained(&stage, &params, &config.base.train, run, stop, stages)? == Ending::Stopped {
        return Ok(Progress::Stopped);
    }

    let learned = params.tensors()?;
    let blocks = config.dit.control_blocks;
    let list = control_params(&dit_sizes, blocks, Base::Trained)?;
    let start = init::control_from_base(&part(&learned, "dit."), &list, &options, &Device::Cpu)?;
    let params = network_params(device, [("text.", part(&learned, "text.")), ("dit.", start)])?;
    let builder = params.builder();
    let text = T5Encoder::new(builder.pp("text"), &text_sizes)?;
    let network = Network::Control(Box::new(ControlDit::new(builder.pp("dit"), &dit_sizes, blocks)?));
    let stage = make_stage("control", text, network, &config.control.train);
    if trained(&stage, &params, &config.control.train, run, stop, stages)? == Ending::Stopped {
        return Ok(Progress::Stopped);
    }

    if let Some(dir) = export_dir {
        for stage in STAGES {
            let path = run.final_weights(stage);
            ensure!(
                path.is_file(),
                "{} is missing, so stage {stage} is not finished; train it before the export",
                path.display()
            );
        }
        let mut all = params.tensors()?;
        let exported = DitConfig { token_num: config.text.export_tokens, ..dit_sizes.clone() };
        let null = "dit.base_model.y_embedder.y_embedding";
        let longest = latents.lengths.iter().copied().max().unwrap_or(1);
        let filled =
            export::fill_null_caption(all.get(null).context("the network has a null caption")?, longest, exported.token_num)?;
        all.insert(null.to_owned(), filled);
        let pictures = chunk_images(&*data.chunk(0)?, d.size_px, device)?.narrow(0, 0, 64)?;
        let seen = latents.images.narrow(0, 0, 64)?.to_dtype(DType::F32)?;
        export::write(
            dir,
            &export::Parts {
                name: &config.name,
                size_px: d.size_px as u32,
                tokenizer: &tokenizer_text,
                max_tokens: config.text.export_tokens,
                text: (export::table(&text_sizes)?, part(&all, "text.")),
                dit: (export::table(&exported)?, part(&all, "dit.")),
                control_blocks: blocks,
                autoencoder: (export::table(&config.autoencoder.net)?, ae_weights),
                checker: (export::table(&config.checker.net)?, checker_params.tensors()?),
                preview: engine::model::preview::fit_preview(&seen, &pictures, 8)?,
                image_map: &latents.image_map,
                condition_map: &latents.condition_map,
            },
        )?;
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
    let refit_from_step = (c.refit_from * c.train.steps as f64) as usize;
    let rows = c.train.batch_size;
    let token = config.dit.patch_size;
    Ok(AutoencoderStage::new(net, data.clone(), device, config.seed, rows, refit_from_step, c.kl_weight, token, c.decoder_noise))
}

/// Reads a finished stage's weights, or trains it.
fn trained<S: Stage>(
    stage: &S,
    params: &ParamStore,
    config: &LoopConfig,
    run: &RunDir,
    stop: &StopRequest,
    stages: &Stages,
) -> Result<Ending> {
    if load_finished(run, stage.name(), params)? || !stages.wants(stage.name()) {
        return Ok(Ending::Finished);
    }
    train(stage, params, config, run, stop)
}

fn conv_params(device: &Device, seed: u64) -> ParamStore {
    ParamStore::new(device, Box::new(move |name, shape| convolutional(seed, name, shape)), |_| false)
}

/// Parameters that start from given tensors under prefixes; position tables are constants.
fn network_params<const N: usize>(device: &Device, starts: [(&str, BTreeMap<String, Tensor>); N]) -> Result<ParamStore> {
    let mut all = BTreeMap::new();
    for (prefix, tensors) in starts {
        for (name, tensor) in tensors {
            all.insert(format!("{prefix}{name}"), tensor.flatten_all()?.to_vec1::<f32>()?);
        }
    }
    // A name without a start is a fault of the list above; zeros then show as a missing gradient.
    let rule = move |name: &str, shape: &[usize]| all.get(name).cloned().unwrap_or_else(|| vec![0.0; shape.iter().product()]);
    Ok(ParamStore::new(device, Box::new(rule), |name| name.ends_with("pos_embed")))
}

/// A builder over fixed tensors.
fn fixed(weights: &BTreeMap<String, Tensor>, device: &Device) -> candle_core::Result<candle_nn::VarBuilder<'static>> {
    let moved = weights.iter().map(|(n, t)| Ok((n.clone(), t.to_device(device)?))).collect::<candle_core::Result<_>>()?;
    Ok(candle_nn::VarBuilder::from_tensors(moved, DType::F32, device))
}

/// The tensors under a prefix, without it.
fn part(all: &BTreeMap<String, Tensor>, prefix: &str) -> BTreeMap<String, Tensor> {
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
    config: &TrainConfig,
    device: &Device,
) -> Result<LatentSet> {
    let bar = indicatif::ProgressBar::new((data.len() / CHUNK) as u64).with_prefix("encoding");
    let set = LatentSet::encode(data, autoencoder, tokenizer, config.text.max_tokens, device, |done| {
        bar.set_position(done as u64);
    })?;
    bar.finish();
    Ok(set)
}
