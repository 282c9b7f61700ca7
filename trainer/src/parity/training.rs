//! Kinds of training losses and optimiser steps.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, ensure};
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::VarBuilder;
use engine::diffusion::{Loss, LossConfig, LossKind, NoiseSchedule, Prediction, Variance, moments, training_loss};
use engine::model::{Dit, DitConfig, dit_params};
use serde::Deserialize;
use serde_json::Value;

use super::context::Tensors;
use super::{Check, Comparison, Context, Entry, Tolerance, diffusion, dit};
use crate::step::{AdamW, AdamWConfig, Ema, clip};

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
    dit: Dit,
    vars: Vec<(String, Var)>,
    schedule: NoiseSchedule,
    loss: LossConfig,
    optimiser: Optimiser,
}

impl Trainee {
    fn new(context: &Context, entry: &Entry) -> anyhow::Result<Self> {
        let config: DitConfig = entry.config_as()?;
        let optimiser = entry.config().get("optimizer").cloned().context("config.optimizer is missing")?;
        let optimiser: Optimiser = serde_json::from_value(optimiser).context("config.optimizer")?;
        let (_, weights) = context.weights(entry)?;
        let (mut tensors, mut vars) = (HashMap::new(), Vec::new());
        for param in dit_params(&config)? {
            let value = weights.f32(&param.name)?;
            if !param.trainable {
                tensors.insert(param.name, value);
                continue;
            }
            let var = Var::from_tensor(&value)?;
            tensors.insert(param.name.clone(), var.as_tensor().clone());
            vars.push((param.name, var));
        }
        let dit = Dit::new(VarBuilder::from_tensors(tensors, DType::F32, context.device()), &config)?;
        let loss = LossConfig {
            variance: if config.learn_sigma { Variance::LearnedRange } else { Variance::FixedLarge },
            ..loss_config(&Value::Null)
        };
        Ok(Self { dit, vars, schedule: diffusion::process(entry.config())?, loss, optimiser })
    }

    /// The optimiser over all variables but those that the reference leaves without a gradient.
    fn adamw(&self, without: &[String]) -> anyhow::Result<AdamW> {
        let Optimiser { weight_decay, betas: [beta1, beta2], eps, .. } = self.optimiser;
        let vars = self.vars.iter().filter(|(name, _)| !without.contains(name)).cloned().collect();
        AdamW::new(vars, AdamWConfig { beta1, beta2, eps, weight_decay })
    }

    fn losses(
        &self,
        x_start: &Tensor,
        noise: &Tensor,
        t: &[usize],
        captions: &Tensor,
        mask: &Tensor,
    ) -> anyhow::Result<(Tensor, Loss)> {
        let x_t = self.schedule.add_noise(x_start, noise, t)?;
        let times: Vec<f32> = t.iter().map(|&t| self.schedule.timesteps()[t] as f32).collect();
        let output = self.dit.forward(&x_t, &Tensor::new(times, x_t.device())?, captions, Some(mask))?;
        let loss = training_loss(&self.schedule, &self.loss, &output, x_start, &x_t, t, noise)?;
        Ok((x_t, loss))
    }
}

/// Captions `(B, L, De)` with the rows outside the mask zeroed.
fn masked_captions(golden: &Tensors) -> anyhow::Result<(Tensor, Tensor)> {
    let (captions, mask) = (dit::caption(golden, "y")?, golden.get("mask")?.clone());
    let kept = mask.to_dtype(DType::F32)?.unsqueeze(2)?; // (B, L, 1)
    Ok((captions.broadcast_mul(&kept)?, mask))
}

fn train_step(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let golden = context.tensors(entry)?;
    let trainee = Trainee::new(context, entry)?;
    let (x_start, noise, t) = (golden.f32("x_start")?, golden.f32("noise")?, timesteps(&golden, "t")?);
    let (captions, mask) = masked_captions(&golden)?;
    let share = trainee.dit.config().class_dropout_prob as f32;
    let drop: Vec<bool> = golden.f32("uniform")?.to_vec1::<f32>()?.iter().map(|u| *u < share).collect();
    let dropped = trainee.dit.captions().drop_captions(&captions, &drop)?;
    let (x_t, loss) = trainee.losses(&x_start, &noise, &t, &dropped, &mask)?;
    let mean = loss.loss.mean_all()?;
    let grads = mean.backward()?;

    let without: Vec<String> = match entry.raw().get("no_gradient") {
        Some(names) => serde_json::from_value(names.clone()).context("no_gradient")?,
        None => Vec::new(),
    };
    let mut optimiser = trainee.adamw(&without)?;
    let mut ema = entry.config().get("ema_decay").and_then(Value::as_f64).map(|d| Ema::new(&trainee.vars, d)).transpose()?;
    let old = ema.as_ref().map(Ema::tensors).transpose()?.unwrap_or_default();
    let gradient = optimiser.layout().gradients(&grads)?;
    let norm = clip::global_norm(&gradient)?;
    let scale = clip::factor(norm, trainee.optimiser.clip_norm);
    optimiser.step_flat(&gradient, trainee.optimiser.lr, scale)?;

    let mut computed = loss_terms(&loss);
    let one = |t: Tensor| t.reshape(1);
    computed.insert("loss_mean".into(), one(mean)?);
    computed.insert("x_t".into(), x_t);
    let captions = if golden.get("y")?.rank() == 4 { captions.unsqueeze(1)? } else { captions };
    computed.insert("y_after_mask".into(), captions);
    computed.insert("grad_norm_before_clip".into(), Tensor::new(&[norm], &Device::Cpu)?);
    computed.append(&mut optimiser.layout().split(&gradient, "grad.")?);
    computed.append(&mut optimiser.layout().split(&gradient.affine(scale, 0.0)?, "clipped_grad.")?);
    computed.append(&mut optimiser.state()?);
    computed.extend(trainee.vars.iter().map(|(name, var)| (format!("after.{name}"), var.as_detached_tensor())));
    if let Some(ema) = &mut ema {
        ema.update(0)?;
        for (name, average) in ema.tensors()? {
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
    let (x_start, noise) = (golden.f32("x_start")?, golden.f32("noise")?);
    let (captions, mask) = masked_captions(&golden)?;
    let (steps, rows) = (golden.get("losses")?.elem_count(), x_start.dim(0)?);
    let mut optimiser = trainee.adamw(&[])?;
    let mut losses = Vec::with_capacity(steps);
    for step in 0..steps {
        let t = step_timesteps(&golden, step, rows)?;
        let (_, loss) = trainee.losses(&x_start, &noise, &t, &captions, &mask)?;
        let mean = loss.loss.mean_all()?;
        losses.push(mean.to_scalar::<f32>()?);
        let gradient = optimiser.layout().gradients(&mean.backward()?)?;
        let scale = clip::factor(clip::global_norm(&gradient)?, trainee.optimiser.clip_norm);
        optimiser.step_flat(&gradient, trainee.optimiser.lr, scale)?;
    }
    let mut computed = BTreeMap::from([("losses".to_owned(), Tensor::new(losses, &Device::Cpu)?)]);
    computed.extend(trainee.vars.iter().map(|(name, var)| (format!("after.{name}"), var.as_detached_tensor())));
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
