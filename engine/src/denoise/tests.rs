use std::collections::HashMap;

use candle_core::DType;
use candle_nn::VarBuilder;

use super::*;
use crate::domain::{Seed, Stream};
use crate::model::{Base, control_params};
use crate::noise;

fn random(name: &str, shape: &[usize], scale: f32) -> Tensor {
    let values = noise::normal(Seed::for_case(5, name), Stream::Init, 0, shape.iter().product());
    let values: Vec<f32> = values.into_iter().map(|v| v * scale).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn network() -> Network {
    let config = DitConfig {
        input_size: 8,
        hidden_size: 24,
        depth: 3,
        num_heads: 3,
        text_embed_dims: 10,
        token_num: 7,
        ..DitConfig::default()
    };
    let params = control_params(&config, 1, Base::Frozen).unwrap();
    let tensors: HashMap<String, Tensor> = params.iter().map(|p| (p.name.clone(), random(&p.name, &p.shape, 0.2))).collect();
    let vb = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
    Network::Control(Box::new(ControlDit::new(vb, &config, 1).unwrap()))
}

fn conditioning() -> Conditioning {
    let condition = |name: &str| Some(RowCondition { latent: random(name, &[1, 4, 8, 8], 1.0), strength: 0.8 });
    Conditioning {
        captions: vec![random("a", &[1, 3, 10], 1.0), random("b", &[1, 7, 10], 1.0), random("c", &[1, 1, 10], 1.0)],
        conditions: vec![condition("ca"), None, condition("cc")],
    }
}

fn rule(scale: f64, preset: Preset) -> GuidanceRule {
    GuidanceRule { scale, preset, control_unconditional: false }
}

fn answer(network: &Network, conditioning: &Conditioning, rule: GuidanceRule, x: &Tensor) -> Vec<Vec<u32>> {
    let mut denoiser = GuidedNetwork::new(network, Prediction::Epsilon, rule, conditioning).unwrap();
    let output = denoiser.denoise(x, 431).unwrap();
    let both = Tensor::cat(&[output.prediction, output.variance.unwrap()], 1).unwrap();
    let rows = both.flatten_from(1).unwrap().to_vec2::<f32>().unwrap();
    rows.into_iter().map(|row| row.into_iter().map(f32::to_bits).collect()).collect()
}

#[test]
fn mixed_batches_give_each_row_the_bits_it_gets_alone() {
    let (network, all) = (network(), conditioning());
    let x = random("x", &[3, 4, 8, 8], 1.0);
    for rule in [rule(1.0, Preset::Paper), rule(3.0, Preset::Paper), rule(3.0, Preset::Release)] {
        let together = answer(&network, &all, rule, &x);
        for (row, expected) in together.iter().enumerate() {
            let alone = Conditioning {
                captions: vec![all.captions[row].clone()],
                conditions: vec![all.conditions[row].clone()],
            };
            let x = x.narrow(0, row, 1).unwrap().contiguous().unwrap();
            assert_eq!(&answer(&network, &alone, rule, &x)[0], expected, "row {row}, {rule:?}");
        }
    }
}

#[test]
fn guidance_acts_and_the_release_leaves_controlled_rows_alone() {
    let (network, all) = (network(), conditioning());
    let x = random("x", &[3, 4, 8, 8], 1.0);
    let off = answer(&network, &all, rule(1.0, Preset::Release), &x);
    let release = answer(&network, &all, rule(4.0, Preset::Release), &x);
    let paper = answer(&network, &all, rule(4.0, Preset::Paper), &x);
    assert_eq!(off[0], release[0], "a controlled row is not guided");
    assert_ne!(off[1], release[1], "a text row is");
    assert_ne!(off[0], paper[0]);
    let fourth = 3 * 64..4 * 64;
    assert_eq!(off[1][fourth.clone()], release[1][fourth.clone()], "channel 3 is left alone");
    assert_ne!(off[1][fourth.clone()], paper[1][fourth]);
}

#[test]
fn guidance_is_the_line_through_both_predictions() {
    let (network, all) = (network(), conditioning());
    let x = random("x", &[3, 4, 8, 8], 1.0);
    let value = |scale: f64| -> Vec<f32> {
        answer(&network, &all, rule(scale, Preset::Paper), &x)[1][..256].iter().map(|&bits| f32::from_bits(bits)).collect()
    };
    let (zero, one, two) = (value(0.0), value(1.0), value(2.0));
    for ((zero, one), two) in zero.iter().zip(&one).zip(&two) {
        assert!((zero + 2.0 * (one - zero) - two).abs() < 1e-4 * two.abs().max(1.0));
    }
}

#[test]
fn a_condition_needs_a_control_branch() {
    let Network::Control(control) = network() else { unreachable!("made with control") };
    let text = Network::Text(Box::new(control.base().clone()));
    let error = GuidedNetwork::new(&text, Prediction::Epsilon, rule(1.0, Preset::Paper), &conditioning());
    assert!(error.err().is_some_and(|error| error.to_string().contains("control blocks")));
}
