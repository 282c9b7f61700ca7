//! Some steps with the sizes of a stage and random numbers: how long they take, and what memory they had.
//!
//! Times and bytes depend on the sizes only, so neither weights nor data are read.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use candle_core::{DType, Device, Tensor};
use engine::diffusion::{LossConfig, LossKind, NoiseSchedule, Variance};
use serde::Serialize;

use crate::bench::peak_mib;
use crate::bench::weights::{input, values};
use crate::config::StageConfig;
use crate::pretrain::start;
use crate::run::log::memory_mib;
use crate::stages::batch::TIMESTEPS;
use crate::stages::network::NetworkMaker;
use crate::step::objective::Objective;
use crate::step::params::ParamStore;
use crate::step::pass::{Pass, RowControl, Rows};
use crate::step::{Gradients, Optimizer};

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Probed {
    /// Steps that were timed.
    pub steps: usize,
    /// Rows of a micro-batch.
    pub rows: usize,
    /// Seconds of forward and backward of a micro-batch, the median.
    pub micro_s: f64,
    /// Seconds of the optimiser, the median.
    pub optimiser_s: f64,
    /// Bytes that the process took for weights and steps at most; `None` on a graphics card.
    pub peak_bytes: Option<u64>,
}

/// Takes so many steps of one micro-batch and an update, or as many as fit into `limit`; `tell` hears how many are done.
///
/// # Errors
/// When the device fails or is full.
pub fn probe(
    config: &StageConfig,
    device: &Device,
    rows: usize,
    (steps, limit): (usize, Duration),
    tell: &dyn Fn(usize),
) -> Result<Probed> {
    let before = memory_mib();
    let resting: BTreeSet<String> =
        start::parameters(config)?.into_iter().filter(|param| !param.trainable).map(|param| param.name).collect();
    let store = ParamStore::new(device, Box::new(values), Box::new(move |name| resting.contains(name)));
    let (sizes, dtype) = (config.dit(), config.train.compute.on(device));
    let network = NetworkMaker::new(&store, "", &sizes, config.network.control_blocks, dtype)?;
    let mut optimizer = Optimizer::new(store.vars(), &config.train.optimizer())?;
    let mut gradients = Gradients::new(store.vars());
    let variance = if config.network.learn_variance { Variance::LearnedRange } else { Variance::FixedLarge };
    let loss = LossConfig { prediction: config.objective.prediction.into(), variance, kind: LossKind::Mse };
    let objective = Objective::new(NoiseSchedule::linear(TIMESTEPS)?, loss, config.objective.min_snr_gamma)?;
    let latent = (rows, sizes.in_channels, sizes.input_size, sizes.input_size);
    let control = match config.network.control_blocks {
        0 => None,
        _ => Some(RowControl { latent: input("control", latent, device)?, strength: Tensor::ones(rows, DType::F32, device)? }),
    };
    let batch = Rows {
        x_start: input("latent", latent, device)?,
        noise: input("noise", latent, device)?,
        t: (0..rows).map(|row| (1 + row * 37) % TIMESTEPS).collect(),
        captions: input("captions", (rows, sizes.token_num, sizes.text_embed_dims), device)?,
        mask: Tensor::ones((rows, sizes.token_num), DType::U32, device)?,
        drop: vec![false; rows],
        control,
        features: None,
    };
    let (mut micros, mut updates) = (Vec::new(), Vec::new());
    let begin = Instant::now();
    // The first step makes buffers and is not counted.
    for step in 0..=steps {
        let at = Instant::now();
        gradients.begin(true, true);
        let network = network.network()?;
        let pass =
            Pass { network: &network, objective: &objective, checkpointing: config.train.gradient_checkpointing, hidden: None };
        pass.run(&batch, rows, &mut gradients)?;
        device.synchronize()?;
        let micro = at.elapsed();
        let at = Instant::now();
        optimizer.step(&gradients, 0.0)?;
        device.synchronize()?;
        if step > 0 {
            micros.push(micro.as_secs_f64());
            updates.push(at.elapsed().as_secs_f64());
            tell(step);
        }
        if begin.elapsed() > limit && !micros.is_empty() {
            break;
        }
    }
    ensure!(!micros.is_empty(), "a probe needs at least one step");
    let peak = peak_mib().filter(|_| device.is_cpu()).map(|peak| ((peak - before).max(0.0) * 1_048_576.0) as u64);
    Ok(Probed { steps: micros.len(), rows, micro_s: median(&mut micros), optimiser_s: median(&mut updates), peak_bytes: peak })
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
