//! Self-attention over image tokens and cross-attention to caption tokens.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::Tensor;
use candle_nn::VarBuilder;

use crate::ops;

use super::config::DitConfig;
use super::error::Result;
use super::linear::Linear;

/// Notes how image tokens attend to captions, for somebody who asked; clones share their notes.
#[derive(Clone, Debug, Default)]
pub struct AttentionWatch(Arc<Mutex<Vec<Tensor>>>);

impl AttentionWatch {
    /// The notes since the last call: for each watched block the weights `(B, N, M)`, mean over heads, in `f32`.
    pub fn take(&self) -> Vec<Tensor> {
        std::mem::take(&mut *self.notes())
    }

    fn notes(&self) -> MutexGuard<'_, Vec<Tensor>> {
        // Notes are whole at any time, so a panic elsewhere does not spoil them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keys and values of one cross-attention, each `(B, H, M, Dh)`.
#[derive(Clone, Debug)]
pub struct KeyValue {
    pub(super) key: Tensor,
    pub(super) value: Tensor,
    pub(super) watch: Option<AttentionWatch>,
}

impl KeyValue {
    /// The rows `start .. start + len` of the batch.
    ///
    /// # Errors
    /// When the range leaves the batch.
    pub fn rows(&self, start: usize, len: usize) -> Result<Self> {
        let (key, value) = (self.key.narrow(0, start, len)?, self.value.narrow(0, start, len)?);
        Ok(Self { key, value, watch: self.watch.clone() })
    }
}

/// `(B, N, D)` to `(B, H, N, D/H)`.
fn split_heads(x: &Tensor, heads: usize) -> Result<Tensor> {
    Ok(ops::split_heads(x, heads)?)
}

/// `(B, H, N, Dh)` to `(B, N, H·Dh)`.
fn join_heads(x: &Tensor) -> Result<Tensor> {
    Ok(ops::join_heads(x)?)
}

/// Attention of image tokens to each other.
#[derive(Clone, Debug)]
pub struct SelfAttention {
    qkv: Linear,
    proj: Linear,
    heads: usize,
    scale: f64,
}

impl SelfAttention {
    /// Takes `qkv (3D, D)`, whose rows are all queries, all keys, all values, and `proj (D, D)`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(vb: VarBuilder<'_>, cfg: &DitConfig) -> Result<Self> {
        let d = cfg.hidden_size;
        Ok(Self {
            qkv: Linear::new(vb.pp("qkv"), d, 3 * d)?,
            proj: Linear::new(vb.pp("proj"), d, d)?,
            heads: cfg.num_heads,
            scale: 1.0 / (cfg.head_dim() as f64).sqrt(),
        })
    }

    /// Maps `(B, N, D)` to `(B, N, D)`.
    ///
    /// # Errors
    /// When the width differs.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let part = |index| split_heads(&self.qkv.part(index, 3)?.forward(x)?, self.heads);
        let (q, k, v) = (part(0)?, part(1)?, part(2)?); // (B, H, N, Dh)
        let out = ops::attention(&q, &k, &v, None, None, self.scale)?;
        self.proj.forward(&join_heads(&out)?)
    }
}

/// Attention of image tokens to the kept tokens of their own caption.
#[derive(Clone, Debug)]
pub struct CrossAttention {
    query: Linear,
    key_value: Linear,
    proj: Linear,
    heads: usize,
    scale: f64,
}

impl CrossAttention {
    /// Takes `q_linear (D, D)`, `kv_linear (2D, D)`, whose rows are all keys, all values, and `proj (D, D)`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(vb: VarBuilder<'_>, cfg: &DitConfig) -> Result<Self> {
        let d = cfg.hidden_size;
        Ok(Self {
            query: Linear::new(vb.pp("q_linear"), d, d)?,
            key_value: Linear::new(vb.pp("kv_linear"), d, 2 * d)?,
            proj: Linear::new(vb.pp("proj"), d, d)?,
            heads: cfg.num_heads,
            scale: 1.0 / (cfg.head_dim() as f64).sqrt(),
        })
    }

    /// Keys and values of caption tokens `(B, M, D)`; they do not depend on the timestep.
    ///
    /// # Errors
    /// When the width differs.
    pub fn key_value(&self, caption: &Tensor) -> Result<KeyValue> {
        let part = |index| split_heads(&self.key_value.part(index, 2)?.forward(caption)?, self.heads);
        Ok(KeyValue { key: part(0)?, value: part(1)?, watch: None })
    }

    /// Maps image tokens `(B, N, D)`; row i sees the first `kept[i]` caption tokens only.
    ///
    /// # Errors
    /// When batch or width differ from the keys.
    pub fn forward(&self, x: &Tensor, caption: &KeyValue, kept: &[usize]) -> Result<Tensor> {
        let q = split_heads(&self.query.forward(x)?, self.heads)?;
        if let Some(watch) = &caption.watch {
            let weights = ops::attention_weights(&q, &caption.key, Some(kept), self.scale)?;
            watch.notes().push(weights.mean(1)?.detach()); // (B, N, M)
        }
        let out = ops::attention(&q, &caption.key, &caption.value, Some(kept), None, self.scale)?;
        self.proj.forward(&join_heads(&out)?)
    }
}
