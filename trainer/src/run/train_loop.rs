//! The loop: every stage of every model is trained by this one page.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};

use super::checkpoint::{self, Meta};
use super::log::{LEVELS, Log, Metrics, memory_mib};
use super::rows::Cutting;
use super::run_dir::RunDir;
use super::saver::{News, Saver};
use super::settings::{LoopConfig, NonFinite};
use super::signals::StopRequest;
use super::stage::{Losses, Stage};
use crate::data::batches::{Batches, Source};
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

/// Trains a stage for `steps` updates, from its newest checkpoint or from the start.
///
/// # Errors
/// When data, device or disk fail, a checkpoint is of another configuration, or gradients are not finite.
pub fn train<S: Stage>(
    stage: &S,
    params: &ParamStore,
    (config, steps): (&LoopConfig, usize),
    run: &RunDir,
    stop: &StopRequest,
    origin: &Origin,
) -> Result<Ending> {
    let (name, dir) = (stage.name(), run.stage(stage.name()));
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    checkpoint::clear_leftovers(&dir)?;
    let cutting = Cutting::new(config.batch_size, config.micro_batch, 0, 1)?;
    let identity = checkpoint::identity_hash(&(config.identity(), &origin.identity))?;
    let mut meta = Meta::new(name, identity, origin.data.clone(), &origin.config, origin.models.clone());
    let mut optimizer = Optimizer::new(params.vars(), &config.optimizer())?;
    let mut notes = Vec::new();
    let found = checkpoint::newest(&dir)?;
    let start = match &found {
        Some(found) => {
            notes = refuse_or_note(&found.meta, &meta, cutting.world(), &dir)?;
            optimizer.load_state(found.meta.applied, &found.load()?)?;
            found.meta.step.min(steps)
        }
        None => 0,
    };
    let mut gradients = Gradients::new(params.vars());
    let (source, micros) = (stage.source(), cutting.micros());
    let cut: Source<S::Batch> = Arc::new(move |index| source(&cutting.at(index)));
    let mut batches = Batches::start(&cut, start * micros..steps * micros, config.loader_threads)?;
    let mut saver = Saver::new(&dir, &config.checkpoints, found.map(|found| found.meta.step));
    let mut log = Log::open(&run.metrics(), name, start, steps)?;
    notes.iter().for_each(|note| log.say(note));
    let mut recent = Recent::default();
    for step in start..steps {
        let begin = Instant::now();
        let mut losses = Losses::default();
        let mut spoiled = Vec::new();
        let mut compute = Duration::ZERO;
        for micro in 0..micros {
            let batch = batches.take()?;
            let begin = Instant::now();
            gradients.begin(micro == 0, micro + 1 == micros);
            let at = cutting.at(step * micros + micro);
            let part = stage.backward(&batch, &at, &mut gradients)?;
            compute += begin.elapsed();
            if !part.mean.is_finite() {
                spoiled.push(at);
            }
            add(&mut losses, part);
        }
        if step == start {
            let resting: Vec<&str> = gradients.missing().into_iter().filter(|name| !stage.may_rest(name)).collect();
            ensure!(resting.is_empty(), "{name}: these tensors are trained but get no gradient: {}", resting.join(", "));
        }
        let update_begin = Instant::now();
        let lr = config.lr.at(step, steps);
        let report = optimizer.step(&gradients, lr)?;
        let update = update_begin.elapsed();
        let done = step + 1;
        if !report.applied {
            if spoiled.is_empty() {
                spoiled.extend((0..micros).map(|micro| cutting.at(step * micros + micro)));
            }
            let ids: Vec<String> = spoiled.iter().flat_map(|at| stage.ids(at)).collect();
            let sentence = format!("{name}: the gradient of update {done} is not finite (samples {})", ids.join(", "));
            if config.non_finite == NonFinite::Stop {
                meta_at(&mut meta, step, &optimizer, config, None);
                saver.begin(meta, optimizer.state()?)?;
                told(saver.wait(), &log);
                bail!("{sentence}; the checkpoint of step {step} is from before it");
            }
            log.say(&format!("{sentence}; it was left out"));
        }
        let seconds = begin.elapsed().as_secs_f64();
        let share = |part: Duration| part.as_secs_f64() / seconds.max(1e-9);
        let metrics = Metrics {
            stage: name,
            step: done,
            samples: (done * config.batch_size) as u64,
            loss: losses.mean,
            levels: by_level(&losses.levels),
            parts: losses.parts,
            grad_norm: report.grad_norm,
            clip_scale: report.clip_scale,
            lr,
            applied: report.applied,
            seconds,
            samples_per_sec: config.batch_size as f64 / seconds.max(1e-9),
            compute: share(compute),
            update: share(update),
            data_wait: share(batches.take_waited()),
            memory_mib: memory_mib(),
        };
        log.note(&metrics)?;
        recent.add(&metrics);
        ensure!(
            recent.skipped() * 2 <= recent.len() || recent.len() < 8,
            "{name}: {} of the last {} updates before step {done} had gradients that are not finite; lower lr.peak",
            recent.skipped(),
            recent.len()
        );
        log.show(done, recent.loss(), recent.rate(config.batch_size), recent.wait(), recent.left(steps - done));

        let last = done == steps;
        if config.sheet_every > 0 && (done % config.sheet_every == 0 || last) {
            optimizer.show_average(0)?;
            stage.sheet(&dir, done)?;
            optimizer.show_weights()?;
            log.note_panel(&dir, done);
        }
        told(saver.poll(), &log);
        let stopping = stop.is_raised() && !last;
        if stopping || last || saver.is_due(done) {
            let milestone = saver.milestone(done).map(str::to_owned);
            meta_at(&mut meta, done, &optimizer, config, milestone);
            told(saver.begin(meta.clone(), optimizer.state()?)?, &log);
        }
        ensure!(!saver.gives_up(), "{name}: checkpoints cannot be written, and checkpoints.give_up_after ends the run");
        if stopping {
            let news = saver.wait();
            let written = matches!(news, Some(News::Written(_)));
            told(news, &log);
            ensure!(written, "{name}: stopped, but the last checkpoint was not written");
            return Ok(Ending::Stopped);
        }
    }
    log.finish();
    let news = saver.wait();
    told(news, &log);
    optimizer.show_average(0)?;
    let bytes = safetensors::serialize(&optimizer.average_tensors(0)?, None)?;
    let path = run.final_weights(name);
    engine::store::atomic::write_atomic(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Ending::Finished)
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

fn add(sum: &mut Losses, part: Losses) {
    sum.mean += part.mean;
    sum.levels.extend(part.levels);
    for (name, value) in part.parts {
        match sum.parts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += value,
            None => sum.parts.push((name, value)),
        }
    }
}

/// Mean losses by tenth of the noise range.
fn by_level(rows: &[(f64, f64)]) -> [Option<f64>; LEVELS] {
    let (mut sums, mut counts) = ([0.0; LEVELS], [0usize; LEVELS]);
    for (level, loss) in rows {
        let bin = ((level * LEVELS as f64) as usize).min(LEVELS - 1);
        sums[bin] += loss;
        counts[bin] += 1;
    }
    std::array::from_fn(|bin| (counts[bin] > 0).then(|| sums[bin] / counts[bin] as f64))
}

/// The last updates, for what is shown.
#[derive(Default)]
struct Recent(VecDeque<(f64, f64, f64, bool)>);

impl Recent {
    const MOST: usize = 50;

    fn add(&mut self, metrics: &Metrics<'_>) {
        if self.0.len() == Self::MOST {
            self.0.pop_front();
        }
        self.0.push_back((metrics.loss, metrics.seconds, metrics.data_wait * metrics.seconds, metrics.applied));
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn skipped(&self) -> usize {
        self.0.iter().filter(|update| !update.3).count()
    }

    fn seconds(&self) -> f64 {
        self.0.iter().map(|update| update.1).sum::<f64>().max(1e-9)
    }

    fn loss(&self) -> f64 {
        let finite: Vec<f64> = self.0.iter().map(|update| update.0).filter(|loss| loss.is_finite()).collect();
        finite.iter().sum::<f64>() / finite.len().max(1) as f64
    }

    fn wait(&self) -> f64 {
        self.0.iter().map(|update| update.2).sum::<f64>() / self.seconds()
    }

    fn rate(&self, batch: usize) -> f64 {
        (self.len() * batch) as f64 / self.seconds()
    }

    fn left(&self, steps: usize) -> Duration {
        Duration::from_secs_f64(self.seconds() / self.len().max(1) as f64 * steps as f64)
    }
}

#[cfg(test)]
mod tests;
