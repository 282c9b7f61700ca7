//! The encoder of T5 v1.1 with a padding mask, at any size.
//!
//! Official tensor names; the embedding may be called `shared.weight` or `encoder.embed_tokens.weight`.
//! No attention scaling; the relative position bias of block 0 serves every block; softmax and norm
//! statistics are computed in f32 whatever the dtype of the weights. Built of operations that keep gradients,
//! so the same code trains the small encoder of the practice model.
//!
//! # Source
//! Raffel et al. 2020 (T5); huggingface/transformers `models/t5/modeling_t5.py` at 4.38.

mod matrix;
mod streamed;

use candle_core::{DType, Result, Tensor};
use candle_nn::{Init, VarBuilder};
use serde::{Deserialize, Serialize};

pub use matrix::{Quantization, UnknownQuantization};
pub use streamed::{StreamedT5, WeightSource};

use crate::ops;
use matrix::Matrix;

/// Both names under which the token embedding is published.
pub const EMBEDDING_NAMES: [&str; 2] = ["shared.weight", "encoder.embed_tokens.weight"];

/// The feed-forward part of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeedForward {
    /// `wo(gelu_tanh(wi_0 x) * wi_1 x)`: T5 v1.1.
    #[serde(rename = "gated-gelu")]
    GatedGelu,
    /// `wo(relu(wi x))`: the first T5.
    #[serde(rename = "relu")]
    Relu,
}

/// Sizes of the encoder, with the field names of a published `config.json`; other fields are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct T5Config {
    /// Width of the embedding and of the output.
    pub d_model: usize,
    /// Width of one attention head.
    pub d_kv: usize,
    /// Inner width of the feed-forward part.
    pub d_ff: usize,
    /// Number of blocks.
    pub num_layers: usize,
    /// Number of attention heads.
    pub num_heads: usize,
    /// Rows of the embedding table.
    pub vocab_size: usize,
    /// Kind of feed-forward part.
    #[serde(default = "gated_gelu")]
    pub feed_forward_proj: FeedForward,
    /// Number of relative distances that are told apart.
    #[serde(default = "thirty_two")]
    pub relative_attention_num_buckets: usize,
    /// From this distance on, all are one bucket.
    #[serde(default = "one_hundred_and_twenty_eight")]
    pub relative_attention_max_distance: usize,
    /// Added to the mean square in the norm.
    #[serde(default = "one_millionth")]
    pub layer_norm_epsilon: f64,
}

fn gated_gelu() -> FeedForward {
    FeedForward::GatedGelu
}
fn thirty_two() -> usize {
    32
}
fn one_hundred_and_twenty_eight() -> usize {
    128
}
fn one_millionth() -> f64 {
    1e-6
}

impl T5Config {
    /// The text encoder of the released model: T5 v1.1 XXL.
    pub fn xxl() -> Self {
        Self {
            d_model: 4096,
            d_kv: 64,
            d_ff: 10240,
            num_layers: 24,
            num_heads: 64,
            vocab_size: 32128,
            feed_forward_proj: gated_gelu(),
            relative_attention_num_buckets: thirty_two(),
            relative_attention_max_distance: one_hundred_and_twenty_eight(),
            layer_norm_epsilon: one_millionth(),
        }
    }

    /// Checks that the sizes describe a network.
    fn check(&self) -> Result<()> {
        let sizes = [self.d_model, self.d_kv, self.d_ff, self.num_heads, self.vocab_size, self.relative_attention_num_buckets];
        // The upper bound keeps products of two sizes far from overflow.
        let odd = sizes.iter().any(|&size| size == 0 || size > 1 << 24) || self.num_layers > 1 << 12;
        if odd || self.relative_attention_num_buckets < 4 {
            candle_core::bail!("T5 needs heads, widths and at least 4 relative buckets, got {self:?}");
        }
        Ok(())
    }

    /// Every tensor of the encoder with its shape, the embedding as `shared.weight`, in file order.
    pub fn param_shapes(&self) -> Vec<(String, Vec<usize>)> {
        let inner = self.num_heads * self.d_kv;
        let mut list = vec![(EMBEDDING_NAMES[0].to_owned(), vec![self.vocab_size, self.d_model])];
        for block in 0..self.num_layers {
            let attention = format!("encoder.block.{block}.layer.0");
            for part in ["q", "k", "v"] {
                list.push((format!("{attention}.SelfAttention.{part}.weight"), vec![inner, self.d_model]));
            }
            list.push((format!("{attention}.SelfAttention.o.weight"), vec![self.d_model, inner]));
            if block == 0 {
                let shape = vec![self.relative_attention_num_buckets, self.num_heads];
                list.push((format!("{attention}.SelfAttention.relative_attention_bias.weight"), shape));
            }
            list.push((format!("{attention}.layer_norm.weight"), vec![self.d_model]));
            let dense = format!("encoder.block.{block}.layer.1");
            for part in self.wi_names() {
                list.push((format!("{dense}.DenseReluDense.{part}.weight"), vec![self.d_ff, self.d_model]));
            }
            list.push((format!("{dense}.DenseReluDense.wo.weight"), vec![self.d_model, self.d_ff]));
            list.push((format!("{dense}.layer_norm.weight"), vec![self.d_model]));
        }
        list.push(("encoder.final_layer_norm.weight".to_owned(), vec![self.d_model]));
        list
    }

    /// As [`T5Config::param_shapes`], with the matrices of the blocks packed: bytes `(outputs, row bytes)`. Matrices
    /// whose rows are no whole blocks stay plain, as embedding, norms and positions do.
    pub fn packed_shapes(&self, quantization: Quantization) -> Vec<(String, Vec<usize>)> {
        let mut list = self.param_shapes();
        for (name, shape) in &mut list {
            if let Some(bytes) = packed_row(name, shape, quantization) {
                shape[1] = bytes;
            }
        }
        list
    }

    fn wi_names(&self) -> &'static [&'static str] {
        match self.feed_forward_proj {
            FeedForward::GatedGelu => &["wi_0", "wi_1"],
            FeedForward::Relu => &["wi"],
        }
    }
}

/// The encoder.
#[derive(Clone, Debug)]
pub struct T5Encoder {
    embedding: Tensor,
    position_bias: Tensor,
    blocks: Vec<Block>,
    final_norm: Tensor,
    config: T5Config,
    activations: DType,
}

#[derive(Clone, Debug)]
struct Block {
    norm1: Tensor,
    q: Matrix,
    k: Matrix,
    v: Matrix,
    o: Matrix,
    norm2: Tensor,
    wi: Vec<Matrix>,
    wo: Matrix,
}

/// Bytes of a packed row of the tensor `name`, if it is a matrix that is packed.
pub fn packed_row(name: &str, shape: &[usize], quantization: Quantization) -> Option<usize> {
    let in_block = name.contains(".SelfAttention.") || name.contains(".DenseReluDense.");
    match shape {
        [_, inputs] if in_block && !name.contains("relative_attention_bias") => quantization.row_bytes(*inputs),
        _ => None,
    }
}

/// Finds the packed form of a matrix by its full name and its shape, where it has one.
type Packed<'a> = dyn Fn(&str, (usize, usize)) -> Result<Option<Matrix>> + 'a;

impl T5Encoder {
    /// Takes the weights of `vb` by their official names; a builder over variables makes and initialises them.
    ///
    /// # Errors
    /// A missing or misshapen tensor, or a configuration with a zero size.
    pub fn new(vb: VarBuilder<'_>, config: &T5Config) -> Result<Self> {
        config.check()?;
        let name = if vb.contains_tensor(EMBEDDING_NAMES[0]) || !vb.contains_tensor(EMBEDDING_NAMES[1]) {
            EMBEDDING_NAMES[0]
        } else {
            EMBEDDING_NAMES[1]
        };
        let embedding = vb.get_with_hints((config.vocab_size, config.d_model), name, normal(1.0))?;
        let encoder = vb.pp("encoder");
        let position_bias = position_bias(&encoder, config)?;
        let block = |index: usize| Block::new(&encoder, index, config, &|_, _| Ok(None));
        Ok(Self {
            activations: embedding.dtype(),
            embedding,
            position_bias,
            blocks: (0..config.num_layers).map(block).collect::<Result<_>>()?,
            final_norm: final_norm(&encoder, config)?,
            config: config.clone(),
        })
    }

    /// Computes in `activations` instead of the dtype of the weights: bf16 weights with f32 activations give f32
    /// precision in half the memory.
    #[must_use]
    pub fn with_activations(self, activations: DType) -> Self {
        Self { activations, ..self }
    }

    /// The configuration it was built with.
    pub fn config(&self) -> &T5Config {
        &self.config
    }

    /// Last hidden state `(batch, length, d_model)` of `ids` `(batch, length)` (u32 or i64), in the activations' dtype.
    ///
    /// Places where `mask` `(batch, length)` is 0 are attended nowhere; their own rows are still computed.
    ///
    /// # Errors
    /// Shapes that do not fit, or an id beyond the embedding table.
    pub fn forward(&self, ids: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        self.forward_traced(ids, mask, &mut |_, _| ())
    }

    /// As [`T5Encoder::forward`], showing intermediate values to `seen`: `embedding`, `position_bias`
    /// `(1, heads, length, length)` before the mask, and `after_blockN`.
    ///
    /// # Errors
    /// As [`T5Encoder::forward`].
    pub fn forward_traced(&self, ids: &Tensor, mask: Option<&Tensor>, seen: &mut dyn FnMut(&str, &Tensor)) -> Result<Tensor> {
        let (batch, length) = ids.dims2()?;
        let rows = ids.flatten_all()?;
        let x = self.embedding.index_select(&rows, 0)?.reshape((batch, length, self.config.d_model))?;
        let mut x = x.to_dtype(self.activations)?;
        seen("embedding", &x);
        let position_bias = relative_bias(&self.position_bias, length, &self.config)?; // (1, heads, length, length)
        seen("position_bias", &position_bias);
        let bias = match mask {
            None => position_bias,
            Some(mask) => position_bias.broadcast_add(&hidden_keys(mask)?)?, // (batch, heads, length, length)
        };
        for (index, block) in self.blocks.iter().enumerate() {
            x = block.forward(&x, &bias, &self.config)?;
            seen(&format!("after_block{index}"), &x);
        }
        ops::rms_norm(&x, &self.final_norm, self.config.layer_norm_epsilon)
    }
}

fn normal(stdev: f64) -> Init {
    Init::Randn { mean: 0., stdev }
}

/// The table of relative positions, which block 0 holds for all.
fn position_bias(encoder: &VarBuilder<'_>, config: &T5Config) -> Result<Tensor> {
    encoder.get_with_hints(
        (config.relative_attention_num_buckets, config.num_heads),
        "block.0.layer.0.SelfAttention.relative_attention_bias.weight",
        normal((config.d_model as f64).powf(-0.5)),
    )
}

fn final_norm(encoder: &VarBuilder<'_>, config: &T5Config) -> Result<Tensor> {
    encoder.get_with_hints(config.d_model, "final_layer_norm.weight", Init::Const(1.))
}

/// Bias `(1, heads, length, length)` of every (query, key) pair of a text of `length` tokens.
fn relative_bias(table: &Tensor, length: usize, config: &T5Config) -> Result<Tensor> {
    let buckets = relative_buckets(length, config);
    let buckets = Tensor::from_vec(buckets, length * length, table.device())?;
    table
        .index_select(&buckets, 0)?
        .reshape((length, length, config.num_heads))?
        .permute((2, 0, 1))? // (heads, length, length)
        .contiguous()?
        .to_dtype(DType::F32)?
        .unsqueeze(0)
}

impl Block {
    /// Takes the weights of one block from the builder of the whole encoder.
    fn new(encoder: &VarBuilder<'_>, index: usize, config: &T5Config, packed: &Packed<'_>) -> Result<Self> {
        let T5Config { d_model, d_ff, .. } = *config;
        let inner = config.num_heads * config.d_kv;
        let wide = normal((d_model as f64).powf(-0.5));
        let attention = encoder.pp(format!("block.{index}.layer.0"));
        let heads = attention.pp("SelfAttention");
        let dense = encoder.pp(format!("block.{index}.layer.1"));
        let inside = dense.pp("DenseReluDense");
        let matrix = |vb: &VarBuilder<'_>, part: &str, shape: (usize, usize), init: Init| {
            let name = format!("{part}.weight");
            match packed(&format!("{}.{name}", vb.prefix()), shape)? {
                Some(matrix) => Ok(matrix),
                None => vb.get_with_hints(shape, &name, init).map(Matrix::Plain),
            }
        };
        let wi = |part: &&str| matrix(&inside, part, (d_ff, d_model), wide);
        Ok(Self {
            norm1: attention.get_with_hints(d_model, "layer_norm.weight", Init::Const(1.))?,
            q: matrix(&heads, "q", (inner, d_model), normal(((d_model * config.d_kv) as f64).powf(-0.5)))?,
            k: matrix(&heads, "k", (inner, d_model), wide)?,
            v: matrix(&heads, "v", (inner, d_model), wide)?,
            o: matrix(&heads, "o", (d_model, inner), normal((inner as f64).powf(-0.5)))?,
            norm2: dense.get_with_hints(d_model, "layer_norm.weight", Init::Const(1.))?,
            wi: config.wi_names().iter().map(wi).collect::<Result<_>>()?,
            wo: matrix(&inside, "wo", (d_model, d_ff), normal((d_ff as f64).powf(-0.5)))?,
        })
    }

    fn forward(&self, x: &Tensor, bias: &Tensor, config: &T5Config) -> Result<Tensor> {
        let (batch, length, _) = x.dims3()?;
        let eps = config.layer_norm_epsilon;
        let normed = ops::rms_norm(x, &self.norm1, eps)?;
        let split = |weight: &Matrix| -> Result<Tensor> {
            weight
                .apply(&normed)?
                .reshape((batch, length, config.num_heads, config.d_kv))?
                .transpose(1, 2)? // (batch, heads, length, d_kv)
                .contiguous()
        };
        let mixed = ops::attention(&split(&self.q)?, &split(&self.k)?, &split(&self.v)?, None, Some(bias), 1.0)?
            .transpose(1, 2)?
            .reshape((batch, length, config.num_heads * config.d_kv))?;
        let x = (x + self.o.apply(&mixed)?)?;

        let normed = ops::rms_norm(&x, &self.norm2, eps)?;
        let inner = match self.wi.as_slice() {
            [gate, value] => (ops::gelu_tanh(&gate.apply(&normed)?)? * value.apply(&normed)?)?,
            [single] => single.apply(&normed)?.relu()?,
            _ => candle_core::bail!("a T5 feed-forward part has one or two inner matrices"),
        };
        x + self.wo.apply(&inner)?
    }
}

/// Zero where a key is seen, the lowest finite number where it is hidden: `(batch, 1, 1, length)`, `f32`.
fn hidden_keys(mask: &Tensor) -> Result<Tensor> {
    let (batch, length) = mask.dims2()?;
    let hidden = mask.to_dtype(DType::F32)?.affine(-1.0, 1.0)?; // 1 where hidden
    (hidden * f64::from(f32::MIN))?.reshape((batch, 1, 1, length))
}

/// The bucket of each (query, key) pair, row by row: half of them for keys behind, half for keys ahead; near
/// distances one by one, far ones on a logarithmic scale (computed in f32, as the reference does).
fn relative_buckets(length: usize, config: &T5Config) -> Vec<u32> {
    let half = config.relative_attention_num_buckets / 2;
    let exact = half / 2;
    let scale = (config.relative_attention_max_distance as f64 / exact as f64).ln() as f32;
    let bucket = |query: usize, key: usize| -> u32 {
        let distance = query.abs_diff(key);
        let near = if distance < exact {
            distance
        } else {
            let log = (distance as f32 / exact as f32).ln() / scale * (half - exact) as f32;
            (exact + log.max(0.0) as usize).min(half - 1)
        };
        (near + if key > query { half } else { 0 }) as u32
    };
    (0..length).flat_map(|query| (0..length).map(move |key| bucket(query, key))).collect()
}

#[cfg(test)]
mod tests;
