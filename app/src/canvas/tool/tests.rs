//! Every tool against a slow and obvious rule.

use std::sync::Arc;

use engine::domain::{Mask, RectPx};

use super::{boxed, brush, eraser, lasso, shift};
use crate::state::Region;

#[test]
fn a_stroke_is_the_pixels_near_its_segment() {
    let mut mask = Mask::empty(40, 30);
    brush::paint(&mut mask, (5.0, 5.0), (30.0, 20.0), 3.0);
    let near = Mask::from_fn(40, 30, |x, y| {
        (0..=10_000).any(|i| {
            let t = i as f32 / 10_000.0;
            let (cx, cy) = (5.0 + 25.0 * t, 5.0 + 15.0 * t);
            (x as f32 + 0.5 - cx).powi(2) + (y as f32 + 0.5 - cy).powi(2) <= 9.0
        })
    });
    assert!(mask.dice(&near) > 0.995, "dice {}", mask.dice(&near));
    eraser::erase(&mut mask, (0.0, 0.0), (40.0, 30.0), 50.0);
    assert!(mask.is_empty());
}

#[test]
fn a_click_paints_a_dot_and_the_border_cuts_it() {
    let mut mask = Mask::empty(20, 20);
    brush::paint(&mut mask, (0.0, 0.0), (0.0, 0.0), 4.0);
    let quarter = std::f32::consts::PI * 16.0 / 4.0;
    assert!((mask.area() as f32 - quarter).abs() <= 3.0, "{} pixels", mask.area());
    brush::paint(&mut mask, (-500.0, 900.0), (-400.0, 900.0), 4.0);
    assert!(mask.area() < 20);
}

#[test]
fn a_lasso_fills_what_it_encloses() {
    let mut mask = Mask::empty(32, 32);
    lasso::fill(&mut mask, &[(4.0, 4.0), (28.0, 4.0), (28.0, 20.0), (4.0, 20.0)], true);
    assert_eq!(mask, Mask::from_rect(32, 32, &RectPx { x0: 4.0, y0: 4.0, x1: 28.0, y1: 20.0 }));
    lasso::fill(&mut mask, &[(4.0, 4.0), (28.0, 4.0), (28.0, 12.0), (4.0, 12.0)], false);
    assert_eq!(mask.area(), 24 * 8);
    lasso::fill(&mut mask, &[(0.0, 0.0), (31.0, 31.0)], true);
    assert_eq!(mask.area(), 24 * 8, "two points enclose nothing");
}

#[test]
fn boxes_stay_inside_and_small_drags_make_none() {
    let rect = boxed::between((50.0, -9.0), (20.0, 40.0), 32).expect("large enough");
    assert_eq!(rect, RectPx { x0: 20.0, y0: 0.0, x1: 32.0, y1: 32.0 });
    assert!(rect.is_inside(32, 32));
    assert_eq!(boxed::between((5.0, 5.0), (6.0, 20.0), 32), None);
}

#[test]
fn shifting_there_and_back_is_the_same_away_from_the_border() {
    let mask = Mask::from_fn(32, 32, |x, y| (10..14).contains(&x) && (12..20).contains(&y));
    let region = Region::Mask(Arc::new(mask));
    let back = shift::shifted(&shift::shifted(&region, 5, -3, 32), -5, 3, 32);
    assert_eq!(back, region);
    assert_eq!(shift::mirrored(&shift::mirrored(&region, 32), 32), region);
    let rect = Region::Box(Some(RectPx { x0: 1.0, y0: 2.0, x1: 9.0, y1: 8.0 }));
    assert_eq!(shift::shifted(&rect, -10, 100, 32), Region::Box(Some(RectPx { x0: 0.0, y0: 26.0, x1: 8.0, y1: 32.0 })));
    assert_eq!(shift::mirrored(&rect, 32), Region::Box(Some(RectPx { x0: 23.0, y0: 2.0, x1: 31.0, y1: 8.0 })));
}
