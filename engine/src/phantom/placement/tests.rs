use proptest::prelude::*;

use super::*;
use crate::phantom::lung_guide;

fn wishes() -> Vec<PlacementWish> {
    let mut all = Vec::new();
    for finding in Finding::ALL {
        for &side in possible_sides(finding) {
            for zone in possible_zones(finding).iter().copied().map(Some).chain([None]) {
                for size in LesionSize::ALL.into_iter().map(Some).chain([None]) {
                    let wish = PlacementWish { finding, side, zone, size };
                    if wish.check().is_ok() {
                        all.push(wish);
                    }
                }
            }
        }
    }
    all
}

/// Even-odd rule.
fn inside(outline: &[(f32, f32)], x: f32, y: f32) -> bool {
    let mut odd = false;
    for (i, a) in outline.iter().enumerate() {
        let b = outline[(i + 1) % outline.len()];
        if (a.1 > y) != (b.1 > y) && x < a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0) {
            odd = !odd;
        }
    }
    odd
}

#[test]
fn every_possible_wish_finds_room_and_keeps_its_promise() {
    const PX: u32 = 96;
    let all = wishes();
    assert!(all.len() > 150, "{}", all.len());
    for (i, wish) in all.iter().enumerate() {
        for body in [Body::Average, Body::Varied] {
            let placed = place_finding(wish, body, 5, i as u64, PX).unwrap_or_else(|e| panic!("{wish:?} {body:?}: {e}"));
            assert!(!placed.mask.is_empty(), "{wish:?}");
            assert_eq!((placed.finding, placed.side), (wish.finding, wish.side));
            assert!(wish.zone.is_none_or(|z| z == placed.zone), "{wish:?}: {:?}", placed.zone);
            if has_sizes(wish.finding) {
                assert!(wish.size.is_none_or(|s| Some(s) == placed.size), "{wish:?}: {:?}", placed.size);
            }
            // Judged by the outlines, which the sampler does not use.
            let lungs = placed.lungs(PX);
            let middle = lungs.iter().flatten().map(|p| p.0).sum::<f32>() / lungs.iter().flatten().count() as f32;
            let lung_class = matches!(
                wish.finding,
                Finding::Pneumothorax
                    | Finding::PleuralEffusion
                    | Finding::Consolidation
                    | Finding::Nodule
                    | Finding::Atelectasis
            );
            let Some((cx, cy)) = placed.mask.centroid() else { panic!("{wish:?}") };
            if lung_class && wish.side != Side::Both {
                let side = if cx < middle { Side::Right } else { Side::Left };
                assert_eq!(side, wish.side, "{wish:?} {body:?}");
            }
            if wish.finding == Finding::Nodule {
                let lung = &lungs[usize::from(wish.side == Side::Left)];
                assert!(inside(lung, cx, cy), "{wish:?} {body:?} at {cx},{cy}");
                let (top, bottom) = lung.iter().fold((f32::MAX, f32::MIN), |(a, b), p| (a.min(p.1), b.max(p.1)));
                let v = (cy - top) / (bottom - top);
                let bounds = match placed.zone {
                    Zone::Upper => 0.0..0.36,
                    Zone::Lower => 0.42..1.0,
                    _ => 0.2..0.66,
                };
                assert!(bounds.contains(&v), "{wish:?} {body:?}: {v}");
            }
        }
    }
}

#[test]
fn the_text_agrees_with_the_place() {
    for (i, wish) in wishes().iter().enumerate() {
        let text =
            place_finding(wish, Body::Average, 9, i as u64, 32).unwrap_or_else(|e| panic!("{e}")).impression().to_lowercase();
        let other = match wish.side {
            Side::Right => "left",
            Side::Left => "right",
            Side::Both => continue,
        };
        assert!(text.contains(wish.side.name()), "{wish:?}: {text}");
        // A lead may end in the right ventricle, whichever side the device is on.
        assert!(wish.finding == Finding::Device || !text.contains(other), "{wish:?}: {text}");
        let word = match (wish.finding, wish.size) {
            (Finding::Pneumothorax | Finding::PleuralEffusion, Some(size)) => ["small", "moderate", "large"][size as usize],
            (Finding::Consolidation, Some(size)) => ["mild", "moderate", "severe"][size as usize],
            (Finding::Nodule, Some(LesionSize::Large)) => "mass",
            (Finding::Nodule, Some(_)) => "nodule",
            _ => "",
        };
        assert!(text.contains(word), "{wish:?}: {text}");
        if let (Finding::Nodule | Finding::Consolidation, Some(zone @ (Zone::Upper | Zone::Mid | Zone::Lower))) =
            (wish.finding, wish.zone)
        {
            assert!(text.contains(zone.name()), "{wish:?}: {text}");
        }
    }
    assert!(!normal_impression(Body::Average, 1, 2).is_empty());
}

#[test]
fn impossible_wishes_say_why_and_what_is_possible() {
    let wish = |finding, side, zone, size| PlacementWish { finding, side, zone, size }.check().map_err(|e| e.to_string());
    let said = wish(Finding::PleuralEffusion, Side::Left, Some(Zone::Apical), None).expect_err("fluid does not rise");
    assert!(said.contains("base") && said.contains("basal"), "{said}");
    let said = wish(Finding::Cardiomegaly, Side::Left, None, None).expect_err("there is one heart");
    assert!(said.contains("both"), "{said}");
    let said = wish(Finding::Pneumothorax, Side::Left, Some(Zone::Apical), Some(LesionSize::Large)).expect_err("too large");
    assert!(said.contains("whole"), "{said}");
    let said = wish(Finding::Device, Side::Left, None, Some(LesionSize::Small)).expect_err("no size");
    assert!(said.contains("leave the size out"), "{said}");
    assert_eq!(wish(Finding::Nodule, Side::Right, Some(Zone::Perihilar), Some(LesionSize::Large)), Ok(()));
    assert!("top".parse::<Zone>().expect_err("no such zone").to_string().contains("apical"));
    assert!("huge".parse::<LesionSize>().is_err());
}

#[test]
fn the_size_of_the_picture_moves_nothing() {
    let wish = PlacementWish { finding: Finding::Nodule, side: Side::Right, zone: None, size: Some(LesionSize::Large) };
    for index in 0..6 {
        let at = |px| place_finding(&wish, Body::Varied, 3, index, px).unwrap_or_else(|e| panic!("{e}"));
        let (small, large) = (at(128), at(320));
        assert_eq!((small.zone, small.diameter_cm), (large.zone, large.diameter_cm));
        let overlap = small.mask.dice(&large.mask.resized(128, 128));
        assert!(overlap > 0.9, "{index}: {overlap}");
        assert_eq!(small.impression(), large.impression());
    }
}

#[test]
fn the_average_body_is_the_guide_and_larger_sizes_cover_more() {
    let wish = |size| PlacementWish { finding: Finding::PleuralEffusion, side: Side::Left, zone: None, size: Some(size) };
    let area = |size| place_finding(&wish(size), Body::Average, 2, 4, 128).map(|p| p.mask.area()).unwrap_or_default();
    assert!(area(LesionSize::Small) < area(LesionSize::Medium) && area(LesionSize::Medium) < area(LesionSize::Large));
    let placed = place_finding(&wish(LesionSize::Small), Body::Average, 2, 4, 128).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(placed.lungs(128), lung_guide(128));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn equal_arguments_give_equal_masks(which in 0usize..90, seed in any::<u64>(), index in any::<u64>()) {
        let wish = wishes()[which];
        let place = || place_finding(&wish, Body::Varied, seed, index, 64);
        match (place(), place()) {
            (Ok(a), Ok(b)) => {
                prop_assert_eq!(&a.mask, &b.mask);
                prop_assert_eq!(a.impression(), b.impression());
            }
            (a, b) => prop_assert_eq!(a.err(), b.err()),
        }
    }
}
