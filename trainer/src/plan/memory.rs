//! Bytes of a training by part, from the sizes of its network alone.
//!
//! What is counted of the inner values of a block are the tensors that its backward pass reads, in numbers a token and
//! unit of width; see [`inner`]. The total is compared with the measured peak in `trainer/tests/it/plan.rs`.

use anyhow::Result;
use candle_core::DType;
use engine::model::{DitConfig, Param};
use serde::Serialize;

use crate::config::StageConfig;
use crate::config::stage::{DataSource, StageKind};
use crate::pretrain::start;

/// Rows of a drawn case's caption, on average.
const PHANTOM_CAPTION: usize = 24;

/// What lies in memory beside the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Bytes of the autoencoder.
    pub parts: u64,
}

/// Sizes that the bytes follow from.
#[derive(Clone, Debug, PartialEq)]
pub struct Sizes {
    /// Numbers of the network.
    pub all: u64,
    /// Those that learn.
    pub trained: u64,
    dit: DitConfig,
    control_blocks: usize,
    averages: u64,
    dtype: DType,
    data: u64,
    parts: u64,
    /// Blocks of the base without a gradient: before the first control block nothing learns.
    resting: usize,
}

/// Bytes of each part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Need {
    /// f32 weights, and their casts where the network computes in half precision.
    pub weights: u64,
    /// f32 gradients.
    pub gradients: u64,
    /// Both moments.
    pub moments: u64,
    /// Moving averages.
    pub averages: u64,
    /// Inner values of the network for a micro-batch.
    pub activations: u64,
    /// The autoencoder beside it.
    pub parts: u64,
    /// Cases in memory; on the computer's side.
    pub data: u64,
    /// The copy that a checkpoint is written from; on the computer's side.
    pub snapshot: u64,
}

impl Need {
    /// Bytes on the device.
    pub fn device(&self) -> u64 {
        self.weights + self.gradients + self.moments + self.averages + self.activations + self.parts
    }

    /// Bytes on the computer's side.
    pub fn host(&self) -> u64 {
        self.data + self.snapshot
    }

    /// Bytes in the memory of a room.
    pub fn on(&self, room: &super::Room) -> u64 {
        self.device() + if room.shared_with_host { self.host() } else { 0 }
    }
}

impl Sizes {
    /// Of a stage that computes in `dtype`.
    ///
    /// # Errors
    /// When the sizes describe no network.
    pub fn of(config: &StageConfig, dtype: DType, beside: &Beside) -> Result<Self> {
        let list = start::parameters(config)?;
        let count = |params: &mut dyn Iterator<Item = &Param>| params.map(|param| param.len() as u64).sum::<u64>();
        let frozen_base = config.stage == StageKind::Control && !config.control.as_ref().is_some_and(|c| c.train_base);
        let network = &config.network;
        let data = match config.data {
            DataSource::Prepared { .. } => 0,
            DataSource::Phantoms { count, .. } => {
                let latents = network.in_channels * network.input_size * network.input_size;
                let conditions = config.control.as_ref().map_or(0, |control| control.conditions.len());
                (4 * count * (latents * (1 + conditions) + PHANTOM_CAPTION * network.text_embed_dims)) as u64
            }
        };
        Ok(Self {
            all: count(&mut list.iter()),
            trained: count(&mut list.iter().filter(|param| param.trainable)),
            dit: config.dit(),
            control_blocks: network.control_blocks,
            averages: config.train.averages.half_lives.len() as u64,
            dtype,
            data,
            parts: beside.parts,
            resting: usize::from(frozen_base),
        })
    }

    /// Bytes of each part with micro-batches of so many rows.
    pub fn need(&self, rows: usize, checkpointing: bool) -> Need {
        let cast = if self.dtype == DType::F32 { 0 } else { self.dtype.size_in_bytes() as u64 };
        Need {
            weights: (4 + cast) * self.all,
            gradients: 4 * self.trained,
            moments: 8 * self.trained,
            averages: 4 * self.averages * self.trained,
            activations: self.activations(rows, checkpointing),
            parts: self.parts,
            data: self.data,
            snapshot: 4 * (3 + self.averages) * self.trained,
        }
    }

    fn activations(&self, rows: usize, checkpointing: bool) -> u64 {
        let (depth, control) = (self.dit.depth, self.control_blocks);
        let block = inner(&self.dit, self.dtype) * rows as f64;
        let bytes = self.dtype.size_in_bytes() as f64;
        let boundary = (rows * self.dit.num_tokens() * self.dit.hidden_size) as f64 * bytes;
        // While the backward pass is in a block, the gradients of its inner values come to be, too.
        let working = 1.6 * block * if control > 0 { 2.0 } else { 1.0 };
        let kept =
            if checkpointing { (depth + control) as f64 * boundary } else { (depth - self.resting + control) as f64 * block };
        // Embedders and the last layer, which also hold f32.
        let ends = 8.0 * (rows * self.dit.num_tokens() * self.dit.hidden_size) as f64 * 4.0;
        (kept + working + ends) as u64
    }
}

/// Bytes of the inner values of a block for one row.
///
/// In widths a token: both norms, queries, keys and values with their copies by heads, both attentions with their
/// joins, both sums and the gated ones: 18; the feed-forward layer: twice its own width. Keys and values of the caption
/// are 4 widths a caption row. A graphics card also keeps the weights of both attentions, in f32 and in its own type.
fn inner(dit: &DitConfig, dtype: DType) -> f64 {
    let (tokens, caption, width) = (dit.num_tokens() as f64, dit.token_num as f64, dit.hidden_size as f64);
    let bytes = dtype.size_in_bytes() as f64;
    let values = tokens * (18.0 * width + 2.0 * dit.mlp_hidden() as f64) + 4.0 * caption * width;
    let scores = if dtype == DType::F32 { 0.0 } else { dit.num_heads as f64 * tokens * (tokens + caption) * (4.0 + bytes) };
    values * bytes + scores
}
