//! Initial values of the small convolutional networks, by name and shape.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use engine::domain::{Seed, Stream};
use engine::model::t5::T5Config;

/// He-normal convolutions and linears, unit norm weights, zero biases, and zero for the layers that
/// end a residual branch, so that training starts from the skip path.
///
/// Values depend on the seed and the name alone, not on the order of creation.
pub fn convolutional(seed: u64, name: &str, shape: &[usize]) -> Vec<f32> {
    let count: usize = shape.iter().product();
    let leaf = name.rsplit('.').next().unwrap_or(name);
    let parent = name.rsplit('.').nth(1).unwrap_or_default();
    if leaf == "bias" {
        return vec![0.0; count];
    }
    if parent.starts_with("norm") {
        return vec![1.0; count];
    }
    let residual_end = parent == "conv2" && name.contains("blocks");
    if residual_end || (parent == "out" && shape.len() == 4) || parent == "class" || parent == "head" {
        return vec![0.0; count];
    }
    let fan_in: usize = shape.iter().skip(1).product();
    let sd = (2.0 / fan_in.max(1) as f64).sqrt() as f32;
    let seed = Seed::for_case(seed, name);
    engine::noise::normal(seed, Stream::Init, 0, count).into_iter().map(|v| v * sd).collect()
}

/// Initial text encoder: embeddings of unit size, projections scaled by their inputs, norms one.
///
/// # Errors
/// When a tensor cannot be made.
pub fn text_encoder(config: &T5Config, seed: u64) -> candle_core::Result<BTreeMap<String, Tensor>> {
    let mut tensors = BTreeMap::new();
    for (name, shape) in config.param_shapes() {
        let count = shape.iter().product();
        let inputs = shape.last().copied().unwrap_or(1) as f32;
        let sd = if name.contains("layer_norm") {
            None
        } else if name.contains("shared") || name.contains("embed_tokens") {
            Some(1.0)
        } else if name.contains("relative_attention_bias") {
            Some(0.1)
        } else if name.ends_with(".q.weight") {
            // T5 does not scale its scores; the start makes up for it.
            Some(1.0 / (inputs * config.d_kv as f32).sqrt())
        } else {
            Some(1.0 / inputs.sqrt())
        };
        let values = match sd {
            None => vec![1.0; count],
            Some(sd) => {
                let values = engine::noise::normal(Seed::for_case(seed, &name), Stream::Init, 0, count);
                values.into_iter().map(|v| v * sd).collect()
            }
        };
        tensors.insert(name, Tensor::from_vec(values, shape, &Device::Cpu)?);
    }
    Ok(tensors)
}
