//! What a run says while it works: a line on the terminal, and a line of JSON in `metrics.jsonl` for every update.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use engine::store::atomic::write_atomic;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::events::Events;
use super::lines::Lines;

/// Bins of the noise range.
pub const LEVELS: usize = 10;
/// The file beside the metrics that keeps what a run said while it worked.
const MESSAGES: &str = "messages.jsonl";

/// One update.
#[derive(Clone, Debug, Serialize)]
pub struct Metrics<'a> {
    /// Stage.
    pub stage: &'a str,
    /// Updates done.
    pub step: usize,
    /// Samples taken, over all ranks.
    pub samples: u64,
    /// Ranks that worked on it.
    pub ranks: usize,
    /// Mean loss of the update.
    pub loss: f64,
    /// Named parts of the loss.
    pub parts: Vec<(String, f64)>,
    /// Mean loss of the rows in each tenth of the noise range, little noise first; null without a row.
    pub levels: [Option<f64>; LEVELS],
    /// Gradient norm before clipping.
    pub grad_norm: f64,
    /// What gradients were multiplied with.
    pub clip_scale: f64,
    /// Learning rate.
    pub lr: f64,
    /// Whether the update was applied.
    pub applied: bool,
    /// Time of the update.
    pub seconds: f64,
    /// Samples a second, over all ranks.
    pub samples_per_sec: f64,
    /// Share of the time spent in forward and backward, mean over ranks.
    pub compute: f64,
    /// Share of the time spent in the optimiser and the averages, mean over ranks.
    pub update: f64,
    /// Share of the time spent waiting for data, on the rank that waited longest: the others wait for it.
    pub data_wait: f64,
    /// Share of the time spent waiting for gradients and figures of other ranks, mean over ranks.
    pub exchange: f64,
    /// Memory of the largest process, MiB.
    pub memory_mib: f64,
}

/// A line of the file: the update, and how many the stage has.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    metrics: &'a Metrics<'a>,
    of: usize,
}

/// What a log writes into.
struct Files {
    lines: Lines,
    messages: File,
    events: Events,
}

/// Progress bar and metrics file.
pub struct Log {
    /// None on ranks that do not speak.
    files: Option<Files>,
    steps: usize,
    bar: ProgressBar,
    stage: String,
    last_line: Option<Instant>,
}

impl Log {
    /// Appends to the metrics file, without what a killed run had noted of `stage` after `start`, and shows a bar
    /// where there is a terminal.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(path: &Path, stage: &str, start: usize, steps: usize) -> Result<Self> {
        forget(path, stage, start)?;
        let lines = Lines::open(path)?;
        let aside = path.with_file_name(MESSAGES);
        let messages = OpenOptions::new().create(true).append(true).open(&aside);
        let messages = messages.with_context(|| format!("cannot open {}", aside.display()))?;
        let events = Events::begin(&path.with_file_name(stage), start)?;
        let bar = ProgressBar::new(steps as u64);
        bar.set_style(
            ProgressStyle::with_template("{prefix:>12} {bar:30} {pos}/{len}  {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar.set_prefix(stage.to_owned());
        bar.set_position(start as u64);
        let files = Files { lines, messages, events };
        Ok(Self { files: Some(files), steps, bar, stage: stage.to_owned(), last_line: None })
    }

    /// Writes nothing and says nothing, on ranks that do not speak.
    pub fn silent(stage: &str, steps: usize) -> Self {
        Self { files: None, steps, bar: ProgressBar::hidden(), stage: stage.to_owned(), last_line: None }
    }

    /// Notes an update. A full disk costs no training: lines wait until there is room.
    ///
    /// # Errors
    /// When the numbers cannot be put into words.
    pub fn note(&mut self, metrics: &Metrics<'_>) -> Result<()> {
        let Some(files) = &mut self.files else { return Ok(()) };
        let line = serde_json::to_vec(&Line { metrics, of: self.steps })?;
        let troubles = [files.lines.add(&line), files.events.note(metrics)];
        troubles.iter().flatten().for_each(|trouble| self.say(trouble));
        Ok(())
    }

    /// Notes the panel that was drawn into the stage's folder.
    pub fn note_panel(&mut self, dir: &Path, step: usize) {
        let Some(files) = &mut self.files else { return };
        if let Some(trouble) = files.events.picture(dir, step) {
            self.say(&trouble);
        }
    }

    /// Shows how far the run is.
    #[expect(clippy::print_stderr, reason = "plain progress lines where no terminal can show a bar")]
    pub fn show(&mut self, step: usize, loss: f64, samples_per_sec: f64, data_wait: f64, left: Duration) {
        if self.files.is_none() {
            return;
        }
        let left = indicatif::HumanDuration(left);
        let message = format!("loss {loss:.4}  {samples_per_sec:.1} samples/s  data {:.0} %  {left:#} left", 100.0 * data_wait);
        self.bar.set_position(step as u64);
        self.bar.set_message(message.clone());
        if self.bar.is_hidden() && self.last_line.is_none_or(|last| last.elapsed() > Duration::from_secs(10)) {
            self.last_line = Some(Instant::now());
            eprintln!("{} {step}/{}  {message}", self.stage, self.steps);
        }
    }

    /// Says a sentence beside the bar, and keeps it in `messages.jsonl`.
    pub fn say(&self, sentence: &str) {
        let Some(files) = &self.files else { return };
        say_beside(&self.bar, sentence);
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let line = serde_json::json!({ "time": time, "stage": self.stage, "step": self.bar.position(), "text": sentence });
        if let Err(error) = (&files.messages).write_all(format!("{line}\n").as_bytes()) {
            say_beside(&self.bar, &format!("{MESSAGES} does not hold this sentence: {error}"));
        }
    }

    /// Ends the bar, and writes the lines that wait.
    pub fn finish(&mut self) {
        self.bar.finish();
        if let Some(trouble) = self.files.as_mut().and_then(|files| files.lines.finish()) {
            self.say(&trouble);
        }
    }
}

/// Says a sentence where there is no bar.
#[expect(clippy::print_stderr, reason = "what a run has to say before and after its stages")]
pub fn say(sentence: &str) {
    eprintln!("{sentence}");
}

fn say_beside(bar: &ProgressBar, sentence: &str) {
    bar.suspend(|| say(sentence));
}

/// Removes lines of a stage after update `start`, and a line that was cut off.
fn forget(path: &Path, stage: &str, start: usize) -> Result<()> {
    #[derive(serde::Deserialize)]
    struct Place {
        stage: String,
        step: usize,
    }
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let (mut kept, mut forgotten) = (Vec::new(), false);
    for line in BufReader::new(file).split(b'\n') {
        let line = line.with_context(|| format!("cannot read {}", path.display()))?;
        match serde_json::from_slice::<Place>(&line) {
            Ok(place) if place.stage != stage || place.step <= start => {
                kept.extend(line);
                kept.push(b'\n');
            }
            _ => forgotten = true,
        }
    }
    if forgotten {
        write_atomic(path, &kept)?;
    }
    Ok(())
}

/// Memory of this process in MiB; 0 where the system does not tell.
pub fn memory_mib() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok().and_then(|text| text.split(' ').nth(1)?.parse::<f64>().ok());
    pages.unwrap_or(0.0) * 4096.0 / 1_048_576.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_run_forgets_what_it_does_again() -> Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("metrics.jsonl");
        let line = |stage: &str, step: usize| format!("{{\"stage\":\"{stage}\",\"step\":{step},\"loss\":1.0}}\n");
        let text = [line("base", 1), line("base", 2), line("other", 9), line("base", 3), "{\"stage\":\"ba".to_owned()].concat();
        write_atomic(&path, text.as_bytes())?;
        forget(&path, "base", 2)?;
        assert_eq!(std::fs::read_to_string(&path)?, [line("base", 1), line("base", 2), line("other", 9)].concat());
        forget(&dir.path().join("none"), "base", 2)
    }

    #[test]
    fn a_sentence_is_kept_with_its_stage_and_update() -> Result<()> {
        let dir = tempfile::tempdir()?;
        let log = Log::open(&dir.path().join("metrics.jsonl"), "base", 7, 9)?;
        log.say("the gradient of update 7 is not finite; it was left out");
        let text = std::fs::read_to_string(dir.path().join(MESSAGES))?;
        let line: serde_json::Value = serde_json::from_str(text.trim_end())?;
        assert_eq!((line["stage"].as_str(), line["step"].as_u64()), (Some("base"), Some(7)));
        assert!(line["text"].as_str().is_some_and(|said| said.ends_with("left out")) && line["time"].is_u64(), "{line}");
        Ok(())
    }
}
