//! Sizes of the U-Net.

use serde::{Deserialize, Serialize};

use crate::model::error::{ModelError, Result};

/// A level on the way down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DownBlock {
    /// Residual blocks, each with attention behind it.
    CrossAttnDownBlock2D,
    /// Residual blocks.
    DownBlock2D,
}

/// A level on the way up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpBlock {
    /// Residual blocks, each with attention behind it.
    CrossAttnUpBlock2D,
    /// Residual blocks.
    UpBlock2D,
}

/// Attention heads of every level, or of each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Heads {
    /// The same count everywhere.
    All(usize),
    /// One count for each level, from the finest.
    Each(Vec<usize>),
}

/// Sizes of the U-Net, in the words of diffusers' `config.json`; other fields are ignored here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnetConfig {
    /// Side of the latents it was trained on.
    pub sample_size: usize,
    /// Channels of the latent.
    pub in_channels: usize,
    /// Channels of the answer.
    pub out_channels: usize,
    /// Width of each level; each level but the last halves the sides.
    pub block_out_channels: Vec<usize>,
    /// Residual blocks of a level on the way down; one more on the way up.
    pub layers_per_block: usize,
    /// Width of the text embedding.
    pub cross_attention_dim: usize,
    /// Count of attention heads, which the published field calls a width.
    pub attention_head_dim: Heads,
    /// Levels on the way down.
    pub down_block_types: Vec<DownBlock>,
    /// Levels on the way up.
    pub up_block_types: Vec<UpBlock>,
    /// Groups of every group norm.
    #[serde(default = "thirty_two")]
    pub norm_num_groups: usize,
    /// Added to the variance in residual blocks.
    #[serde(default = "one_hundred_thousandth")]
    pub norm_eps: f64,
    /// Whether attention goes in and out by matrices instead of 1×1 convolutions; the numbers are the same.
    #[serde(default)]
    pub use_linear_projection: bool,
    /// Whether cosines come first in a timestep's features.
    #[serde(default = "yes")]
    pub flip_sin_to_cos: bool,
    /// Taken from the count of a timestep's frequencies.
    #[serde(default)]
    pub freq_shift: usize,
}

fn thirty_two() -> usize {
    32
}

fn one_hundred_thousandth() -> f64 {
    1e-5
}

fn yes() -> bool {
    true
}

impl UnetConfig {
    /// The U-Net of Stable Diffusion 1.x.
    pub fn v1() -> Self {
        let (down, up) = (DownBlock::CrossAttnDownBlock2D, UpBlock::CrossAttnUpBlock2D);
        Self {
            sample_size: 64,
            in_channels: 4,
            out_channels: 4,
            block_out_channels: vec![320, 640, 1280, 1280],
            layers_per_block: 2,
            cross_attention_dim: 768,
            attention_head_dim: Heads::All(8),
            down_block_types: vec![down, down, down, DownBlock::DownBlock2D],
            up_block_types: vec![UpBlock::UpBlock2D, up, up, up],
            norm_num_groups: thirty_two(),
            norm_eps: one_hundred_thousandth(),
            use_linear_projection: false,
            flip_sin_to_cos: yes(),
            freq_shift: 0,
        }
    }

    /// Heads of level `level`, counted from the finest.
    pub(super) fn heads(&self, level: usize) -> usize {
        match &self.attention_head_dim {
            Heads::All(heads) => *heads,
            Heads::Each(heads) => heads.get(level).copied().unwrap_or(0),
        }
    }

    /// Checks that the sizes describe a network.
    ///
    /// # Errors
    /// Names the first field that does not fit, its value and what is allowed.
    pub fn check(&self) -> Result<()> {
        let refuse =
            |field, value: String, expected: &str| Err(ModelError::Config { field, value, expected: expected.to_owned() });
        let sizes = [
            ("in_channels", self.in_channels),
            ("out_channels", self.out_channels),
            ("layers_per_block", self.layers_per_block),
            ("cross_attention_dim", self.cross_attention_dim),
            ("norm_num_groups", self.norm_num_groups),
        ];
        for (field, value) in sizes {
            if value == 0 || value > 1 << 16 {
                return refuse(field, value.to_string(), "choose a whole number from 1 to 65536");
            }
        }
        let widths = &self.block_out_channels;
        let levels = widths.len();
        let fits = |width: &usize| *width > 1 && *width <= 1 << 16 && width.is_multiple_of(self.norm_num_groups);
        if !(1..=8).contains(&levels) || !widths.iter().all(fits) {
            let expected = "choose 1 to 8 widths that are multiples of norm_num_groups";
            return refuse("block_out_channels", format!("{widths:?}"), expected);
        }
        if !widths[0].is_multiple_of(2) || widths[0] / 2 <= self.freq_shift {
            return refuse("freq_shift", self.freq_shift.to_string(), "choose less than half of an even first width");
        }
        if self.down_block_types.len() != levels {
            return refuse("down_block_types", format!("{:?}", self.down_block_types), "give one for each width");
        }
        if self.up_block_types.len() != levels {
            return refuse("up_block_types", format!("{:?}", self.up_block_types), "give one for each width");
        }
        let divides = |(level, width): (usize, &usize)| {
            let heads = self.heads(level);
            heads > 0 && width.is_multiple_of(heads)
        };
        if !widths.iter().enumerate().all(divides) {
            let expected = "give a count of heads, or one for each level, that divides the width";
            return refuse("attention_head_dim", format!("{:?}", self.attention_head_dim), expected);
        }
        let smallest = 1 << (levels - 1);
        if self.sample_size == 0 || self.sample_size > 1 << 12 || !self.sample_size.is_multiple_of(smallest) {
            let expected = format!("choose a multiple of {smallest}, at most 4096");
            return Err(ModelError::Config { field: "sample_size", value: self.sample_size.to_string(), expected });
        }
        if !(self.norm_eps.is_finite() && self.norm_eps > 0.0) {
            return refuse("norm_eps", self.norm_eps.to_string(), "choose a positive number");
        }
        Ok(())
    }
}
