//! One stage of a training as its log tells it.

use std::borrow::Cow;
use std::collections::VecDeque;

use serde::Deserialize;

use super::table::{Column, LEVELS, Numbers, Table};

/// Updates whose times are averaged for the time left.
const RECENT: usize = 50;
/// Left-out updates that are named.
const NAMED: usize = 20;

/// A line of `metrics.jsonl`; all but the first two may be missing in files of other versions.
#[derive(Deserialize)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    pub(super) stage: Cow<'a, str>,
    step: u32,
    of: Option<u64>,
    loss: Option<f64>,
    levels: Option<Vec<Option<f64>>>,
    grad_norm: Option<f64>,
    clip_scale: Option<f64>,
    lr: Option<f64>,
    applied: Option<bool>,
    seconds: Option<f64>,
    samples_per_sec: Option<f64>,
    compute: Option<f64>,
    update: Option<f64>,
    data_wait: Option<f64>,
    exchange: Option<f64>,
    memory_mib: Option<f64>,
}

/// What is known of a stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stage {
    /// Its name and its folder's.
    pub name: String,
    /// Its numbers.
    pub table: Table,
    /// The newest update.
    pub step: u32,
    /// Updates that it has, where the log tells.
    pub of: Option<u64>,
    /// The newest update's numbers.
    pub last: Numbers,
    /// Seconds of all updates; 0 where the log does not tell.
    pub seconds: f64,
    /// Updates whose gradient was not finite.
    pub left_out: u64,
    /// The last of them.
    pub left_out_at: VecDeque<u32>,
    /// Updates whose gradient was made shorter.
    pub clipped: u64,
    /// Lines read.
    pub lines: u64,
    pub(in super::super) recent: VecDeque<(f64, f64)>,
}

impl Stage {
    /// A stage without an update.
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Adds an update.
    pub(super) fn push(&mut self, line: &Line<'_>) {
        let mut numbers = Numbers::default();
        for (column, value) in [
            (Column::Loss, line.loss),
            (Column::GradNorm, line.grad_norm),
            (Column::ClipScale, line.clip_scale),
            (Column::Rate, line.lr),
            (Column::Speed, line.samples_per_sec),
            (Column::Compute, line.compute),
            (Column::Update, line.update),
            (Column::Wait, line.data_wait),
            (Column::Exchange, line.exchange),
            (Column::Memory, line.memory_mib),
        ] {
            numbers.set(column, value);
        }
        for (tenth, loss) in line.levels.iter().flatten().take(LEVELS).enumerate() {
            numbers.set(Column::Level(tenth), *loss);
        }
        self.table.push(line.step, &numbers);
        self.lines += 1;
        self.step = line.step;
        self.of = line.of.or(self.of);
        self.last = numbers;
        if let Some(seconds) = line.seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0) {
            self.seconds += seconds;
            self.recent.push_back((seconds, line.data_wait.unwrap_or(0.0) * seconds));
            if self.recent.len() > RECENT {
                self.recent.pop_front();
            }
        }
        if line.applied == Some(false) {
            self.left_out += 1;
            self.left_out_at.push_back(line.step);
            if self.left_out_at.len() > NAMED {
                self.left_out_at.pop_front();
            }
        }
        if line.clip_scale.is_some_and(|scale| scale < 1.0) {
            self.clipped += 1;
        }
    }

    /// Seconds of an update, over the last ones.
    pub fn pace(&self) -> Option<f64> {
        let sum: f64 = self.recent.iter().map(|(seconds, _)| seconds).sum();
        (sum > 0.0).then(|| sum / self.recent.len() as f64)
    }

    /// Share of the time that the last updates waited for data.
    pub fn waits(&self) -> Option<f64> {
        let sum: f64 = self.recent.iter().map(|(seconds, _)| seconds).sum();
        (sum > 0.0).then(|| self.recent.iter().map(|(_, wait)| wait).sum::<f64>() / sum)
    }

    /// What the log does not tell, in words.
    pub fn missing(&self) -> Vec<&'static str> {
        let asked = [
            (Column::Level(LEVELS - 1), "the loss by noise level"),
            (Column::ClipScale, "clipping"),
            (Column::Compute, "where the time goes"),
            (Column::Memory, "memory"),
        ];
        let mut missing: Vec<_> = asked.into_iter().filter(|(c, _)| !self.table.has(*c)).map(|(_, words)| words).collect();
        if self.recent.is_empty() {
            missing.push("the time of an update");
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(stage: &mut Stage, text: &str) {
        stage.push(&serde_json::from_str(text).expect("a line"));
    }

    #[test]
    fn lines_of_this_and_of_an_older_version_are_read() {
        let mut stage = Stage::new("text");
        let new = r#"{"stage":"text","step":2,"samples":64,"loss":null,"parts":[["mse",1.5]],"levels":[1.0,null,3.0],
            "grad_norm":2.5,"clip_scale":0.4,"lr":0.1,"applied":false,"seconds":2.0,"samples_per_sec":16.0,"compute":0.9,
            "update":0.05,"data_wait":0.01,"memory_mib":800.5,"of":10,"later":[1]}"#;
        push(&mut stage, &new.replace("\n", " "));
        assert_eq!((stage.of, stage.left_out, stage.clipped, stage.pace()), (Some(10), 1, 1, Some(2.0)));
        assert_eq!((stage.last.get(Column::Loss), stage.last.get(Column::Level(2))), (None, Some(3.0)));
        assert_eq!((stage.last.get(Column::Level(1)), stage.last.get(Column::Memory)), (None, Some(800.5)));
        let mut old = Stage::new("base");
        push(&mut old, r#"{"stage":"base","step":1,"loss":0.5,"parts":[],"grad_norm":0.6,"lr":0.1,"data_wait":0.0,"skipped":0}"#);
        assert_eq!((old.step, old.pace(), old.of), (1, None, None));
        assert!(old.missing().contains(&"memory") && old.missing().contains(&"the loss by noise level"));
    }
}
