//! Shared helpers: tiny networks with every tensor drawn at random, so that no path is hidden by a zero.

mod captions;
mod gradients;
mod lists;
mod rows;

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::VarBuilder;

use crate::domain::{Seed, Stream};
use crate::noise;

use super::params::{Base, Param, control_params, dit_params};
use super::{ControlDit, Dit, DitConfig};

pub(super) fn tiny() -> DitConfig {
    DitConfig {
        input_size: 8,
        in_channels: 4,
        hidden_size: 24,
        depth: 4,
        num_heads: 3,
        text_embed_dims: 10,
        token_num: 7,
        ..DitConfig::default()
    }
}

/// Standard normal values times `scale`, from a name.
pub(super) fn random(name: &str, shape: &[usize], scale: f32) -> Tensor {
    let count = shape.iter().product();
    let values = noise::normal(Seed::for_case(11, name), Stream::Init, 0, count);
    let values: Vec<f32> = values.into_iter().map(|v| v * scale).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

pub(super) fn random_vars(params: &[Param]) -> HashMap<String, Var> {
    params.iter().map(|p| (p.name.clone(), Var::from_tensor(&random(&p.name, &p.shape, 0.2)).unwrap())).collect()
}

pub(super) fn builder(vars: &HashMap<String, Var>) -> VarBuilder<'static> {
    let tensors = vars.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect();
    VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu)
}

pub(super) fn plain_dit(cfg: &DitConfig) -> Dit {
    let tensors = dit_params(cfg).unwrap().iter().map(|p| (p.name.clone(), random(&p.name, &p.shape, 0.2))).collect();
    Dit::new(VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu), cfg).unwrap()
}

pub(super) fn plain_control(cfg: &DitConfig, blocks: usize) -> ControlDit {
    let params = control_params(cfg, blocks, Base::Frozen).unwrap();
    let tensors = params.iter().map(|p| (p.name.clone(), random(&p.name, &p.shape, 0.2))).collect();
    ControlDit::new(VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu), cfg, blocks).unwrap()
}

pub(super) fn values(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

pub(super) fn assert_same_bits(a: &Tensor, b: &Tensor, what: &str) {
    assert_eq!(a.dims(), b.dims(), "{what}");
    let (a, b) = (values(a), values(b));
    let differing = a.iter().zip(&b).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
    let largest = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert_eq!(differing, 0, "{what}: {differing} of {} values differ, at most by {largest:e}", a.len());
}

pub(super) fn assert_close(a: &Tensor, b: &Tensor, tolerance: f32, what: &str) {
    assert_eq!(a.dims(), b.dims(), "{what}");
    let (a, b) = (values(a), values(b));
    let top = b.iter().fold(1e-12f32, |m, v| m.max(v.abs()));
    let largest = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(largest <= tolerance * top, "{what}: differs by {largest:e} of {top}");
}

/// Latent, timesteps, caption and prefix mask of a batch.
pub(super) fn inputs(cfg: &DitConfig, batch: usize) -> (Tensor, Tensor, Tensor, Tensor) {
    let x = random("x", &[batch, cfg.in_channels, cfg.input_size, cfg.input_size], 1.0);
    let t: Vec<f32> = (0..batch).map(|i| (937 - 211 * i) as f32).collect();
    let y = random("y", &[batch, cfg.token_num, cfg.text_embed_dims], 1.0);
    let mask: Vec<u8> = (0..batch).flat_map(|row| (0..cfg.token_num).map(move |i| u8::from(i < 2 + 3 * row))).collect();
    let t = Tensor::from_vec(t, batch, &Device::Cpu).unwrap();
    let mask = Tensor::from_vec(mask, (batch, cfg.token_num), &Device::Cpu).unwrap();
    (x, t, y, mask)
}
