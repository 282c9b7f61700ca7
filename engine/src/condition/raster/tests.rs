use proptest::prelude::*;

use super::*;
use crate::domain::Finding;

fn disc(size: u32, cx: f32, cy: f32, r: f32) -> Mask {
    Mask::from_fn(size, size, |x, y| (x as f32 + 0.5 - cx).hypot(y as f32 + 0.5 - cy) < r)
}

#[test]
fn nothing_drawn_is_no_condition_but_an_empty_mask_is_a_black_one() {
    let palette = Palette::practice();
    assert_eq!(compile(&[], 64, &palette), None);
    let empty = Annotation::mask(Finding::Nodule, Mask::empty(64, 64));
    assert_eq!(compile(&[empty], 64, &palette), Some(GrayImage::black(64, 64)));
    let mut off = Annotation::mask(Finding::Nodule, disc(64, 32.0, 32.0, 9.0));
    off.strength = 0.0;
    assert_eq!(compile(&[off], 64, &palette), None, "strength 0 is the same as not drawn");
}

#[test]
fn a_mask_of_the_models_size_is_copied_in_its_grey() {
    let mask = disc(64, 20.0, 30.0, 9.0);
    let image = compile(&[Annotation::mask(Finding::Consolidation, mask.clone())], 64, &Palette::practice()).unwrap();
    let grey = (0.70f32 * 65535.0 + 0.5) as u16;
    let expected: Vec<u16> = mask.bits().iter().map(|&b| if b == 1 { grey } else { 0 }).collect();
    assert_eq!(image.pixels(), expected);
    let white = compile(&[Annotation::mask(Finding::Consolidation, mask)], 64, &Palette::release()).unwrap();
    assert_eq!(white.pixels().iter().copied().max(), Some(65535));
}

#[test]
fn the_smaller_region_lies_on_top_in_any_order() {
    let large = Annotation::mask(Finding::Pneumothorax, disc(64, 32.0, 32.0, 20.0));
    let small = Annotation::mask(Finding::Nodule, disc(64, 32.0, 32.0, 5.0));
    let palette = Palette::practice();
    let a = compile(&[large.clone(), small.clone()], 64, &palette).unwrap();
    assert_eq!(a, compile(&[small, large], 64, &palette).unwrap());
    assert_eq!(a.get(32, 32), Some((0.55f32 * 65535.0 + 0.5) as u16));
    assert_eq!(a.get(32, 18), Some(65535));
}

#[test]
fn boxes_are_frames_or_filled_as_the_palette_says() {
    let rect = RectPx { x0: 32.0, y0: 64.0, x1: 96.0, y1: 160.0 };
    let boxed = [Annotation::boxed(Finding::Pneumothorax, rect, 256, 256)];
    let frame = compile(&boxed, 256, &Palette::practice()).unwrap();
    let lit = |image: &GrayImage| image.pixels().iter().filter(|&&v| v > 0).count();
    assert_eq!(lit(&frame), 64 * 96 - 58 * 90);
    assert_eq!((frame.get(34, 100), frame.get(35, 100)), (Some(65535), Some(0)));
    let filled = compile(&boxed, 256, &Palette::release()).unwrap();
    assert_eq!(lit(&filled), 64 * 96);
    let half = compile(&boxed, 128, &Palette::release()).unwrap();
    assert_eq!(lit(&half), 32 * 48, "a box scales with the picture");
}

#[test]
fn a_mask_of_another_size_keeps_place_and_area() {
    for (from, to) in [(512u32, 128u32), (100, 128), (64, 128)] {
        let s = from as f32;
        let mask = disc(from, 0.3 * s, 0.6 * s, 0.2 * s);
        let image = compile(&[Annotation::mask(Finding::Pneumothorax, mask.clone())], to, &Palette::practice()).unwrap();
        let unit = image.to_unit();
        let share = unit.iter().sum::<f32>() / unit.len() as f32;
        let expected = mask.area() as f32 / (s * s);
        assert!((share - expected).abs() < 0.002, "{from}→{to}: {share} against {expected}");
        let n = to as usize;
        let mean = |axis: fn(usize, usize) -> usize| {
            let sum: f32 = unit.iter().enumerate().map(|(i, v)| v * (axis(i, n) as f32 + 0.5)).sum();
            sum / unit.iter().sum::<f32>() / to as f32
        };
        assert!((mean(|i, n| i % n) - 0.3).abs() < 0.005 && (mean(|i, n| i / n) - 0.6).abs() < 0.005);
    }
}

#[test]
fn a_letterbox_keeps_a_circle_round() {
    let wide = Mask::from_fn(128, 64, |x, y| (x as f32 - 63.5).hypot(y as f32 - 31.5) < 20.0);
    let rect = RectPx { x0: 44.0, y0: 12.0, x1: 84.0, y1: 52.0 };
    for annotation in [Annotation::mask(Finding::Edema, wide), Annotation::boxed(Finding::Edema, rect, 128, 64)] {
        let side = |fit| {
            let region = region(&annotation, 64, fit).bounds().unwrap();
            (region.width(), region.height())
        };
        let (stretched, boxed) = (side(Fit::Stretch), side(Fit::Letterbox));
        assert!((stretched.0 - 20.0).abs() <= 2.0 && (stretched.1 - 40.0).abs() <= 2.0, "{stretched:?}");
        assert!((boxed.0 - 20.0).abs() <= 2.0 && (boxed.1 - 20.0).abs() <= 2.0, "{boxed:?}");
    }
}

proptest! {
    #[test]
    fn any_mask_and_box_compile(w in 1u32..90, h in 1u32..90, size in 1u32..70, x in -5.0f32..95.0, r in 0.0f32..50.0) {
        let mask = Mask::from_fn(w, h, |px, py| (px as f32 - x).hypot(py as f32 - 10.0) < r);
        let rect = RectPx { x0: x, y0: 3.0, x1: x + r, y1: 9.0 };
        let drawn = [Annotation::mask(Finding::Edema, mask.clone()), Annotation::boxed(Finding::Device, rect, w, h)];
        let image = compile(&drawn, size, &Palette::practice()).unwrap();
        prop_assert_eq!((image.width(), image.height()), (size, size));
        let full = Mask::from_fn(w, h, |_, _| true);
        let lit = compile(&[Annotation::mask(Finding::Pneumothorax, full)], size, &Palette::practice()).unwrap();
        prop_assert!(lit.pixels().iter().all(|&v| v >= 65534), "a full mask stays full at any size");
    }
}
