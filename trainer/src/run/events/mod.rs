//! Event files for TensorBoard: what `metrics.jsonl` says, and the pictures of the panel.
//!
//! Each stage is a run of TensorBoard, for each counts its updates from 1: the files lie in the stage's folder. A file
//! is appended to while a process trains; who goes on opens the next one. Its first records tell at which update it
//! begins, so that TensorBoard forgets what a killed process had noted after its last checkpoint.

mod message;
mod record;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde_json::Value;

use super::log::{LEVELS, Metrics};
use message::{Event, What};

/// How the names of these files begin; what follows is the time of the start, ten digits.
const PREFIX: &str = "events.out.tfevents.";
/// How they end: the place where others name their machine.
const SUFFIX: &str = ".chexgen";
/// The tag of the pictures.
pub const PANEL: &str = "panel";

/// The event file of a process that trains a stage.
pub struct Events {
    /// `None` after it could not be written: training goes on without.
    file: Option<File>,
    path: PathBuf,
}

impl Events {
    /// Begins a file under the stage's folder for the updates after `start`.
    ///
    /// # Errors
    /// When the file cannot be made or written.
    pub fn begin(dir: &Path, start: usize) -> Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let path = dir.join(next_name(dir, now())?);
        let file = OpenOptions::new().create_new(true).append(true).open(&path);
        let mut file = file.with_context(|| format!("cannot make {}", path.display()))?;
        let head = [Event::version(), Event::start(start as i64 + 1)];
        file.write_all(&frames(head)).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { file: Some(file), path })
    }

    /// Notes an update; a sentence when the file could not be written, which is then left alone.
    pub fn note(&mut self, metrics: &Metrics<'_>) -> Option<String> {
        self.file.as_ref()?;
        let event = || Ok(Event::summary(metrics.step as i64, scalars(metrics)?));
        self.write(event())
    }

    /// Notes the picture of a panel that was drawn at an update; a sentence as with [`Self::note`].
    pub fn picture(&mut self, dir: &Path, step: usize) -> Option<String> {
        self.file.as_ref()?;
        let path = dir.join("panel").join(format!("step-{step:08}.png"));
        if !path.is_file() {
            return None;
        }
        let event = || {
            let png = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            Ok(Event::summary(step as i64, vec![message::picture(PANEL, png)]))
        };
        self.write(event())
    }

    fn write(&mut self, event: Result<Event>) -> Option<String> {
        let written = event.and_then(|event| match &mut self.file {
            Some(file) => file.write_all(&frames([event])).with_context(|| format!("cannot write {}", self.path.display())),
            None => Ok(()),
        });
        let error = written.err()?;
        self.file = None;
        Some(format!("no more events for TensorBoard from this process: {error:#}; metrics.jsonl goes on"))
    }
}

fn frames<const N: usize>(events: [Event; N]) -> Vec<u8> {
    events.iter().flat_map(|event| record::frame(&event.bytes())).collect()
}

/// Time since 1970; the start of 1970 where the clock stands before it.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A name behind all that are there: TensorBoard reads them in the order of their names, also where the clock jumped.
fn next_name(dir: &Path, now: Duration) -> Result<String> {
    let mut secs = now.as_secs();
    for entry in std::fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let name = entry?.file_name();
        let before = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse::<u64>().ok());
        secs = secs.max(before.map_or(0, |before| before + 1));
    }
    Ok(format!("{PREFIX}{secs:010}{SUFFIX}"))
}

/// Every number of an update by its tag; TensorBoard makes a group of what shares the part before the stroke.
fn scalars(metrics: &Metrics<'_>) -> Result<Vec<What>> {
    let Value::Object(fields) = serde_json::to_value(metrics)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for (name, value) in fields {
        match (name.as_str(), value) {
            // What is no number in JSON is one that is not finite; the step stands in the event.
            ("loss", Value::Null) => found.push(message::scalar("loss/mean", f64::NAN)),
            ("grad_norm", Value::Null) => found.push(message::scalar("gradient/norm", f64::NAN)),
            ("step", _) => {}
            ("parts", _) => found.extend(metrics.parts.iter().map(|(part, v)| message::scalar(&format!("loss/part_{part}"), *v))),
            ("levels", _) => {
                let levels = metrics.levels.iter().enumerate().filter_map(|(bin, loss)| Some((bin, (*loss)?)));
                found.extend(levels.map(|(bin, loss)| message::scalar(&level_tag(bin), loss)));
            }
            (name, Value::Number(number)) => found.push(message::scalar(&tag(name), number.as_f64().unwrap_or(f64::NAN))),
            (name, Value::Bool(yes)) => found.push(message::scalar(&tag(name), f64::from(u8::from(yes)))),
            _ => {}
        }
    }
    Ok(found)
}

/// The tag of the mean loss in a tenth of the noise range, little noise first.
pub fn level_tag(bin: usize) -> String {
    let tenth = |at: usize| at as f64 / LEVELS as f64;
    format!("loss_by_noise_level/{:.1}-{:.1}", tenth(bin), tenth(bin + 1))
}

/// The tag of a field of [`Metrics`].
pub fn tag(field: &str) -> String {
    let group = match field {
        "loss" => return "loss/mean".to_owned(),
        "grad_norm" => return "gradient/norm".to_owned(),
        "clip_scale" => "gradient",
        "lr" => return "update/learning_rate".to_owned(),
        "applied" | "samples" | "ranks" => "update",
        "seconds" => return "speed/seconds_per_update".to_owned(),
        "samples_per_sec" => return "speed/samples_per_second".to_owned(),
        "compute" | "update" | "data_wait" | "exchange" => "share_of_time",
        "memory_mib" => "memory",
        _ => "other",
    };
    format!("{group}/{field}")
}

#[cfg(test)]
mod tests;
