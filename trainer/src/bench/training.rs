//! One training step, as the trainer does it: forward and backward by blocks, AdamW and the weight average.

use anyhow::Result;
use candle_core::{DType, Tensor};
use engine::device::DeviceKind;
use engine::diffusion::{LossConfig, LossKind, NoiseSchedule, Prediction, Variance};
use engine::model::DitConfig;

use super::networks::wait;
use super::weights::{input, values};
use super::{Row, Work};
use crate::stages::network::NetworkMaker;
use crate::step::objective::Objective;
use crate::step::params::ParamStore;
use crate::step::pass::{Pass, Rows};
use crate::step::{AdamWConfig, Average, Gradients, Optimizer, OptimizerConfig};

/// Rows a step.
const BATCH: usize = 8;

pub(super) const BENCHES: &[Row] =
    &[("train-dit-s2", "training step of DiT-S/2: 256 tokens, batch 8, AdamW and average", 5, true, |d| dit_s2(d))];

fn dit_s2(device: DeviceKind) -> Result<Work> {
    let device = device.open()?;
    let config = DitConfig { hidden_size: 384, depth: 12, num_heads: 6, learn_sigma: false, ..DitConfig::default() };
    let store = ParamStore::new(&device, Box::new(values), Box::new(|name| name == "pos_embed"));
    let network = NetworkMaker::new(&store, "", &config, 0, DType::F32)?.network()?;
    let adamw = AdamWConfig { weight_decay: 0.03, ..AdamWConfig::default() };
    let averages = vec![Average::with_half_life(6931, false)];
    let settings = OptimizerConfig { adamw, clip_norm: Some(1.0), averages, ..OptimizerConfig::default() };
    let mut optimizer = Optimizer::new(store.vars(), &settings)?;
    let mut gradients = Gradients::new(store.vars());
    let loss = LossConfig { prediction: Prediction::Epsilon, variance: Variance::FixedLarge, kind: LossKind::Mse };
    let objective = Objective::new(NoiseSchedule::linear(1000)?, loss, None)?;
    let latent = (BATCH, config.in_channels, config.input_size, config.input_size);
    let rows = Rows {
        x_start: input("latent", latent, &device)?,
        noise: input("noise", latent, &device)?,
        t: (0..BATCH).map(|i| 125 * i).collect(),
        captions: input("captions", (BATCH, config.token_num, config.text_embed_dims), &device)?,
        mask: Tensor::ones((BATCH, config.token_num), DType::U32, &device)?,
        drop: vec![false; BATCH],
        control: None,
        features: None,
    };
    Ok(Box::new(move || {
        gradients.begin(true, true);
        let pass = Pass { network: &network, objective: &objective, checkpointing: false, hidden: None };
        let loss = pass.run(&rows, BATCH, &mut gradients)?.loss.loss;
        optimizer.step(&gradients, 1e-4)?;
        wait(&loss.mean_all()?)
    }))
}
