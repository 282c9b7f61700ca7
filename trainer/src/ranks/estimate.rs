//! What many cards give together: a paper model of one update.
//!
//! An update is the forward and backward of a rank's rows, the sum of all gradients over the ranks, and the optimiser.
//! The sum is a ring all-reduce: each of `n` ranks sends and receives `2 (n - 1) / n` times the bytes of the gradients
//! through its slowest link. It goes out in buckets while the backward of the last micro-batch still runs, so only what
//! does not fit behind that is waited for, and at least the last bucket. Ranks that are slower than others, and reading
//! data, are not in it.

use engine::model::DitConfig;

use crate::config::StageConfig;
use crate::config::stage::StageKind;

/// Links between cards. Speeds are those of one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Links {
    /// Between two cards of a node, in GB/s.
    pub node_gb_s: f64,
    /// Network adapters of a node that the library uses at once.
    pub adapters: usize,
    /// Of one adapter, in Gbit/s.
    pub adapter_gbit_s: f64,
    /// Share of these speeds that an all-reduce reaches.
    pub reached: f64,
    /// Time of one hop of the ring, in seconds.
    pub hop_s: f64,
    /// Share of a card's computing that the library takes while it sums.
    pub taken: f64,
}

impl Links {
    /// Nodes of eight A100 with NVLink of the third generation and four HDR adapters.
    pub const A100: Self = Self { node_gb_s: 300.0, adapters: 4, adapter_gbit_s: 200.0, reached: 0.8, hop_s: 10e-6, taken: 0.1 };
    /// Ranks on processors: 2.2 GB/s were reached by two of them on one machine (`tests/runs`); the network is assumed.
    pub const PROCESSORS: Self =
        Self { node_gb_s: 2.75, adapters: 1, adapter_gbit_s: 10.0, reached: 0.8, hop_s: 50e-6, taken: 0.0 };

    /// Seconds of a ring all-reduce of so many bytes in `buckets` pieces.
    pub fn all_reduce_s(&self, bytes: f64, nodes: usize, cards: usize, buckets: usize) -> f64 {
        let ranks = (nodes * cards).max(1) as f64;
        if ranks < 2.0 {
            return 0.0;
        }
        let between_nodes = self.adapters as f64 * self.adapter_gbit_s / 8.0;
        let slowest = match (nodes, cards) {
            (1, _) => self.node_gb_s,
            (_, 1) => between_nodes,
            // Every ring crosses from node to node once, each by an adapter of its own.
            _ => self.node_gb_s.min(between_nodes),
        };
        let hops = 2.0 * (ranks - 1.0);
        hops / ranks * bytes / (slowest * 1e9 * self.reached) + hops * self.hop_s * buckets as f64
    }
}

/// A card.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Card {
    /// Peak of its products in the type of computation, in 10^12 operations a second.
    pub peak_tflops: f64,
    /// Share of the peak that forward and backward reach.
    pub reached: f64,
    /// Speed of its memory, in GB/s.
    pub memory_gb_s: f64,
}

impl Card {
    /// A100 with 80 GB, products in bf16.
    pub const A100: Self = Self { peak_tflops: 312.0, reached: 0.4, memory_gb_s: 2039.0 };
}

/// What a stage costs, from its sizes alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Numbers that are trained: each has a gradient that goes over the network in f32.
    pub trained: f64,
    /// Operations of a forward pass of one row, in 10^9 (a multiplication and an addition are two).
    pub forward_gflops: f64,
    /// Operations of a whole step over those of a forward pass.
    pub passes: f64,
    /// Moving averages that the optimiser keeps.
    pub averages: usize,
}

impl Cost {
    /// Of a stage.
    pub fn of(config: &StageConfig) -> Self {
        let (dit, blocks) = (config.dit(), config.network.control_blocks);
        let checkpointing = if config.train.gradient_checkpointing { 1.0 } else { 0.0 };
        let base = forward_gflops(&dit, dit.depth);
        let averages = config.train.averages.half_lives.len();
        match config.stage {
            StageKind::Text => Self { trained: parameters(&dit), forward_gflops: base, passes: 3.0 + checkpointing, averages },
            StageKind::Control => {
                // The frozen blocks pass gradients of values on, and have none of their own.
                let (branch, whole) = (forward_gflops(&dit, blocks), base + forward_gflops(&dit, blocks));
                let trained = control_parameters(&dit, blocks);
                let operations = (2.0 + checkpointing) * base + (3.0 + checkpointing) * branch;
                Self { trained, forward_gflops: whole, passes: operations / whole, averages }
            }
        }
    }

    /// Bytes of gradients that each rank gives and takes.
    pub fn gradient_bytes(&self) -> f64 {
        4.0 * self.trained
    }
}

/// Numbers of a transformer.
fn parameters(dit: &DitConfig) -> f64 {
    let (d, width) = (dit.hidden_size as f64, dit.text_embed_dims as f64);
    let patch = (dit.patch_size * dit.patch_size) as f64;
    let linear = |from: f64, to: f64| from * to + to;
    let embedders = linear(dit.in_channels as f64 * patch, d) + linear(256.0, d) + linear(d, d) + linear(d, 6.0 * d);
    let captions = dit.token_num as f64 * width + linear(width, d) + linear(d, d);
    let last = linear(d, patch * dit.out_channels() as f64) + 2.0 * d;
    embedders + captions + dit.depth as f64 * block_parameters(dit) + last
}

fn block_parameters(dit: &DitConfig) -> f64 {
    let (d, inner) = (dit.hidden_size as f64, dit.mlp_hidden() as f64);
    // Eight products of a width by a width: queries, keys, values and their join, of tokens and of captions.
    8.0 * (d * d + d) + 2.0 * d * inner + inner + d + 6.0 * d
}

/// Numbers of a control branch: copies of blocks, a join behind each, and one before the first.
fn control_parameters(dit: &DitConfig, blocks: usize) -> f64 {
    let d = dit.hidden_size as f64;
    blocks as f64 * (block_parameters(dit) + d * d + d) + d * d + d
}

/// Operations of one row through so many blocks, in 10^9.
fn forward_gflops(dit: &DitConfig, blocks: usize) -> f64 {
    let (d, tokens, caption) = (dit.hidden_size as f64, dit.num_tokens() as f64, dit.token_num as f64);
    let products = tokens * (6.0 * d * d + 2.0 * d * dit.mlp_hidden() as f64) + caption * 2.0 * d * d;
    let attention = 2.0 * tokens * tokens * d + 2.0 * tokens * caption * d;
    2.0 * blocks as f64 * (products + attention) / 1e9
}

/// An update on many cards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Forward and backward of a card's rows, in seconds.
    pub compute_s: f64,
    /// The optimiser, in seconds.
    pub optimiser_s: f64,
    /// The sum of the gradients by itself, in seconds.
    pub all_reduce_s: f64,
    /// What of that is waited for, or taken from the computing meanwhile, in seconds.
    pub waited_s: f64,
    /// Rows a second of all cards.
    pub rows_per_s: f64,
}

impl Estimate {
    /// Seconds of an update.
    pub fn update_s(&self) -> f64 {
        self.compute_s + self.optimiser_s + self.waited_s
    }

    /// Rows a second over those of as many cards that do not wait for each other.
    pub fn efficiency(&self) -> f64 {
        (self.update_s() - self.waited_s) / self.update_s()
    }
}

/// How a stage is spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Machines.
    pub nodes: usize,
    /// Cards of each.
    pub cards: usize,
    /// Rows of an update over all cards.
    pub rows: usize,
    /// Rows that a card computes at once.
    pub micro_rows: usize,
    /// Bytes of a bucket of gradients.
    pub bucket_bytes: usize,
}

/// Times on one card that were measured; what is absent follows from operations, bytes and the card.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// Forward and backward of one row, in seconds.
    pub row_s: Option<f64>,
    /// The optimiser, in seconds.
    pub optimiser_s: Option<f64>,
}

/// The time of an update.
pub fn estimate(cost: &Cost, card: &Card, links: &Links, spread: &Spread, measured: Measured) -> Estimate {
    let ranks = (spread.nodes * spread.cards).max(1);
    let rows = spread.rows as f64 / ranks as f64;
    let by_peak = cost.forward_gflops * cost.passes / (card.peak_tflops * 1e3 * card.reached);
    let row_s = measured.row_s.unwrap_or(by_peak);
    let compute_s = rows * row_s;
    // Weight, two moments and each average are read and written, the gradient is read; each number has four bytes.
    let touched = (7 + 2 * cost.averages) as f64 * 4.0 * cost.trained;
    let optimiser_s = measured.optimiser_s.unwrap_or(touched / (card.memory_gb_s * 1e9));
    let buckets = (cost.gradient_bytes() / spread.bucket_bytes.max(1) as f64).ceil().max(1.0);
    let all_reduce_s = links.all_reduce_s(cost.gradient_bytes(), spread.nodes, spread.cards, buckets as usize);
    let last_micro = rows.min(spread.micro_rows.max(1) as f64) * row_s;
    let backward_s = last_micro * (cost.passes - 1.0) / cost.passes;
    // The first bucket is full after its part of the backward, and the last one only at its end.
    let hidden_s = backward_s * (1.0 - 1.0 / buckets);
    let after_s = (all_reduce_s - hidden_s).max(all_reduce_s / buckets);
    let waited_s = after_s + links.taken * (all_reduce_s - after_s);
    let rows_per_s = spread.rows as f64 / (compute_s + optimiser_s + waited_s);
    Estimate { compute_s, optimiser_s, all_reduce_s, waited_s, rows_per_s }
}

#[cfg(test)]
mod tests;
