//! The plan of a stage: what fits, what does not, and how near its bytes are to those that a process took.

use std::path::Path;

use serde_json::Value;

use crate::support::{run, stderr, stdout};

/// The measured peak may be so many times the planned bytes, or the planned bytes so many times the peak.
const FACTOR: f64 = 1.5;

fn config(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("configs").join(name).display().to_string()
}

fn planned(dir: &Path, name: &str, args: &[&str]) -> Value {
    let mut all = vec!["plan".to_owned(), config(name), "--json".to_owned()];
    all.extend(args.iter().map(|arg| (*arg).to_owned()));
    serde_json::from_str(&stdout(&run(dir, &all))).unwrap()
}

#[test]
fn the_planned_bytes_are_near_those_that_a_probe_takes() {
    let dir = tempfile::tempdir().unwrap();
    // Large enough that the network, and not the program, is what is measured.
    let sets = ["--set=network.input_size=32", "--set=network.depth=4", "--set=train.batch_size=16", "--set=data.count=512"];
    for checkpointing in [false, true] {
        let set = format!("--set=train.gradient_checkpointing={checkpointing}");
        let mut args = vec!["--probe-steps=2", set.as_str()];
        args.extend(sets);
        let plan = planned(dir.path(), "stage1-256.practice.toml", &args);
        // The probe holds no cases and writes no checkpoint: what is measured is what would be on a device.
        let (bytes, peak) = (plan["device_bytes"].as_f64().unwrap(), plan["probe"]["peak_bytes"].as_f64().unwrap());
        let ratio = peak / bytes;
        assert!((1.0 / FACTOR..FACTOR).contains(&ratio), "checkpointing {checkpointing}: {peak} of planned {bytes}: {plan}");
        assert_eq!((plan["probe"]["steps"].as_u64(), plan["probe"]["rows"].as_u64()), (Some(2), Some(16)));
        let (hours, update) = (plan["hours"].as_f64().unwrap(), plan["update_seconds"].as_f64().unwrap());
        assert!((hours * 3600.0 / (update * plan["updates"].as_f64().unwrap()) - 1.0).abs() < 1e-9);
    }
}

#[test]
fn a_stage_that_cannot_fit_is_refused_with_what_to_change() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |args: &[&str]| {
        let mut all =
            vec!["plan".to_owned(), config("stage1-256.release.toml"), "--no-probe".to_owned(), "--device=cuda".to_owned()];
        all.extend(args.iter().map(|arg| (*arg).to_owned()));
        let output = run(dir.path(), &all);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        stderr(&output)
    };
    let said = refused(&["--memory=24GB", "--cards=8", "--set=train.gradient_checkpointing=false"]);
    assert!(said.contains("the stage does not fit") && said.contains("set train.micro_batch = "), "{said}");
    assert!(refused(&["--memory=8GB", "--cards=8"]).contains("no micro-batch helps"));
    // What it names fits.
    let rows = said.split("train.micro_batch = ").nth(1).unwrap().split_whitespace().next().unwrap();
    let set = [format!("--set=train.micro_batch={rows}"), "--set=train.gradient_checkpointing=false".to_owned()];
    let args = ["--no-probe", "--device=cuda", "--memory=24GB", "--cards=8", &set[0], &set[1]];
    let plan = planned(dir.path(), "stage1-256.release.toml", &args);
    assert_eq!((plan["fits"].as_bool(), plan["compute"].as_str(), plan["hours"].as_f64()), (Some(true), Some("bf16"), None));
    // Of a card too many, of a size that is none, of a practice model.
    let wrong = |args: &[&str]| stderr(&run(dir.path(), args));
    let release = config("stage1-256.release.toml");
    assert!(wrong(&["plan", &release, "--cards=7"]).contains("cannot be shared by 7 ranks"));
    assert!(wrong(&["plan", &release, "--memory=much"]).contains("80GB"));
    assert!(wrong(&["plan", &config("practice.toml")]).contains("practice model"));
    assert!(wrong(&["plan", &release, "--from=nowhere"]).contains("--from names nowhere"));
}

#[test]
fn a_plan_is_a_table_for_people() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["plan", &config("control.practice.toml"), "--no-probe", "--memory=16GB"];
    let said = stdout(&run(dir.path(), &args));
    for words in
        ["stage control: ", "weights", "moments", "inner values", "largest micro-batch", "the stage", "there are", "16.0 GB"]
    {
        assert!(said.contains(words), "{words} is missing: {said}");
    }
}
