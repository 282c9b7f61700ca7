//! Ctrl-C and a full disk: whole files only, and running again goes on.

#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use engine::store::record::RunRecord;

use crate::support::{chexgen, files, generate, names, stdout, tiny};

#[test]
fn ctrl_c_leaves_whole_files_and_running_again_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let model = tiny().model.to_str().unwrap();
    let args = ["generate", "--model", model, "--impression", "Right nodule.", "--count", "1000", "--steps", "40"];
    let mut child = chexgen(dir.path(), &args).args(["--out", "out", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        lines.next().unwrap().unwrap();
    }
    let begin = Instant::now();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert!(begin.elapsed() < Duration::from_secs(20), "stopped after {:?}", begin.elapsed());
    let summary: serde_json::Value = serde_json::from_str(rest.last().unwrap()).unwrap();
    assert_eq!(summary["summary"]["interrupted"], true);
    let written = summary["summary"]["written"].as_u64().unwrap() as usize;
    assert!((2..1000).contains(&written));

    let out = dir.path().join("out");
    let before = files(&out);
    assert_eq!(before.len(), 2 * written, "an image and its record each, and nothing else: {:?}", before.keys());
    for name in before.keys() {
        RunRecord::read(&out.join(name)).unwrap();
    }
    let more = written + 1;
    let again = format!("--count {more} --steps 40 --out out");
    let text = stdout(&generate(dir.path(), &again, &["--impression", "Right nodule."]));
    assert!(text.starts_with("1 image written"), "{text}");
    let after = files(&out);
    assert!(after.len() == 2 * more && before.iter().all(|(name, bytes)| after[name] == *bytes));
}

#[test]
fn a_full_disk_leaves_no_part_of_a_result() {
    let dir = tempfile::tempdir().unwrap();
    crate::support::write_mask(&dir.path().join("mask.png"), 64, 64);
    // A limit on the size of a file stands for the full disk: condition and record fit, the image does not.
    let script = "trap '' XFSZ; ulimit -f 4; exec \"$0\" \"$@\"";
    let output = Command::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_chexgen"), "generate", "--model", tiny().model.to_str().unwrap()])
        .args(["--impression", "Right pneumothorax.", "--mask", "mask.png", "--steps", "1", "--out", "out"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.lines().count() == 1 && text.contains("image-0000.png"), "{text}");
    assert_eq!(names(&dir.path().join("out")), Vec::<String>::new());
}
