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

#[cfg(unix)]
#[test]
fn a_prepared_set_takes_the_place_of_phantoms_as_in_training() {
    let dir = tempfile::tempdir().unwrap();
    let set = crate::training_input::prepared(dir.path());
    let args = ["--no-probe", "--memory=16GB", "--data", set.to_str().unwrap(), "--set=network.input_size=4"];
    let plan = planned(dir.path(), "stage1-256.practice.toml", &args);
    assert_eq!(plan["updates"].as_u64(), Some(3800), "{plan}");
    // One of another size is told here, and not when the job runs.
    let other = ["plan", &config("stage1-256.practice.toml"), "--no-probe", "--data", set.to_str().unwrap()];
    let said = stderr(&run(dir.path(), &other));
    assert!(said.contains("holds latents of side 4, but network.input_size is 16"), "{said}");
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
    assert!(said.contains("1800 updates; leave out --no-probe for the hours"), "{said}");
}

#[test]
fn a_cluster_is_planned_on_paper_with_what_its_cards_wait_for() {
    let dir = tempfile::tempdir().unwrap();
    let plan = |args: &[&str]| planned(dir.path(), "stage1-256.paper.toml", args);
    let number = |plan: &Value, field: &str| plan[field].as_f64().unwrap_or_else(|| panic!("{field}: {plan}"));
    let base = ["--card=a100-80gb", "--cards=32", "--cases=200000"];
    let four = plan(&base);
    assert_eq!(
        (four["nodes"].as_u64(), four["hours_from"].as_str(), four["device"].as_str()),
        (Some(4), Some("assumed"), Some("a100-80gb"))
    );
    // What launch --estimate says of the same cards.
    for (field, seconds) in [("compute_seconds", 5.663), ("optimiser_seconds", 0.034), ("waiting_seconds", 0.038)] {
        assert!((number(&four, field) - seconds).abs() < 0.002, "{field}: {four}");
    }
    // 800 epochs of 200,000 cases in updates of 6144 rows.
    assert_eq!(four["updates"].as_u64(), Some(26042));
    let update = number(&four, "compute_seconds") + number(&four, "optimiser_seconds") + number(&four, "waiting_seconds");
    assert!((number(&four, "hours") - 26042.0 * update / 3600.0).abs() < 1e-6, "{four}");
    assert!((number(&four, "card_hours") - 32.0 * number(&four, "hours")).abs() < 1e-6);
    assert!(four["assumed"].as_array().is_some_and(|all| all.len() == 3), "{four}");
    // A slow network makes the hours more, one machine for all cards fewer.
    let with = |more: &[&str]| plan(&[&base, more].concat());
    let slow = with(&["--gbit=10", "--adapters=1"]);
    let near = with(&["--nodes=1"]);
    assert!(number(&slow, "hours") > 1.5 * number(&four, "hours") && number(&near, "hours") < number(&four, "hours"));
    // A measured row takes the place of the share.
    let given = with(&["--row-seconds=0.01"]);
    assert_eq!((given["hours_from"].as_str(), number(&given, "compute_seconds")), (Some("given"), 1.92));
    let alone = plan(&["--card=a100-80gb", "--cards=1", "--cases=200000"]);
    assert_eq!(number(&alone, "waiting_seconds"), 0.0);

    let text = |args: &[&str]| {
        let mut all = vec!["plan".to_owned(), config("stage1-256.paper.toml")];
        all.extend(args.iter().map(|arg| (*arg).to_owned()));
        run(dir.path(), &all)
    };
    let said = stdout(&text(&base));
    for words in [
        "32 of them in 4 machines",
        "waiting for other cards",
        "not measured",
        "Assumed, not measured:",
        "40 % of the card's 312",
    ] {
        assert!(said.contains(words), "{words} is missing: {said}");
    }
    for (args, code, words) in [
        (&["--card=a100-80gb", "--cards=32", "--nodes=5"][..], 1, "cannot be shared evenly by 5 machines"),
        (&["--card=v100"], 2, "a100-80gb"),
        (&["--share=0.3"], 2, "--card"),
        (&["--card=h100", "--share=40"], 2, "at most 1"),
        (&["--card=h100", "--device=cuda"], 2, "cannot be used with"),
        (&["--card=a100-40gb", "--cards=32"], 1, "does not fit"),
    ] {
        let output = text(args);
        assert!(output.status.code() == Some(code) && stderr(&output).contains(words), "{args:?}: {}", stderr(&output));
    }
}
