//! Event files, read back by TensorBoard: `tests/run.sh` installs it where it can.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use trainer::run::events;

use crate::stages::{done, train};
use crate::support::names;

/// The interpreter of the environment that `tests/run.sh` makes, where it made one.
fn python() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?.join("tensorboard/bin/python");
    python.is_file().then_some(python)
}

/// The updates with their value, of each tag.
fn scalars(read: &Value) -> BTreeMap<String, Vec<(u64, f32)>> {
    let tags = read["scalars"].as_object().unwrap();
    let points = |points: &Value| -> Vec<(u64, f32)> {
        points.as_array().unwrap().iter().map(|p| (p[0].as_u64().unwrap(), p[1].as_f64().unwrap() as f32)).collect()
    };
    tags.iter().map(|(tag, values)| (tag.clone(), points(values))).collect()
}

/// What `metrics.jsonl` says of each tag, in the 32 bits of an event.
fn noted(run: &Path) -> BTreeMap<String, Vec<(u64, f32)>> {
    let mut tags: BTreeMap<String, Vec<(u64, f32)>> = BTreeMap::new();
    for line in std::fs::read_to_string(run.join("metrics.jsonl")).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let step = line["step"].as_u64().unwrap();
        let mut note = |tag: String, value: f64| tags.entry(tag).or_default().push((step, value as f32));
        for (name, value) in line.as_object().unwrap() {
            match value {
                Value::Number(number) if name != "step" && name != "of" => note(events::tag(name), number.as_f64().unwrap()),
                Value::Bool(yes) => note(events::tag(name), f64::from(u8::from(*yes))),
                _ => {}
            }
        }
        for part in line["parts"].as_array().unwrap() {
            note(format!("loss/part_{}", part[0].as_str().unwrap()), part[1].as_f64().unwrap());
        }
        for (bin, loss) in line["levels"].as_array().unwrap().iter().enumerate() {
            loss.as_f64().into_iter().for_each(|loss| note(events::level_tag(bin), loss));
        }
    }
    tags
}

#[test]
fn tensorboard_reads_a_run_that_was_killed_as_if_it_had_not_been() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let stage = run.join("text");
    let begin = || done(train("stage1-256", &run, None).arg("--set=train.checkpoints.every_steps=4"));
    begin();
    let event_files = |stage: &Path| -> Vec<String> {
        names(stage).into_iter().filter(|name| name.starts_with("events.out.tfevents.")).collect()
    };
    let first = event_files(&stage);
    assert_eq!(first.len(), 1, "{first:?}");
    // As after a kill in the middle of a record: updates 5 and 6 are noted, the newest checkpoint is of update 4.
    for name in ["final.safetensors", "step-00000006.safetensors", "step-00000006.json"] {
        std::fs::remove_file(stage.join(name)).unwrap();
    }
    let mut bytes = std::fs::read(stage.join(&first[0])).unwrap();
    bytes.truncate(bytes.len() - 5);
    std::fs::write(stage.join(&first[0]), &bytes).unwrap();
    begin();
    let files = event_files(&stage);
    assert!(files.len() == 2 && files.contains(&first[0]), "{files:?}");
    assert_eq!(std::fs::read(stage.join(&first[0])).unwrap(), bytes, "what was written is left alone");

    let Some(python) = python() else {
        eprintln!("skipped: TensorBoard is not installed; tests/run.sh does it where python3-venv and pip work");
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/tensorboard/read.py");
    let output = Command::new(python).arg("-I").arg(script).arg(&stage).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = noted(&run);
    assert_eq!(expected["loss/mean"].iter().map(|(step, _)| *step).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    for loader in ["old", "new"] {
        assert_eq!(scalars(&read[loader]), expected, "{loader} loader");
        let drawn = |step: u32| {
            let picture = engine::imageio::png::read_gray(&stage.join(format!("panel/step-{step:08}.png"))).unwrap();
            let size = [picture.width(), picture.height()];
            serde_json::json!([step, size, size])
        };
        assert_eq!(read[loader]["pictures"], serde_json::json!({ "panel": [drawn(3), drawn(6)] }), "{loader} loader");
    }
}
