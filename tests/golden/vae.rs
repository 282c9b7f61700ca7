//! Our autoencoder against candle-transformers' at the released shape of blocks, with random weights.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::stable_diffusion::vae::{AutoEncoderKL, AutoEncoderKLConfig};
use engine::domain::Seed;
use engine::model::init::initial_conv;
use engine::model::{Autoencoder as _, AutoencoderKl, KlConfig, vae_params};

fn builder(tensors: &HashMap<String, Tensor>) -> VarBuilder<'static> {
    VarBuilder::from_tensors(tensors.clone(), DType::F32, &Device::Cpu)
}

fn largest_difference(a: &Tensor, b: &Tensor) -> candle_core::Result<f32> {
    let largest = |x: &Tensor| x.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>();
    Ok(largest(&(a - b)?)? / largest(b)?)
}

#[test]
fn decoding_and_the_posterior_equal_another_implementation() {
    let cfg = KlConfig { block_out_channels: vec![16, 32, 48, 48], norm_num_groups: 8, ..KlConfig::default() };
    let tensors: HashMap<String, Tensor> =
        initial_conv(&vae_params(&cfg).unwrap(), Seed(3), &Device::Cpu).unwrap().into_iter().collect();
    let ours = AutoencoderKl::new(builder(&tensors), &cfg).unwrap();
    let theirs = AutoEncoderKLConfig {
        block_out_channels: cfg.block_out_channels.clone(),
        layers_per_block: cfg.layers_per_block,
        latent_channels: cfg.latent_channels,
        norm_num_groups: cfg.norm_num_groups,
        use_quant_conv: true,
        use_post_quant_conv: true,
    };
    let theirs = AutoEncoderKL::new(builder(&tensors), 3, 3, theirs).unwrap();

    // One image at a time: with a batch of two, candle-transformers 0.11.1 departs from the reference in the
    // linear layers of its attention, whose input is not contiguous.
    let latent = Tensor::randn(0f32, 1., (2, 4, 6, 8), &Device::Cpu).unwrap();
    let decoded = ours.decode(&latent).unwrap();
    for row in 0..2 {
        let other = theirs.decode(&latent.narrow(0, row, 1).unwrap().contiguous().unwrap()).unwrap();
        let difference = largest_difference(&decoded.narrow(0, row, 1).unwrap(), &other).unwrap();
        assert!(difference < 2e-5, "decoded differs by {difference:e} of its largest value");
    }

    // The other posterior shows only samples: their mean must approach ours.
    let image = Tensor::randn(0f32, 1., (1, 3, 48, 64), &Device::Cpu).unwrap();
    let posterior = ours.encode(&image).unwrap();
    let distribution = theirs.encode(&image).unwrap();
    let samples: Vec<Tensor> = (0..400).map(|_| distribution.sample().unwrap()).collect();
    let all = Tensor::cat(&samples, 0).unwrap();
    let mean = all.mean_keepdim(0).unwrap();
    let variance = all.var_keepdim(0).unwrap();
    let deviation = posterior.deviation().unwrap();
    let scores = ((&mean - &posterior.mean).unwrap() / &deviation).unwrap().abs().unwrap();
    let worst = scores.flatten_all().unwrap().max(0).unwrap().to_scalar::<f32>().unwrap();
    assert!(worst < 6.0 / 400f32.sqrt(), "a mean is {worst} deviations away");
    let ratio = (variance / deviation.sqr().unwrap()).unwrap().mean_all().unwrap().to_scalar::<f32>().unwrap();
    assert!((ratio - 1.0).abs() < 0.05, "variance is {ratio} of the expected");
}
