//! A preparation that is killed or interrupted goes on and ends with the same bytes.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{phantoms, prepare, settings, whole};
use crate::support::{chexgen, names, stderr, stdout};

const SOURCE: &str = "[[source]]\nkind = \"mimic\"\nroot = \"mimic\"\n";

fn shards(dir: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(dir.join("set")) else { return 0 };
    // Files may go while they are listed: they are written aside.
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| name.starts_with("train-") && name.ends_with(".json")).count()
}

#[test]
fn killed_at_any_moment_it_ends_with_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    phantoms(dir, "mimic", 40);
    settings(dir, "shard_cases = 4", SOURCE);
    stdout(&chexgen(dir, &["prepare", "prepare.toml", "--out", "expected"]).output().unwrap());
    let expected = whole(dir, "expected");
    // Killed when so many shards are there.
    for there in [1, 4, 8] {
        let mut child = chexgen(dir, &["prepare", "prepare.toml", "--out", "set"]).stdout(Stdio::null()).spawn().unwrap();
        let begin = Instant::now();
        while shards(dir) < there && child.try_wait().unwrap().is_none() {
            assert!(begin.elapsed() < Duration::from_secs(600), "shard {there} never came");
            std::thread::yield_now();
        }
        // SIGKILL: no handler runs.
        child.kill().unwrap();
        child.wait().unwrap();
        for name in names(&dir.join("set")).iter().filter(|name| name.ends_with(".json")) {
            assert!(
                expected.get(name).is_none_or(|bytes| *bytes == std::fs::read(dir.join("set").join(name)).unwrap()),
                "{name}"
            );
        }
    }
    let kept = shards(dir);
    let text = stdout(&prepare(dir, &[]));
    assert!(text.contains(&format!("{kept} kept")), "{text}");
    assert!(whole(dir, "set") == expected);
    let left = names(&dir.join("set"));
    assert!(!left.iter().any(|name| name.contains(".writing-")), "{left:?}");
    assert!(stdout(&prepare(dir, &[])).contains("0 shards written, 10 kept"));
}

#[test]
fn an_interrupt_ends_it_with_its_own_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    phantoms(dir, "mimic", 60);
    settings(dir, "shard_cases = 2", SOURCE);
    let mut child = chexgen(dir, &["prepare", "prepare.toml", "--out", "set", "--threads", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    while shards(dir) < 2 && child.try_wait().unwrap().is_none() {
        assert!(begin.elapsed() < Duration::from_secs(600), "no shard ever came");
        std::thread::yield_now();
    }
    let told = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    let lines: Vec<String> = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap).collect();
    let code = child.wait().unwrap().code();
    // A machine that is fast enough is done before the signal comes.
    if told.success() && code != Some(0) {
        assert_eq!(code, Some(3), "{lines:?}");
        assert!(lines.iter().any(|line| line.contains("run the same command again")), "{lines:?}");
    }
    stdout(&prepare(dir, &[]));
    assert_eq!(shards(dir), 30);
}

#[test]
fn one_run_at_a_time_in_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    phantoms(dir, "mimic", 4);
    settings(dir, "", SOURCE);
    std::fs::create_dir(dir.join("set")).unwrap();
    // Another program holds the folder.
    let file = std::fs::File::create(dir.join("set/.prepare.lock")).unwrap();
    file.lock().unwrap();
    let error = stderr(&prepare(dir, &[]));
    assert!(error.lines().count() == 1 && error.contains("another chexgen prepare works in set"), "{error}");
    drop(file);
    stdout(&prepare(dir, &[]));
}
