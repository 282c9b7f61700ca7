//! The fused operations, each at a shape of the published networks.

use anyhow::Result;
use candle_core::Tensor;
use engine::device::DeviceKind;
use engine::ops;

use super::networks::wait;
use super::weights::input;
use super::{Row, Work};

pub(super) const BENCHES: &[Row] = &[
    ("linear-512x1152x4608", "dense layer, 512 rows, 1152 to 4608", 15, true, |d| linear(d, 512, 1152, 4608)),
    ("attention-1024x72", "self-attention, 16 heads of 72, 1024 tokens", 15, true, |d| attention(d, 1024, 1024)),
    ("attention-1024x120x72", "cross-attention, 16 heads of 72, 1024 tokens to 120", 15, true, |d| attention(d, 1024, 120)),
    ("layer-norm-1024x1152", "layer norm with shift and scale", 31, true, |d| layer_norm(d)),
    ("rms-norm-1024x1152", "root-mean-square norm", 31, true, |d| rms_norm(d)),
    ("gelu-1024x4608", "GELU, tanh form", 31, true, |d| gelu(d)),
    ("gated-residual-1024x1152", "x + gate · branch", 31, true, |d| gated_residual(d)),
    ("conv3x3-128x256", "3×3 convolution, 128 channels, 256 px", 7, true, |d| conv(d, 128, 128, 256)),
    ("conv3x3-256x128", "3×3 convolution, 256 channels, 128 px", 7, true, |d| conv(d, 256, 256, 128)),
    ("conv3x3-512x64", "3×3 convolution, 512 channels, 64 px", 7, true, |d| conv(d, 512, 512, 64)),
    ("conv3x3-4x512x64", "3×3 convolution, 4 to 512 channels, 64 px", 15, true, |d| conv(d, 4, 512, 64)),
    ("group-norm-128x256", "group norm with SiLU, 128 channels, 256 px", 15, true, |d| group_norm(d)),
    ("layer-norm-backward", "gradients of the layer norm above", 31, true, |d| backward(d, Norm)),
    ("gelu-backward", "gradient of the GELU above", 31, true, |d| backward(d, Gelu)),
    ("attention-backward", "gradients of self-attention, 6 heads of 64, 256 tokens, batch 8", 15, true, |d| {
        backward(d, Attention)
    }),
];

fn linear(device: DeviceKind, rows: usize, width: usize, out: usize) -> Result<Work> {
    let d = device.open()?;
    let (x, w, b) = (input("x", (rows, width), &d)?, input("w", (out, width), &d)?, input("b", out, &d)?);
    Ok(Box::new(move || wait(&ops::linear(&x, &w, Some(&b))?)))
}

fn attention(device: DeviceKind, queries: usize, keys: usize) -> Result<Work> {
    let d = device.open()?;
    // As the model has them: heads split off rows that hold all heads.
    let heads = |name: &str, rows: usize| -> Result<Tensor> { Ok(ops::split_heads(&input(name, (1, rows, 1152), &d)?, 16)?) };
    let (q, k, v) = (heads("q", queries)?, heads("k", keys)?, heads("v", keys)?);
    Ok(Box::new(move || wait(&ops::attention(&q, &k, &v, None, None, 72_f64.powf(-0.5))?)))
}

fn layer_norm(device: DeviceKind) -> Result<Work> {
    let d = device.open()?;
    let (x, shift, scale) = (input("x", (1, 1024, 1152), &d)?, input("shift", (1, 1152), &d)?, input("scale", (1, 1152), &d)?);
    Ok(Box::new(move || wait(&ops::layer_norm_modulate(&x, &shift, &scale, 1e-6)?)))
}

fn rms_norm(device: DeviceKind) -> Result<Work> {
    let d = device.open()?;
    let (x, w) = (input("x", (1, 1024, 1152), &d)?, input("w", 1152, &d)?);
    Ok(Box::new(move || wait(&ops::rms_norm(&x, &w, 1e-6)?)))
}

fn gelu(device: DeviceKind) -> Result<Work> {
    let x = input("x", (1, 1024, 4608), &device.open()?)?;
    Ok(Box::new(move || wait(&ops::gelu_tanh(&x)?)))
}

fn gated_residual(device: DeviceKind) -> Result<Work> {
    let d = device.open()?;
    let (x, branch, gate) = (input("x", (1, 1024, 1152), &d)?, input("y", (1, 1024, 1152), &d)?, input("gate", (1, 1152), &d)?);
    Ok(Box::new(move || wait(&ops::gated_residual(&x, &gate, &branch)?)))
}

fn conv(device: DeviceKind, channels: usize, out: usize, side: usize) -> Result<Work> {
    let d = device.open()?;
    let x = input("x", (1, channels, side, side), &d)?;
    let (w, b) = (input("w", (out, channels, 3, 3), &d)?, input("b", out, &d)?);
    Ok(Box::new(move || wait(&ops::conv2d(&x, &w, Some(&b), 1, 1)?)))
}

fn group_norm(device: DeviceKind) -> Result<Work> {
    let d = device.open()?;
    let (x, w, b) = (input("x", (1, 128, 256, 256), &d)?, input("w", 128, &d)?, input("b", 128, &d)?);
    Ok(Box::new(move || wait(&ops::group_norm(&x, 32, &w, &b, 1e-6, true)?)))
}

/// Forward and backward of one operation.
#[derive(Clone, Copy)]
enum Step {
    Norm,
    Gelu,
    Attention,
}
use Step::{Attention, Gelu, Norm};

fn backward(device: DeviceKind, step: Step) -> Result<Work> {
    let d = device.open()?;
    let var = |name: &str, shape: &[usize]| -> Result<candle_core::Var> {
        Ok(candle_core::Var::from_tensor(&input(name, shape, &d)?)?)
    };
    let train = |f: &dyn Fn() -> candle_core::Result<Tensor>| -> Result<()> {
        let loss = f()?.sum_all()?;
        let grads = loss.backward()?;
        anyhow::ensure!(grads.get_ids().next().is_some(), "no gradient");
        wait(&loss)
    };
    Ok(match step {
        Norm => {
            let (x, shift, scale) = (var("x", &[1, 1024, 1152])?, var("shift", &[1, 1152])?, var("scale", &[1, 1152])?);
            Box::new(move || train(&|| ops::layer_norm_modulate(&x, &shift, &scale, 1e-6)))
        }
        Gelu => {
            let x = var("x", &[1, 1024, 4608])?;
            Box::new(move || train(&|| ops::gelu_tanh(&x)))
        }
        Attention => {
            let shape = [8, 6, 256, 64];
            let (q, k, v) = (var("q", &shape)?, var("k", &shape)?, var("v", &shape)?);
            Box::new(move || train(&|| ops::attention(&q, &k, &v, None, None, 0.125)))
        }
    })
}
