//! One update: computed, judged, told and kept.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};

use super::super::joined::{Joined, Part, add};
use super::super::log::{Metrics, memory_mib};
use super::super::saver::News;
use super::super::settings::NonFinite;
use super::super::stage::{Losses, Stage};
use super::{Training, told};
use crate::step::StepReport;

/// An update that was done on all ranks.
pub(super) struct Update {
    /// Its number, from 1.
    done: usize,
    begin: Instant,
    /// Learning rate.
    lr: f64,
    report: StepReport,
    joined: Joined,
}

impl<S: Stage> Training<'_, S> {
    /// Computes the update behind `step` of them and joins what the ranks have to say.
    pub(super) fn update(&mut self, step: usize) -> Result<Update> {
        let begin = Instant::now();
        let (mut part, compute) = self.backward(step)?;
        if step == self.start && part.fault.is_none() {
            let resting = self.gradients.missing().into_iter().filter(|name| !self.stage.may_rest(name));
            part.missing = resting.map(str::to_owned).collect();
        }
        let mut waited = self.waited_before;
        if let Some(exchange) = &self.exchange {
            exchange.finish(&mut self.gradients)?;
            waited += exchange.take_waited();
        }
        let update_begin = Instant::now();
        let lr = self.config.lr.at(step, self.steps);
        let report = self.optimizer.step(&self.gradients, lr)?;
        if !report.applied {
            part.samples = self.places(step).flat_map(|place| self.stage.ids(&self.cutting.at(place))).collect();
        }
        part.norm = report.grad_norm.to_bits();
        part.stop = self.stop.is_raised();
        (part.compute, part.update) = (compute.as_secs_f64(), update_begin.elapsed().as_secs_f64());
        (part.data_wait, part.exchange) = (self.batches.take_waited().as_secs_f64(), waited.as_secs_f64());
        part.memory_mib = memory_mib();
        let gather_begin = Instant::now();
        let joined = Joined::over(self.group, part, self.exchange.is_none())?;
        self.waited_before = gather_begin.elapsed();
        Ok(Update { done: step + 1, begin, lr, report, joined })
    }

    /// Forward and backward of all micro-batches of this rank: their losses, and the time they took.
    fn backward(&mut self, step: usize) -> Result<(Part, Duration)> {
        let mut losses = Losses::default();
        let mut spoiled = Vec::new();
        let mut compute = Duration::ZERO;
        let mut fault = None;
        let places = self.places(step);
        let (first, last) = (places.start, places.end - 1);
        for place in places {
            let batch = match self.batches.take() {
                Ok(batch) => batch,
                Err(error) => {
                    // The others sum gradients with this rank: what it gives them makes the update void everywhere, and
                    // all end it together.
                    self.gradients.begin(true, true);
                    self.gradients.spoil()?;
                    fault = Some(format!("{error:#}"));
                    break;
                }
            };
            let begin = Instant::now();
            self.gradients.begin(place == first, place == last);
            let at = self.cutting.at(place);
            let part = self.stage.backward(&batch, &at, &mut self.gradients)?;
            compute += begin.elapsed();
            if !part.mean.is_finite() {
                spoiled.extend(self.stage.ids(&at));
            }
            add(&mut losses, part);
        }
        let mut part = Part::of(&losses);
        (part.spoiled, part.fault) = (spoiled, fault);
        Ok((part, compute))
    }

    /// Numbers of an update's micro-batches among all of the training.
    fn places(&self, step: usize) -> std::ops::Range<usize> {
        let micros = self.cutting.micros();
        step * micros..(step + 1) * micros
    }

    /// Ends the run where the update shows that something is wrong; one that was left out is said.
    pub(super) fn judge(&mut self, update: &Update) -> Result<()> {
        let (name, group, done) = (self.stage.name(), self.group, update.done);
        if let Some((rank, fault)) = update.joined.fault() {
            let who = if group.is_alone() { String::new() } else { format!("{}: ", group.name(rank)) };
            let sentence = format!("{who}{fault}");
            // A rank that shares no gradients has taken the update.
            let at = if update.report.applied { done } else { done - 1 };
            // What was done since the last checkpoint is not to be lost with a damaged shard.
            let said = group.decide(|| if at == self.start { Ok(sentence) } else { self.leave(at, &sentence) })?;
            return group.together(Err(anyhow!(said)));
        }
        let resting = update.joined.missing();
        if !resting.is_empty() {
            let sentence = format!("{name}: these tensors are trained but get no gradient: {}", resting.join(", "));
            return group.together(Err(anyhow!(sentence)));
        }
        if let Some(astray) = update.joined.astray().filter(|_| self.exchange.is_some()) {
            let sentence = format!(
                "{name}: {} has another gradient of update {done} than rank 0, though both got the same numbers; see whether its \
                 memory or its card is faulty, and start again: the run goes on from its newest checkpoint",
                group.name(astray)
            );
            return group.together(Err(anyhow!(sentence)));
        }
        if update.report.applied {
            return Ok(());
        }
        let ids = update.joined.suspects().join(", ");
        let sentence = format!("{name}: the gradient of update {done} is not finite (samples {ids})");
        if self.config.non_finite == NonFinite::Stop {
            let said = group.decide(|| self.leave(done - 1, &sentence))?;
            return group.together(Err(anyhow!(said)));
        }
        self.log.say(&format!("{sentence}; it was left out"));
        Ok(())
    }

    /// Writes the update's numbers into the log and shows them.
    pub(super) fn tell(&mut self, update: &Update) -> Result<()> {
        let (name, done, joined) = (self.stage.name(), update.done, &update.joined);
        let batch = self.config.batch_size;
        let seconds = update.begin.elapsed().as_secs_f64();
        let share = |part: f64| (part / seconds.max(1e-9)).min(1.0);
        let metrics = Metrics {
            stage: name,
            step: done,
            samples: (done * batch) as u64,
            ranks: self.group.world(),
            loss: joined.mean,
            levels: joined.levels,
            parts: joined.parts.clone(),
            grad_norm: update.report.grad_norm,
            clip_scale: update.report.clip_scale,
            lr: update.lr,
            applied: update.report.applied,
            seconds,
            samples_per_sec: batch as f64 / seconds.max(1e-9),
            compute: share(joined.mean_of(|part| part.compute)),
            update: share(joined.mean_of(|part| part.update)),
            data_wait: share(joined.most_of(|part| part.data_wait)),
            exchange: share(joined.mean_of(|part| part.exchange)),
            memory_mib: joined.most_of(|part| part.memory_mib),
        };
        self.log.note(&metrics)?;
        let recent = &mut self.recent;
        recent.add(&metrics);
        if recent.skipped() * 2 > recent.len() && recent.len() >= 8 {
            return self.group.together(Err(anyhow!(
                "{name}: {} of the last {} updates before step {done} had gradients that are not finite; lower lr.peak",
                recent.skipped(),
                recent.len()
            )));
        }
        self.log.show(done, recent.loss(), recent.rate(batch), recent.wait(), recent.left(self.steps - done));
        Ok(())
    }

    /// Draws the panel and writes a checkpoint where one is due; whether the run stops here.
    pub(super) fn keep(&mut self, update: &Update) -> Result<bool> {
        let (name, done) = (self.stage.name(), update.done);
        let last = done == self.steps;
        let stopping = update.joined.stop && !last;
        if self.group.leads() {
            let every = self.config.sheet_every;
            if every > 0 && (done.is_multiple_of(every) || last) {
                self.draw_panel(done)?;
            }
            told(self.saver.poll(), &self.log);
            if stopping || last || self.saver.is_due(done) {
                let milestone = self.saver.milestone(done).map(str::to_owned);
                self.begin_checkpoint(done, milestone)?;
            }
            ensure!(!self.saver.gives_up(), "{name}: checkpoints cannot be written, and checkpoints.give_up_after ends the run");
        }
        if !stopping {
            return Ok(false);
        }
        let news = self.saver.wait();
        let written = !self.group.leads() || matches!(news, Some(News::Written(_)));
        told(news, &self.log);
        if written {
            self.log.say(&format!(
                "{name}: stopped after update {done} of {}; its checkpoint is written, and the same command goes on",
                self.steps
            ));
        }
        let sentence = || anyhow!("{name}: stopped, but the last checkpoint was not written");
        self.group.together(if written { Ok(true) } else { Err(sentence()) })
    }

    /// Draws samples of the first average; a panel that fails costs no training.
    fn draw_panel(&mut self, done: usize) -> Result<()> {
        self.optimizer.show_average(0)?;
        let drawn = self.stage.sheet(&self.dir, done);
        self.optimizer.show_weights()?;
        match drawn {
            Ok(()) => self.log.note_panel(&self.dir, done),
            Err(error) => self.log.say(&format!("the panel of step {done} was not drawn: {error:#}; training goes on")),
        }
        Ok(())
    }

    /// Begins to write a checkpoint of `done` updates, beside the training.
    fn begin_checkpoint(&mut self, done: usize, milestone: Option<String>) -> Result<()> {
        (self.meta.step, self.meta.applied, self.meta.milestone) = (done, self.optimizer.steps_taken(), milestone);
        self.meta.samples = done as u64 * self.config.batch_size as u64;
        told(self.saver.begin(self.meta.clone(), self.optimizer.state()?)?, &self.log);
        Ok(())
    }

    /// Leaves a checkpoint of all updates before a fault; the sentence of the fault, and where that checkpoint is.
    fn leave(&mut self, done: usize, fault: &str) -> Result<String> {
        self.begin_checkpoint(done, None)?;
        Ok(match self.saver.wait() {
            Some(News::Failed(sentence)) => format!("{fault}; {sentence}"),
            _ => format!("{fault}; the checkpoint of step {done} is from before it"),
        })
    }
}
