//! CLIP's text encoder: causal self-attention over a text that is filled up to a fixed length.
//!
//! # Source
//! Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021, section 2.4.

use candle_core::{DType, Tensor};
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

use crate::model::error::{ModelError, Result};
use crate::model::linear::Linear;
use crate::model::params::{Param, record};
use crate::ops;

/// The activation between the two matrices of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClipActivation {
    /// `x · sigmoid(1.702 x)`, of Stable Diffusion 1.x.
    QuickGelu,
    /// The exact one, of Stable Diffusion 2.x.
    Gelu,
}

/// Slope of the quick form's sigmoid.
const QUICK: f64 = 1.702;

/// Sizes of the encoder, in the words of a published `config.json`; other fields are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClipConfig {
    /// Rows of the embedding table.
    pub vocab_size: usize,
    /// Width of the embedding and of the result.
    pub hidden_size: usize,
    /// Inner width of the feed-forward part.
    pub intermediate_size: usize,
    /// Number of blocks.
    pub num_hidden_layers: usize,
    /// Number of attention heads.
    pub num_attention_heads: usize,
    /// Tokens of a text, fill included.
    pub max_position_embeddings: usize,
    /// The activation.
    pub hidden_act: ClipActivation,
    /// Added to the variance in every norm.
    #[serde(default = "one_hundred_thousandth")]
    pub layer_norm_eps: f64,
}

fn one_hundred_thousandth() -> f64 {
    1e-5
}

impl ClipConfig {
    /// Checks that the sizes describe a network.
    ///
    /// # Errors
    /// Names the first field that does not fit, its value and what is allowed.
    pub fn check(&self) -> Result<()> {
        let refuse =
            |field, value: String, expected: &str| Err(ModelError::Config { field, value, expected: expected.to_owned() });
        let sizes = [
            ("vocab_size", self.vocab_size, 1 << 24),
            ("hidden_size", self.hidden_size, 1 << 16),
            ("intermediate_size", self.intermediate_size, 1 << 18),
            ("num_hidden_layers", self.num_hidden_layers, 1 << 10),
            ("max_position_embeddings", self.max_position_embeddings, 1 << 12),
        ];
        if let Some((field, value, _)) = sizes.into_iter().find(|(_, value, most)| *value == 0 || value > most) {
            return refuse(field, value.to_string(), "choose the size of a text encoder");
        }
        if self.max_position_embeddings < 3 {
            return refuse("max_position_embeddings", self.max_position_embeddings.to_string(), "choose 3 or more");
        }
        if self.num_attention_heads == 0 || !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            return refuse("num_attention_heads", self.num_attention_heads.to_string(), "choose a divisor of hidden_size");
        }
        if !(self.layer_norm_eps.is_finite() && self.layer_norm_eps > 0.0) {
            return refuse("layer_norm_eps", self.layer_norm_eps.to_string(), "choose a positive number");
        }
        Ok(())
    }
}

/// The tensors of [`ClipText`], in building order.
///
/// # Errors
/// When the configuration describes no network.
pub fn clip_params(cfg: &ClipConfig) -> Result<Vec<Param>> {
    record(|vb| ClipText::new(vb, cfg))
}

#[derive(Clone, Debug)]
struct Norm {
    weight: Tensor,
    bias: Tensor,
    eps: f64,
}

impl Norm {
    fn new(vb: VarBuilder<'_>, cfg: &ClipConfig) -> Result<Self> {
        let width = cfg.hidden_size;
        Ok(Self { weight: vb.get(width, "weight")?, bias: vb.get(width, "bias")?, eps: cfg.layer_norm_eps })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(ops::layer_norm(x, Some(&self.weight), Some(&self.bias), self.eps)?)
    }
}

#[derive(Clone, Debug)]
struct Block {
    norm1: Norm,
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
    norm2: Norm,
    fc1: Linear,
    fc2: Linear,
}

impl Block {
    fn new(vb: VarBuilder<'_>, cfg: &ClipConfig) -> Result<Self> {
        let (width, inner) = (cfg.hidden_size, cfg.intermediate_size);
        let heads = |name: &str| Linear::new(vb.pp("self_attn").pp(name), width, width);
        Ok(Self {
            norm1: Norm::new(vb.pp("layer_norm1"), cfg)?,
            query: heads("q_proj")?,
            key: heads("k_proj")?,
            value: heads("v_proj")?,
            out: heads("out_proj")?,
            norm2: Norm::new(vb.pp("layer_norm2"), cfg)?,
            fc1: Linear::new(vb.pp("mlp").pp("fc1"), width, inner)?,
            fc2: Linear::new(vb.pp("mlp").pp("fc2"), inner, width)?,
        })
    }

    fn forward(&self, x: &Tensor, causal: &Tensor, cfg: &ClipConfig) -> Result<Tensor> {
        let normed = self.norm1.forward(x)?;
        let split = |layer: &Linear| -> Result<Tensor> {
            Ok(ops::split_heads(&layer.forward(&normed)?, cfg.num_attention_heads)?) // (B, H, L, D/H)
        };
        let scale = 1.0 / ((cfg.hidden_size / cfg.num_attention_heads) as f64).sqrt();
        let mixed = ops::attention(&split(&self.query)?, &split(&self.key)?, &split(&self.value)?, None, Some(causal), scale)?;
        let x = (x + self.out.forward(&ops::join_heads(&mixed)?)?)?;
        let inner = self.fc1.forward(&self.norm2.forward(&x)?)?;
        let inner = match cfg.hidden_act {
            ClipActivation::QuickGelu => ops::silu(&inner.affine(QUICK, 0.0)?)?.affine(1.0 / QUICK, 0.0)?,
            ClipActivation::Gelu => ops::gelu(&inner)?,
        };
        Ok((&x + self.fc2.forward(&inner)?)?)
    }
}

/// The encoder.
#[derive(Clone, Debug)]
pub struct ClipText {
    config: ClipConfig,
    tokens: Tensor,    // (vocabulary, D)
    positions: Tensor, // (L, D)
    blocks: Vec<Block>,
    final_norm: Norm,
}

impl ClipText {
    /// Builds the network from tensors under transformers' names.
    ///
    /// # Errors
    /// When the configuration describes no network, or a tensor is missing or misshapen.
    pub fn new(vb: VarBuilder<'_>, cfg: &ClipConfig) -> Result<Self> {
        cfg.check()?;
        let vb = vb.pp("text_model");
        let (embeddings, layers) = (vb.pp("embeddings"), vb.pp("encoder").pp("layers"));
        Ok(Self {
            config: cfg.clone(),
            tokens: embeddings.get((cfg.vocab_size, cfg.hidden_size), "token_embedding.weight")?,
            positions: embeddings.get((cfg.max_position_embeddings, cfg.hidden_size), "position_embedding.weight")?,
            blocks: (0..cfg.num_hidden_layers).map(|layer| Block::new(layers.pp(layer), cfg)).collect::<Result<_>>()?,
            final_norm: Norm::new(vb.pp("final_layer_norm"), cfg)?,
        })
    }

    /// The sizes the network was built with.
    pub fn config(&self) -> &ClipConfig {
        &self.config
    }

    /// Last hidden state `(B, L, D)` behind the final norm, of ids `(B, L)` (`u32`), fill included.
    ///
    /// # Errors
    /// When there are more tokens than positions, or an id is beyond the table.
    pub fn forward(&self, ids: &Tensor) -> Result<Tensor> {
        let (batch, length) = ids.dims2()?;
        let most = self.config.max_position_embeddings;
        if length == 0 || length > most {
            let expected = format!("(batch, 1 to {most})");
            return Err(ModelError::Shape { what: "token ids", got: ids.dims().to_vec(), expected });
        }
        let x = self.tokens.index_select(&ids.flatten_all()?, 0)?.reshape((batch, length, self.config.hidden_size))?;
        let mut x = x.broadcast_add(&self.positions.narrow(0, 0, length)?)?;
        let causal = self.causal(length)?;
        for block in &self.blocks {
            x = block.forward(&x, &causal, &self.config)?;
        }
        self.final_norm.forward(&x)
    }

    /// Zero where a token sees another, the lowest finite number where that comes later: `(1, heads, L, L)`.
    fn causal(&self, length: usize) -> Result<Tensor> {
        let one = (0..length).flat_map(|query| (0..length).map(move |key| if key <= query { 0.0 } else { f32::MIN }));
        let mask = Tensor::from_vec(one.collect::<Vec<_>>(), (1, 1, length, length), self.tokens.device())?;
        let heads = self.config.num_attention_heads;
        Ok(mask.to_dtype(DType::F32)?.broadcast_as((1, heads, length, length))?.contiguous()?)
    }
}
