//! Settings of the loop that all stages share: tables `train` of a configuration.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use candle_core::{DType, Device};
use serde::{Deserialize, Serialize};

use crate::step::lr_schedule::LrSchedule;
use crate::step::{AdamWConfig, Average, Group, OptimizerConfig};

/// Most updates of a stage; beyond any training, and a product with rows still fits into a whole number.
const MOST_UPDATES: usize = 1_000_000_000;
/// Most times that data are seen.
const MOST_EPOCHS: f64 = 1e6;
/// Most rows of an update.
const MOST_ROWS: usize = 1 << 20;
/// Highest learning rate; AdamW moves each weight by about so much an update.
const MOST_RATE: f64 = 1.0;
/// Most loader threads.
const MOST_THREADS: usize = 1024;

/// What networks compute in; master weights, moments and averages are `f32` always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compute {
    /// `f32` on the processor, `bf16` on a graphics card.
    #[default]
    Auto,
    /// Four bytes a number.
    F32,
    /// Two bytes with the range of `f32`; the processor emulates it, slowly.
    Bf16,
}

impl Compute {
    /// The number type on a device.
    pub fn on(self, device: &Device) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::Bf16 => DType::BF16,
            Self::Auto if device.is_cpu() => DType::F32,
            Self::Auto => DType::BF16,
        }
    }
}

/// What happens to an update whose gradient is not finite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NonFinite {
    /// It is left out and its samples are named; the run ends when most of the updates are like that.
    #[default]
    Skip,
    /// The run ends with a checkpoint from before it, and names its samples.
    Stop,
}

/// Variables that are treated apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupSettings {
    /// Part of their names, such as `.bias`.
    pub contains: String,
    /// Multiplies the learning rate.
    pub lr_scale: f64,
    /// Replaces the decay.
    pub weight_decay: f64,
}

/// `optimizer`: AdamW.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerSettings {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled decay.
    pub weight_decay: f64,
    /// Largest gradient norm; absent never clips.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Variables that are treated apart; the first that names a variable counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupSettings>,
}

/// `averages`: moving averages of the weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AverageSettings {
    /// Half-lives in updates; the first is the one that panels and the finished stage use.
    pub half_lives: Vec<u64>,
    /// Whether an average forgets the start faster while the run is young.
    pub ramp: bool,
}

/// `checkpoints`: when they are written and which stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointRule {
    /// One every so many seconds; 0 for none.
    #[serde(default)]
    pub every_secs: u64,
    /// One every so many updates; 0 for none.
    #[serde(default)]
    pub every_steps: usize,
    /// The newest so many stay.
    pub keep_last: usize,
    /// Those at multiples of this stay, too; 0 for none.
    #[serde(default)]
    pub keep_every: usize,
    /// Named updates: one is written there and stays.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub milestones: BTreeMap<String, usize>,
    /// After so many failed attempts in a row the run ends; 0 goes on for ever.
    #[serde(default)]
    pub give_up_after: usize,
}

/// Settings that all stages share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoopConfig {
    /// Updates; either this or `epochs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<usize>,
    /// How often the data is seen; either this or `steps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<f64>,
    /// Samples an update, over all cards and micro-batches.
    pub batch_size: usize,
    /// Samples computed at once on a card; absent computes its whole share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_batch: Option<usize>,
    /// What networks compute in.
    #[serde(default)]
    pub compute: Compute,
    /// Whether the inner values of blocks are computed twice instead of kept; the bits are the same.
    #[serde(default)]
    pub gradient_checkpointing: bool,
    /// Learning rate.
    pub lr: LrSchedule,
    /// AdamW.
    pub optimizer: OptimizerSettings,
    /// Moving averages.
    pub averages: AverageSettings,
    /// Checkpoints.
    pub checkpoints: CheckpointRule,
    /// What happens to gradients that are not finite.
    #[serde(default)]
    pub non_finite: NonFinite,
    /// A panel of samples every so many updates; 0 draws none.
    pub sheet_every: usize,
    /// Loader threads.
    pub loader_threads: usize,
}

impl LoopConfig {
    /// Updates of the stage on a data set of `cases`.
    ///
    /// # Errors
    /// When both or none of `steps` and `epochs` are said.
    pub fn updates(&self, cases: usize) -> Result<usize> {
        match (self.steps, self.epochs) {
            (Some(steps), None) => Ok(steps),
            (None, Some(epochs)) => Ok((epochs * cases as f64 / self.batch_size.max(1) as f64).ceil() as usize),
            _ => anyhow::bail!("say either steps or epochs"),
        }
    }

    /// What a checkpoint's state belongs to; a resumed run may change everything else.
    pub fn identity(&self) -> (usize, &OptimizerSettings, &AverageSettings) {
        (self.batch_size, &self.optimizer, &self.averages)
    }

    /// The optimiser's part.
    pub fn optimizer(&self) -> OptimizerConfig {
        let o = &self.optimizer;
        OptimizerConfig {
            adamw: AdamWConfig { beta1: o.beta1, beta2: o.beta2, eps: o.eps, weight_decay: o.weight_decay },
            groups: o
                .groups
                .iter()
                .map(|g| Group { contains: g.contains.clone(), lr_scale: g.lr_scale, weight_decay: g.weight_decay })
                .collect(),
            clip_norm: o.clip_norm,
            averages: self.averages.half_lives.iter().map(|&half| Average::with_half_life(half, self.averages.ramp)).collect(),
        }
    }

    /// Checks the numbers; `at` is the table's name.
    ///
    /// # Errors
    /// Names the first field that does not fit and what is allowed.
    pub fn check(&self, at: &str) -> Result<()> {
        let positive = |name: &str, value: f64| {
            ensure!(value.is_finite() && value > 0.0, "field {at}.{name} is {value}; choose a positive number");
            Ok(())
        };
        let share = |name: &str, value: f64| {
            ensure!((0.0..1.0).contains(&value), "field {at}.{name} is {value}; choose a number from 0 to below 1");
            Ok(())
        };
        ensure!(self.steps.is_some() != self.epochs.is_some(), "table {at}: say either steps or epochs");
        let number = |name: &str, value: usize, most: usize| {
            ensure!(value > 0, "field {at}.{name} is 0; choose at least 1");
            ensure!(value <= most, "field {at}.{name} is {value}; choose at most {most}");
            Ok(())
        };
        if let Some(steps) = self.steps {
            number("steps", steps, MOST_UPDATES)?;
        }
        if let Some(epochs) = self.epochs {
            positive("epochs", epochs)?;
            ensure!(epochs <= MOST_EPOCHS, "field {at}.epochs is {epochs}; choose at most {MOST_EPOCHS}");
        }
        number("batch_size", self.batch_size, MOST_ROWS)?;
        if let Some(micro) = self.micro_batch {
            ensure!(
                micro > 0 && self.batch_size.is_multiple_of(micro),
                "field {at}.micro_batch is {micro}; choose a divisor of batch_size, which is {}",
                self.batch_size
            );
        }
        positive("lr.peak", self.lr.peak)?;
        ensure!(self.lr.peak <= MOST_RATE, "field {at}.lr.peak is {}; choose at most {MOST_RATE}", self.lr.peak);
        ensure!((0.0..=1.0).contains(&self.lr.decay_from), "field {at}.lr.decay_from is {}; choose 0 to 1", self.lr.decay_from);
        ensure!((0.0..=1.0).contains(&self.lr.floor), "field {at}.lr.floor is {}; choose 0 to 1", self.lr.floor);
        let o = &self.optimizer;
        share("optimizer.beta1", o.beta1)?;
        share("optimizer.beta2", o.beta2)?;
        positive("optimizer.eps", o.eps)?;
        for (name, decay) in std::iter::once(("optimizer.weight_decay", o.weight_decay))
            .chain(o.groups.iter().map(|group| ("optimizer.groups.weight_decay", group.weight_decay)))
        {
            ensure!(decay.is_finite() && decay >= 0.0, "field {at}.{name} is {decay}; choose 0 or a positive number");
        }
        if let Some(norm) = o.clip_norm {
            positive("optimizer.clip_norm", norm)?;
        }
        let half_lives = &self.averages.half_lives;
        ensure!(!half_lives.contains(&0), "field {at}.averages.half_lives holds 0; choose 1 or more updates");
        let distinct: std::collections::BTreeSet<_> = half_lives.iter().collect();
        ensure!(distinct.len() == half_lives.len(), "field {at}.averages.half_lives holds a number twice");
        ensure!(self.checkpoints.keep_last > 0, "field {at}.checkpoints.keep_last is 0; choose at least 1");
        number("loader_threads", self.loader_threads, MOST_THREADS)?;
        Ok(())
    }
}
