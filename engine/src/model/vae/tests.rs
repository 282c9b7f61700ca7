use std::collections::HashMap;

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::VarBuilder;

use crate::model::params::vae_params;
use crate::model::tests::{assert_same_bits, builder, random, random_vars, values};

use super::*;

fn tiny() -> KlConfig {
    KlConfig { block_out_channels: vec![8, 16, 16], norm_num_groups: 4, layers_per_block: 1, ..KlConfig::default() }
}

fn plain(cfg: &KlConfig) -> AutoencoderKl {
    let params = vae_params(cfg).unwrap();
    let tensors: HashMap<String, Tensor> = params.iter().map(|p| (p.name.clone(), random(&p.name, &p.shape, 0.2))).collect();
    AutoencoderKl::new(VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu), cfg).unwrap()
}

#[test]
fn shapes_follow_the_factor_and_need_not_be_square() {
    let vae = plain(&tiny());
    assert_eq!((vae.factor(), vae.latent_channels(), vae.image_channels()), (4, 4, 3));
    let image = random("image", &[2, 3, 16, 24], 1.0);
    let posterior = vae.encode(&image).unwrap();
    assert_eq!((posterior.mean.dims(), posterior.log_var.dims()), (&[2, 4, 4, 6][..], &[2, 4, 4, 6][..]));
    assert_eq!(vae.decode(&posterior.mean).unwrap().dims(), image.dims());
    assert!(matches!(vae.encode(&random("odd", &[1, 3, 16, 18], 1.0)), Err(ModelError::Shape { .. })));
    assert!(matches!(vae.decode(&random("odd", &[1, 3, 4, 4], 1.0)), Err(ModelError::Shape { .. })));
}

#[test]
fn log_variance_is_clamped_and_noise_is_scaled_by_the_deviation() {
    let moments = Tensor::new(&[[[[5f32]], [[99.0]]], [[[-1.0]], [[-99.0]]]], &Device::Cpu).unwrap();
    let posterior = Posterior::from_moments(&moments).unwrap();
    assert_eq!(values(&posterior.log_var), [20.0, -30.0]);
    let moments = Tensor::new(&[[[[5f32]], [[2.0 * 3f32.ln()]]]], &Device::Cpu).unwrap();
    let sample = Posterior::from_moments(&moments).unwrap().sample(&Tensor::new(&[[[[2f32]]]], &Device::Cpu).unwrap());
    assert!((values(&sample.unwrap())[0] - 11.0).abs() < 1e-5);
}

#[test]
fn images_are_the_same_bits_in_any_batch() {
    let vae = plain(&tiny());
    let image = random("image", &[3, 3, 32, 32], 1.0);
    let latent = random("latent", &[3, 4, 8, 8], 1.0);
    let posterior = vae.encode(&image).unwrap();
    let decoded = vae.decode(&latent).unwrap();
    for i in 0..3 {
        let row = |v: &Tensor| v.narrow(0, i, 1).unwrap().contiguous().unwrap();
        assert_same_bits(&row(&posterior.mean), &vae.encode(&row(&image)).unwrap().mean, "encoded");
        assert_same_bits(&row(&decoded), &vae.decode(&row(&latent)).unwrap(), "decoded");
    }
}

#[test]
fn bands_have_no_seams_and_no_other_tones() {
    let configs = [tiny(), KlConfig { block_out_channels: vec![8], ..tiny() }, KlConfig { layers_per_block: 2, ..tiny() }];
    for cfg in configs {
        let vae = plain(&cfg);
        // Structure that differs from place to place, so that statistics of a part would be others.
        let wave: Vec<f32> = (0..2 * 4 * 16 * 10).map(|i| ((i / 10 % 16) as f32 * 0.4).sin() * (1.0 + (i % 10) as f32)).collect();
        let latent = Tensor::from_vec(wave, (2, 4, 16, 10), &Device::Cpu).unwrap();
        let whole = vae.decode(&latent).unwrap();
        let (low, high) = values(&whole).iter().fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
        for rows in [2, 6, 10, 64] {
            let banded = vae.decode_in_bands(&latent, rows).unwrap().unwrap();
            assert_eq!(banded.dims(), whole.dims());
            let off = values(&banded).iter().zip(values(&whole)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(off < 1e-4 * (high - low), "{rows} rows: off by {off} of {}", high - low);

            let image = whole.clamp(-1.0, 1.0).unwrap();
            let (once, again) = (vae.encode(&image).unwrap(), vae.encode_in_bands(&image, rows).unwrap().unwrap());
            for (once, again) in [(once.mean, again.mean), (once.log_var, again.log_var)] {
                assert_eq!(again.dims(), once.dims());
                let size = values(&once).iter().fold(0.0, |size: f32, v| size.max(v.abs()));
                let off = values(&again).iter().zip(values(&once)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(off < 1e-4 * size, "{rows} rows: off by {off} of {size}");
            }
        }
    }
    assert!(plain(&tiny()).decode_in_bands(&random("odd", &[1, 3, 4, 4], 1.0), 8).is_err());
    assert!(plain(&tiny()).encode_in_bands(&random("odd", &[1, 3, 16, 18], 1.0), 8).is_err());
}

#[test]
fn every_tensor_of_the_autoencoder_learns() {
    let cfg = tiny();
    let vars: HashMap<String, Var> = random_vars(&vae_params(&cfg).unwrap());
    let vae = AutoencoderKl::new(builder(&vars), &cfg).unwrap();
    let posterior = vae.encode(&random("image", &[1, 3, 16, 16], 1.0)).unwrap();
    let sample = posterior.sample(&random("noise", posterior.mean.dims(), 0.01)).unwrap();
    let loss = vae.decode(&sample).unwrap().sqr().unwrap().mean_all().unwrap();
    let grads = loss.backward().unwrap();
    let vars: std::collections::BTreeMap<_, _> = vars.iter().collect();
    for (name, var) in vars {
        let grad = values(grads.get(var).unwrap_or_else(|| panic!("{name} has no gradient")));
        assert!(grad.iter().all(|g| g.is_finite()), "{name}");
        // A key's bias shifts all scores alike, and softmax does not see it.
        let unseen = name.ends_with("to_k.bias");
        assert!(unseen || grad.iter().any(|g| *g != 0.0), "{name} has a zero gradient");
    }
}
