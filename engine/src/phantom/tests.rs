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
            let lung = matches!(
                f.finding,
                Finding::Pneumothorax | Finding::PleuralEffusion | Finding::Consolidation | Finding::Nodule
            );
            if let (true, Some((x, _))) = (lung && f.side != Side::Both, f.mask.centroid()) {
                sided += 1;
                assert_eq!(crate::domain::patient_side(x, 96), f.side, "case {i}: {}", case.impression);
                assert!(case.impression.to_lowercase().contains(f.side.name()), "{}", case.impression);
            }
        }
    }
    assert!(sided > 50, "{sided}");
}
