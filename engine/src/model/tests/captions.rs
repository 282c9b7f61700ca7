use candle_core::{Device, Tensor};

use super::super::caption::compact_captions;
use super::super::embed::{TIME_FEATURES, position_table, timestep_features};
use super::super::final_layer::unpatchify;
use super::super::{ModelError, guidance};
use super::*;
use crate::domain::Preset;

#[test]
fn dropped_tokens_have_no_influence() {
    let cfg = tiny();
    let dit = plain_dit(&cfg);
    let (x, t, y, mask) = inputs(&cfg, 2);
    let expected = dit.forward(&x, &t, &y, Some(&mask)).unwrap();
    let keep = mask.to_dtype(DType::F32).unwrap().unsqueeze(2).unwrap();
    let noise = random("other", y.dims(), 5.0);
    let hidden = (y.broadcast_mul(&keep).unwrap() + noise.broadcast_mul(&(1.0 - &keep).unwrap()).unwrap()).unwrap();
    assert_same_bits(&dit.forward(&x, &t, &hidden, Some(&mask)).unwrap(), &expected, "padding");
    let changed = (&y * 1.01).unwrap();
    assert_ne!(values(&dit.forward(&x, &t, &changed, Some(&mask)).unwrap()), values(&expected));
}

#[test]
fn a_mask_with_holes_equals_the_caption_without_the_holes() {
    let cfg = tiny();
    let dit = plain_dit(&cfg);
    let (x, t, y, _) = inputs(&cfg, 2);
    let mask = Tensor::new(&[[1u8, 0, 1, 1, 0, 0, 1], [0, 1, 0, 0, 0, 1, 0]], &Device::Cpu).unwrap();
    let out = dit.forward(&x, &t, &y, Some(&mask)).unwrap();
    for (row, places) in [vec![0u32, 2, 3, 6], vec![1, 5]].into_iter().enumerate() {
        let index = Tensor::new(places, &Device::Cpu).unwrap();
        let one = |v: &Tensor| v.narrow(0, row, 1).unwrap();
        let short = one(&y).index_select(&index, 1).unwrap();
        let alone = dit.forward(&one(&x), &one(&t), &short, None).unwrap();
        assert_same_bits(&one(&out), &alone, "row with holes");
    }
}

#[test]
fn an_empty_caption_and_a_foreign_mask_are_refused() {
    let y = random("y", &[2, 3, 4], 1.0);
    let empty = Tensor::new(&[[1u8, 0, 0], [0, 0, 0]], &Device::Cpu).unwrap();
    assert!(matches!(compact_captions(&y, Some(&empty)), Err(ModelError::EmptyCaption { row: 1 })));
    let wide = Tensor::new(&[[1u8, 0, 0, 1], [0, 1, 0, 0]], &Device::Cpu).unwrap();
    assert!(matches!(compact_captions(&y, Some(&wide)), Err(ModelError::Shape { .. })));
}

#[test]
fn width_is_cut_to_the_longest_caption() {
    let y = random("y", &[2, 7, 4], 1.0);
    let mask = Tensor::new(&[[1u8, 1, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0, 0]], &Device::Cpu).unwrap();
    let (rows, kept) = compact_captions(&y, Some(&mask)).unwrap();
    assert_eq!((rows.dims(), kept.as_slice()), (&[2, 3, 4][..], &[2, 3][..]));
}

#[test]
fn dropped_captions_become_the_null_caption() {
    let cfg = tiny();
    let dit = plain_dit(&cfg);
    let (_, _, y, _) = inputs(&cfg, 2);
    let dropped = dit.captions().drop_captions(&y, &[false, true]).unwrap();
    let null = dit.captions().null_caption(1, cfg.token_num).unwrap();
    assert_same_bits(&dropped.narrow(0, 0, 1).unwrap(), &y.narrow(0, 0, 1).unwrap(), "kept row");
    assert_same_bits(&dropped.narrow(0, 1, 1).unwrap(), &null, "dropped row");
}

#[test]
fn time_features_hold_cosines_then_sines() {
    let t = Tensor::new(&[0f32, 999.0], &Device::Cpu).unwrap();
    let rows = timestep_features(&t).unwrap().to_vec2::<f32>().unwrap();
    assert_eq!(rows[0].len(), TIME_FEATURES);
    assert!(rows[0][..128].iter().all(|v| *v == 1.0) && rows[0][128..].iter().all(|v| *v == 0.0));
    assert!((rows[1][0] - 999f32.cos()).abs() < 1e-6 && (rows[1][128] - 999f32.sin()).abs() < 1e-6);
}

#[test]
fn the_position_table_encodes_the_column_first() {
    // Width 8, so two frequencies, 1 and 1/100; row 2, column 3 of a grid of 4, scale 2.
    let table = position_table(8, 4, 2.0, &Device::Cpu).unwrap().squeeze(0).unwrap();
    let row = table.to_vec2::<f32>().unwrap()[2 * 4 + 3].clone();
    let expected =
        [1.5f64.sin(), 0.015f64.sin(), 1.5f64.cos(), 0.015f64.cos(), 1f64.sin(), 0.01f64.sin(), 1f64.cos(), 0.01f64.cos()];
    for (got, expected) in row.iter().zip(expected) {
        assert!((f64::from(*got) - expected).abs() < 1e-7, "{got} {expected}");
    }
}

#[test]
fn unpatchify_puts_each_number_in_its_place() {
    let (grid, patch, channels) = (3usize, 2usize, 5usize);
    let image = random("image", &[1, channels, grid * patch, grid * patch], 1.0);
    let patches = image
        .reshape(&[1, channels, grid, patch, grid, patch][..])
        .unwrap()
        .permute(vec![0, 2, 4, 3, 5, 1])
        .unwrap()
        .reshape((1, grid * grid, patch * patch * channels))
        .unwrap();
    assert_same_bits(&unpatchify(&patches, grid, patch, channels).unwrap(), &image, "image");
}

#[test]
fn guidance_of_one_changes_nothing_and_release_leaves_the_fourth_channel() {
    let cfg = tiny();
    let dit = plain_dit(&cfg);
    let (x, t, y, mask) = inputs(&cfg, 2);
    let (both, mask2) = dit.guided_captions(&y, Some(&mask)).unwrap();
    let context = dit.caption_context(&both, mask2.as_ref()).unwrap();
    let plain = dit.forward(&x, &t, &y, Some(&mask)).unwrap();
    let one = dit.guided(&x, &t, &context, 1.0, Preset::Paper).unwrap();
    assert_close(&one, &plain, 1e-6, "scale 1");
    let release = dit.guided(&x, &t, &context, 4.0, Preset::Release).unwrap();
    let paper = dit.guided(&x, &t, &context, 4.0, Preset::Paper).unwrap();
    let channel = |v: &Tensor, c: usize, n: usize| v.narrow(1, c, n).unwrap();
    assert_same_bits(&channel(&release, 0, 3), &channel(&paper, 0, 3), "guided channels");
    assert_same_bits(&channel(&release, 3, 5), &channel(&plain, 3, 5), "untouched channels");
    assert_ne!(values(&channel(&paper, 3, 1)), values(&channel(&plain, 3, 1)));
    let doubled = Tensor::cat(&[&x, &x], 0).unwrap();
    let times = Tensor::cat(&[&t, &t], 0).unwrap();
    let full = dit.forward_with_cfg(&doubled, &times, &both, Some(&mask), 4.0, Preset::Release).unwrap();
    assert_same_bits(&full.narrow(0, 0, 2).unwrap(), &release, "first half");
    assert_eq!(guidance::guided_channels(Preset::Release, 16), 3);
}
