//! The engine against numbers that the reference implementation made.
//!
//! `data/` is a folder of goldens as `chexgen parity` reads it; entries may be added without touching
//! this file. The numbers were made by the published Python code and the libraries it calls, whose
//! versions stand in the manifest.

mod vae;

use std::path::Path;

use candle_core::Device;
use engine::device::Precision;
use trainer::parity::{Context, Verdict, run_entry};

fn goldens() -> Context {
    Context::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/data")).expect("a manifest")
}

/// How many of the entries that `choose` names hold; fails where one does not.
fn holding(context: &Context, choose: impl Fn(&str) -> bool) -> usize {
    let mut passed = 0;
    let mut faults = Vec::new();
    for entry in context.entries().iter().filter(|entry| choose(entry.kind())) {
        let name = entry.name();
        match run_entry(context, entry) {
            Verdict::Passed(_) => passed += 1,
            Verdict::Failed(comparison) => faults.push(format!("{name}: {}", comparison.failures().join("; "))),
            Verdict::Broken(error) => faults.push(format!("{name}: {error:#}")),
            Verdict::Unknown => faults.push(format!("{name}: kind {:?} is not known", entry.kind())),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    passed
}

#[test]
fn every_golden_holds() {
    let passed = holding(&goldens(), |_| true);
    assert!(passed >= 19, "only {passed} goldens were compared");
}

/// What graphics cards compute in, on the processor: the transformers stay within the roundings that are allowed.
#[test]
fn transformers_hold_in_half_precision() {
    for precision in [Precision::Bf16, Precision::F16] {
        let context = goldens().on(Device::Cpu, precision);
        let passed = holding(&context, |kind| kind.starts_with("dit.") || kind.starts_with("control."));
        assert!(passed >= 7, "only {passed} goldens were compared in {precision}");
    }
}
