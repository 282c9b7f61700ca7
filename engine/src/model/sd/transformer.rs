//! Attention inside the U-Net: of positions to each other and to the words.

use candle_core::Tensor;
use candle_nn::VarBuilder;

use crate::model::error::Result;
use crate::model::linear::Linear;
use crate::ops;

use super::UnetConfig;
use super::block::Norm;

/// Epsilon of the group norm before the transformer.
const GROUP_EPS: f64 = 1e-6;
/// Epsilon of the layer norms inside.
const LAYER_EPS: f64 = 1e-5;

/// One transformer block over all positions of a feature map, added to its input.
#[derive(Clone, Debug)]
pub(super) struct SpatialTransformer {
    norm: Norm,
    proj_in: Projection,
    block: Block,
    proj_out: Projection,
}

/// A linear map of channels, stored as a matrix or as a 1×1 convolution.
#[derive(Clone, Debug)]
struct Projection {
    weight: Tensor, // (C, C)
    bias: Tensor,
}

impl Projection {
    fn new(vb: VarBuilder<'_>, channels: usize, as_matrix: bool) -> Result<Self> {
        let weight = match as_matrix {
            true => vb.get((channels, channels), "weight")?,
            false => vb.get((channels, channels, 1, 1), "weight")?.reshape((channels, channels))?,
        };
        Ok(Self { weight, bias: vb.get(channels, "bias")? })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(ops::linear(x, &self.weight, Some(&self.bias))?)
    }
}

impl SpatialTransformer {
    /// A transformer of `channels` channels at level `level`, counted from the finest.
    pub(super) fn new(vb: VarBuilder<'_>, channels: usize, level: usize, cfg: &UnetConfig) -> Result<Self> {
        let projection = |name: &str| Projection::new(vb.pp(name), channels, cfg.use_linear_projection);
        Ok(Self {
            norm: Norm::new(vb.pp("norm"), channels, cfg.norm_num_groups, GROUP_EPS)?,
            proj_in: projection("proj_in")?,
            block: Block::new(vb.pp("transformer_blocks").pp("0"), channels, cfg.heads(level), cfg.cross_attention_dim)?,
            proj_out: projection("proj_out")?,
        })
    }

    /// Maps `x (B, C, h, w)`; `words` is `(B, L, cross_attention_dim)`.
    pub(super) fn forward(&self, x: &Tensor, words: &Tensor) -> Result<Tensor> {
        let (b, c, h, w) = x.dims4()?;
        let tokens = self.norm.forward(x, false)?.reshape((b, c, h * w))?.transpose(1, 2)?.contiguous()?; // (B, HW, C)
        let tokens = self.block.forward(&self.proj_in.forward(&tokens)?, words)?;
        let out = self.proj_out.forward(&tokens)?.transpose(1, 2)?.contiguous()?.reshape((b, c, h, w))?;
        Ok((x + out)?)
    }
}

/// Self-attention, cross-attention and a gated feed-forward part, each behind a layer norm.
#[derive(Clone, Debug)]
struct Block {
    norms: [LayerNorm; 3],
    attn1: Attention,
    attn2: Attention,
    gate: Linear, // (8C, C): values, then gates
    out: Linear,  // (C, 4C)
}

impl Block {
    fn new(vb: VarBuilder<'_>, channels: usize, heads: usize, words: usize) -> Result<Self> {
        let norm = |name: &str| LayerNorm::new(vb.pp(name), channels);
        let inner = vb.pp("ff").pp("net");
        Ok(Self {
            norms: [norm("norm1")?, norm("norm2")?, norm("norm3")?],
            attn1: Attention::new(vb.pp("attn1"), channels, channels, heads)?,
            attn2: Attention::new(vb.pp("attn2"), channels, words, heads)?,
            gate: Linear::new(inner.pp("0").pp("proj"), channels, 8 * channels)?,
            out: Linear::new(inner.pp("2"), 4 * channels, channels)?,
        })
    }

    fn forward(&self, x: &Tensor, words: &Tensor) -> Result<Tensor> {
        let [norm1, norm2, norm3] = &self.norms;
        let normed = norm1.forward(x)?;
        let x = (x + self.attn1.forward(&normed, &normed)?)?;
        let x = (&x + self.attn2.forward(&norm2.forward(&x)?, words)?)?;
        let normed = norm3.forward(&x)?;
        let gate = ops::gelu(&self.gate.part(1, 2)?.forward(&normed)?)?;
        let inner = (self.gate.part(0, 2)?.forward(&normed)? * gate)?;
        Ok((&x + self.out.forward(&inner)?)?)
    }
}

/// Layer norm with weights.
#[derive(Clone, Debug)]
struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
}

impl LayerNorm {
    fn new(vb: VarBuilder<'_>, width: usize) -> Result<Self> {
        Ok(Self { weight: vb.get(width, "weight")?, bias: vb.get(width, "bias")? })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(ops::layer_norm(x, Some(&self.weight), Some(&self.bias), LAYER_EPS)?)
    }
}

/// Multi-head attention without biases but at its end.
#[derive(Clone, Debug)]
struct Attention {
    query: Tensor, // (C, C)
    key: Tensor,   // (C, source)
    value: Tensor, // (C, source)
    out: Linear,
    heads: usize,
}

impl Attention {
    fn new(vb: VarBuilder<'_>, channels: usize, source: usize, heads: usize) -> Result<Self> {
        Ok(Self {
            query: vb.get((channels, channels), "to_q.weight")?,
            key: vb.get((channels, source), "to_k.weight")?,
            value: vb.get((channels, source), "to_v.weight")?,
            out: Linear::new(vb.pp("to_out").pp("0"), channels, channels)?,
            heads,
        })
    }

    /// Attends rows of `x (B, N, C)` to rows of `source (B, M, source)`.
    fn forward(&self, x: &Tensor, source: &Tensor) -> Result<Tensor> {
        let split = |rows: &Tensor, weight: &Tensor| ops::split_heads(&ops::linear(rows, weight, None)?, self.heads);
        let (q, k, v) = (split(x, &self.query)?, split(source, &self.key)?, split(source, &self.value)?);
        let width = q.dim(3)?;
        let mixed = ops::attention(&q, &k, &v, None, None, 1.0 / (width as f64).sqrt())?;
        self.out.forward(&ops::join_heads(&mixed)?)
    }
}
