//! Forward and backward of a diffusion transformer, block by block.
//!
//! The graph is cut at every block: a block's gradients are final when its turn in the backward pass ends. With
//! checkpointing a block's inner values are thrown away after the forward pass and computed again when the backward
//! pass comes by, which gives the same bits and needs the memory of one block instead of all.
//!
//! # Source
//! Chen et al., "Training deep nets with sublinear memory cost", 2016.

use anyhow::{Context as _, Result};
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use engine::denoise::Network;
use engine::diffusion::Loss;
use engine::model::dit::TimeContext;
use engine::model::final_layer::unpatchify;

use super::gradients::Gradients;
use super::objective::Objective;

/// Conditions of the rows of a batch.
#[derive(Clone, Debug)]
pub struct RowControl {
    /// Latents `(B, C, h, w)`; any values in rows of strength 0.
    pub latent: Tensor,
    /// Multiplies the skips of each row, `(B)`.
    pub strength: Tensor,
}

/// The rows of a batch, `f32`.
#[derive(Clone, Debug)]
pub struct Rows {
    /// Clean latents `(B, C, h, w)`.
    pub x_start: Tensor,
    /// Noise of the same shape.
    pub noise: Tensor,
    /// Index of the noise level of each row.
    pub t: Vec<usize>,
    /// Caption rows `(B, L, De)`; a graph behind them (a text encoder) is followed.
    pub captions: Tensor,
    /// Non-zero for kept rows `(B, L)`.
    pub mask: Tensor,
    /// Whose caption is replaced by the null caption.
    pub drop: Vec<bool>,
    /// Conditions.
    pub control: Option<RowControl>,
    /// What hidden tokens are compared with, `(B, N, F)`.
    pub features: Option<Tensor>,
}

/// Compares hidden tokens with features of another network.
pub trait HiddenLoss {
    /// Number of the block, from 0, whose output is compared.
    fn after_block(&self) -> usize;
    /// Losses of each row `(B)`, weighted, of tokens `(B, N, D)`.
    ///
    /// # Errors
    /// When shapes differ.
    fn losses(&self, tokens: &Tensor, features: &Tensor) -> Result<Tensor>;
}

/// What a pass computed, without gradients.
#[derive(Clone, Debug)]
pub struct Passed {
    /// The noised latents.
    pub x_t: Tensor,
    /// Losses of each row.
    pub loss: Loss,
    /// Losses of the hidden tokens, where they were compared.
    pub hidden: Option<Tensor>,
}

/// How a pass is done.
pub struct Pass<'a> {
    /// The network; what is to learn is behind variables.
    pub network: &'a Network,
    /// The loss.
    pub objective: &'a Objective,
    /// Whether inner values are computed twice instead of kept.
    pub checkpointing: bool,
    /// Whether hidden tokens are compared, and how.
    pub hidden: Option<&'a dyn HiddenLoss>,
}

/// A tensor at a cut: a variable where something below learns.
struct Cut {
    tensor: Tensor,
    learns: bool,
}

impl Cut {
    fn of(tensor: &Tensor) -> Result<Self> {
        let learns = tensor.track_op();
        let tensor = tensor.detach();
        Ok(Self { tensor: if learns { Var::from_tensor(&tensor)?.into_inner() } else { tensor }, learns })
    }

    /// Its gradient in `found`, added to `sum`.
    fn collect(&self, found: &mut GradStore, sum: &mut Option<Tensor>) -> Result<()> {
        if self.learns
            && let Some(gradient) = found.remove(&self.tensor)
        {
            let gradient = gradient.detach();
            *sum = Some(match sum.take() {
                Some(before) => (before + gradient)?,
                None => gradient,
            });
        }
        Ok(())
    }
}

/// Input of a block: the tokens and, while there are control blocks, their state.
struct Boundary {
    tokens: Cut,
    state: Option<Cut>,
}

/// Outputs of a block with the graph behind them.
struct Made {
    tokens: Tensor,
    state: Option<Tensor>,
}

/// What all blocks read.
struct Shared {
    modulation: Cut,
    vector: Cut,
    caption: Cut,
    kept: Vec<usize>,
}

/// Gradients that wait for the embedders.
#[derive(Default)]
struct SharedGradients {
    modulation: Option<Tensor>,
    vector: Option<Tensor>,
    caption: Option<Tensor>,
}

impl Pass<'_> {
    /// Losses of the rows, and the gradients of their sum over `of` (the rows of the whole update).
    ///
    /// # Errors
    /// When shapes differ or the device fails.
    pub fn run(&self, rows: &Rows, of: usize, gradients: &mut Gradients) -> Result<Passed> {
        let base = self.network.base();
        let x_t = self.objective.noised(&rows.x_start, &rows.noise, &rows.t)?;
        // The embedders; their graph is small and kept.
        let captions = base.captions().drop_captions(&rows.captions, &rows.drop)?;
        let (caption, kept) = base.caption_tokens(&captions, Some(&rows.mask))?;
        let time = base.time_context(&self.objective.timesteps(&rows.t, x_t.device())?)?;
        let tokens = base.embed_latent(&x_t)?;
        let state = match (self.network, &rows.control) {
            (Network::Control(control), Some(condition)) => Some(control.condition_tokens(&condition.latent)?),
            _ => None,
        };
        let shared =
            Shared { modulation: Cut::of(&time.modulation)?, vector: Cut::of(&time.vector)?, caption: Cut::of(&caption)?, kept };

        // Forward: the graph is cut behind every block.
        let depth = base.blocks().len();
        let mut boundaries = Vec::with_capacity(depth + 1);
        let mut graphs = Vec::with_capacity(depth);
        boundaries.push(Boundary { tokens: Cut::of(&tokens)?, state: state.as_ref().map(Cut::of).transpose()? });
        for i in 0..depth {
            let made = self.block(i, &boundaries[i], &shared, rows)?;
            let state = made.state.as_ref().map(Cut::of).transpose()?;
            boundaries.push(Boundary { tokens: Cut::of(&made.tokens)?, state });
            graphs.push((!self.checkpointing).then_some(made));
        }

        // The last layer and the loss.
        let last = &boundaries[depth].tokens;
        let output = self.last_layer(last, &shared)?;
        let loss = self.objective.losses(&output, &rows.x_start, &x_t, &rows.t, &rows.noise)?;
        let mut found = loss.loss.sum_all()?.affine(1.0 / of.max(1) as f64, 0.0)?.backward()?;
        let (mut tokens_gradient, mut state_gradient) = (None, None);
        let mut waiting = SharedGradients::default();
        last.collect(&mut found, &mut tokens_gradient)?;
        shared.vector.collect(&mut found, &mut waiting.vector)?;
        gradients.absorb(&mut found)?;
        drop((found, output));

        // Backward through the blocks.
        let mut hidden = None;
        for i in (0..depth).rev() {
            if let (Some(compared), Some(features)) = (self.hidden, &rows.features)
                && compared.after_block() == i
            {
                let cut = &boundaries[i + 1].tokens;
                let losses = compared.losses(&cut.tensor, features)?;
                let mut found = losses.sum_all()?.affine(1.0 / of.max(1) as f64, 0.0)?.backward()?;
                cut.collect(&mut found, &mut tokens_gradient)?;
                gradients.absorb(&mut found)?;
                hidden = Some(losses.detach());
            }
            boundaries.truncate(i + 1);
            let boundary = &boundaries[i];
            let made = match graphs.pop().flatten() {
                Some(made) => made,
                None => self.block(i, boundary, &shared, rows)?,
            };
            let pairs = [(Some(&made.tokens), tokens_gradient.take()), (made.state.as_ref(), state_gradient.take())];
            let Some(seed) = weighted_sum(&pairs)? else { break };
            let mut found = seed.backward()?;
            boundary.tokens.collect(&mut found, &mut tokens_gradient)?;
            if let Some(state) = &boundary.state {
                state.collect(&mut found, &mut state_gradient)?;
            }
            shared.modulation.collect(&mut found, &mut waiting.modulation)?;
            shared.caption.collect(&mut found, &mut waiting.caption)?;
            gradients.absorb(&mut found)?;
        }

        // The embedders, and what lies behind the captions.
        let pairs = [
            (Some(&tokens), tokens_gradient),
            (state.as_ref(), state_gradient),
            (Some(&time.modulation), waiting.modulation),
            (Some(&time.vector), waiting.vector),
            (Some(&caption), waiting.caption),
        ];
        if let Some(seed) = weighted_sum(&pairs)? {
            gradients.absorb(&mut seed.backward()?)?;
        }
        let detached = |tensor: &Option<Tensor>| tensor.as_ref().map(Tensor::detach);
        let loss = Loss { loss: loss.loss.detach(), mse: detached(&loss.mse), vb: detached(&loss.vb) };
        Ok(Passed { x_t, loss, hidden })
    }

    /// Block `i`, with the control block that acts before it.
    fn block(&self, i: usize, input: &Boundary, shared: &Shared, rows: &Rows) -> Result<Made> {
        let block = &self.network.base().blocks()[i];
        let (signal, caption) = (&shared.modulation.tensor, &shared.caption.tensor);
        let mut tokens = input.tokens.tensor.clone();
        let mut state = input.state.as_ref().map(|cut| cut.tensor.clone());
        if let (Network::Control(control), Some(before), Some(condition)) = (self.network, &state, &rows.control) {
            // The first block has none; behind the last control block its state is of no use.
            match (i, i.checked_sub(1).and_then(|j| control.control_blocks().get(j))) {
                (0, _) => {}
                (_, Some(steering)) => {
                    let key_value = steering.key_value(caption)?;
                    let (next, skip) = steering.forward(&tokens, before, signal, &key_value, &shared.kept)?;
                    let strength = condition.strength.to_dtype(skip.dtype())?.reshape((skip.dim(0)?, 1, 1))?;
                    tokens = (tokens + skip.broadcast_mul(&strength)?)?;
                    state = (i < control.control_blocks().len()).then_some(next);
                }
                (_, None) => state = None,
            }
        }
        let tokens = block.forward(&tokens, signal, &block.key_value(caption)?, &shared.kept)?;
        Ok(Made { tokens, state })
    }

    fn last_layer(&self, tokens: &Cut, shared: &Shared) -> Result<Tensor> {
        let (base, config) = (self.network.base(), self.network.config());
        let time = TimeContext { vector: shared.vector.tensor.clone(), modulation: shared.modulation.tensor.clone() };
        let patches = base.output_patches(&tokens.tensor, &time).context("the last layer")?;
        Ok(unpatchify(&patches, config.grid(), config.patch_size, config.out_channels())?)
    }
}

/// A scalar whose gradient to each tensor is the given one; `None` where nothing learns.
fn weighted_sum(pairs: &[(Option<&Tensor>, Option<Tensor>)]) -> Result<Option<Tensor>> {
    let mut total: Option<Tensor> = None;
    for (tensor, gradient) in pairs {
        let (Some(tensor), Some(gradient)) = (tensor, gradient) else { continue };
        if !tensor.track_op() {
            continue;
        }
        let part = tensor.mul(gradient)?.sum_all()?;
        total = Some(match total {
            Some(total) => (total + part)?,
            None => part,
        });
    }
    Ok(total)
}
