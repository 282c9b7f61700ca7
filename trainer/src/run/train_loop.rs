//! The loop: every stage of every model is trained by it; one round of it is in `update`.

mod update;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};

use super::checkpoint::{self, Found, Meta};
use super::log::Log;
use super::recent::Recent;
use super::resume::resume;
use super::rows::Cutting;
use super::run_dir::RunDir;
use super::saver::{News, Saver};
use super::settings::LoopConfig;
use super::signals::StopRequest;
use super::stage::Stage;
use crate::data::batches::{Batches, Source};
use crate::ranks::Group;
use crate::ranks::exchange::{BUCKET_BYTES, Shared, spread};
use crate::step::params::ParamStore;
use crate::step::{Gradients, Optimizer};

/// How a stage ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All updates are done and the averaged weights are in place and on disk.
    Finished,
    /// It was asked to stop and left a checkpoint.
    Stopped,
}

/// What a run is, beside its numbers: it goes into every checkpoint.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The effective configuration, TOML.
    pub config: String,
    /// Hashes of frozen models by file.
    pub models: BTreeMap<String, String>,
    /// What the data is; a checkpoint made on other data is refused.
    pub data: String,
    /// What else the state depends on, such as the seed.
    pub identity: String,
}

/// Trains a stage for `steps` updates, from its newest checkpoint or from the start, together with the other ranks.
///
/// Rank 0 alone writes files and speaks. A failure that all ranks see ends them in order; one that a single rank sees is
/// for the caller to end the others with ([`Group::end`]).
///
/// # Errors
/// When data, device or disk fail, a checkpoint is of another configuration, gradients are not finite, or a rank does
/// not answer.
pub fn train<S: Stage>(
    stage: &S,
    params: &ParamStore,
    (config, steps): (&LoopConfig, usize),
    run: &RunDir,
    (stop, group): (&StopRequest, &Rc<Group>),
    origin: &Origin,
) -> Result<Ending> {
    let mut training = Training::begin(stage, params, (config, steps), run, (stop, group), origin)?;
    for step in training.start..steps {
        let update = training.update(step)?;
        training.judge(&update)?;
        training.tell(&update)?;
        if training.keep(&update)? {
            return Ok(Ending::Stopped);
        }
    }
    training.finish(params, run)?;
    Ok(Ending::Finished)
}

/// A stage while it is trained.
struct Training<'a, S: Stage> {
    stage: &'a S,
    config: &'a LoopConfig,
    stop: &'a StopRequest,
    group: &'a Rc<Group>,
    /// Folder of the stage.
    dir: PathBuf,
    /// The update from which it goes on, and the last one.
    start: usize,
    steps: usize,
    /// Which rows are computed here.
    cutting: Cutting,
    batches: Batches<S::Batch>,
    gradients: Gradients,
    /// What sums gradients over the ranks, where they share rows.
    exchange: Option<Shared>,
    optimizer: Optimizer,
    /// What the next checkpoint says.
    meta: Meta,
    saver: Saver,
    log: Log,
    recent: Recent,
    /// Waiting for the parts of an update is only known in the next one.
    waited_before: Duration,
}

impl<'a, S: Stage> Training<'a, S> {
    /// From the newest checkpoint, or from the start.
    fn begin(
        stage: &'a S,
        params: &ParamStore,
        (config, steps): (&'a LoopConfig, usize),
        run: &RunDir,
        (stop, group): (&'a StopRequest, &'a Rc<Group>),
        origin: &Origin,
    ) -> Result<Self> {
        let (name, dir) = (stage.name(), run.stage(stage.name()));
        // What cannot be shared is computed whole by every rank, to the same bits.
        let shared = stage.can_be_shared() && !group.is_alone();
        let (rank, world) = if shared { (group.rank(), group.world()) } else { (0, 1) };
        let cutting = group.together(Cutting::new(config.batch_size, config.micro_batch, rank, world))?;
        let identity = checkpoint::identity_hash(&(config.identity(), &origin.identity))?;
        let mut meta = Meta::new(name, identity, origin.data.clone(), &origin.config, origin.models.clone());
        meta.world = world;
        let mut optimizer = group.together(Optimizer::new(params.vars(), &config.optimizer()))?;
        let found = newest(group, &dir)?;
        let resumed = group.together(resume(found.as_ref(), &meta, &dir, &mut optimizer))?;
        group.together(if group.leads() { run.keep_config(&origin.config) } else { Ok(()) })?;
        if found.is_none() {
            spread(group, &params.vars())?;
        }
        let start = found.as_ref().map_or(0, |found| found.meta.step.min(steps));
        let mut gradients = Gradients::new(params.vars());
        let exchange = shared.then(|| Shared::new(group, params.vars(), BUCKET_BYTES));
        if let Some(exchange) = &exchange {
            gradients.listen(exchange.listener());
        }
        let (source, micros) = (stage.source(), cutting.micros());
        let cut: Source<S::Batch> = Arc::new(move |index| source(&cutting.at(index)));
        let batches = Batches::start(&cut, start * micros..steps * micros, config.loader_threads)?;
        let saver = Saver::new(&dir, &config.checkpoints, found.map(|found| found.meta.step));
        let log = if group.leads() { Log::open(&run.metrics(), name, start, steps)? } else { Log::silent(name, steps) };
        resumed.iter().for_each(|note| log.say(note));
        let (recent, waited_before) = (Recent::default(), Duration::ZERO);
        Ok(Self {
            stage,
            config,
            stop,
            group,
            dir,
            start,
            steps,
            cutting,
            batches,
            gradients,
            exchange,
            optimizer,
            meta,
            saver,
            log,
            recent,
            waited_before,
        })
    }

    /// Waits for the last checkpoint and writes the averaged weights, with which all ranks go on.
    fn finish(mut self, params: &ParamStore, run: &RunDir) -> Result<()> {
        let name = self.stage.name();
        self.log.finish();
        let news = self.saver.wait();
        told(news, &self.log);
        self.optimizer.show_average(0)?;
        let path = run.final_weights(name);
        if self.group.leads() {
            let bytes = safetensors::serialize(&self.optimizer.average_tensors(0)?, None)?;
            engine::store::atomic::write_atomic(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
            self.log.say(&format!("{name}: all {} updates are done", self.steps));
        }
        self.group.barrier()?;
        if !self.group.leads() {
            load_finished(run, name, params)?;
        }
        Ok(())
    }
}

/// The newest checkpoint, as rank 0 sees it; makes the folder of the stage and takes away what a killed run left there.
fn newest(group: &Group, dir: &std::path::Path) -> Result<Option<Found>> {
    let step = group.decide(|| {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        checkpoint::clear_leftovers(dir)?;
        Ok(checkpoint::newest(dir)?.map(|found| found.meta.step))
    })?;
    group.together(step.map(|step| Found::at(&checkpoint::path_of(dir, step))).transpose())
}

/// Whether a stage has done its updates.
///
/// # Errors
/// When its newest checkpoint is damaged.
pub fn is_finished(run: &RunDir, stage: &str, steps: usize) -> Result<bool> {
    let enough = checkpoint::newest(&run.stage(stage))?.is_none_or(|found| found.meta.step >= steps);
    Ok(enough && run.final_weights(stage).is_file())
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
    let tensors = candle_core::safetensors::load(&path, &Device::Cpu);
    let tensors: BTreeMap<String, Tensor> =
        tensors.with_context(|| format!("cannot read {}", path.display()))?.into_iter().collect();
    params.assign(&tensors)?;
    Ok(true)
}

fn told(news: Option<News>, log: &Log) {
    if let Some(News::Failed(sentence)) = news {
        log.say(&format!("{sentence}; training goes on and tries again"));
    }
}

#[cfg(test)]
mod tests;
