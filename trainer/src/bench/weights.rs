//! Random weights, made quickly: their values do not matter, only that they are ordinary numbers.

use anyhow::Result;
use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::VarBuilder;
use candle_nn::var_builder::SimpleBackend;

/// A builder that makes every tensor a network asks for.
pub(super) fn builder(device: &Device) -> VarBuilder<'static> {
    VarBuilder::from_backend(Box::new(Random), DType::F32, device.clone())
}

/// Uniform numbers of the spread that keeps activations of about unit size; one for the weights of norms.
pub(crate) fn values(name: &str, shape: &[usize]) -> Vec<f32> {
    let count = shape.iter().product();
    if shape.len() == 1 && name.ends_with("weight") {
        return vec![1.; count];
    }
    let fan_in = shape.iter().skip(1).product::<usize>().max(1) as f32;
    let spread = (3. / fan_in).sqrt() * if shape.len() == 1 { 0.01 } else { 1. };
    uniform(name, count).map(|u| u * spread).collect()
}

/// Inputs between -1.7 and 1.7, of unit variance.
///
/// # Errors
/// When the device fails.
pub(crate) fn input(name: &str, shape: impl Into<Shape>, device: &Device) -> Result<Tensor> {
    let shape = shape.into();
    let values: Vec<f32> = uniform(name, shape.elem_count()).map(|u| u * 3_f32.sqrt()).collect();
    Ok(Tensor::from_vec(values, shape, device)?)
}

fn tensor(name: &str, shape: &[usize], device: &Device) -> candle_core::Result<Tensor> {
    Tensor::from_vec(values(name, shape), shape, device)
}

/// Numbers in [-1, 1) of a linear congruential sequence that begins with the name.
fn uniform(name: &str, count: usize) -> impl Iterator<Item = f32> {
    let mut state = name.bytes().fold(0x9e37_79b9_u32, |hash, byte| hash.rotate_left(5) ^ u32::from(byte));
    (0..count).map(move |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.
    })
}

struct Random;

impl SimpleBackend for Random {
    fn get(&self, shape: Shape, name: &str, _: candle_nn::Init, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
        tensor(name, shape.dims(), device)?.to_dtype(dtype)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        candle_core::bail!("tensor {name} was asked for without a shape")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}
