//! The loop: every stage of every model is trained by this one page.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::checkpoint;
use super::log::{Log, Metrics};
use super::run_dir::RunDir;
use super::signals::StopRequest;
use crate::data::batches::{Batches, Source};
use crate::step::AdamWConfig;
use crate::step::lr_schedule::LrSchedule;
use crate::step::optimizer::{Optimizer, OptimizerConfig};
use crate::step::params::ParamStore;

/// Settings that all stages share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoopConfig {
    /// Updates.
    pub steps: usize,
    /// Samples an update.
    pub batch_size: usize,
    /// Learning rate.
    pub lr: LrSchedule,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Decoupled decay.
    pub weight_decay: f64,
    /// Largest gradient norm.
    pub clip_norm: f64,
    /// Decay of the weight average.
    pub ema_decay: f64,
    /// A checkpoint every so many seconds.
    pub checkpoint_secs: u64,
    /// A sample sheet every so many updates; 0 draws none.
    pub sheet_every: usize,
    /// Loader threads.
    pub loader_threads: usize,
}

impl LoopConfig {
    /// What a checkpoint's state belongs to; a resumed run may change everything else: its length,
    /// learning rate, checkpoint and sheet intervals and loader threads.
    fn identity(&self) -> (usize, [f64; 5]) {
        (self.batch_size, [self.beta1, self.beta2, self.weight_decay, self.clip_norm, self.ema_decay])
    }
}

/// The loss of a batch and its named parts.
pub struct Loss {
    /// What is minimised, a scalar.
    pub total: Tensor,
    /// For the log, scalars.
    pub parts: Vec<(&'static str, Tensor)>,
}

/// What differs from stage to stage.
pub trait Stage {
    /// Data of one update.
    type Batch: Send + 'static;
    /// Name of the stage and of its folder.
    fn name(&self) -> &'static str;
    /// Makes batches in background threads.
    fn source(&self) -> Source<Self::Batch>;
    /// Loss of a batch at a step.
    fn loss(&self, batch: &Self::Batch, step: usize) -> Result<Loss>;
    /// Draws a sheet of samples with the weights that are in place.
    fn sheet(&self, path: &Path) -> Result<()>;
}

/// How a stage ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All updates are done and the averaged weights are in place and on disk.
    Finished,
    /// It was asked to stop and left a checkpoint.
    Stopped,
}

/// Trains a stage from its newest checkpoint, or from the start.
///
/// # Errors
/// When data, device or disk fail, or most updates of an interval are not finite.
pub fn train<S: Stage>(stage: &S, params: &ParamStore, config: &LoopConfig, run: &RunDir, stop: &StopRequest) -> Result<Ending> {
    let (name, dir) = (stage.name(), run.stage(stage.name()));
    let hash = checkpoint::config_hash(&config.identity())?;
    let mut optimizer = Optimizer::new(params.vars(), optimizer_config(config))?;
    let start = match checkpoint::load_newest(&dir, &hash)? {
        Some((step, state)) => {
            optimizer.load_state(&state)?;
            step
        }
        None => 0,
    };
    let mut batches = Batches::start(&stage.source(), start..config.steps, config.loader_threads)?;
    let mut log = Log::open(&run.metrics(), name, start, config.steps)?;
    let (mut interval, mut last_save, begin) = (Interval::new(), Instant::now(), Instant::now());
    for step in start..config.steps {
        let loss = stage.loss(&batches.take()?, step)?;
        let value = f64::from(loss.total.to_scalar::<f32>()?);
        let lr = config.lr.at(step, config.steps);
        let report = optimizer.step(&loss.total.backward()?, lr)?;
        interval.add(value, report.applied);
        let done = step + 1;
        let last = done == config.steps;
        if interval.begin.elapsed() > Duration::from_secs(2) || last {
            ensure!(
                interval.skipped * 2 <= interval.steps,
                "{name}: {} of the last {} updates before step {done} had gradients that are not finite; lower lr.peak",
                interval.skipped,
                interval.steps
            );
            let seconds = interval.begin.elapsed().as_secs_f64();
            let left = begin.elapsed().mul_f64((config.steps - done) as f64 / (done - start) as f64);
            let parts = loss.parts.iter().map(|(n, t)| Ok((*n, f64::from(t.to_scalar::<f32>()?)))).collect::<Result<_>>()?;
            log.note(
                &Metrics {
                    stage: name,
                    step: done,
                    loss: interval.mean_loss(),
                    parts,
                    grad_norm: report.grad_norm,
                    lr,
                    samples_per_sec: (interval.steps * config.batch_size) as f64 / seconds,
                    data_wait: batches.take_waited().as_secs_f64() / seconds,
                    skipped: interval.skipped,
                },
                left,
            )?;
            interval = Interval::new();
        }
        if config.sheet_every > 0 && done % config.sheet_every == 0 && !last {
            optimizer.show_average()?;
            stage.sheet(&dir.join(format!("sheet-{done:08}.png")))?;
            optimizer.show_weights()?;
        }
        let stopping = stop.is_raised() && !last;
        if stopping || last_save.elapsed().as_secs() >= config.checkpoint_secs {
            checkpoint::save(&dir, done, &hash, &optimizer.state()?, 2)?;
            last_save = Instant::now();
        }
        if stopping {
            return Ok(Ending::Stopped);
        }
    }
    log.finish();
    optimizer.show_average()?;
    let bytes = safetensors::serialize(&to_cpu(&optimizer)?, None)?;
    let path = run.final_weights(name);
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    stage.sheet(&dir.join("sheet-final.png"))?;
    engine::store::atomic::write_atomic(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Ending::Finished)
}

/// Loads a finished stage's averaged weights into `params`; false when the stage is not finished.
///
/// # Errors
/// When the file is there but cannot be read.
pub fn load_finished(run: &RunDir, stage: &str, params: &ParamStore) -> Result<bool> {
    let path = run.final_weights(stage);
    if !path.is_file() {
        return Ok(false);
    }
    let tensors = candle_core::safetensors::load(&path, &candle_core::Device::Cpu)
        .with_context(|| format!("cannot read {}", path.display()))?;
    params.assign(&tensors.into_iter().collect())?;
    Ok(true)
}

fn to_cpu(optimizer: &Optimizer) -> Result<std::collections::BTreeMap<String, Tensor>> {
    let average = optimizer.average_tensors()?;
    average.into_iter().map(|(n, t)| Ok((n, t.to_device(&candle_core::Device::Cpu)?))).collect()
}

fn optimizer_config(config: &LoopConfig) -> OptimizerConfig {
    let adamw = AdamWConfig { beta1: config.beta1, beta2: config.beta2, eps: 1e-8, weight_decay: config.weight_decay };
    OptimizerConfig { adamw, clip_norm: Some(config.clip_norm), ema_decay: config.ema_decay }
}

struct Interval {
    begin: Instant,
    steps: usize,
    skipped: usize,
    loss: f64,
}

impl Interval {
    fn new() -> Self {
        Self { begin: Instant::now(), steps: 0, skipped: 0, loss: 0.0 }
    }

    fn add(&mut self, loss: f64, applied: bool) {
        self.steps += 1;
        self.skipped += usize::from(!applied);
        self.loss += if loss.is_finite() { loss } else { 0.0 };
    }

    fn mean_loss(&self) -> f64 {
        self.loss / self.steps.max(1) as f64
    }
}
