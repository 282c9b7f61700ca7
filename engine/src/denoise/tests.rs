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
    network_in(DType::F32)
}

fn network_in(dtype: DType) -> Network {
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
    let vb = VarBuilder::from_tensors(tensors, dtype, &Device::Cpu);
    Network::Control(Box::new(ControlDit::new(vb, &config, 1).unwrap()))
}

fn conditioning() -> Conditioning {
    let condition = |name: &str| vec![RowCondition::new(random(name, &[1, 4, 8, 8], 1.0), 0.8)];
    Conditioning {
        captions: vec![random("a", &[1, 3, 10], 1.0), random("b", &[1, 7, 10], 1.0), random("c", &[1, 1, 10], 1.0)],
        conditions: vec![condition("ca"), Vec::new(), condition("cc")],
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
            let alone = Conditioning { captions: vec![all.captions[row].clone()], conditions: vec![all.conditions[row].clone()] };
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
    let conditioning = conditioning();
    let error = GuidedNetwork::new(&text, Prediction::Epsilon, rule(1.0, Preset::Paper), &conditioning);
    assert!(error.err().is_some_and(|error| error.to_string().contains("control blocks")));
}

/// The bits of each row at step `step` of 10.
fn answer_at(network: &Network, conditioning: &Conditioning, rule: GuidanceRule, x: &Tensor, step: usize) -> Vec<Vec<u32>> {
    let mut denoiser = GuidedNetwork::new(network, Prediction::Epsilon, rule, conditioning).unwrap();
    denoiser.begin_step(step, 10);
    let output = denoiser.denoise(x, 431).unwrap().prediction;
    let rows = output.flatten_from(1).unwrap().to_vec2::<f32>().unwrap();
    rows.into_iter().map(|row| row.into_iter().map(f32::to_bits).collect()).collect()
}

/// Rows with two conditions of different ranges, one with an area, none, and one of strength 0.
fn ranged() -> Conditioning {
    let condition = |name: &str, strength: f64, first: f32, last: f32| RowCondition {
        steps: StepRange { first, last },
        ..RowCondition::new(random(name, &[1, 4, 8, 8], 1.0), strength)
    };
    let area: Vec<f32> = (0..16).map(|i| (i % 4) as f32 / 3.0).collect();
    let mut in_area = condition("cc", 1.3, 0.0, 1.0);
    in_area.area = Some(Tensor::from_vec(area, (1, 16), &Device::Cpu).unwrap());
    Conditioning {
        captions: ["a", "b", "c", "d"].map(|name| random(name, &[1, 1 + name.len() * 2, 10], 1.0)).to_vec(),
        conditions: vec![
            vec![condition("ca", 0.8, 0.0, 0.6), condition("cb", 1.5, 0.3, 1.0)],
            Vec::new(),
            vec![in_area],
            vec![condition("cd", 0.0, 0.0, 1.0)],
        ],
    }
}

#[test]
fn rows_with_ranges_and_areas_get_the_bits_they_get_alone() {
    let (network, all) = (network(), ranged());
    let x = random("x", &[4, 4, 8, 8], 1.0);
    for rule in [rule(1.0, Preset::Ours), rule(3.0, Preset::Paper), rule(3.0, Preset::Release)] {
        for step in [0, 4, 8] {
            let together = answer_at(&network, &all, rule, &x, step);
            for (row, expected) in together.iter().enumerate() {
                let alone =
                    Conditioning { captions: vec![all.captions[row].clone()], conditions: vec![all.conditions[row].clone()] };
                let x = x.narrow(0, row, 1).unwrap().contiguous().unwrap();
                assert_eq!(&answer_at(&network, &alone, rule, &x, step)[0], expected, "row {row}, step {step}, {rule:?}");
            }
        }
    }
}

#[test]
fn the_branch_does_not_run_where_nothing_acts() {
    let network = network();
    let x = random("x", &[1, 4, 8, 8], 1.0);
    // A latent of NaN would show in the answer if it were looked at.
    let poison = random("p", &[1, 4, 8, 8], 1.0).affine(f64::NAN, 0.0).unwrap();
    let with = |strength: f64, first: f32, last: f32| {
        let steps = StepRange { first, last };
        let condition = RowCondition { steps, ..RowCondition::new(poison.clone(), strength) };
        Conditioning { captions: vec![random("a", &[1, 3, 10], 1.0)], conditions: vec![vec![condition]] }
    };
    let without = Conditioning { captions: vec![random("a", &[1, 3, 10], 1.0)], conditions: vec![Vec::new()] };
    let rule = rule(3.0, Preset::Paper);
    let plain = answer_at(&network, &without, rule, &x, 7);
    assert_eq!(answer_at(&network, &with(1.0, 0.0, 0.5), rule, &x, 7), plain, "out of range");
    assert_eq!(answer_at(&network, &with(0.0, 0.0, 1.0), rule, &x, 7), plain, "strength 0");
    let seen = answer_at(&network, &with(1.0, 0.5, 1.0), rule, &x, 7);
    assert!(seen[0].iter().all(|&bits| f32::from_bits(bits).is_nan()), "in range");
}

#[test]
fn an_area_of_nothing_is_no_condition_and_a_full_one_changes_nothing() {
    let network = network();
    let x = random("x", &[1, 4, 8, 8], 1.0);
    let with = |area: Option<f64>| {
        let area = area.map(|value| Tensor::full(value as f32, (1, 16), &Device::Cpu).unwrap());
        let condition = RowCondition { area, ..RowCondition::new(random("ca", &[1, 4, 8, 8], 1.0), 0.8) };
        let all = Conditioning { captions: vec![random("a", &[1, 3, 10], 1.0)], conditions: vec![vec![condition]] };
        answer_at(&network, &all, rule(3.0, Preset::Paper), &x, 0)
    };
    let without = Conditioning { captions: vec![random("a", &[1, 3, 10], 1.0)], conditions: vec![Vec::new()] };
    assert_eq!(with(Some(1.0)), with(None));
    let none = answer_at(&network, &without, rule(3.0, Preset::Paper), &x, 0);
    let values = |bits: &[Vec<u32>]| bits[0].iter().map(|&b| f32::from_bits(b)).collect::<Vec<_>>();
    assert_eq!(values(&with(Some(0.0))), values(&none));
    assert_ne!(values(&with(Some(0.5))), values(&with(None)));
}

#[test]
fn networks_in_half_precision_answer_in_f32_and_nearly_the_same() {
    let (full, all) = (network(), conditioning());
    let x = random("x", &[3, 4, 8, 8], 1.0);
    let numbers = |rows: Vec<Vec<u32>>| -> Vec<f32> { rows.into_iter().flatten().map(f32::from_bits).collect() };
    let rule = rule(2.0, Preset::Paper);
    let expected = numbers(answer(&full, &all, rule, &x));
    let size = expected.iter().map(|v| v * v).sum::<f32>().sqrt();
    for (dtype, bound) in [(DType::F16, 0.02), (DType::BF16, 0.1)] {
        let half = network_in(dtype);
        let mut denoiser = GuidedNetwork::new(&half, Prediction::Epsilon, rule, &all).unwrap();
        let output = denoiser.denoise(&x, 431).unwrap();
        assert_eq!((output.prediction.dtype(), output.variance.unwrap().dtype()), (DType::F32, DType::F32));
        let found = numbers(answer(&half, &all, rule, &x));
        let off = found.iter().zip(&expected).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt() / size;
        assert!(off > 0.0 && off < bound, "{dtype:?}: {off}");
    }
}
