//! Every tool against a slow and obvious rule; what the engine does for them is tested there.

use std::sync::Arc;

use engine::domain::{Annotation, Finding, GrayImage, Mask, RectPx, Shape};

use super::{boxed, brush, earlier, ellipse, eraser, lasso, margin, polygon, repair, shift, transform, wand};
use crate::state::Region;
use crate::state::tools::Handle;

fn painted(mask: Mask) -> Region {
    Region::Mask(Arc::new(mask))
}

fn rect(x0: f32, y0: f32, x1: f32, y1: f32) -> RectPx {
    RectPx { x0, y0, x1, y1 }
}

#[test]
fn a_click_paints_a_dot_and_the_border_cuts_it() {
    let mut mask = Mask::empty(20, 20);
    brush::paint(&mut mask, (0.0, 0.0), (0.0, 0.0), 4.0, None);
    let quarter = std::f32::consts::PI * 16.0 / 4.0;
    assert!((mask.area() as f32 - quarter).abs() <= 3.0, "{} pixels", mask.area());
    brush::paint(&mut mask, (-500.0, 900.0), (-400.0, 900.0), 4.0, None);
    assert!(mask.area() < 20);
    eraser::erase(&mut mask, (0.0, 0.0), (20.0, 20.0), 50.0, None);
    assert!(mask.is_empty());
}

#[test]
fn a_lasso_fills_what_it_encloses() {
    let mut mask = Mask::empty(32, 32);
    lasso::fill(&mut mask, &[(4.0, 4.0), (28.0, 4.0), (28.0, 20.0), (4.0, 20.0)], true);
    assert_eq!(mask, Mask::from_rect(32, 32, &rect(4.0, 4.0, 28.0, 20.0)));
    lasso::fill(&mut mask, &[(4.0, 4.0), (28.0, 4.0), (28.0, 12.0), (4.0, 12.0)], false);
    assert_eq!(mask.area(), 24 * 8);
    lasso::fill(&mut mask, &[(0.0, 0.0), (31.0, 31.0)], true);
    assert_eq!(mask.area(), 24 * 8, "two points enclose nothing");
}

#[test]
fn a_double_click_is_one_corner() {
    let mut points = vec![(1.0, 1.0)];
    for at in [(9.0, 1.0), (9.2, 1.1), (5.0, 8.0)] {
        polygon::add(&mut points, at);
    }
    assert_eq!(points.len(), 3);
    assert!(polygon::encloses(&points) && !polygon::encloses(&points[..2]));
}

#[test]
fn an_ellipse_may_be_dragged_from_any_corner() {
    let mut one = Mask::empty(40, 40);
    ellipse::fill(&mut one, (5.0, 30.0), (35.0, 10.0), true);
    let mut other = Mask::empty(40, 40);
    ellipse::fill(&mut other, (35.0, 10.0), (5.0, 30.0), true);
    assert_eq!(one, other);
    let area = std::f32::consts::PI * 15.0 * 10.0;
    assert!((one.area() as f32 - area).abs() < 12.0, "{} pixels", one.area());
}

#[test]
fn the_wand_works_on_pictures_of_another_size() {
    let image = GrayImage::new(16, 16, (0..256).map(|i| if i % 16 < 8 { 1000 } else { 60_000 }).collect()).expect("256 pixels");
    let region = wand::region(&image, (50.0, 30.0), 0.05, 64);
    assert_eq!((region.width(), region.halves()), (64, (0, 32 * 64)));
    assert!(wand::region(&image, (64.0, 3.0), 0.05, 64).is_empty());
    assert_eq!(wand::region(&image, (3.0, 3.0), 1.0, 64).area(), 64 * 64);
}

#[test]
fn boxes_stay_inside_and_small_drags_make_none() {
    let made = boxed::between((50.0, -9.0), (20.0, 40.0), 32).expect("large enough");
    assert_eq!(made, rect(20.0, 0.0, 32.0, 32.0));
    assert!(made.is_inside(32, 32));
    assert_eq!(boxed::between((5.0, 5.0), (6.0, 20.0), 32), None);
}

#[test]
fn shifting_there_and_back_is_the_same_away_from_the_border() {
    let mask = Mask::from_fn(32, 32, |x, y| (10..14).contains(&x) && (12..20).contains(&y));
    let region = painted(mask);
    let back = shift::shifted(&shift::shifted(&region, 5, -3, 32), -5, 3, 32);
    assert_eq!(back, region);
    assert_eq!(shift::mirrored(&shift::mirrored(&region, 32), 32), region);
    let boxed = Region::Box(Some(rect(1.0, 2.0, 9.0, 8.0)));
    assert_eq!(shift::shifted(&boxed, -10, 100, 32), Region::Box(Some(rect(0.0, 26.0, 8.0, 32.0))));
    assert_eq!(shift::mirrored(&boxed, 32), Region::Box(Some(rect(23.0, 2.0, 31.0, 8.0))));
}

#[test]
fn growing_and_shrinking_keep_the_kind_of_region() {
    let square = Mask::from_rect(40, 40, &rect(15.0, 15.0, 25.0, 25.0));
    let Region::Keep(grown) = margin::moved(&Region::Keep(Arc::new(square.clone())), 2.0, 40) else { panic!("another kind") };
    assert!(grown.get(20, 13) && grown.get(13, 20) && !grown.get(13, 13), "corners are rounded");
    assert_eq!(margin::moved(&painted(square), -2.0, 40), painted(Mask::from_rect(40, 40, &rect(17.0, 17.0, 23.0, 23.0))));
    let boxed = Region::Box(Some(rect(1.0, 10.0, 9.0, 14.0)));
    assert_eq!(margin::moved(&boxed, 3.0, 40), Region::Box(Some(rect(0.0, 7.0, 12.0, 17.0))));
    assert_eq!(margin::moved(&boxed, -3.0, 40), boxed, "a box keeps its least size");
}

#[test]
fn repairs_fill_holes_and_even_out_edges() {
    let mut mask = Mask::from_rect(64, 64, &rect(16.0, 16.0, 48.0, 48.0));
    mask.set(30, 30, false);
    mask.set(31, 15, true);
    let full = repair::holes_filled(&mask);
    assert!(full.get(30, 30) && full.get(31, 15));
    let even = repair::smoothed(&full);
    assert!(!even.get(31, 15), "a single pixel goes");
    assert!(even.dice(&full) > 0.98);
}

#[test]
fn handles_scale_from_the_other_side_and_turn_about_the_middle() {
    let square = painted(Mask::from_rect(64, 64, &rect(20.0, 20.0, 30.0, 30.0)));
    let wide = transform::reshaped(&square, Handle::Edge(1, 0), (30.0, 25.0), (40.0, 25.0), 64);
    assert_eq!(wide, painted(Mask::from_rect(64, 64, &rect(20.0, 20.0, 40.0, 30.0))));
    let low = transform::reshaped(&square, Handle::Edge(-1, -1), (20.0, 20.0), (10.0, 10.0), 64);
    assert_eq!(low, painted(Mask::from_rect(64, 64, &rect(10.0, 10.0, 30.0, 30.0))));
    let bar = painted(Mask::from_rect(64, 64, &rect(10.0, 30.0, 50.0, 34.0)));
    // A quarter turn, near enough to snap.
    let upright = transform::reshaped(&bar, Handle::Turn, (30.0, 8.0), (54.0, 32.4), 64);
    assert_eq!(upright, painted(Mask::from_rect(64, 64, &rect(28.0, 12.0, 32.0, 52.0))));
    let gone = transform::reshaped(&square, Handle::Edge(1, 0), (30.0, 25.0), (-40.0, 25.0), 64);
    assert!(gone.mask().is_some_and(|m| !m.is_empty()), "it never vanishes");
    let boxed = Region::Box(Some(rect(10.0, 10.0, 20.0, 20.0)));
    let sized = transform::reshaped(&boxed, Handle::Edge(1, 1), (20.0, 20.0), (99.0, 2.0), 64);
    assert_eq!(sized, Region::Box(Some(rect(10.0, 10.0, 64.0, 13.0))));
    assert_eq!(transform::reshaped(&boxed, Handle::Turn, (20.0, 20.0), (99.0, 2.0), 64), boxed);
}

#[test]
fn earlier_masks_and_boxes_come_on_the_grid_of_the_case() {
    let mask = Annotation::mask(Finding::Nodule, Mask::from_rect(32, 32, &rect(8.0, 8.0, 16.0, 16.0)));
    let boxed = Annotation::new(Finding::Nodule, Shape::Box { rect: rect(8.0, 8.0, 16.0, 16.0), width: 32, height: 32 });
    for annotation in [mask, boxed] {
        assert_eq!(earlier::mask(&annotation, 64), Mask::from_rect(64, 64, &rect(16.0, 16.0, 32.0, 32.0)));
        assert_eq!(earlier::rect(&annotation, 64), Some(rect(16.0, 16.0, 32.0, 32.0)));
    }
}
