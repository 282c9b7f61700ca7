//! Spatial control: trainable copies of the first blocks that add skips to the base network.
//!
//! The condition is a latent of the drawn mask; it goes through the base's own patch embedder. Without a
//! condition, or with strength 0, the output equals the base network's bit for bit.
//!
//! # Source
//! The ChexGen release, which follows ControlNet-Transformer of PixArt-delta (Chen et al. 2024).

use candle_core::Tensor;
use candle_nn::VarBuilder;

use crate::domain::Preset;

use super::attention::KeyValue;
use super::block::Block;
use super::caption::CaptionContext;
use super::config::DitConfig;
use super::dit::{Dit, repeat_mask};
use super::error::{ModelError, Result};
use super::guidance;
use super::linear::Linear;

/// A copied block with its projections.
#[derive(Clone, Debug)]
pub struct ControlBlock {
    before_proj: Option<Linear>,
    copied_block: Block,
    after_proj: Linear,
}

impl ControlBlock {
    /// Takes `copied_block`, `after_proj (D, D)` and, in the first block only, `before_proj (D, D)`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(vb: VarBuilder<'_>, cfg: &DitConfig, index: usize) -> Result<Self> {
        let d = cfg.hidden_size;
        Ok(Self {
            copied_block: Block::new(vb.pp("copied_block"), cfg)?,
            before_proj: (index == 0).then(|| Linear::new(vb.pp("before_proj"), d, d)).transpose()?,
            after_proj: Linear::new(vb.pp("after_proj"), d, d)?,
        })
    }

    /// Keys and values of projected caption tokens `(B, M, D)` for [`ControlBlock::forward`].
    ///
    /// # Errors
    /// When the width differs.
    pub fn key_value(&self, caption: &Tensor) -> Result<KeyValue> {
        self.copied_block.key_value(caption)
    }

    /// The next control state and the skip, each `(B, N, D)`.
    ///
    /// The first block reads `x + before_proj(state)`, where `x` is the base's tokens; later blocks read
    /// the previous state only.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(
        &self,
        x: &Tensor,
        state: &Tensor,
        time: &Tensor,
        caption: &KeyValue,
        kept: &[usize],
    ) -> Result<(Tensor, Tensor)> {
        let input = match &self.before_proj {
            Some(projection) => (x + projection.forward(state)?)?,
            None => state.clone(),
        };
        let state = self.copied_block.forward(&input, time, caption, kept)?;
        let skip = self.after_proj.forward(&state)?;
        Ok((state, skip))
    }
}

/// A condition and how strongly it acts.
#[derive(Clone, Copy, Debug)]
pub struct ControlInput<'a> {
    /// The scaled latent of the mask picture, `(B, C, H, W)`.
    pub latent: &'a Tensor,
    /// Multiplies every skip; 1.0 is as trained.
    pub strength: f64,
    /// Multiplies the skips of each row, `(B)`; 0 for rows without a condition.
    pub row_strength: Option<&'a Tensor>,
    /// Multiplies the skips of each token, `(B, N)` or `(1, N)`, 0 to 1: where the condition may act.
    pub area: Option<&'a Tensor>,
}

/// A base network with control blocks.
#[derive(Clone, Debug)]
pub struct ControlDit {
    base: Dit,
    controlnet: Vec<ControlBlock>,
}

impl ControlDit {
    /// Builds the base from `base_model.*` and `control_blocks` control blocks from `controlnet.N.*`.
    ///
    /// Whether the base is frozen depends on the builder: plain tensors are, variables are not.
    ///
    /// # Errors
    /// When the configuration describes no network, there are more control blocks than the base can
    /// take, or a tensor is missing or misshapen.
    pub fn new(vb: VarBuilder<'_>, cfg: &DitConfig, control_blocks: usize) -> Result<Self> {
        cfg.check()?;
        if control_blocks >= cfg.depth {
            return Err(ModelError::Config {
                field: "copy_blocks_num",
                value: control_blocks.to_string(),
                expected: format!("must be less than depth {}", cfg.depth),
            });
        }
        Ok(Self {
            base: Dit::new(vb.pp("base_model"), cfg)?,
            controlnet: (0..control_blocks)
                .map(|i| ControlBlock::new(vb.pp("controlnet").pp(i), cfg, i))
                .collect::<Result<Vec<_>>>()?,
        })
    }

    /// The base network.
    pub fn base(&self) -> &Dit {
        &self.base
    }

    /// The control blocks, first to last.
    pub fn control_blocks(&self) -> &[ControlBlock] {
        &self.controlnet
    }

    /// All that depends on the captions and not on the timestep, for base and control blocks.
    ///
    /// # Errors
    /// As [`Dit::caption_tokens`].
    pub fn caption_context(&self, y: &Tensor, mask: Option<&Tensor>) -> Result<CaptionContext> {
        let (tokens, kept) = self.base.caption_tokens(y, mask)?;
        let control = self.controlnet.iter().map(|block| block.key_value(&tokens));
        Ok(CaptionContext { kept, blocks: self.base.key_values(&tokens)?, control: control.collect::<Result<Vec<_>>>()? })
    }

    /// The condition as tokens `(B, N, D)`: base patch embedder and position table.
    ///
    /// # Errors
    /// When the latent has another shape than the network's input.
    pub fn condition_tokens(&self, latent: &Tensor) -> Result<Tensor> {
        self.base.embed_latent(latent)
    }

    /// Predicts noise as [`Dit::forward`], steered by a condition latent `(B, C, H, W)`.
    ///
    /// # Errors
    /// When shapes differ or a caption keeps nothing.
    pub fn forward(
        &self,
        x: &Tensor,
        t: &Tensor,
        y: &Tensor,
        mask: Option<&Tensor>,
        condition: Option<&Tensor>,
        strength: f64,
    ) -> Result<Tensor> {
        let control = condition.map(|latent| ControlInput { latent, strength, row_strength: None, area: None });
        self.forward_with_context(x, t, &self.caption_context(y, mask)?, control.as_ref())
    }

    /// Predicts noise with captions prepared by [`ControlDit::caption_context`].
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward_with_context(
        &self,
        x: &Tensor,
        t: &Tensor,
        captions: &CaptionContext,
        control: Option<&ControlInput<'_>>,
    ) -> Result<Tensor> {
        self.forward_with_controls(x, t, captions, control.map_or(&[], std::slice::from_ref))
    }

    /// Predicts noise steered by several conditions at once, each with its own strength: every condition goes
    /// through the control blocks by itself and the skips are added in the given order.
    ///
    /// One condition gives the bits of [`ControlDit::forward_with_context`], none those of the base network.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward_with_controls(
        &self,
        x: &Tensor,
        t: &Tensor,
        captions: &CaptionContext,
        controls: &[ControlInput<'_>],
    ) -> Result<Tensor> {
        if controls.is_empty() {
            return self.base.forward_with_context(x, t, captions);
        }
        let batch = x.dim(0)?;
        captions.check_batch(batch)?;
        if let Some(other) = controls.iter().find(|control| control.latent.dims() != x.dims()) {
            return Err(ModelError::Shape {
                what: "condition latent",
                got: other.latent.dims().to_vec(),
                expected: format!("{:?}, as the latent", x.dims()),
            });
        }
        let time = self.base.time_context(t)?;
        let signal = &time.modulation;
        let mut tokens = self.base.embed_latent(x)?; // (B, N, D)
        let states = controls.iter().map(|control| self.condition_tokens(control.latent));
        let mut states = states.collect::<Result<Vec<_>>>()?; // (B, N, D) each
        for (i, (block, caption)) in self.base.blocks().iter().zip(&captions.blocks).enumerate() {
            let steered = i.checked_sub(1).and_then(|j| self.controlnet.get(j).zip(captions.control.get(j)));
            if let Some((steering, control_caption)) = steered {
                let mut sum: Option<Tensor> = None;
                for (control, state) in controls.iter().zip(&mut states) {
                    let (next, skip) = steering.forward(&tokens, state, signal, control_caption, &captions.kept)?;
                    *state = next;
                    let skip = weigh(&skip, control)?;
                    sum = Some(match sum {
                        Some(sum) => (sum + skip)?,
                        None => skip,
                    });
                }
                if let Some(sum) = sum {
                    tokens = (tokens + sum)?;
                }
            }
            tokens = block.forward(&tokens, signal, caption, &captions.kept)?;
        }
        self.base.finish(&tokens, &time)
    }

    /// Guided prediction of `n` rows, as [`Dit::guided`]: captions of `2n` rows, control of `n` rows.
    ///
    /// The release preset guides only without a condition; with one it returns the plain conditional
    /// prediction, as the published code does, at half of its cost.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn guided(
        &self,
        x: &Tensor,
        t: &Tensor,
        captions: &CaptionContext,
        control: Option<&ControlInput<'_>>,
        scale: f64,
        preset: Preset,
    ) -> Result<Tensor> {
        let Some(control) = control else {
            return self.base.guided(x, t, captions, scale, preset);
        };
        if preset == Preset::Release {
            return self.forward_with_context(x, t, &captions.rows(0, x.dim(0)?)?, Some(control));
        }
        let latent = Tensor::cat(&[control.latent, control.latent], 0)?;
        let rows = control.row_strength.map(|rows| Tensor::cat(&[rows, rows], 0)).transpose()?;
        let area = control.area.map(|area| if area.dim(0)? == 1 { Ok(area.clone()) } else { Tensor::cat(&[area, area], 0) });
        let area = area.transpose()?;
        let doubled = ControlInput { latent: &latent, row_strength: rows.as_ref(), area: area.as_ref(), ..*control };
        let output = self.forward_with_context(&Tensor::cat(&[x, x], 0)?, &Tensor::cat(&[t, t], 0)?, captions, Some(&doubled))?;
        let (conditional, unconditional) = guidance::halves(&output)?;
        let channels = guidance::guided_channels(preset, self.base.config().in_channels);
        guidance::guide(&conditional, &unconditional, channels, scale)
    }

    /// Guided forward in the released form; arguments as [`Dit::forward_with_cfg`], condition `(2n, …)`.
    ///
    /// With a condition, the release preset ignores `scale` and returns both halves as they are; the
    /// paper preset guides all channels.
    ///
    /// # Errors
    /// When shapes differ or the batch is odd.
    pub fn forward_with_cfg(
        &self,
        x: &Tensor,
        t: &Tensor,
        y: &Tensor,
        mask: Option<&Tensor>,
        condition: Option<&Tensor>,
        strength: f64,
        scale: f64,
        preset: Preset,
    ) -> Result<Tensor> {
        if condition.is_none() {
            return self.base.forward_with_cfg(x, t, y, mask, scale, preset);
        }
        let (first, _) = guidance::halves(x)?;
        let mask = repeat_mask(mask, x.dim(0)?)?;
        let output = self.forward(&Tensor::cat(&[&first, &first], 0)?, t, y, mask.as_ref(), condition, strength)?;
        let output = output.to_dtype(x.dtype())?;
        match preset {
            Preset::Release => Ok(output),
            Preset::Paper | Preset::Ours => guidance::guide_both(&output, self.base.config().in_channels, scale),
        }
    }
}

/// A skip times its strengths, and nothing outside its area.
fn weigh(skip: &Tensor, control: &ControlInput<'_>) -> Result<Tensor> {
    let mut skip = if control.strength == 1.0 { skip.clone() } else { (skip * control.strength)? };
    if let Some(rows) = control.row_strength {
        let rows = rows.to_dtype(skip.dtype())?.reshape((skip.dim(0)?, 1, 1))?;
        skip = skip.broadcast_mul(&rows)?;
    }
    if let Some(area) = control.area {
        skip = skip.broadcast_mul(&area.to_dtype(skip.dtype())?.unsqueeze(2)?)?;
    }
    Ok(skip)
}
