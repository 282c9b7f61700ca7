//! What a run says while it works: a line on the terminal and a line of JSON in `metrics.jsonl`.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// One logged interval.
#[derive(Clone, Debug, Serialize)]
pub struct Metrics<'a> {
    /// Stage.
    pub stage: &'a str,
    /// Updates done.
    pub step: usize,
    /// Mean loss of the interval.
    pub loss: f64,
    /// Named parts of the loss at the last step.
    pub parts: Vec<(&'static str, f64)>,
    /// Gradient norm before clipping at the last step.
    pub grad_norm: f64,
    /// Learning rate at the last step.
    pub lr: f64,
    /// Samples a second over the interval.
    pub samples_per_sec: f64,
    /// Share of the interval spent waiting for data.
    pub data_wait: f64,
    /// Updates that were skipped because the gradient was not finite.
    pub skipped: usize,
}

/// Progress bar and metrics file.
pub struct Log {
    file: File,
    path: PathBuf,
    bar: ProgressBar,
    last_line: Instant,
}

impl Log {
    /// Appends to the metrics file and shows a bar where there is a terminal.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path, stage: &str, start: usize, steps: usize) -> Result<Self> {
        let file =
            OpenOptions::new().create(true).append(true).open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let bar = ProgressBar::new(steps as u64);
        bar.set_style(
            ProgressStyle::with_template("{prefix:>12} {bar:30} {pos}/{len} {eta_precise} left  {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar.set_prefix(stage.to_owned());
        bar.set_position(start as u64);
        Ok(Self { file, path: path.to_owned(), bar, last_line: Instant::now() - Duration::from_secs(3600) })
    }

    /// Notes an interval.
    ///
    /// # Errors
    /// When the file cannot be written.
    #[expect(clippy::print_stderr, reason = "plain progress lines where no terminal can show a bar")]
    pub fn note(&mut self, metrics: &Metrics<'_>, left: Duration) -> Result<()> {
        let mut line = serde_json::to_vec(metrics)?;
        line.push(b'\n');
        self.file.write_all(&line).with_context(|| format!("cannot write {}", self.path.display()))?;
        let message = format!(
            "loss {:.4}  {:.0} samples/s  wait {:.0} %",
            metrics.loss,
            metrics.samples_per_sec,
            100.0 * metrics.data_wait
        );
        self.bar.set_position(metrics.step as u64);
        self.bar.set_message(message.clone());
        if self.bar.is_hidden() && self.last_line.elapsed() > Duration::from_secs(10) {
            self.last_line = Instant::now();
            let (stage, step, left) = (metrics.stage, metrics.step, left.as_secs());
            eprintln!("{stage} {step}  {message}  |g| {:.3}  {left} s left", metrics.grad_norm);
        }
        Ok(())
    }

    /// Ends the bar.
    pub fn finish(&self) {
        self.bar.finish();
    }
}
