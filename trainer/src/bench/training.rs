//! One training step: forward, backward, AdamW and the weight average.

use anyhow::Result;
use engine::device::DeviceKind;
use engine::model::{Dit, DitConfig};

use super::networks::wait;
use super::weights::{input, values};
use super::{Row, Work};
use crate::step::params::ParamStore;
use crate::step::{AdamWConfig, Average, Gradients, Optimizer, OptimizerConfig};

/// Rows a step.
const BATCH: usize = 8;

pub(super) const BENCHES: &[Row] =
    &[("train-dit-s2", "training step of DiT-S/2: 256 tokens, batch 8, AdamW and average", 5, true, |d| dit_s2(d))];

fn dit_s2(device: DeviceKind) -> Result<Work> {
    let device = device.open()?;
    let config = DitConfig { hidden_size: 384, depth: 12, num_heads: 6, learn_sigma: false, ..DitConfig::default() };
    let store = ParamStore::new(&device, Box::new(values), Box::new(|name| name == "pos_embed"));
    let dit = Dit::new(store.builder(), &config)?;
    let adamw = AdamWConfig { weight_decay: 0.03, ..AdamWConfig::default() };
    let averages = vec![Average::with_half_life(6931, false)];
    let settings = OptimizerConfig { adamw, clip_norm: Some(1.0), averages, ..OptimizerConfig::default() };
    let mut optimizer = Optimizer::new(store.vars(), &settings)?;
    let mut gradients = Gradients::new(store.vars());
    let latent = (BATCH, config.in_channels, config.input_size, config.input_size);
    let x = input("latent", latent, &device)?;
    let noise = input("noise", latent, &device)?;
    let captions = input("captions", (BATCH, config.token_num, config.text_embed_dims), &device)?;
    let t = candle_core::Tensor::from_vec((0..BATCH).map(|i| 125. * i as f32).collect::<Vec<_>>(), BATCH, &device)?;
    Ok(Box::new(move || {
        let loss = (dit.forward(&x, &t, &captions, None)? - &noise)?.sqr()?.mean_all()?;
        gradients.begin(true, true);
        gradients.absorb(&mut loss.backward()?)?;
        optimizer.step(&gradients, 1e-4)?;
        wait(&loss)
    }))
}
