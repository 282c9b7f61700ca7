use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;

use super::*;
use crate::domain::{Seed, Stream};
use crate::model::params::Param;
use crate::noise;

fn random(name: &str, shape: &[usize], scale: f32) -> Tensor {
    let values = noise::normal(Seed::for_case(7, name), Stream::Init, 0, shape.iter().product());
    Tensor::from_vec(values.into_iter().map(|v| v * scale).collect::<Vec<_>>(), shape, &Device::Cpu).unwrap()
}

fn builder(params: &[Param]) -> VarBuilder<'static> {
    let tensors: HashMap<String, Tensor> =
        params.iter().map(|param| (param.name.clone(), random(&param.name, &param.shape, 0.2))).collect();
    VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu)
}

fn small() -> UnetConfig {
    UnetConfig {
        sample_size: 8,
        block_out_channels: vec![16, 32],
        layers_per_block: 1,
        cross_attention_dim: 12,
        attention_head_dim: Heads::Each(vec![2, 4]),
        down_block_types: vec![DownBlock::CrossAttnDownBlock2D, DownBlock::DownBlock2D],
        up_block_types: vec![UpBlock::UpBlock2D, UpBlock::CrossAttnUpBlock2D],
        norm_num_groups: 4,
        ..UnetConfig::v1()
    }
}

fn bits(x: &Tensor) -> Vec<u32> {
    x.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().map(|v| v.to_bits()).collect()
}

#[test]
fn the_published_sizes_give_the_published_count_of_numbers() {
    let count = |params: Vec<Param>| params.iter().map(Param::len).sum::<usize>();
    assert_eq!(count(unet_params(&UnetConfig::v1()).unwrap()), 859_520_964);
    let clip = ClipConfig {
        vocab_size: 49_408,
        hidden_size: 768,
        intermediate_size: 3072,
        num_hidden_layers: 12,
        num_attention_heads: 12,
        max_position_embeddings: 77,
        hidden_act: ClipActivation::QuickGelu,
        layer_norm_eps: 1e-5,
    };
    assert_eq!(count(clip_params(&clip).unwrap()), 123_060_480);
}

#[test]
fn a_row_has_the_same_bits_alone_and_among_others() {
    let cfg = small();
    let unet = Unet::new(builder(&unet_params(&cfg).unwrap()), &cfg).unwrap();
    let (x, words) = (random("x", &[3, 4, 8, 8], 1.0), random("words", &[3, 9, 12], 1.0));
    let t = Tensor::new(&[1f32, 500.0, 999.0], &Device::Cpu).unwrap();
    let together = unet.forward(&x, &t, &words).unwrap();
    assert_eq!(together.dims(), [3, 4, 8, 8]);
    for row in 0..3 {
        let of = |x: &Tensor| x.narrow(0, row, 1).unwrap().contiguous().unwrap();
        let alone = unet.forward(&of(&x), &of(&t), &of(&words)).unwrap();
        assert_eq!(bits(&alone), bits(&of(&together)), "row {row}");
    }
    // Words and timestep count.
    let other = unet.forward(&x, &t, &words.affine(0.5, 0.0).unwrap()).unwrap();
    assert_ne!(bits(&other), bits(&together));
    let other = unet.forward(&x, &t.affine(0.5, 0.0).unwrap(), &words).unwrap();
    assert_ne!(bits(&other), bits(&together));
    let odd = unet.forward(&random("odd", &[3, 4, 7, 8], 1.0), &t, &words).unwrap_err().to_string();
    assert!(odd.contains("latent") && odd.contains("multiples of 2"), "{odd}");
    assert!(unet.forward(&x, &t, &random("w", &[3, 9, 11], 1.0)).unwrap_err().to_string().contains("words"));
}

#[test]
fn later_tokens_do_not_act_on_earlier_ones() {
    let cfg = ClipConfig {
        vocab_size: 40,
        hidden_size: 12,
        intermediate_size: 24,
        num_hidden_layers: 2,
        num_attention_heads: 3,
        max_position_embeddings: 9,
        hidden_act: ClipActivation::Gelu,
        layer_norm_eps: 1e-5,
    };
    let clip = ClipText::new(builder(&clip_params(&cfg).unwrap()), &cfg).unwrap();
    let ids = |ids: [u32; 9]| Tensor::new(&[ids], &Device::Cpu).unwrap();
    let a = clip.forward(&ids([1, 2, 3, 4, 5, 6, 7, 8, 9])).unwrap();
    let b = clip.forward(&ids([1, 2, 3, 4, 39, 38, 37, 36, 35])).unwrap();
    let part = |x: &Tensor, from| bits(&x.narrow(1, from, 4).unwrap().contiguous().unwrap());
    assert_eq!(part(&a, 0), part(&b, 0));
    assert_ne!(part(&a, 4), part(&b, 4));
    assert!(clip.forward(&Tensor::zeros((1, 10), DType::U32, &Device::Cpu).unwrap()).unwrap_err().to_string().contains("1 to 9"));
}

#[test]
fn sizes_of_no_network_are_refused_by_field() {
    type Change<'a> = &'a dyn Fn(&mut UnetConfig);
    let said = |change: Change<'_>| {
        let mut cfg = small();
        change(&mut cfg);
        unet_params(&cfg).unwrap_err().to_string()
    };
    let cases: [(Change<'_>, &str); 11] = [
        (&|c| c.block_out_channels = vec![16, 30], "block_out_channels"),
        (&|c| c.block_out_channels = Vec::new(), "block_out_channels"),
        (&|c| c.down_block_types.truncate(1), "down_block_types"),
        (&|c| c.up_block_types.truncate(1), "up_block_types"),
        (&|c| c.attention_head_dim = Heads::All(0), "attention_head_dim"),
        (&|c| c.attention_head_dim = Heads::Each(vec![2]), "attention_head_dim"),
        (&|c| c.attention_head_dim = Heads::All(5), "attention_head_dim"),
        (&|c| c.sample_size = 9, "sample_size"),
        (&|c| c.layers_per_block = 0, "layers_per_block"),
        (&|c| c.norm_eps = f64::NAN, "norm_eps"),
        (&|c| c.freq_shift = 8, "freq_shift"),
    ];
    for (change, field) in cases {
        assert!(said(change).contains(field), "{field}: {}", said(change));
    }
}
