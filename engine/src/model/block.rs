//! One transformer block with adaLN-single modulation.
//!
//! The time signal is shared by all blocks; each block adds its own table to it.
//!
//! # Source
//! PixArt-alpha (Chen et al. 2023), section 2.3; layer norm without weights, eps 1e-6.

use candle_core::Tensor;
use candle_nn::VarBuilder;

use crate::ops;

use super::attention::{CrossAttention, KeyValue, SelfAttention};
use super::config::DitConfig;
use super::error::Result;
use super::linear::Linear;

/// Epsilon of every layer norm of the transformer.
pub(super) const NORM_EPS: f64 = 1e-6;

/// Shift, scale and gate of one branch, each `(B, D)`.
#[derive(Clone, Debug)]
pub struct Modulation {
    /// Added after the norm.
    pub shift: Tensor,
    /// Multiplies the norm as `1 + scale`.
    pub scale: Tensor,
    /// Multiplies the branch before it is added.
    pub gate: Tensor,
}

/// Two-layer feed-forward network with tanh-approximated GELU.
#[derive(Clone, Debug)]
pub struct Mlp {
    fc1: Linear,
    fc2: Linear,
}

impl Mlp {
    /// Takes `fc1 (M, D)` and `fc2 (D, M)`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(vb: VarBuilder<'_>, cfg: &DitConfig) -> Result<Self> {
        Ok(Self {
            fc1: Linear::new(vb.pp("fc1"), cfg.hidden_size, cfg.mlp_hidden())?,
            fc2: Linear::new(vb.pp("fc2"), cfg.mlp_hidden(), cfg.hidden_size)?,
        })
    }

    /// Maps `(…, D)` to `(…, D)`.
    ///
    /// # Errors
    /// When the width differs.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.fc2.forward(&ops::gelu_tanh(&self.fc1.forward(x)?)?)
    }
}

/// One block: gated self-attention, cross-attention, gated feed-forward.
#[derive(Clone, Debug)]
pub struct Block {
    table: Tensor, // (6, D)
    attn: SelfAttention,
    cross_attn: CrossAttention,
    mlp: Mlp,
}

impl Block {
    /// Takes `shift_scale_gate_table (6, D)`, `attn`, `cross_attn` and `mlp`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(vb: VarBuilder<'_>, cfg: &DitConfig) -> Result<Self> {
        Ok(Self {
            table: vb.get((6, cfg.hidden_size), "shift_scale_gate_table")?,
            attn: SelfAttention::new(vb.pp("attn"), cfg)?,
            cross_attn: CrossAttention::new(vb.pp("cross_attn"), cfg)?,
            mlp: Mlp::new(vb.pp("mlp"), cfg)?,
        })
    }

    /// Modulation of the attention and of the feed-forward branch, from the time signal `(B, 6, D)`.
    ///
    /// # Errors
    /// When the width differs.
    pub fn modulation(&self, time: &Tensor) -> Result<(Modulation, Modulation)> {
        let rows = time.broadcast_add(&self.table.unsqueeze(0)?)?; // (B, 6, D)
        let row = |index: usize| -> Result<Tensor> { Ok(rows.narrow(1, index, 1)?.squeeze(1)?.contiguous()?) };
        Ok((
            Modulation { shift: row(0)?, scale: row(1)?, gate: row(2)? },
            Modulation { shift: row(3)?, scale: row(4)?, gate: row(5)? },
        ))
    }

    /// The self-attention branch before its gate: `(B, N, D)`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn self_attention(&self, x: &Tensor, m: &Modulation) -> Result<Tensor> {
        self.attn.forward(&ops::layer_norm_modulate(x, &m.shift, &m.scale, NORM_EPS)?)
    }

    /// The cross-attention branch: no norm before it, no gate, no time signal.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn cross_attention(&self, x: &Tensor, caption: &KeyValue, kept: &[usize]) -> Result<Tensor> {
        self.cross_attn.forward(x, caption, kept)
    }

    /// The feed-forward branch before its gate: `(B, N, D)`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn feed_forward(&self, x: &Tensor, m: &Modulation) -> Result<Tensor> {
        self.mlp.forward(&ops::layer_norm_modulate(x, &m.shift, &m.scale, NORM_EPS)?)
    }

    /// Keys and values of caption tokens `(B, M, D)` for [`Block::forward`].
    ///
    /// # Errors
    /// When the width differs.
    pub fn key_value(&self, caption: &Tensor) -> Result<KeyValue> {
        self.cross_attn.key_value(caption)
    }

    /// Runs the block on tokens `(B, N, D)` with the time signal `(B, 6, D)`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, x: &Tensor, time: &Tensor, caption: &KeyValue, kept: &[usize]) -> Result<Tensor> {
        let (attention, feed_forward) = self.modulation(time)?;
        let x = ops::gated_residual(x, &attention.gate, &self.self_attention(x, &attention)?)?;
        let x = (&x + self.cross_attention(&x, caption, kept)?)?;
        Ok(ops::gated_residual(&x, &feed_forward.gate, &self.feed_forward(&x, &feed_forward)?)?)
    }
}
