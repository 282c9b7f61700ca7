//! Initial values of every network, in one place.
//!
//! A tensor's values depend on the seed and its name alone: not on order, device or thread count.
//!
//! # Source
//! PixArt-alpha's `initialize_weights` as in the release; the autoencoder follows PyTorch's defaults.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

use crate::domain::{Seed, Stream};
use crate::noise;

use super::config::DitConfig;
use super::embed::position_table;
use super::error::{ModelError, Result};
use super::params::Param;

/// How the control branch starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ControlStart {
    /// All projections zero, as in the release: for a base that is already trained.
    Zero,
    /// Output projections zero, input projection normal with this deviation: for training everything
    /// together, where a zero input projection would learn only after the output projections.
    Joint(f64),
}

/// Choices of the start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InitOptions {
    /// Seed of all draws.
    pub seed: Seed,
    /// Mean of the gate rows of the modulation tables; the release uses 0.
    pub gate_mean: f64,
    /// Start of the control branch.
    pub control: ControlStart,
}

impl Default for InitOptions {
    fn default() -> Self {
        Self { seed: Seed(0), gate_mean: 0.0, control: ControlStart::Zero }
    }
}

/// The distribution of one tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    Constant(f32),
    Normal(f64),
    Uniform(f64),
    Position,
    GatedTable,
}

/// Initial tensors of a diffusion transformer or control model, `f32` on `device`.
///
/// A control model's copied blocks get the values of the base's blocks, and the base those of the same
/// network without control.
///
/// # Errors
/// When a tensor cannot be made.
pub fn initial_dit(
    params: &[Param],
    cfg: &DitConfig,
    options: &InitOptions,
    device: &Device,
) -> Result<BTreeMap<String, Tensor>> {
    let make = |param: &Param| {
        let name = canonical_name(&param.name);
        let rule = dit_rule(&name, &param.shape, options);
        let tensor = match rule {
            Rule::Position => position_table(cfg.hidden_size, cfg.grid(), cfg.pos_embed_scale, device)?,
            _ => draw(&name, &param.shape, rule, options, device)?,
        };
        Ok((param.name.clone(), tensor))
    };
    params.par_iter().map(make).collect()
}

/// Initial tensors of a convolutional network, `f32` on `device`: PyTorch's defaults.
///
/// Weights and biases uniform in ±1/√(fan in), norm weights one, norm biases zero.
///
/// # Errors
/// When a tensor cannot be made.
pub fn initial_conv(params: &[Param], seed: Seed, device: &Device) -> Result<BTreeMap<String, Tensor>> {
    let fan_in: BTreeMap<&str, usize> = params
        .iter()
        .filter_map(|p| Some((p.name.strip_suffix(".weight")?, p.shape.iter().skip(1).product::<usize>())))
        .collect();
    let options = InitOptions { seed, ..InitOptions::default() };
    let make = |param: &Param| {
        let stem = param.name.strip_suffix(".weight").or(param.name.strip_suffix(".bias")).unwrap_or(&param.name);
        let is_weight = param.name.ends_with(".weight");
        let rule = match fan_in.get(stem) {
            // A one-dimensional weight has an empty product: a norm.
            Some(&fan) if fan > 1 || param.shape.len() > 1 => Rule::Uniform(1.0 / (fan as f64).sqrt()),
            _ => Rule::Constant(if is_weight { 1.0 } else { 0.0 }),
        };
        Ok((param.name.clone(), draw(&param.name, &param.shape, rule, &options, device)?))
    };
    params.par_iter().map(make).collect()
}

/// Tensors of a control model that starts from a trained base: `base` under `base_model.`, copied blocks
/// equal to the base's first blocks, projections as `options.control` says.
///
/// # Errors
/// When `base` lacks a tensor of a copied block.
pub fn control_from_base(
    base: &BTreeMap<String, Tensor>,
    params: &[Param],
    options: &InitOptions,
    device: &Device,
) -> Result<BTreeMap<String, Tensor>> {
    let make = |param: &Param| {
        let name = canonical_name(&param.name);
        let tensor = if name.starts_with("controlnet.") {
            draw(&name, &param.shape, dit_rule(&name, &param.shape, options), options, device)?
        } else {
            base.get(&name).cloned().ok_or_else(|| ModelError::Tensor(candle_core::Error::CannotFindTensor { path: name }))?
        };
        Ok((param.name.clone(), tensor))
    };
    params.par_iter().map(make).collect()
}

/// The name in the plain network whose values a control model's tensor shares; its own name otherwise.
fn canonical_name(name: &str) -> String {
    if let Some(rest) = name.strip_prefix("base_model.") {
        return rest.to_owned();
    }
    match name.strip_prefix("controlnet.").and_then(|rest| rest.split_once(".copied_block.")) {
        Some((index, rest)) => format!("blocks.{index}.{rest}"),
        None => name.to_owned(),
    }
}

fn dit_rule(name: &str, shape: &[usize], options: &InitOptions) -> Rule {
    let last = shape.last().copied().unwrap_or(1).max(1) as f64;
    let is_weight = name.ends_with(".weight");
    if name == "pos_embed" {
        Rule::Position
    } else if name.ends_with(".shift_scale_gate_table") {
        Rule::GatedTable
    } else if name.ends_with("_table") || name == "y_embedder.y_embedding" {
        Rule::Normal(1.0 / last.sqrt())
    } else if !is_weight || name.starts_with("final_layer.linear.") || name.contains(".cross_attn.proj.") {
        Rule::Constant(0.0)
    } else if name.ends_with(".before_proj.weight") {
        match options.control {
            ControlStart::Zero => Rule::Constant(0.0),
            ControlStart::Joint(deviation) => Rule::Normal(deviation),
        }
    } else if name.ends_with(".after_proj.weight") {
        Rule::Constant(0.0)
    } else if ["t_embedder.", "t_block.", "y_embedder."].iter().any(|part| name.starts_with(part)) {
        Rule::Normal(0.02)
    } else {
        // Xavier; the patch kernel counts as a linear layer on flattened patches.
        let fan_out = shape.first().copied().unwrap_or(1);
        let fan_in: usize = shape.iter().skip(1).product();
        Rule::Uniform((6.0 / (fan_in + fan_out) as f64).sqrt())
    }
}

fn draw(name: &str, shape: &[usize], rule: Rule, options: &InitOptions, device: &Device) -> Result<Tensor> {
    let count = shape.iter().product();
    let seed = Seed::for_case(options.seed.0, name);
    let values: Vec<f32> = match rule {
        Rule::Constant(value) => return Ok(Tensor::full(value, shape, device)?),
        Rule::Position => return Ok(Tensor::zeros(shape, DType::F32, device)?),
        Rule::Normal(deviation) => scaled_normal(seed, count, deviation),
        Rule::Uniform(bound) => {
            noise::uniform(seed, Stream::Init, 0, count).into_iter().map(|u| ((2.0 * u - 1.0) * bound) as f32).collect()
        }
        Rule::GatedTable => {
            let width = shape.last().copied().unwrap_or(1).max(1);
            let mut values = scaled_normal(seed, count, 1.0 / (width as f64).sqrt());
            for (row, values) in values.chunks_mut(width).enumerate() {
                if row % 3 == 2 {
                    values.iter_mut().for_each(|v| *v += options.gate_mean as f32);
                }
            }
            values
        }
    };
    Ok(Tensor::from_vec(values, shape, device)?)
}

fn scaled_normal(seed: Seed, count: usize, deviation: f64) -> Vec<f32> {
    noise::normal(seed, Stream::Init, 0, count).into_iter().map(|v| (f64::from(v) * deviation) as f32).collect()
}
