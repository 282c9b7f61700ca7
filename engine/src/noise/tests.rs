use super::*;

#[test]
fn philox_matches_the_published_known_answers() {
    // Known-answer vectors of the Random123 distribution for philox4x32-10.
    assert_eq!(Philox::new(0).rounds([0; 4]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
    assert_eq!(Philox::new(u64::MAX).rounds([u32::MAX; 4]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
    assert_eq!(
        Philox::new(0x299f_31d0_a409_3822).rounds([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344]),
        [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
    );
}

#[test]
fn normal_values_are_standard_and_prefix_stable() {
    let long = normal(Seed(7), Stream::Start, 0, 100_000);
    let short = normal(Seed(7), Stream::Start, 0, 101);
    assert_eq!(&long[..101], &short[..]);
    let mean = long.iter().map(|&v| f64::from(v)).sum::<f64>() / long.len() as f64;
    let variance = long.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / long.len() as f64;
    assert!(mean.abs() < 0.015, "mean {mean}");
    assert!((variance - 1.0).abs() < 0.02, "variance {variance}");
}

#[test]
fn streams_blocks_and_seeds_are_independent() {
    let base = normal(Seed(7), Stream::Start, 0, 8);
    assert_ne!(base, normal(Seed(8), Stream::Start, 0, 8));
    assert_ne!(base, normal(Seed(7), Stream::Step, 0, 8));
    assert_ne!(base, normal(Seed(7), Stream::Start, 1, 8));
    assert!(uniform(Seed(1), Stream::Dropout, 3, 1000).iter().all(|v| (0.0..1.0).contains(v)));
}
