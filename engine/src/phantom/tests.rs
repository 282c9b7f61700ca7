//! Tests of the drawn cases.

use rayon::prelude::*;

use super::*;
use crate::domain::{Finding, Side};

fn fingerprint(case: &PhantomCase) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut add = |v: u64| hash = (hash ^ v).wrapping_mul(0x0000_0100_0000_01b3);
    case.image.pixels().iter().for_each(|&v| add(u64::from(v)));
    for f in &case.findings {
        f.mask.bits().iter().for_each(|&b| add(u64::from(b)));
    }
    case.impression.bytes().for_each(|b| add(u64::from(b)));
    hash
}

#[test]
fn a_case_depends_on_seed_and_index_only() {
    let config = PhantomConfig::practice();
    let serial: Vec<u64> = (0..8).map(|i| fingerprint(&draw(&config, 3, i, 64))).collect();
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap_or_else(|e| panic!("{e}"));
        let parallel: Vec<u64> =
            pool.install(|| (0..8u32).into_par_iter().rev().map(|i| fingerprint(&draw(&config, 3, u64::from(i), 64))).collect());
        assert!(serial.iter().eq(parallel.iter().rev()), "{threads} threads");
    }
    assert_ne!(serial[0], fingerprint(&draw(&config, 4, 0, 64)));
}

#[test]
fn masks_are_never_empty_and_lie_on_their_side() {
    let config = PhantomConfig::practice();
    let cases: Vec<PhantomCase> = (0..120u64).into_par_iter().map(|i| draw(&config, 11, i, 96)).collect();
    let mut sided = 0;
    for (i, case) in cases.iter().enumerate() {
        for f in &case.findings {
            assert!(!f.mask.is_empty(), "case {i}: {} {}", f.finding, f.side);
            assert!(f.rect.is_valid() && f.rect.is_inside(96, 96));
            let lung =
                matches!(f.finding, Finding::Pneumothorax | Finding::PleuralEffusion | Finding::Consolidation | Finding::Nodule);
            if let (true, Some((x, _))) = (lung && f.side != Side::Both, f.mask.centroid()) {
                sided += 1;
                assert_eq!(crate::domain::patient_side(x, 96), f.side, "case {i}: {}", case.impression);
                assert!(case.impression.to_lowercase().contains(f.side.name()), "{}", case.impression);
            }
        }
    }
    assert!(sided > 50, "{sided}");
}

#[test]
fn the_heart_is_as_wide_as_asked() {
    for (index, wanted) in [(0u64, 0.42), (1, 0.48), (2, 0.55), (3, 0.62)] {
        let mut p = patient::Patient::draw(&PhantomConfig::practice(), 6, index);
        p.ctr_big = [wanted; 2];
        let heart = lesion::PlannedFinding {
            side: Side::Both,
            zone: Zone::Whole,
            severity: 0.5,
            gain: 1.0,
            kind: lesion::Kind::Cardiomegaly,
        };
        let mask = render::render(&p, &[heart], 320).masks.remove(0);
        let frame = render::frame_of(&p, 320);
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        for (i, _) in mask.bits().iter().enumerate().filter(|(_, b)| **b != 0) {
            let [x, _] = frame.patient_of((i % 320) as f32 + 0.5, (i / 320) as f32 + 0.5);
            low = low.min(x);
            high = high.max(x);
        }
        let ratio = (high - low + 1.0 / frame.scale) / render::geometry_of(&p, &[heart]).thorax_width;
        assert!((ratio - wanted).abs() < 0.01, "case {index}: {ratio} for {wanted}");
    }
}

/// Lung that no heart or mediastinum covers, per side, as patient positions and grid indices.
fn open_lung(p: &patient::Patient, size: usize) -> [Vec<usize>; 2] {
    let geometry = render::geometry_of(p, &[]);
    let frame = render::frame_of(p, size);
    let (scene, _) = render::anatomy(p, &[], &geometry, frame);
    let mut sides = [Vec::new(), Vec::new()];
    frame.each([-17.0, -15.0, 17.0, 12.0], |i, x, y| {
        let side = usize::from(x > 0.0);
        let covered = geometry.heart.contains(x, y) || x.abs() < geometry.row(y)[anatomy::geometry::BAND];
        if scene.cavity[i] > 2.0 && !covered && y < geometry.dome(side, x.abs()) {
            sides[side].push(i);
        }
    });
    sides
}

#[test]
fn the_right_lung_is_a_little_larger() {
    let ratios: Vec<f32> = (0..24)
        .map(|i| {
            let [right, left] = open_lung(&patient::Patient::draw(&PhantomConfig::full(), 8, i), 96);
            right.len() as f32 / left.len() as f32
        })
        .collect();
    let mean = ratios.iter().sum::<f32>() / ratios.len() as f32;
    assert!((1.05..1.25).contains(&mean), "mean {mean}: {ratios:?}");
    assert!(ratios.iter().all(|r| (0.9..1.45).contains(r)), "{ratios:?}");
}

#[test]
fn lung_is_darker_than_heart_and_angles_are_sharp() {
    for i in 0..12 {
        let normal = plan(&PhantomConfig::practice(), 5, i).without_findings();
        let p = &normal.patient;
        let image = normal.draw(512).image;
        let geometry = render::geometry_of(p, &[]);
        let grey =
            |indices: &[usize]| indices.iter().map(|&i| f64::from(image.pixels()[i])).sum::<f64>() / indices.len().max(1) as f64;
        let mut heart = Vec::new();
        render::frame_of(p, 512).each(geometry.heart.window(), |i, x, y| {
            if geometry.heart.contains(x, y) && y < geometry.dome(1, 4.0) {
                heart.push(i);
            }
        });
        let [right, left] = open_lung(p, 512);
        assert!(grey(&right) < 0.85 * grey(&heart) && grey(&left) < 0.85 * grey(&heart), "case {i}");
        for side in 0..2 {
            // Beside the chest wall there is lung well below the top of the dome.
            let y = geometry.costophrenic[side] - 0.6;
            let wall = geometry.lateral(side, y);
            assert!(y > geometry.dome(side, p.dome_peak[side]) + 1.5, "case {i} side {side}");
            assert!((0..10).any(|k| y < geometry.dome(side, wall - 0.1 * k as f32)), "case {i} side {side}");
        }
    }
}

#[test]
fn mirroring_a_mask_moves_it_to_the_other_side() {
    let config = PhantomConfig::practice().with_only(Finding::Pneumothorax);
    for i in 0..6 {
        let f = draw(&config, 2, i, 64).findings.remove(0);
        let side = |m: &crate::domain::Mask| m.centroid().map(|(x, _)| crate::domain::patient_side(x, 64));
        assert_eq!(side(&f.mask), Some(f.side));
        assert_ne!(side(&f.mask.mirrored()), Some(f.side));
    }
}

#[test]
fn findings_change_the_picture_inside_their_masks_with_the_right_sign() {
    for (class, sign) in [
        (Finding::Pneumothorax, -1.0),
        (Finding::PleuralEffusion, 1.0),
        (Finding::Consolidation, 1.0),
        (Finding::Nodule, 1.0),
        (Finding::Device, 1.0),
    ] {
        let config = PhantomConfig::practice().with_only(class);
        for i in 0..5 {
            let case = draw(&config, 17, i, 128);
            let twin = case.twin();
            let mask = case.union_mask();
            let (mut inside, mut outside, mut n_in, mut n_out) = (0.0, 0.0, 0.0, 0.0);
            for ((&a, &b), &bit) in case.image.pixels().iter().zip(twin.pixels()).zip(mask.bits()) {
                let change = (f64::from(a) - f64::from(b)) / 65535.0;
                if bit == 0 {
                    outside += change.abs();
                    n_out += 1.0;
                } else {
                    inside += change;
                    n_in += 1.0;
                }
            }
            let (inside, outside) = (sign * inside / n_in, outside / n_out);
            assert!(inside > 0.02 && inside > 3.0 * outside, "{class} {i}: {inside} in, {outside} out");
        }
    }
}

#[test]
fn the_guide_encloses_the_lungs_and_the_example_is_on_the_right() {
    let [right, left] = lung_guide(256);
    assert!(right.len() > 40 && right.iter().chain(&left).all(|p| (0.0..256.0).contains(&p.0) && (0.0..256.0).contains(&p.1)));
    let mean = |p: &[(f32, f32)]| p.iter().map(|v| v.0).sum::<f32>() / p.len() as f32;
    assert!(mean(&right) < 110.0 && mean(&left) > 146.0);
    let example = example_case(128);
    assert_eq!(example.mask.centroid().map(|(x, _)| crate::domain::patient_side(x, 128)), Some(Side::Right));
    assert!(example.image != example.with_finding);
}

#[test]
fn rare_findings_have_masks_too() {
    for class in [Finding::Cardiomegaly, Finding::Atelectasis, Finding::Edema, Finding::Fracture] {
        let config = PhantomConfig::full().with_only(class);
        for i in 0..8 {
            let case = draw(&config, 31, i, 128);
            assert!(case.findings[0].mask.area() > 8, "{class} {i}: {}", case.findings[0].mask.area());
        }
    }
}
