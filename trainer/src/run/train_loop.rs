//! The loop: every stage of every model is trained by this one page.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use candle_core::{Device, Tensor};

use super::checkpoint::{self, Found, Meta};
use super::joined::{Joined, Part, add};
use super::log::{Log, Metrics, memory_mib};
use super::recent::Recent;
use super::rows::Cutting;
use super::run_dir::RunDir;
use super::saver::{News, Saver};
use super::settings::{LoopConfig, NonFinite};
use super::signals::StopRequest;
use super::stage::{Losses, Stage};
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
    let mut batches = Batches::start(&cut, start * micros..steps * micros, config.loader_threads)?;
    let mut saver = Saver::new(&dir, &config.checkpoints, found.map(|found| found.meta.step));
    let mut log = if group.leads() { Log::open(&run.metrics(), name, start, steps)? } else { Log::silent(name, steps) };
    resumed.iter().for_each(|note| log.say(note));
    let mut recent = Recent::default();
    // Waiting for the parts of an update is only known in the next one.
    let mut waited_before = Duration::ZERO;
    for step in start..steps {
        let begin = Instant::now();
        let mut losses = Losses::default();
        let mut spoiled = Vec::new();
        let mut compute = Duration::ZERO;
        for micro in 0..micros {
            let batch = match batches.take() {
                Ok(batch) => batch,
                // What was done since the last checkpoint is not to be lost with a damaged shard.
                Err(error) if group.leads() && step > start => {
                    meta_at(&mut meta, step, &optimizer, config, None);
                    return Err(leave(&format!("{error:#}"), meta, &optimizer, &mut saver, &log)?);
                }
                Err(error) => return Err(error),
            };
            let begin = Instant::now();
            gradients.begin(micro == 0, micro + 1 == micros);
            let at = cutting.at(step * micros + micro);
            let part = stage.backward(&batch, &at, &mut gradients)?;
            compute += begin.elapsed();
            if !part.mean.is_finite() {
                spoiled.extend(stage.ids(&at));
            }
            add(&mut losses, part);
        }
        let mut part = Part::of(&losses);
        part.spoiled = spoiled;
        if step == start {
            let resting = gradients.missing().into_iter().filter(|name| !stage.may_rest(name));
            part.missing = resting.map(str::to_owned).collect();
        }
        let mut waited = waited_before;
        if let Some(exchange) = &exchange {
            exchange.finish(&mut gradients)?;
            waited += exchange.take_waited();
        }
        let update_begin = Instant::now();
        let lr = config.lr.at(step, steps);
        let report = optimizer.step(&gradients, lr)?;
        if !report.applied {
            part.samples = (0..micros).flat_map(|micro| stage.ids(&cutting.at(step * micros + micro))).collect();
        }
        part.norm = report.grad_norm.to_bits();
        part.stop = stop.is_raised();
        (part.compute, part.update) = (compute.as_secs_f64(), update_begin.elapsed().as_secs_f64());
        (part.data_wait, part.exchange) = (batches.take_waited().as_secs_f64(), waited.as_secs_f64());
        part.memory_mib = memory_mib();
        let gather_begin = Instant::now();
        let joined = Joined::over(group, part, !shared)?;
        waited_before = gather_begin.elapsed();
        let done = step + 1;
        let resting = joined.missing();
        if !resting.is_empty() {
            let sentence = format!("{name}: these tensors are trained but get no gradient: {}", resting.join(", "));
            return group.together(Err(anyhow!(sentence)));
        }
        if let Some(astray) = joined.astray().filter(|_| shared) {
            let sentence = format!(
                "{name}: {} has another gradient of update {done} than rank 0, though both got the same numbers; see whether its \
                 memory or its card is faulty, and start again: the run goes on from its newest checkpoint",
                group.name(astray)
            );
            return group.together(Err(anyhow!(sentence)));
        }
        if !report.applied {
            let ids = joined.suspects().join(", ");
            let sentence = format!("{name}: the gradient of update {done} is not finite (samples {ids})");
            if config.non_finite == NonFinite::Stop {
                if !group.leads() {
                    return group.together(Err(anyhow!(sentence)));
                }
                meta_at(&mut meta, step, &optimizer, config, None);
                return group.together(Err(leave(&sentence, meta, &optimizer, &mut saver, &log)?));
            }
            log.say(&format!("{sentence}; it was left out"));
        }
        let seconds = begin.elapsed().as_secs_f64();
        let share = |part: f64| (part / seconds.max(1e-9)).min(1.0);
        let metrics = Metrics {
            stage: name,
            step: done,
            samples: (done * config.batch_size) as u64,
            ranks: group.world(),
            loss: joined.mean,
            levels: joined.levels,
            parts: joined.parts.clone(),
            grad_norm: report.grad_norm,
            clip_scale: report.clip_scale,
            lr,
            applied: report.applied,
            seconds,
            samples_per_sec: config.batch_size as f64 / seconds.max(1e-9),
            compute: share(joined.mean_of(|part| part.compute)),
            update: share(joined.mean_of(|part| part.update)),
            data_wait: share(joined.most_of(|part| part.data_wait)),
            exchange: share(joined.mean_of(|part| part.exchange)),
            memory_mib: joined.most_of(|part| part.memory_mib),
        };
        log.note(&metrics)?;
        recent.add(&metrics);
        if recent.skipped() * 2 > recent.len() && recent.len() >= 8 {
            return group.together(Err(anyhow!(
                "{name}: {} of the last {} updates before step {done} had gradients that are not finite; lower lr.peak",
                recent.skipped(),
                recent.len()
            )));
        }
        log.show(done, recent.loss(), recent.rate(config.batch_size), recent.wait(), recent.left(steps - done));

        let last = done == steps;
        let stopping = joined.stop && !last;
        if group.leads() {
            if config.sheet_every > 0 && (done % config.sheet_every == 0 || last) {
                optimizer.show_average(0)?;
                let drawn = stage.sheet(&dir, done);
                optimizer.show_weights()?;
                match drawn {
                    Ok(()) => log.note_panel(&dir, done),
                    Err(error) => log.say(&format!("the panel of step {done} was not drawn: {error:#}; training goes on")),
                }
            }
            told(saver.poll(), &log);
            if stopping || last || saver.is_due(done) {
                let milestone = saver.milestone(done).map(str::to_owned);
                meta_at(&mut meta, done, &optimizer, config, milestone);
                told(saver.begin(meta.clone(), optimizer.state()?)?, &log);
            }
            ensure!(!saver.gives_up(), "{name}: checkpoints cannot be written, and checkpoints.give_up_after ends the run");
        }
        if stopping {
            let news = saver.wait();
            let written = !group.leads() || matches!(news, Some(News::Written(_)));
            told(news, &log);
            let sentence = || anyhow!("{name}: stopped, but the last checkpoint was not written");
            return group.together(if written { Ok(Ending::Stopped) } else { Err(sentence()) });
        }
    }
    log.finish();
    let news = saver.wait();
    told(news, &log);
    optimizer.show_average(0)?;
    let path = run.final_weights(name);
    if group.leads() {
        let bytes = safetensors::serialize(&optimizer.average_tensors(0)?, None)?;
        engine::store::atomic::write_atomic(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    group.barrier()?;
    if !group.leads() {
        load_finished(run, name, params)?;
    }
    Ok(Ending::Finished)
}

/// Leaves a checkpoint of all updates before a fault; the sentence of the fault, and where that checkpoint is.
fn leave(fault: &str, meta: Meta, optimizer: &Optimizer, saver: &mut Saver, log: &Log) -> Result<anyhow::Error> {
    let step = meta.step;
    told(saver.begin(meta, optimizer.state()?)?, log);
    Ok(match saver.wait() {
        Some(News::Failed(sentence)) => anyhow!("{fault}; {sentence}"),
        _ => anyhow!("{fault}; the checkpoint of step {step} is from before it"),
    })
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

/// Takes over a checkpoint; what there is to say about it.
fn resume(found: Option<&Found>, meta: &Meta, dir: &std::path::Path, optimizer: &mut Optimizer) -> Result<Vec<String>> {
    let Some(found) = found else { return Ok(Vec::new()) };
    let notes = refuse_or_note(&found.meta, meta, meta.world, dir)?;
    optimizer.load_state(found.meta.applied, &found.load()?)?;
    Ok(notes)
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

/// Refuses a checkpoint of another training; says what else is different.
fn refuse_or_note(found: &Meta, now: &Meta, world: usize, dir: &std::path::Path) -> Result<Vec<String>> {
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

fn meta_at(meta: &mut Meta, step: usize, optimizer: &Optimizer, config: &LoopConfig, milestone: Option<String>) {
    (meta.step, meta.applied, meta.milestone) = (step, optimizer.steps_taken(), milestone);
    meta.samples = step as u64 * config.batch_size as u64;
}

fn told(news: Option<News>, log: &Log) {
    if let Some(News::Failed(sentence)) = news {
        log.say(&format!("{sentence}; training goes on and tries again"));
    }
}

#[cfg(test)]
mod tests;
