//! Kinds of training losses and optimiser steps, through the step that trains models.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use candle_core::{DType, Device, Tensor, Var};
use engine::denoise::Network;
use engine::diffusion::{Loss, LossConfig, LossKind, Prediction, Variance, moments, training_loss};
use engine::model::{DitConfig, dit_params};
use serde::Deserialize;
use serde_json::Value;

use super::context::Tensors;
use super::{Check, Comparison, Context, Entry, Tolerance, diffusion, dit};
use crate::stages::network::NetworkMaker;
use crate::step::objective::Objective;
use crate::step::params::ParamStore;
use crate::step::pass::{Pass, Passed, Rows};
use crate::step::{AdamWConfig, Average, Gradients, Optimizer, OptimizerConfig};

/// Kinds of this family.
pub const KINDS: &[(&str, Check)] =
    &[("diffusion.loss_variant", loss_variant), ("diffusion.train_step", train_step), ("diffusion.train_steps", train_steps)];

/// The loss that the flags of the published code select.
fn loss_config(config: &Value) -> LossConfig {
    let flag = |key: &str, default| config.get(key).and_then(Value::as_bool).unwrap_or(default);
    LossConfig {
        prediction: if flag("predict_xstart", false) { Prediction::Denoised } else { Prediction::Epsilon },
        variance: match (flag("learn_sigma", true), flag("sigma_small", false)) {
            (true, _) => Variance::LearnedRange,
            (false, true) => Variance::FixedSmall,
            (false, false) => Variance::FixedLarge,
        },
        kind: match (flag("use_kl", false), flag("rescale_learned_sigmas", false)) {
            (true, _) => LossKind::RescaledKl,
            (false, true) => LossKind::RescaledMse,
            (false, false) => LossKind::Mse,
        },
    }
}

fn timesteps(golden: &Tensors, name: &str) -> anyhow::Result<Vec<usize>> {
    Ok(golden.integers(name)?.into_iter().map(usize::try_from).collect::<Result<_, _>>()?)
}

fn loss_variant(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let golden = context.tensors(entry)?;
    let (schedule, config) = (diffusion::process(entry.config())?, loss_config(entry.config()));
    let (output, x_start, noise) = (golden.f32("model_output")?, golden.f32("x_start")?, golden.f32("noise")?);
    let t = timesteps(&golden, "t")?;
    let x_t = schedule.add_noise(&x_start, &noise, &t)?;
    let loss = training_loss(&schedule, &config, &output, &x_start, &x_t, &t, &noise)?;
    let channels = x_start.dim(1)?;
    let prediction = output.narrow(1, 0, channels)?;
    let raw = (output.dim(1)? == 2 * channels).then(|| output.narrow(1, channels, channels)).transpose()?;
    let step = moments(&schedule, config.prediction, config.variance, &x_start, &t, &prediction, raw.as_ref(), true)?;
    let full = |t: &Tensor| t.broadcast_as(x_start.shape());
    let mut computed = loss_terms(&loss);
    computed.insert("pmv.mean".into(), step.mean.clone());
    computed.insert("pmv.variance".into(), full(&step.variance)?);
    computed.insert("pmv.log_variance".into(), full(&step.log_variance)?);
    computed.insert("pmv.pred_xstart".into(), step.x_start.clone());
    dit::compare(entry, &golden, &computed)
}

fn loss_terms(loss: &Loss) -> BTreeMap<String, Tensor> {
    let mut terms = BTreeMap::from([("loss".to_owned(), loss.loss.clone())]);
    terms.extend(loss.mse.clone().map(|t| ("mse".to_owned(), t)));
    terms.extend(loss.vb.clone().map(|t| ("vb".to_owned(), t)));
    terms
}

#[derive(Deserialize)]
struct Optimiser {
    lr: f64,
    weight_decay: f64,
    betas: [f64; 2],
    eps: f64,
    clip_norm: Option<f64>,
}

/// A trainable network of a golden: all but the frozen tables are variables.
struct Trainee {
    network: Network,
    params: ParamStore,
    objective: Objective,
    optimiser: Optimiser,
}

impl Trainee {
    fn new(context: &Context, entry: &Entry) -> anyhow::Result<Self> {
        let config: DitConfig = entry.config_as()?;
        let optimiser = entry.config().get("optimizer").cloned().context("config.optimizer is missing")?;
        let optimiser: Optimiser = serde_json::from_value(optimiser).context("config.optimizer")?;
        let (_, weights) = context.weights(entry)?;
        let list = dit_params(&config)?;
        let tensors = list.iter().map(|param| Ok((param.name.clone(), weights.f32(&param.name)?)));
        let tensors = tensors.collect::<anyhow::Result<_>>()?;
        let params = ParamStore::starting_from(tensors, context.device(), Box::new(|name| name == "pos_embed"))?;
        let network = NetworkMaker::new(&params, "", &config, 0, DType::F32)?.network()?;
        let loss = LossConfig {
            variance: if config.learn_sigma { Variance::LearnedRange } else { Variance::FixedLarge },
            ..loss_config(&Value::Null)
        };
        let objective = Objective::new(diffusion::process(entry.config())?, loss, None)?;
        Ok(Self { network, params, objective, optimiser })
    }

    /// The variables but those that the reference leaves without a gradient.
    fn vars(&self, without: &[String]) -> Vec<(String, Var)> {
        self.params.vars().into_iter().filter(|(name, _)| !without.contains(name)).collect()
    }

    fn optimizer(&self, vars: &[(String, Var)], averages: Vec<Average>) -> anyhow::Result<Optimizer> {
        let Optimiser { weight_decay, betas: [beta1, beta2], eps, clip_norm, .. } = self.optimiser;
        let adamw = AdamWConfig { beta1, beta2, eps, weight_decay };
        Optimizer::new(vars.to_vec(), &OptimizerConfig { adamw, clip_norm, averages, groups: Vec::new() })
    }

    /// Losses and gradients, as the trainer computes them: block by block, inner values computed twice.
    fn pass(&self, rows: &Rows, gradients: &mut Gradients) -> anyhow::Result<Passed> {
        gradients.begin(true, true);
        let pass = Pass { network: &self.network, objective: &self.objective, checkpointing: true, hidden: None };
        pass.run(rows, rows.t.len(), gradients)
    }
}

/// The rows of a golden, with the caption rows outside the mask zeroed.
fn rows(golden: &Tensors, t: Vec<usize>, drop: Vec<bool>) -> anyhow::Result<Rows> {
    let (captions, mask) = (dit::caption(golden, "y")?, golden.get("mask")?.clone());
    let kept = mask.to_dtype(DType::F32)?.unsqueeze(2)?; // (B, L, 1)
    Ok(Rows {
        x_start: golden.f32("x_start")?,
        noise: golden.f32("noise")?,
        t,
        captions: captions.broadcast_mul(&kept)?,
        mask,
        drop,
        control: None,
        features: None,
    })
}

fn train_step(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let golden = context.tensors(entry)?;
    let trainee = Trainee::new(context, entry)?;
    let share = trainee.network.config().class_dropout_prob as f32;
    let drop: Vec<bool> = golden.f32("uniform")?.to_vec1::<f32>()?.iter().map(|u| *u < share).collect();
    let rows = rows(&golden, timesteps(&golden, "t")?, drop)?;
    let without: Vec<String> = match entry.raw().get("no_gradient") {
        Some(names) => serde_json::from_value(names.clone()).context("no_gradient")?,
        None => Vec::new(),
    };
    let vars = trainee.vars(&without);
    let decay = entry.config().get("ema_decay").and_then(Value::as_f64);
    let average = decay.map(|decay| Average { name: "ema".to_owned(), decay, ramp: false });
    let mut optimizer = trainee.optimizer(&vars, average.into_iter().collect())?;
    let mut gradients = Gradients::new(vars.clone());
    let old = optimizer.average_tensors(0)?;
    let Passed { x_t, loss, .. } = trainee.pass(&rows, &mut gradients)?;
    let report = optimizer.step(&gradients, trainee.optimiser.lr)?;

    let mut computed = loss_terms(&loss);
    computed.insert("loss_mean".into(), loss.loss.mean_all()?.reshape(1)?);
    computed.insert("x_t".into(), x_t);
    let captions = if golden.get("y")?.rank() == 4 { rows.captions.unsqueeze(1)? } else { rows.captions.clone() };
    computed.insert("y_after_mask".into(), captions);
    computed.insert("grad_norm_before_clip".into(), Tensor::new(&[report.grad_norm], &Device::Cpu)?);
    for (name, var) in &vars {
        let gradient = gradients.of(name)?;
        computed.insert(format!("clipped_grad.{name}"), gradient.affine(report.clip_scale, 0.0)?);
        computed.insert(format!("grad.{name}"), gradient);
        computed.insert(format!("after.{name}"), var.as_detached_tensor());
    }
    computed.append(&mut optimizer.state()?);
    if decay.is_some() {
        for (name, average) in optimizer.average_tensors(0)? {
            let change = (&average - old.get(&name).context("an average without a start")?)?.affine(1e4, 0.0)?;
            computed.insert(format!("ema_minus_old_x1e4.{name}"), change);
            computed.insert(format!("ema.{name}"), average);
        }
    }
    compare_step(entry, &golden, &computed, trainee.optimiser.lr)
}

/// Compares the outputs of a step; each group of tensors has the tolerance that its meaning asks for.
fn compare_step(entry: &Entry, golden: &Tensors, computed: &BTreeMap<String, Tensor>, lr: f64) -> anyhow::Result<Comparison> {
    let mut comparison = Comparison::new();
    for name in entry.outputs() {
        let want = golden.get(name)?;
        let Some(got) = computed.get(name) else {
            comparison.fail(format!("{name}: no such output of this kind"));
            continue;
        };
        // One unit in the last place of the largest weight, which is all that an average's tiny change allows.
        let last_place = |t: &Tensor| -> anyhow::Result<f64> {
            Ok(f64::from(f32::EPSILON) * f64::from(t.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>()?))
        };
        let tolerance = match name.split_once('.').map_or(name, |(group, _)| group) {
            "x_t" | "y_after_mask" => Tolerance::absolute(1e-6),
            "loss" | "mse" | "loss_mean" => entry.tolerance("loss"),
            "vb" => entry.tolerance("vb"),
            "grad" | "grad_norm_before_clip" | "clipped_grad" | "exp_avg" | "exp_avg_sq" => entry.tolerance("grad"),
            // Where a gradient is near eps the first step's sign is fragile: at most 0.1 % of a tensor, twice the rate.
            "after" => Tolerance { outliers: Some((1e-3, 2.0 * lr)), ..entry.tolerance("after") },
            "ema" => Tolerance::absolute(last_place(want)?),
            "ema_minus_old_x1e4" => {
                let average = golden.f32(&name.replacen("ema_minus_old_x1e4.", "ema.", 1))?;
                Tolerance::absolute(1e4 * last_place(&average)?)
            }
            _ => entry.tolerance(name),
        };
        comparison.tensor(name, got, want, &tolerance)?;
    }
    Ok(comparison)
}

fn train_steps(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let golden = context.tensors(entry)?;
    let trainee = Trainee::new(context, entry)?;
    let (steps, count) = (golden.get("losses")?.elem_count(), golden.get("x_start")?.dim(0)?);
    let vars = trainee.vars(&[]);
    let mut optimizer = trainee.optimizer(&vars, Vec::new())?;
    let mut gradients = Gradients::new(vars.clone());
    let mut losses = Vec::with_capacity(steps);
    for step in 0..steps {
        let rows = rows(&golden, step_timesteps(&golden, step, count)?, vec![false; count])?;
        losses.push(trainee.pass(&rows, &mut gradients)?.loss.loss.mean_all()?.to_scalar::<f32>()?);
        optimizer.step(&gradients, trainee.optimiser.lr)?;
    }
    let mut computed = BTreeMap::from([("losses".to_owned(), Tensor::new(losses, &Device::Cpu)?)]);
    computed.extend(vars.iter().map(|(name, var)| (format!("after.{name}"), var.as_detached_tensor())));
    dit::compare(entry, &golden, &computed)
}

/// Timesteps of a step: row `step` of a tensor `t`, else the kind's own rule,
/// `100 + 150 step` and `950 - 180 step` for even and odd rows.
fn step_timesteps(golden: &Tensors, step: usize, rows: usize) -> anyhow::Result<Vec<usize>> {
    if let Some(t) = golden.find("t") {
        let all = timesteps(golden, "t")?;
        let width = t.dims().last().copied().unwrap_or(0);
        ensure!(width == rows && all.len() >= (step + 1) * rows, "t does not hold {rows} timesteps for step {step}");
        return Ok(all[step * rows..(step + 1) * rows].to_vec());
    }
    let (up, down) = (100 + 150 * step, 950usize.checked_sub(180 * step).context("too many steps for the kind's rule")?);
    Ok((0..rows).map(|row| if row % 2 == 0 { up } else { down }).collect())
}
