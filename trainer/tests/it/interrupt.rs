//! Ctrl-C and a full disk: whole files only, and running again goes on.

#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use engine::store::record::RunRecord;

use crate::support::{SmallDisk, chexgen, files, generate, names, stdout, tiny, wait_for};

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
    assert!(begin.elapsed() < Duration::from_secs(240), "stopped after {:?}", begin.elapsed());
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
fn a_second_ctrl_c_waits_for_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    // An update of many minutes, behind which it looks whether it was asked to stop.
    let mut command = crate::stages::train("stage1-256", &out, None);
    let command = command.args(["--set=train.batch_size=1048576", "--set=train.micro_batch=1"]);
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    wait_for(&mut child, || out.join("metrics.jsonl").exists());
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        // Signals that come too close are one.
        drop(Command::new("kill").args(["-INT", &child.id().to_string()]).output().unwrap());
        assert!(begin.elapsed() < Duration::from_secs(600), "it does not end");
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_signal_ends_the_drawing_of_phantoms_and_what_is_drawn_stays() {
    let dir = tempfile::tempdir().unwrap();
    let practice = dir.path().join("practice");
    std::fs::create_dir(&practice).unwrap();
    let mut of_practice = chexgen(&practice, &["train"]);
    of_practice.arg(&tiny().config).args(["--out", "run"]);
    let stage = dir.path().join("run");
    for (mut command, out) in [(crate::stages::train("stage1-256", &stage, None), stage), (of_practice, practice.join("run"))] {
        // They would be drawn for hours.
        let mut child = command.arg("--set=data.count=10000000").stderr(Stdio::piped()).spawn().unwrap();
        let drawn = out.join("phantoms/chunk-00001.bin");
        wait_for(&mut child, || drawn.exists());
        let first = std::fs::read(&drawn).unwrap();
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.trim_end().ends_with("those that are drawn are kept, and the same command goes on"), "{said}");
        assert!(std::fs::read(&drawn).unwrap() == first);
        let chunks = names(&out.join("phantoms"));
        assert!(chunks.len() >= 2 && chunks.iter().all(|name| name.starts_with("chunk-")), "{chunks:?}");
        assert!(!names(&out).iter().any(|name| name.contains("step-")), "no update was made");
    }
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

#[test]
fn what_a_killed_run_left_is_taken_away_and_what_is_in_use_stays() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    for folder in ["out", "out/sub", "out/other"] {
        std::fs::create_dir(dir.path().join(folder)).unwrap();
        std::fs::write(dir.path().join(folder).join(".writing-Dead01.tmp"), "half").unwrap();
    }
    std::fs::write(out.join(".writing-notes.txt"), "mine").unwrap();
    // This program writes still.
    let mut live = engine::store::atomic::AtomicFile::create(&out.join("live.bin")).unwrap();
    std::io::Write::write_all(&mut live, b"whole").unwrap();
    let text = ["--impression", "Right nodule."];
    stdout(&generate(dir.path(), "--steps 1 --name a --out out", &text));
    stdout(&generate(dir.path(), "--steps 1 --name sub/a --out out", &text));
    live.commit().unwrap();
    let left = names(&out);
    let expected = [
        ".writing-notes.txt",
        "a-0000.json",
        "a-0000.png",
        "live.bin",
        "other/.writing-Dead01.tmp",
        "sub/a-0000.json",
        "sub/a-0000.png",
    ];
    assert_eq!(left, expected, "a folder without results is left alone");
}

#[test]
fn a_killed_run_leaves_no_file_that_the_next_one_does_not_mend() {
    let dir = tempfile::tempdir().unwrap();
    let model = tiny().model.to_str().unwrap();
    let args = ["generate", "--model", model, "--impression", "Right nodule.", "--count", "1000", "--steps", "1"];
    for moment in [30, 70, 150] {
        let mut child = chexgen(dir.path(), &args).args(["--out", "out", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
        BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
        std::thread::sleep(Duration::from_millis(moment));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let out = dir.path().join("out");
    let there = names(&out).iter().filter(|name| name.ends_with(".png") && !name.starts_with('.')).count();
    stdout(&generate(dir.path(), &format!("--count {there} --steps 1 --out out"), &["--impression", "Right nodule."]));
    let left = names(&out);
    assert!(left.iter().all(|name| !name.starts_with('.')), "{left:?}");
}

#[test]
fn a_full_disk_is_one_sentence_and_whole_files() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&dir.path().join("disk"), "100k") else {
        println!("skipped: this user cannot mount a small disk");
        return;
    };
    crate::support::write_mask(&dir.path().join("mask.png"), 64, 64);
    let more = ["--impression", "Right pneumothorax.", "--twin", "No acute findings."];
    let output = generate(dir.path(), "--mask mask.png --steps 1 --count 50 --filmstrip --out disk", &more);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.lines().count() == 1 && text.contains("disk/image-00") && text.contains("the disk is full; free some space"),
        "{text}"
    );
    let left = names(&disk.at);
    assert!(left.len().is_multiple_of(6) && left.len() >= 6, "six files for each image: {left:?}");
    for name in left.iter().filter(|name| name.ends_with(".json")) {
        RunRecord::read(&disk.at.join(name)).unwrap();
        RunRecord::read(&disk.at.join(name.replace(".json", ".png"))).unwrap();
    }
}
