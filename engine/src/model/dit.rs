//! The diffusion transformer: noise prediction for a latent, a timestep and a caption.
//!
//! Takes plain tensors and knows no sampler. Every tensor comes from a `VarBuilder` under the official
//! name; backed by variables, the network is trainable and gradients reach every trainable tensor.
//!
//! # Source
//! PixArt-alpha (Chen et al. 2023) as used by the ChexGen release.

use candle_core::{DType, Tensor};
use candle_nn::VarBuilder;

use crate::domain::Preset;
use crate::ops;

use super::attention::KeyValue;
use super::block::Block;
use super::caption::{CaptionContext, compact_captions};
use super::config::DitConfig;
use super::embed::{CaptionEmbed, PatchEmbed, TimestepEmbed};
use super::error::{ModelError, Result};
use super::final_layer::{FinalLayer, unpatchify};
use super::guidance;
use super::linear::Linear;

/// The time signals of a batch.
#[derive(Clone, Debug)]
pub struct TimeContext {
    /// The embedded timestep `(B, D)`, read by the final layer.
    pub vector: Tensor,
    /// The shared modulation `(B, 6, D)`, read by every block.
    pub modulation: Tensor,
}

/// A diffusion transformer.
#[derive(Clone, Debug)]
pub struct Dit {
    config: DitConfig,
    dtype: DType,
    pos_embed: Tensor, // (1, N, D)
    x_embedder: PatchEmbed,
    t_embedder: TimestepEmbed,
    t_block: Linear,
    y_embedder: CaptionEmbed,
    blocks: Vec<Block>,
    final_layer: FinalLayer,
}

impl Dit {
    /// Builds the network from tensors under their official names.
    ///
    /// # Errors
    /// When the configuration describes no network, or a tensor is missing or misshapen.
    pub fn new(vb: VarBuilder<'_>, cfg: &DitConfig) -> Result<Self> {
        cfg.check()?;
        let d = cfg.hidden_size;
        Ok(Self {
            config: cfg.clone(),
            dtype: vb.dtype(),
            pos_embed: vb.get((1, cfg.num_tokens(), d), "pos_embed")?,
            x_embedder: PatchEmbed::new(vb.pp("x_embedder"), cfg)?,
            t_embedder: TimestepEmbed::new(vb.pp("t_embedder"), d)?,
            t_block: Linear::new(vb.pp("t_block").pp("1"), d, 6 * d)?,
            y_embedder: CaptionEmbed::new(vb.pp("y_embedder"), cfg)?,
            blocks: (0..cfg.depth).map(|i| Block::new(vb.pp("blocks").pp(i), cfg)).collect::<Result<Vec<_>>>()?,
            final_layer: FinalLayer::new(vb.pp("final_layer"), cfg)?,
        })
    }

    /// The sizes the network was built with.
    pub fn config(&self) -> &DitConfig {
        &self.config
    }

    /// The blocks, first to last.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The caption embedder, which also holds the null caption.
    pub fn captions(&self) -> &CaptionEmbed {
        &self.y_embedder
    }

    /// The timestep embedder.
    pub fn timesteps(&self) -> &TimestepEmbed {
        &self.t_embedder
    }

    /// A latent `(B, C, H, W)` as tokens `(B, N, D)` without positions.
    ///
    /// # Errors
    /// When the latent is not `(B, in_channels, input_size, input_size)`.
    pub fn embed_patches(&self, x: &Tensor) -> Result<Tensor> {
        let (c, side) = (self.config.in_channels, self.config.input_size);
        if x.rank() != 4 || x.dims()[1..] != [c, side, side] {
            return Err(ModelError::Shape {
                what: "latent",
                got: x.dims().to_vec(),
                expected: format!("(batch, {c}, {side}, {side})"),
            });
        }
        self.x_embedder.forward(&x.to_dtype(self.dtype)?)
    }

    /// A latent as tokens with positions: the input of the first block.
    ///
    /// # Errors
    /// As [`Dit::embed_patches`].
    pub fn embed_latent(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.embed_patches(x)?.broadcast_add(&self.pos_embed)?)
    }

    /// The time signals of timesteps `(B)`, 0 to 999, any number type.
    ///
    /// # Errors
    /// When the input is not a vector.
    pub fn time_context(&self, t: &Tensor) -> Result<TimeContext> {
        let vector = self.t_embedder.forward(t)?; // (B, D)
        let rows = self.t_block.forward(&ops::silu(&vector)?)?; // (B, 6D)
        let modulation = rows.reshape((vector.dim(0)?, 6, self.config.hidden_size))?;
        Ok(TimeContext { vector, modulation })
    }

    /// Caption rows `(B, L, De)` cut to the kept ones and projected: `(B, M, D)` and each row's count.
    ///
    /// # Errors
    /// When shapes differ or a row keeps nothing.
    pub fn caption_tokens(&self, y: &Tensor, mask: Option<&Tensor>) -> Result<(Tensor, Vec<usize>)> {
        let width = self.config.text_embed_dims;
        if y.rank() != 3 || y.dims()[2] != width {
            return Err(ModelError::Shape {
                what: "caption",
                got: y.dims().to_vec(),
                expected: format!("(batch, tokens, {width})"),
            });
        }
        let (rows, kept) = compact_captions(&y.to_dtype(self.dtype)?, mask)?;
        Ok((self.y_embedder.forward(&rows)?, kept))
    }

    /// All that depends on the captions and not on the timestep; `y (B, L, De)`, `mask (B, L)`.
    ///
    /// # Errors
    /// As [`Dit::caption_tokens`].
    pub fn caption_context(&self, y: &Tensor, mask: Option<&Tensor>) -> Result<CaptionContext> {
        let (tokens, kept) = self.caption_tokens(y, mask)?;
        Ok(CaptionContext { kept, blocks: self.key_values(&tokens)?, control: Vec::new() })
    }

    /// Keys and values of projected caption tokens for every block.
    pub(super) fn key_values(&self, tokens: &Tensor) -> Result<Vec<KeyValue>> {
        self.blocks.iter().map(|block| block.key_value(tokens)).collect()
    }

    /// Captions and masks of a guided batch: the given ones, then null captions cut to the same rows.
    ///
    /// # Errors
    /// When the caption is longer than the null caption.
    pub fn guided_captions(&self, y: &Tensor, mask: Option<&Tensor>) -> Result<(Tensor, Option<Tensor>)> {
        let (n, length, _) = y.dims3()?;
        let null = self.y_embedder.null_caption(n, length)?.to_dtype(y.dtype())?;
        let mask = mask.map(|mask| Tensor::cat(&[mask, mask], 0)).transpose()?;
        Ok((Tensor::cat(&[y, &null], 0)?, mask))
    }

    /// Predicts noise (and variance) for latents `x (B, C, H, W)` at timesteps `t (B)`.
    ///
    /// `y (B, L, De)`; `mask (B, L)`, non-zero for kept, `None` keeps all. Returns `(B, C', H, W)` with
    /// C' = C, or 2C with the variance channels last.
    ///
    /// # Errors
    /// When shapes differ or a caption keeps nothing.
    pub fn forward(&self, x: &Tensor, t: &Tensor, y: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        self.forward_with_context(x, t, &self.caption_context(y, mask)?)
    }

    /// [`Dit::forward`] with the captions prepared by [`Dit::caption_context`].
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward_with_context(&self, x: &Tensor, t: &Tensor, captions: &CaptionContext) -> Result<Tensor> {
        captions.check_batch(x.dim(0)?)?;
        let time = self.time_context(t)?;
        let mut tokens = self.embed_latent(x)?; // (B, N, D)
        for (block, caption) in self.blocks.iter().zip(&captions.blocks) {
            tokens = block.forward(&tokens, &time.modulation, caption, &captions.kept)?;
        }
        self.finish(&tokens, &time)
    }

    /// Tokens after the last block as flattened patches `(B, N, p²·C')`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn output_patches(&self, tokens: &Tensor, time: &TimeContext) -> Result<Tensor> {
        self.final_layer.forward(tokens, &time.vector)
    }

    /// Tokens after the last block as the network's output `(B, C', H, W)`.
    pub(super) fn finish(&self, tokens: &Tensor, time: &TimeContext) -> Result<Tensor> {
        let patches = self.output_patches(tokens, time)?;
        unpatchify(&patches, self.config.grid(), self.config.patch_size, self.config.out_channels())
    }

    /// Guided prediction of `n` rows: `x (n, C, H, W)`, `t (n)`, captions of `2n` rows, the given ones and
    /// then the null ones (see [`Dit::guided_captions`]). Returns `(n, C', H, W)`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn guided(&self, x: &Tensor, t: &Tensor, captions: &CaptionContext, scale: f64, preset: Preset) -> Result<Tensor> {
        let output = self.forward_with_context(&Tensor::cat(&[x, x], 0)?, &Tensor::cat(&[t, t], 0)?, captions)?;
        let (conditional, unconditional) = guidance::halves(&output)?;
        let channels = guidance::guided_channels(preset, self.config.in_channels);
        guidance::guide(&conditional, &unconditional, channels, scale)
    }

    /// Guided forward in the released form: `x (2n, C, H, W)`, of which only the first half is used,
    /// `t (2n)`, `y (2n, L, De)` (conditional, then null), `mask (n or 2n, L)`. Returns `(2n, C', H, W)`.
    ///
    /// # Errors
    /// When shapes differ or the batch is odd.
    pub fn forward_with_cfg(
        &self,
        x: &Tensor,
        t: &Tensor,
        y: &Tensor,
        mask: Option<&Tensor>,
        scale: f64,
        preset: Preset,
    ) -> Result<Tensor> {
        let (first, _) = guidance::halves(x)?;
        let mask = repeat_mask(mask, x.dim(0)?)?;
        // The network may compute in half precision; guidance never does.
        let output = self.forward(&Tensor::cat(&[&first, &first], 0)?, t, y, mask.as_ref())?.to_dtype(x.dtype())?;
        guidance::guide_both(&output, guidance::guided_channels(preset, self.config.in_channels), scale)
    }
}

/// A mask of `n` rows repeated for both halves of a batch of `2n`; a mask of `2n` rows as it is.
pub(super) fn repeat_mask(mask: Option<&Tensor>, batch: usize) -> Result<Option<Tensor>> {
    match mask {
        Some(mask) if 2 * mask.dim(0)? == batch => Ok(Some(Tensor::cat(&[mask, mask], 0)?)),
        other => Ok(other.cloned()),
    }
}
