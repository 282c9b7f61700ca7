//! A row's result does not depend on the batch it is computed in, bit for bit.

use super::super::ControlInput;
use super::*;
use crate::domain::Preset;

/// Heads and widths that leave partial tiles in every kernel, and ones that fill them.
fn shapes() -> [DitConfig; 3] {
    [
        tiny(),
        DitConfig { input_size: 12, hidden_size: 40, num_heads: 5, depth: 2, token_num: 9, ..tiny() },
        DitConfig {
            input_size: 32,
            hidden_size: 192,
            num_heads: 6,
            depth: 2,
            token_num: 32,
            text_embed_dims: 128,
            in_channels: 8,
            learn_sigma: false,
            ..tiny()
        },
    ]
}

fn row(v: &Tensor, i: usize, n: usize) -> Tensor {
    v.narrow(0, i, n).unwrap().contiguous().unwrap()
}

#[test]
fn rows_are_the_same_bits_in_any_batch() {
    for cfg in shapes() {
        let dit = plain_dit(&cfg);
        let (x, t, y, _) = inputs(&cfg, 3);
        let kept = [3usize, cfg.token_num, 2];
        let mask: Vec<u8> = kept.iter().flat_map(|&k| (0..cfg.token_num).map(move |i| u8::from(i < k))).collect();
        let mask = Tensor::from_vec(mask, (3, cfg.token_num), &Device::Cpu).unwrap();
        let all = dit.forward(&x, &t, &y, Some(&mask)).unwrap();
        for (start, len) in [(0, 1), (1, 1), (2, 1), (0, 2), (1, 2)] {
            let part = |v: &Tensor| row(v, start, len);
            let alone = dit.forward(&part(&x), &part(&t), &part(&y), Some(&part(&mask))).unwrap();
            let what = format!("width {}, rows {start}..{}", cfg.hidden_size, start + len);
            assert_same_bits(&part(&all), &alone, &what);
        }
    }
}

#[test]
fn guided_control_rows_are_the_same_bits_in_any_batch() {
    for cfg in shapes() {
        let model = plain_control(&cfg, 1);
        let (x, t, y, mask) = inputs(&cfg, 2);
        let latent = random("condition", x.dims(), 1.0);
        let run = |start: usize, len: usize, preset: Preset| {
            let (x, t, y, mask) = (row(&x, start, len), row(&t, start, len), row(&y, start, len), row(&mask, start, len));
            let latent = row(&latent, start, len);
            let (y, mask) = model.base().guided_captions(&y, Some(&mask)).unwrap();
            let context = model.caption_context(&y, mask.as_ref()).unwrap();
            let control = ControlInput { latent: &latent, strength: 0.7, row_strength: None, area: None };
            model.guided(&x, &t, &context, Some(&control), 2.0, preset).unwrap()
        };
        for preset in [Preset::Paper, Preset::Release] {
            let both = run(0, 2, preset);
            for i in 0..2 {
                assert_same_bits(&row(&both, i, 1), &run(i, 1, preset), "guided control");
            }
        }
    }
}

#[test]
fn no_condition_no_strength_and_no_row_strength_equal_the_base() {
    let cfg = tiny();
    let model = plain_control(&cfg, 2);
    let (x, t, y, mask) = inputs(&cfg, 2);
    let latent = random("condition", x.dims(), 1.0);
    let base = model.base().forward(&x, &t, &y, Some(&mask)).unwrap();
    let run = |condition: Option<&Tensor>, strength: f64| model.forward(&x, &t, &y, Some(&mask), condition, strength).unwrap();
    assert_same_bits(&run(None, 1.0), &base, "no condition");
    assert_same_bits(&run(Some(&latent), 0.0), &base, "strength 0");
    let full = run(Some(&latent), 1.0);
    assert_ne!(values(&full), values(&base));
    let rows = Tensor::new(&[0f32, 1.0], &Device::Cpu).unwrap();
    let context = model.caption_context(&y, Some(&mask)).unwrap();
    let control = ControlInput { latent: &latent, strength: 1.0, row_strength: Some(&rows), area: None };
    let mixed = model.forward_with_context(&x, &t, &context, Some(&control)).unwrap();
    assert_same_bits(&row(&mixed, 0, 1), &row(&base, 0, 1), "row without condition");
    assert_same_bits(&row(&mixed, 1, 1), &row(&full, 1, 1), "row with condition");
}

#[test]
fn release_ignores_guidance_under_control_and_paper_applies_it() {
    let cfg = tiny();
    let model = plain_control(&cfg, 2);
    let (x, t, y, mask) = inputs(&cfg, 2);
    let latent = random("condition", x.dims(), 1.0);
    let (both, mask2) = model.base().guided_captions(&y, Some(&mask)).unwrap();
    let context = model.caption_context(&both, mask2.as_ref()).unwrap();
    let control = ControlInput { latent: &latent, strength: 1.0, row_strength: None, area: None };
    let plain = model.forward(&x, &t, &y, Some(&mask), Some(&latent), 1.0).unwrap();
    let guided = |preset| model.guided(&x, &t, &context, Some(&control), 4.0, preset).unwrap();
    assert_same_bits(&guided(Preset::Release), &plain, "release");
    assert_ne!(values(&guided(Preset::Paper)), values(&plain));
    let twice = |v: &Tensor| Tensor::cat(&[v, v], 0).unwrap();
    let full = model
        .forward_with_cfg(&twice(&x), &twice(&t), &both, Some(&mask), Some(&twice(&latent)), 1.0, 4.0, Preset::Paper)
        .unwrap();
    assert_same_bits(&full.narrow(0, 0, 2).unwrap(), &guided(Preset::Paper), "first half");
}
