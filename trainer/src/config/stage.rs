//! The configuration of one stage: a diffusion transformer, or its control branch, on a data set.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use engine::domain::{Preset, SamplerKind};
use engine::model::DitConfig;
use serde::{Deserialize, Serialize};

use super::{MOST_PHANTOMS, parse, sizes_are_possible};
use crate::data::cases::ConditionKind;
use crate::run::settings::LoopConfig;
use crate::stages::batch::TimestepRule;
use crate::stages::panel::PanelSampling;

/// Most cases of a panel, which are drawn on one picture.
const MOST_PANEL_CASES: usize = 256;
/// Most sampler steps.
const MOST_STEPS: usize = 1000;

/// What a stage trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StageKind {
    /// The whole transformer on pictures and captions.
    Text,
    /// Control blocks beside a transformer.
    Control,
}

impl StageKind {
    /// Name of the stage and of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Control => "control",
        }
    }
}

/// `data`: what is learnt from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum DataSource {
    /// A folder that `chexgen prepare` wrote.
    Prepared {
        /// The folder.
        folder: PathBuf,
        /// Which split of it.
        split: String,
        /// Whether latents are drawn from the autoencoder's posterior; else its mean is taken.
        sample_posterior: bool,
    },
    /// Phantoms, drawn and encoded when the run begins.
    Phantoms {
        /// Cases.
        count: usize,
        /// Seed of the cases.
        seed: u64,
        /// Folder for drawn cases; relative to the run folder.
        cache: PathBuf,
        /// Whether latents are drawn from the autoencoder's posterior; else its mean is taken.
        sample_posterior: bool,
    },
}

/// `network`: sizes of the transformer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSettings {
    /// Side of the latent: 32 for 256 px, 64 for 512 px where the autoencoder divides by 8.
    pub input_size: usize,
    /// Channels of the latent.
    pub in_channels: usize,
    /// Latent positions a token's side covers.
    pub patch_size: usize,
    /// Width.
    pub hidden_size: usize,
    /// Blocks.
    pub depth: usize,
    /// Heads.
    pub num_heads: usize,
    /// Width of the feed-forward layer over the width.
    pub mlp_ratio: f64,
    /// Width of a caption row.
    pub text_embed_dims: usize,
    /// Most tokens of a caption: rows of the null caption.
    pub token_num: usize,
    /// Divides the coordinates of the position table: 2 where a grid of twice the side is to cover the same range.
    pub pos_embed_scale: f64,
    /// Whether the variance is learned, with a variational term in the loss.
    pub learn_variance: bool,
    /// Copied blocks of the control branch; 0 without one.
    pub control_blocks: usize,
}

impl NetworkSettings {
    /// Sizes in the engine's words.
    pub fn dit(&self, caption_dropout: f64) -> DitConfig {
        DitConfig {
            input_size: self.input_size,
            in_channels: self.in_channels,
            patch_size: self.patch_size,
            hidden_size: self.hidden_size,
            depth: self.depth,
            num_heads: self.num_heads,
            mlp_ratio: self.mlp_ratio,
            text_embed_dims: self.text_embed_dims,
            token_num: self.token_num,
            pos_embed_scale: self.pos_embed_scale,
            class_dropout_prob: caption_dropout,
            learn_sigma: self.learn_variance,
        }
    }
}

/// Which weights of a checkpoint are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// The moving average with the longest half-life, where there is one.
    #[default]
    Average,
    /// Those that were trained.
    Trained,
}

/// `start`: what the weights are at the beginning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartSettings {
    /// A run, a checkpoint, a model folder or a weight file (`.safetensors`, `.pth`); absent draws new weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<PathBuf>,
    /// Whether a stage of this kind must start from something.
    #[serde(default)]
    pub required: bool,
    /// Which weights of it.
    #[serde(default)]
    pub weights: Weights,
    /// Whether its null caption is kept; the published code draws a new one.
    pub keep_null_caption: bool,
    /// Mean of the gate rows of new modulation tables; the published code has 0.
    #[serde(default)]
    pub gate_mean: f64,
}

/// What the network predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PredictionName {
    /// The noise.
    Epsilon,
    /// `√ᾱ ε − √(1−ᾱ) x₀`.
    Velocity,
}

/// `objective.alignment`: hidden tokens are taught to resemble features of another network (REPA).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlignmentSettings {
    /// Safetensors file with `features` `(cases, tokens · width)` in the order of the data.
    pub features: PathBuf,
    /// Width of a feature.
    pub width: usize,
    /// The output of this block is compared, counted from 1.
    pub block: usize,
    /// Inner width of the projection.
    pub hidden: usize,
    /// Weight of the loss.
    pub weight: f64,
}

/// `objective`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectiveSettings {
    /// What the network predicts.
    pub prediction: PredictionName,
    /// Share of captions replaced by the null caption.
    pub caption_dropout: f64,
    /// How timesteps are drawn.
    pub timesteps: TimestepRule,
    /// Timesteps are `1000 u^power` with even `u`.
    pub timestep_power: f64,
    /// Bound of the signal-to-noise ratio in the weight of a row; absent weighs all rows alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_snr_gamma: Option<f64>,
    /// Comparison of hidden tokens; absent for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alignment: Option<AlignmentSettings>,
}

/// `control`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlSettings {
    /// How often each kind of condition is chosen where a case has several.
    pub conditions: BTreeMap<ConditionKind, f64>,
    /// Share of rows with a condition.
    pub share: f64,
    /// The same among rows whose caption is dropped.
    pub share_dropped: f64,
    /// Whether the transformer learns, too.
    pub train_base: bool,
}

/// A row of the panel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PanelPrompt {
    /// The impression.
    pub prompt: String,
    /// What is drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
    /// Where, as left, top, right, bottom in parts of the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<[f32; 4]>,
    /// Whether it is drawn as a filled mask; else as a box.
    #[serde(default)]
    pub filled: bool,
}

/// `panel`: what is sampled while the stage trains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PanelSettings {
    /// How.
    pub sampling: PanelSampling,
    /// The first so many cases of the data.
    pub cases: usize,
    /// More rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompts: Vec<PanelPrompt>,
}

/// `export`: what the model folder of this stage starts with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportSettings {
    /// `release` or `paper`: behaviour of guidance and control.
    pub preset: String,
    /// The integrator.
    pub sampler: String,
    /// Its steps.
    pub num_steps: usize,
    /// Guidance strength.
    pub guidance_scale: f32,
    /// Origin and licence in one sentence.
    pub notice: String,
}

/// One stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageConfig {
    /// Name of the model.
    pub name: String,
    /// What is trained.
    pub stage: StageKind,
    /// Whether it learns from phantoms only.
    pub practice: bool,
    /// Seed of weights, order, noise and dropout.
    pub seed: u64,
    /// Model folder whose autoencoder and text encoder are used, frozen; see `--parts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<PathBuf>,
    /// What is learnt from.
    pub data: DataSource,
    /// Sizes.
    pub network: NetworkSettings,
    /// The beginning.
    pub start: StartSettings,
    /// The loss.
    pub objective: ObjectiveSettings,
    /// Conditions; with `stage = "control"` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<ControlSettings>,
    /// The loop.
    pub train: LoopConfig,
    /// The panel.
    pub panel: PanelSettings,
    /// The model folder.
    pub export: ExportSettings,
}

impl StageConfig {
    /// Learns from a prepared data set in place of what it names: of phantoms, from the split `train`.
    pub fn learn_from(&mut self, set: &Path) {
        match &mut self.data {
            DataSource::Prepared { folder, .. } => set.clone_into(folder),
            DataSource::Phantoms { sample_posterior, .. } => {
                let (folder, split, sample_posterior) = (set.to_owned(), "train".to_owned(), *sample_posterior);
                self.data = DataSource::Prepared { folder, split, sample_posterior };
            }
        }
    }

    /// Reads and checks a file, with `changes` laid over it.
    ///
    /// # Errors
    /// Names the file and the field.
    pub fn read(path: &Path, changes: &[String]) -> Result<Self> {
        let config: Self = parse::read(path, changes)?;
        config.check().with_context(|| path.display().to_string())?;
        Ok(config)
    }

    /// As [`StageConfig::read`], from text.
    ///
    /// # Errors
    /// Names the field.
    pub fn from_text(text: &str) -> Result<Self> {
        let config: Self = parse::from_text(text, &[])?;
        config.check()?;
        Ok(config)
    }

    /// Sizes of the network.
    pub fn dit(&self) -> DitConfig {
        self.network.dit(self.objective.caption_dropout)
    }

    /// Checks what a type cannot say.
    ///
    /// # Errors
    /// Names the first field that does not fit and what is allowed.
    pub fn check(&self) -> Result<()> {
        let n = &self.network;
        let sizes = [("depth", n.depth), ("hidden_size", n.hidden_size), ("num_heads", n.num_heads), ("token_num", n.token_num)];
        sizes_are_possible("network", &sizes)?;
        let o = &self.objective;
        let share = |name: &str, value: f64| {
            ensure!((0.0..=1.0).contains(&value), "field {name} is {value}; choose a number from 0 to 1");
            Ok(())
        };
        // The network is told of it, too, under another name.
        share("objective.caption_dropout", o.caption_dropout)?;
        self.dit().check().context("table network")?;
        self.train.check("train")?;
        ensure!(
            o.timestep_power.is_finite() && o.timestep_power > 0.0,
            "field objective.timestep_power is {}; choose a positive number",
            o.timestep_power
        );
        if let Some(gamma) = o.min_snr_gamma {
            ensure!(gamma.is_finite() && gamma > 0.0, "field objective.min_snr_gamma is {gamma}; choose a positive number");
        }
        if let Some(a) = &o.alignment {
            ensure!(
                (1..=self.network.depth).contains(&a.block),
                "field objective.alignment.block is {}; choose 1 to network.depth, which is {}",
                a.block,
                self.network.depth
            );
            ensure!(a.width > 0 && a.hidden > 0, "fields objective.alignment.width and .hidden must be above 0");
            ensure!(a.weight.is_finite() && a.weight > 0.0, "field objective.alignment.weight must be positive");
        }
        let blocks = self.network.control_blocks;
        match (self.stage, &self.control) {
            (StageKind::Text, None) => ensure!(blocks == 0, "field network.control_blocks is {blocks}; the text stage has none"),
            (StageKind::Text, Some(_)) => anyhow::bail!("table control belongs to stage = \"control\""),
            (StageKind::Control, None) => anyhow::bail!("table control is missing; stage = \"control\" needs it"),
            (StageKind::Control, Some(control)) => {
                ensure!(
                    (1..self.network.depth).contains(&blocks),
                    "field network.control_blocks is {blocks}; choose 1 to below network.depth, which is {}",
                    self.network.depth
                );
                share("control.share", control.share)?;
                share("control.share_dropped", control.share_dropped)?;
                ensure!(
                    control.conditions.values().any(|weight| *weight > 0.0),
                    "table control.conditions names no kind with a weight above 0"
                );
                ensure!(
                    control.conditions.values().all(|weight| weight.is_finite() && *weight >= 0.0),
                    "table control.conditions holds a weight that is negative or no number"
                );
            }
        }
        if let DataSource::Phantoms { count, .. } = self.data {
            ensure!((1..=MOST_PHANTOMS).contains(&count), "field data.count is {count}; choose 1 to {MOST_PHANTOMS}");
        }
        let cases = self.panel.cases;
        ensure!(cases <= MOST_PANEL_CASES, "field panel.cases is {cases}; choose at most {MOST_PANEL_CASES}");
        for (name, steps) in [("panel.sampling", self.panel.sampling.num_steps), ("export", self.export.num_steps)] {
            ensure!((1..=MOST_STEPS).contains(&steps), "field {name}.num_steps is {steps}; choose 1 to {MOST_STEPS}");
        }
        let guidance = self.export.guidance_scale;
        ensure!((0.0..=30.0).contains(&guidance), "field export.guidance_scale is {guidance}; choose a number from 0 to 30");
        for row in &self.panel.prompts {
            ensure!(
                row.finding.is_some() == row.place.is_some(),
                "a row of panel.prompts has finding or place alone; give both or none"
            );
            if let Some([left, top, right, bottom]) = row.place {
                let inside = [left, top, right, bottom].iter().all(|v| (0.0..=1.0).contains(v));
                ensure!(
                    inside && left < right && top < bottom,
                    "a place of panel.prompts is not left, top, right, bottom in 0 to 1"
                );
            }
            if let Some(finding) = &row.finding {
                finding.parse::<engine::domain::Finding>().context("panel.prompts.finding")?;
            }
        }
        self.export.preset.parse::<Preset>().context("field export.preset")?;
        self.export.sampler.parse::<SamplerKind>().context("field export.sampler")?;
        Ok(())
    }
}
