//! Names, counts and initial values.

use super::super::init::{ControlStart, InitOptions, control_from_base, initial_conv, initial_dit};
use super::super::{KlConfig, vae_params};
use super::*;

fn total(params: &[Param], only_trainable: bool) -> usize {
    params.iter().filter(|p| p.trainable || !only_trainable).map(Param::len).sum()
}

#[test]
fn the_released_sizes_have_the_published_counts() {
    let p256 = dit_params(&DitConfig::xl_2_256()).unwrap();
    let p512 = dit_params(&DitConfig::xl_2_512()).unwrap();
    assert_eq!((p256.len(), total(&p256, false), total(&p256, true)), (437, 611_642_528, 611_347_616));
    assert_eq!((p512.len(), total(&p512, false), total(&p512, true)), (437, 612_527_264, 611_347_616));
    let control = control_params(&DitConfig::xl_2_512(), 13, Base::Frozen).unwrap();
    assert_eq!((control.len(), total(&control, false), total(&control, true)), (660, 907_445_024, 294_917_760));
    let vae = vae_params(&KlConfig::default()).unwrap();
    assert_eq!((vae.len(), total(&vae, false)), (248, 83_653_863));
}

#[test]
fn a_practice_sized_network_without_variance_has_its_own_channels() {
    let cfg = DitConfig { in_channels: 16, learn_sigma: false, text_embed_dims: 12, ..tiny() };
    let dit = plain_dit(&cfg);
    let (x, t, y, mask) = inputs(&cfg, 1);
    assert_eq!(dit.forward(&x, &t, &y, Some(&mask)).unwrap().dims(), x.dims());
}

#[test]
fn sizes_that_fit_no_network_are_refused_by_name() {
    let cases = [
        (DitConfig { num_heads: 5, ..tiny() }, "hidden_size"),
        (DitConfig { patch_size: 3, ..tiny() }, "input_size"),
        (DitConfig { depth: 0, ..tiny() }, "depth"),
        (DitConfig { hidden_size: usize::MAX, ..tiny() }, "hidden_size"),
        (DitConfig { mlp_ratio: f64::NAN, ..tiny() }, "mlp_ratio"),
        (DitConfig { pos_embed_scale: 0.0, ..tiny() }, "pos_embed_scale"),
    ];
    for (cfg, field) in cases {
        let message = dit_params(&cfg).unwrap_err().to_string();
        assert!(message.contains(field), "{message}");
    }
    assert!(control_params(&tiny(), 4, Base::Frozen).is_err());
    let odd = KlConfig { block_out_channels: vec![8, 12], norm_num_groups: 8, ..KlConfig::default() };
    assert!(vae_params(&odd).unwrap_err().to_string().contains("block_out_channels"));
}

#[test]
fn initial_values_follow_the_reference_and_the_name_only() {
    let cfg = tiny();
    let options = InitOptions { seed: Seed(5), ..InitOptions::default() };
    let params = dit_params(&cfg).unwrap();
    let start = initial_dit(&params, &cfg, &options, &Device::Cpu).unwrap();
    let mut reversed = params.clone();
    reversed.reverse();
    let again = initial_dit(&reversed, &cfg, &options, &Device::Cpu).unwrap();
    for param in &params {
        assert_eq!(start[&param.name].dims(), param.shape, "{}", param.name);
        assert_same_bits(&start[&param.name], &again[&param.name], &param.name);
    }
    let deviation = |name: &str| {
        let v = values(&start[name]);
        (v.iter().map(|v| f64::from(v * v)).sum::<f64>() / v.len() as f64).sqrt()
    };
    let near = |name: &str, expected: f64| {
        let got = deviation(name);
        assert!((got / expected - 1.0).abs() < 0.15, "{name}: {got}, expected {expected}");
    };
    near("t_embedder.mlp.0.weight", 0.02);
    near("t_block.1.weight", 0.02);
    near("y_embedder.y_proj.fc2.weight", 0.02);
    near("blocks.1.shift_scale_gate_table", 1.0 / 24f64.sqrt());
    near("y_embedder.y_embedding", 1.0 / 10f64.sqrt());
    near("blocks.0.attn.qkv.weight", (2.0 / (24.0 + 72.0f64)).sqrt());
    near("x_embedder.proj.weight", (2.0 / (24.0 + 16.0f64)).sqrt());
    for zero in ["final_layer.linear.weight", "blocks.2.cross_attn.proj.weight", "blocks.0.attn.qkv.bias"] {
        assert_eq!(deviation(zero), 0.0, "{zero}");
    }
    assert!(values(&start["pos_embed"])[12..18].iter().all(|v| *v == 0.0), "sines of row 0");
}

#[test]
fn a_control_model_starts_as_its_base() {
    let cfg = tiny();
    let base_params = dit_params(&cfg).unwrap();
    let params = control_params(&cfg, 2, Base::Frozen).unwrap();
    let options = InitOptions { seed: Seed(5), control: ControlStart::Joint(0.02), ..InitOptions::default() };
    let base = initial_dit(&base_params, &cfg, &options, &Device::Cpu).unwrap();
    let whole = initial_dit(&params, &cfg, &options, &Device::Cpu).unwrap();
    let derived = control_from_base(&base, &params, &options, &Device::Cpu).unwrap();
    for param in &params {
        assert_same_bits(&whole[&param.name], &derived[&param.name], &param.name);
    }
    let name = "attn.qkv.weight";
    assert_same_bits(&whole[&format!("controlnet.1.copied_block.{name}")], &base[&format!("blocks.1.{name}")], name);
    assert!(values(&whole["controlnet.0.after_proj.weight"]).iter().all(|v| *v == 0.0));
    assert!(values(&whole["controlnet.0.before_proj.weight"]).iter().any(|v| *v != 0.0));
}

#[test]
fn convolutional_networks_start_with_unit_norms() {
    let cfg = KlConfig { block_out_channels: vec![8, 8], norm_num_groups: 4, ..KlConfig::default() };
    let start = initial_conv(&vae_params(&cfg).unwrap(), Seed(1), &Device::Cpu).unwrap();
    assert!(values(&start["encoder.conv_norm_out.weight"]).iter().all(|v| *v == 1.0));
    assert!(values(&start["encoder.conv_norm_out.bias"]).iter().all(|v| *v == 0.0));
    let bound = 1.0 / (3.0f32 * 9.0).sqrt();
    let weight = values(&start["encoder.conv_in.weight"]);
    assert!(weight.iter().all(|v| v.abs() <= bound) && weight.iter().any(|v| v.abs() > 0.8 * bound));
    assert!(values(&start["encoder.conv_in.bias"]).iter().any(|v| *v != 0.0));
}
