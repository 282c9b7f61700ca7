//! The practice checker: finds and outlines the findings of a practice image.
//!
//! A small U-shaped network trained on phantoms. Its word counts for practice images only.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

use super::practice_ae::{depth_to_space, space_to_depth};
use crate::domain::Finding;
use crate::ops;

/// Findings the checker outlines, in the order of its channels.
pub const CLASSES: [Finding; 5] =
    [Finding::Pneumothorax, Finding::PleuralEffusion, Finding::Consolidation, Finding::Nodule, Finding::Device];

/// Sizes of the checker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckerConfig {
    /// Widths at 1/4, 1/8, 1/16 and 1/32 of the side.
    pub widths: [usize; 4],
}

impl Default for CheckerConfig {
    fn default() -> Self {
        Self { widths: [32, 48, 64, 96] }
    }
}

struct Stage {
    conv1: (Tensor, Tensor),
    conv2: (Tensor, Tensor),
    norm1: (Tensor, Tensor),
    norm2: (Tensor, Tensor),
    groups: usize,
}

impl Stage {
    fn new(vb: &VarBuilder<'_>, name: &str, input: usize, width: usize) -> Result<Self> {
        let vb = vb.pp(name);
        let conv = |name: &str, input: usize| -> Result<(Tensor, Tensor)> {
            let vb = vb.pp(name);
            Ok((vb.get((width, input, 3, 3), "weight")?, vb.get(width, "bias")?))
        };
        let norm = |name: &str| -> Result<(Tensor, Tensor)> {
            let vb = vb.pp(name);
            Ok((vb.get(width, "weight")?, vb.get(width, "bias")?))
        };
        Ok(Self {
            conv1: conv("conv1", input)?,
            conv2: conv("conv2", width)?,
            norm1: norm("norm1")?,
            norm2: norm("norm2")?,
            groups: width / 8,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let h = ops::conv2d(x, &self.conv1.0, Some(&self.conv1.1), 1, 1)?;
        let h = ops::group_norm(&h, self.groups, &self.norm1.0, &self.norm1.1, 1e-5, true)?;
        let h = ops::conv2d(&h, &self.conv2.0, Some(&self.conv2.1), 1, 1)?;
        ops::group_norm(&h, self.groups, &self.norm2.0, &self.norm2.1, 1e-5, true)
    }
}

/// What the checker says of a batch.
pub struct CheckerOutput {
    /// Outline logits `[B, 5, H/2, W/2]`, classes as in [`CLASSES`].
    pub regions: Tensor,
    /// Presence logits `[B, 5]`.
    pub presence: Tensor,
}

/// The network. Input: images `[B, 1, H, W]` in `-1..=1`, sides multiples of 32.
pub struct Checker {
    down: Vec<Stage>,
    up: Vec<Stage>,
    head: (Tensor, Tensor),
    class: (Tensor, Tensor),
}

impl Checker {
    /// Builds the network from named tensors.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(vb: VarBuilder<'_>, config: &CheckerConfig) -> Result<Self> {
        let w = config.widths;
        let mut down = Vec::new();
        // 4×4 blocks of the picture become channels first, so nothing runs at full size.
        let mut input = 4;
        for (i, &width) in w.iter().enumerate() {
            down.push(Stage::new(&vb, &format!("down{i}"), 4 * input, width)?);
            input = width;
        }
        let mut up = Vec::new();
        for i in (0..3).rev() {
            up.push(Stage::new(&vb, &format!("up{i}"), w[i] + w[i + 1] / 4, w[i])?);
        }
        let classes = CLASSES.len();
        let head = (vb.get((4 * classes, w[0], 1, 1), "head.weight")?, vb.get(4 * classes, "head.bias")?);
        let class = (vb.get((classes, 2 * w[3] + 2 * classes), "class.weight")?, vb.get(classes, "class.bias")?);
        Ok(Self { down, up, head, class })
    }

    /// Outlines and scores the findings.
    ///
    /// # Errors
    /// When the sides are not multiples of 32.
    pub fn forward(&self, image: &Tensor) -> Result<CheckerOutput> {
        let mut h = space_to_depth(image, 2)?;
        let mut skips = Vec::new();
        for stage in &self.down {
            h = stage.forward(&space_to_depth(&h, 2)?)?;
            skips.push(h.clone());
        }
        let deepest = h.flatten_from(2)?;
        for (i, stage) in self.up.iter().enumerate() {
            let skip = &skips[2 - i];
            h = stage.forward(&Tensor::cat(&[&depth_to_space(&h, 2)?, skip], 1)?)?;
        }
        let regions = depth_to_space(&ops::conv2d(&h, &self.head.0, Some(&self.head.1), 1, 0)?, 2)?;
        let flat = regions.flatten_from(2)?;
        let features = Tensor::cat(&[&deepest.mean(2)?, &deepest.max(2)?, &flat.max(2)?, &flat.mean(2)?], 1)?;
        let presence = ops::linear(&features, &self.class.0, Some(&self.class.1))?;
        Ok(CheckerOutput { regions, presence })
    }
}
