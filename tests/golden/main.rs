//! The engine against numbers that the reference implementation made.
//!
//! `data/` is a folder of goldens as `chexgen parity` reads it; entries may be added without touching
//! this file. The numbers were made by the published Python code and the libraries it calls, whose
//! versions stand in the manifest.

mod vae;

use std::path::Path;

use trainer::parity::{Context, Verdict, run_entry};

#[test]
fn every_golden_holds() {
    let context = Context::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/data")).expect("a manifest");
    let mut passed = 0;
    let mut faults = Vec::new();
    for entry in context.entries() {
        let name = entry.name();
        match run_entry(&context, entry) {
            Verdict::Passed(_) => passed += 1,
            Verdict::Failed(comparison) => faults.push(format!("{name}: {}", comparison.failures().join("; "))),
            Verdict::Broken(error) => faults.push(format!("{name}: {error:#}")),
            Verdict::Unknown => faults.push(format!("{name}: kind {:?} is not known", entry.kind())),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(passed >= 19, "only {passed} goldens were compared");
}
