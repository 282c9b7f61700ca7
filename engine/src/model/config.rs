//! Sizes of a diffusion transformer, with the released values as defaults.
//!
//! A configuration is data from a file: [`DitConfig::check`] must pass before a network is built.

use serde::{Deserialize, Serialize};

use super::error::{ModelError, Result};

/// Sizes of a diffusion transformer. The default is the released DiT-XL/2 at 256 px.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DitConfig {
    /// Side of the square latent, in latent pixels (32 for 256 px, 64 for 512 px).
    pub input_size: usize,
    /// Channels of the latent.
    pub in_channels: usize,
    /// Side of a patch, in latent pixels.
    pub patch_size: usize,
    /// Width of a token.
    pub hidden_size: usize,
    /// Number of transformer blocks.
    pub depth: usize,
    /// Attention heads; must divide `hidden_size`.
    pub num_heads: usize,
    /// Width of the feed-forward layer over `hidden_size`.
    pub mlp_ratio: f64,
    /// Width of a caption row.
    pub text_embed_dims: usize,
    /// Rows of the learned null caption: the longest caption.
    pub token_num: usize,
    /// Divides the coordinates of the position table (2.0 for the released 512 px model).
    pub pos_embed_scale: f64,
    /// Share of captions replaced by the null caption in training.
    pub class_dropout_prob: f64,
    /// Whether the output holds variance channels after the prediction.
    pub learn_sigma: bool,
}

impl Default for DitConfig {
    fn default() -> Self {
        Self {
            input_size: 32,
            in_channels: 4,
            patch_size: 2,
            hidden_size: 1152,
            depth: 28,
            num_heads: 16,
            mlp_ratio: 4.0,
            text_embed_dims: 4096,
            token_num: 120,
            pos_embed_scale: 1.0,
            class_dropout_prob: 0.1,
            learn_sigma: true,
        }
    }
}

impl DitConfig {
    /// The released DiT-XL/2 for 256 px images.
    pub fn xl_2_256() -> Self {
        Self::default()
    }

    /// The released DiT-XL/2 for 512 px images.
    pub fn xl_2_512() -> Self {
        Self { input_size: 64, pos_embed_scale: 2.0, ..Self::default() }
    }

    /// Side of the token grid.
    pub fn grid(&self) -> usize {
        self.input_size / self.patch_size.max(1)
    }

    /// Number of image tokens.
    pub fn num_tokens(&self) -> usize {
        self.grid() * self.grid()
    }

    /// Channels of the output: the prediction, then the variance if it is learned.
    pub fn out_channels(&self) -> usize {
        if self.learn_sigma { 2 * self.in_channels } else { self.in_channels }
    }

    /// Width of one attention head.
    pub fn head_dim(&self) -> usize {
        self.hidden_size / self.num_heads.max(1)
    }

    /// Width of the feed-forward layer.
    pub fn mlp_hidden(&self) -> usize {
        (self.hidden_size as f64 * self.mlp_ratio) as usize
    }

    /// Checks that the sizes describe a network.
    ///
    /// # Errors
    /// Names the first field that does not fit, its value and what is allowed.
    pub fn check(&self) -> Result<()> {
        let sizes = [
            ("input_size", self.input_size),
            ("in_channels", self.in_channels),
            ("patch_size", self.patch_size),
            ("hidden_size", self.hidden_size),
            ("depth", self.depth),
            ("num_heads", self.num_heads),
            ("text_embed_dims", self.text_embed_dims),
            ("token_num", self.token_num),
        ];
        for (field, value) in sizes {
            // The upper bound keeps products of two sizes far from overflow.
            if value == 0 || value > 1 << 20 {
                return refuse(field, value, "choose a whole number from 1 to 1048576".into());
            }
        }
        if !self.input_size.is_multiple_of(self.patch_size) {
            return refuse("input_size", self.input_size, format!("must be a multiple of patch_size {}", self.patch_size));
        }
        if !self.hidden_size.is_multiple_of(self.num_heads) {
            return refuse("hidden_size", self.hidden_size, format!("must be a multiple of num_heads {}", self.num_heads));
        }
        if !self.hidden_size.is_multiple_of(4) {
            return refuse("hidden_size", self.hidden_size, "must be a multiple of 4 for the position table".into());
        }
        if !(self.mlp_ratio.is_finite() && self.mlp_ratio > 0.0 && self.mlp_ratio <= 64.0 && self.mlp_hidden() > 0) {
            return refuse("mlp_ratio", self.mlp_ratio, "choose a positive number up to 64".into());
        }
        if !(self.pos_embed_scale.is_finite() && self.pos_embed_scale > 0.0) {
            return refuse("pos_embed_scale", self.pos_embed_scale, "choose a positive number".into());
        }
        if !(0.0..=1.0).contains(&self.class_dropout_prob) {
            return refuse("class_dropout_prob", self.class_dropout_prob, "choose a number from 0 to 1".into());
        }
        Ok(())
    }
}

fn refuse(field: &'static str, value: impl std::fmt::Display, expected: String) -> Result<()> {
    Err(ModelError::Config { field, value: value.to_string(), expected })
}
