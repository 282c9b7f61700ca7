//! The comparing itself must be able to fail.

use candle_core::{Device, Tensor};
use engine::device::Precision;
use serde_json::json;

use super::{Allowance, Comparison, Entry, Tolerance, WIDER, parse_json};

fn passes(got: &[f64], want: &[f64], tolerance: serde_json::Value) -> bool {
    let mut comparison = Comparison::new();
    comparison.numbers("x", got, want, &Tolerance::from_json(&tolerance).expect("a bound"));
    comparison.passed()
}

#[test]
fn nothing_compared_is_not_a_pass() {
    assert!(!Comparison::new().passed());
}

#[test]
fn bounds_are_kept() {
    assert!(passes(&[1.0, 2.0], &[1.0, 2.0 + 1e-6], json!({"rtol": 1e-6})));
    assert!(!passes(&[1.0, 2.0], &[1.0, 2.0 + 1e-5], json!({"rtol": 1e-6})));
    assert!(passes(&[0.0, 100.0], &[5e-4, 100.0], json!({"max_rel_to_max_abs": 5e-6})));
    assert!(!passes(&[0.0, 100.0], &[6e-4, 100.0], json!({"max_rel_to_max_abs": 5e-6})));
    assert!(!passes(&[0.1, 0.1], &[0.0, 0.0], json!({"atol": 0.2, "mean_abs": 0.05})));
    assert!(!passes(&[1.0], &[1.0 + 1e-15], json!({"exact": true})));
    assert!(!passes(&[f64::NAN], &[1.0], json!({"atol": 1e9})));
    assert!(!passes(&[f64::NAN], &[1.0], json!({"max_rel_to_max_abs": 1.0})));
    assert!(!passes(&[1.0], &[1.0, 1.0], json!({"atol": 1.0})));
}

#[test]
fn outliers_are_counted() {
    let tolerance = Tolerance { atol: 1e-6, outliers: Some((0.01, 1e-3)), ..Tolerance::EXACT };
    let mut got = vec![0.0; 200];
    let want = got.clone();
    let outcome = |got: &[f64]| {
        let mut c = Comparison::new();
        c.numbers("x", got, &want, &tolerance);
        c.passed()
    };
    got[3] = 5e-4;
    got[4] = 5e-4;
    assert!(outcome(&got));
    got[5] = 5e-4;
    assert!(!outcome(&got), "three of two hundred are more than 1 %");
    got[4] = 0.0;
    got[5] = 2e-3;
    assert!(!outcome(&got), "beyond the outer limit");
}

#[test]
fn rows_have_their_own_scale() {
    let tensor = |v: &[f32]| Tensor::from_slice(v, (2, 2), &Device::Cpu).expect("a tensor");
    let (got, want) = (tensor(&[1e3, 1e3, 1.0, 1.01]), tensor(&[1e3, 1e3, 1.0, 1.0]));
    let tolerance = Tolerance { max_rel_to_max_abs: Some(1e-3), ..Tolerance::EXACT };
    let mut whole = Comparison::new();
    whole.tensor("x", &got, &want, &tolerance).expect("numbers");
    let mut rows = Comparison::new();
    rows.rows("x", &got, &want, &tolerance).expect("numbers");
    assert!(whole.passed() && !rows.passed());
}

#[test]
fn shapes_must_agree() {
    let device = Device::Cpu;
    let a = Tensor::zeros((2, 3), candle_core::DType::F32, &device).expect("a tensor");
    let b = Tensor::zeros((3, 2), candle_core::DType::F32, &device).expect("a tensor");
    let mut comparison = Comparison::new();
    comparison.tensor("x", &a, &b, &Tolerance::absolute(1.0)).expect("numbers");
    assert!(!comparison.passed());
}

#[test]
fn tolerances_are_found_by_prefix() {
    let entry =
        Entry::new("e", json!({"tolerance": {"rtol": 0.5, "crop": {"max_level_difference": 1}, "crop3": {"exact": true}}}));
    assert_eq!(entry.tolerance("crop1.out").atol, 1.0);
    assert_eq!(entry.tolerance("crop3.out"), Tolerance::EXACT);
    assert_eq!(entry.tolerance("other").rtol, 0.5);
}

#[test]
fn allowances_follow_kind_and_precision() {
    let of = |kind: &str, precision| Allowance::of(&Entry::new("e", json!({"kind": kind})), &Device::Cpu, precision);
    assert_eq!(of("dit.forward", Precision::F32), Allowance::None);
    assert_eq!(of("dit.forward", Precision::Bf16), Allowance::Half(8.0 / 256.0));
    assert_eq!(of("control.forward_with_cfg", Precision::F16), Allowance::Half(16.0 / 2048.0));
    assert_eq!(of("vae", Precision::Bf16), Allowance::None, "the autoencoder stays in f32");
    assert_eq!(of("diffusion.p_sample_loop", Precision::Bf16), Allowance::None, "a formula instead of a network");

    let stated = Tolerance { rtol: 1e-4, atol: 1e-5, mean_abs: Some(1e-6), ..Tolerance::EXACT };
    let wide = Allowance::Factor(WIDER).widen(stated.clone());
    assert_eq!((wide.rtol, wide.atol, wide.mean_abs), (WIDER * 1e-4, WIDER * 1e-5, Some(WIDER * 1e-6)));
    assert_eq!(Allowance::Factor(WIDER).widen(Tolerance::EXACT), Tolerance::EXACT);
    assert_eq!(Allowance::None.widen(stated.clone()), stated);
    assert_eq!(Allowance::Half(0.25).widen(stated).max_rel_to_max_abs, Some(0.25));
}

#[test]
fn python_numbers_are_read() {
    let value = parse_json(r#"{"a": -Infinity, "b": "NaN \" Infinity", "c": [NaN, 1]}"#).expect("JSON");
    assert_eq!(value, json!({"a": "-Infinity", "b": "NaN \" Infinity", "c": ["NaN", 1]}));
    assert!(parse_json("{\"a\": }").is_err());
}
