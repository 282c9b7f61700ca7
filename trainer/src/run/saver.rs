//! Writes checkpoints on a thread of its own while training goes on.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use candle_core::Tensor;
use std::collections::BTreeMap;

use super::checkpoint::{self, Meta};
use super::settings::CheckpointRule;

/// A failed attempt is repeated after this time, not only when the rule asks for the next one.
const RETRY: Duration = Duration::from_secs(30);

/// When checkpoints are due, and the one that is being written.
pub struct Saver {
    dir: PathBuf,
    rule: CheckpointRule,
    writing: Option<(usize, JoinHandle<Result<()>>)>,
    /// When the last attempt began.
    last: Instant,
    failed_in_a_row: usize,
    written: Option<usize>,
}

/// What became of an attempt.
#[derive(Debug)]
pub enum News {
    /// It is on disk.
    Written(usize),
    /// It is not; training may go on.
    Failed(String),
}

impl Saver {
    /// For the checkpoints under `dir`; `newest` is there already.
    pub fn new(dir: &Path, rule: &CheckpointRule, newest: Option<usize>) -> Self {
        Self { dir: dir.to_owned(), rule: rule.clone(), writing: None, last: Instant::now(), failed_in_a_row: 0, written: newest }
    }

    /// The name of a milestone at this step.
    pub fn milestone(&self, step: usize) -> Option<&str> {
        self.rule.milestones.iter().find(|(_, at)| **at == step).map(|(name, _)| name.as_str())
    }

    /// Whether one is to be written after update `step`.
    pub fn is_due(&self, step: usize) -> bool {
        let by_steps = self.rule.every_steps > 0 && step.is_multiple_of(self.rule.every_steps);
        let elapsed = self.last.elapsed();
        let by_time = self.rule.every_secs > 0 && elapsed.as_secs() >= self.rule.every_secs;
        let again = self.failed_in_a_row > 0 && elapsed >= RETRY;
        // What is asked for by the clock waits for the disk; what is asked for by its number is not left out.
        by_steps || self.milestone(step).is_some() || ((by_time || again) && self.writing.is_none())
    }

    /// Begins to write a snapshot; waits for the one before.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn begin(&mut self, meta: Meta, tensors: BTreeMap<String, Tensor>) -> Result<Option<News>> {
        let before = self.wait();
        self.last = Instant::now();
        let (dir, rule, step) = (self.dir.clone(), self.rule.clone(), meta.step);
        let work = move || checkpoint::save(&dir, &meta, &tensors, &rule);
        let thread = std::thread::Builder::new().name("checkpoint".to_owned()).spawn(work);
        self.writing = Some((step, thread.context("cannot start the thread that writes checkpoints")?));
        Ok(before)
    }

    /// What became of an attempt that has ended; does not wait.
    pub fn poll(&mut self) -> Option<News> {
        if self.writing.as_ref().is_some_and(|(_, thread)| thread.is_finished()) { self.wait() } else { None }
    }

    /// Waits for the attempt that is under way.
    pub fn wait(&mut self) -> Option<News> {
        let (step, thread) = self.writing.take()?;
        let ended = thread.join().unwrap_or_else(|_| Err(anyhow!("the thread that writes checkpoints ended by a fault")));
        Some(match ended {
            Ok(()) => {
                (self.failed_in_a_row, self.written) = (0, Some(step));
                News::Written(step)
            }
            Err(error) => {
                self.failed_in_a_row += 1;
                let kept = self.written.map_or("there is none yet".to_owned(), |step| format!("the one of step {step} stays"));
                News::Failed(format!("the checkpoint of step {step} was not written: {error:#}; {kept}"))
            }
        })
    }

    /// Whether the rule ends the run because of failures.
    pub fn gives_up(&self) -> bool {
        self.rule.give_up_after > 0 && self.failed_in_a_row >= self.rule.give_up_after
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn rule() -> CheckpointRule {
        CheckpointRule {
            every_secs: 3600,
            every_steps: 10,
            keep_last: 2,
            keep_every: 0,
            milestones: BTreeMap::from([("warm".to_owned(), 3)]),
            give_up_after: 2,
        }
    }

    fn attempt(saver: &mut Saver, step: usize) -> Result<Option<News>> {
        let tensors = BTreeMap::from([("w".to_owned(), Tensor::new(&[step as f32], &Device::Cpu)?)]);
        let meta = Meta { step, ..Meta::new("base", String::new(), String::new(), "", BTreeMap::new()) };
        saver.begin(meta, tensors)
    }

    #[test]
    fn a_failed_attempt_is_told_and_the_checkpoint_before_stays() -> Result<()> {
        let dir = tempfile::tempdir()?;
        let place = dir.path().join("base");
        let mut saver = Saver::new(&place, &rule(), None);
        assert!(saver.is_due(10) && saver.is_due(3) && !saver.is_due(4));
        assert!(attempt(&mut saver, 10)?.is_none());
        assert!(matches!(saver.wait(), Some(News::Written(10))));
        // A file stands where the folder was: nothing can be written, as on a disk that is full.
        let aside = dir.path().join("aside");
        std::fs::rename(&place, &aside)?;
        std::fs::write(&place, b"")?;
        attempt(&mut saver, 20)?;
        let Some(News::Failed(said)) = saver.wait() else { anyhow::bail!("written into a file") };
        assert!(said.contains("step 20") && said.contains("the one of step 10 stays"), "{said}");
        assert!(!saver.gives_up());
        attempt(&mut saver, 30)?;
        assert!(matches!(saver.wait(), Some(News::Failed(_))) && saver.gives_up());
        std::fs::remove_file(&place)?;
        std::fs::rename(&aside, &place)?;
        attempt(&mut saver, 40)?;
        assert!(matches!(saver.wait(), Some(News::Written(40))) && !saver.gives_up());
        let newest = checkpoint::newest(&place)?.context("a checkpoint")?;
        assert_eq!(newest.meta.step, 40);
        Ok(())
    }
}
