//! `chexgen practice-report` that is interrupted or killed goes on with the pictures it has, and the report is the same.

#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::Command;

use engine::domain::GrayImage;
use engine::imageio::png::{encode_gray16, read_gray};
use engine::store::record::SYNTHETIC_MARK;

use crate::support::{chexgen, files, names, stderr, stdout, tiny, wait_for};

/// So many cases that no pause of a busy machine lets it end.
const MANY: &str = "40";

fn report(dir: &Path, out: &str, cases: &str) -> Command {
    let model = tiny().model.to_str().unwrap();
    let args = ["practice-report", "--model", model, "--steps", "2", "--batch", "1", "--cases", cases, "--out", out];
    chexgen(dir, &args)
}

/// Pictures that are kept.
fn kept(dir: &Path, out: &str) -> Vec<PathBuf> {
    let folder = dir.join(out).join(".pictures");
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|ending| ending == "png"));
    found
}

/// Starts a report of many cases and sends it a signal when some of its pictures are there; its exit code and what it said.
fn cut_off(dir: &Path, out: &str, signal: &str) -> (Option<i32>, String) {
    let log = dir.join(format!("{out}.txt"));
    let mut child = report(dir, out, MANY).stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
    wait_for(&mut child, || kept(dir, out).len() >= 3);
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    let code = child.wait().unwrap().code();
    (code, std::fs::read_to_string(log).unwrap())
}

#[test]
fn a_report_that_is_cut_off_goes_on_with_its_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    stdout(&report(dir, "whole", "2").output().unwrap());
    let whole = files(&dir.join("whole"));
    assert_eq!(names(&dir.join("whole")), ["best.png", "report.json", "report.md", "worst.png"], "nothing else is left");
    let (code, said) = cut_off(dir, "stopped", "-INT");
    assert_eq!(code, Some(3), "{said}");
    let last = said.lines().last().unwrap();
    assert!(last.starts_with("interrupted; ") && last.ends_with("are kept, run it again to go on"), "{said}");
    assert!(last.contains(" of 1080 pictures"), "five of each of 40 cases, and 16 for their variety, of five findings: {said}");
    let (code, _) = cut_off(dir, "killed", "-KILL");
    assert_eq!(code, None);
    // The first pictures of many cases are those of few. Blackened ones make another report: what is kept is used.
    std::fs::create_dir_all(dir.join("black/.pictures")).unwrap();
    for path in kept(dir, "stopped") {
        let (bytes, mark) = (std::fs::read(&path).unwrap(), SYNTHETIC_MARK.1.as_bytes());
        assert!(bytes.windows(mark.len()).any(|part| part == mark), "kept for a while only, and marked all the same");
        let image = read_gray(&path).unwrap();
        let black = GrayImage::from_unit(image.width(), image.height(), &vec![0.0; image.pixels().len()]).unwrap();
        let place = dir.join("black/.pictures").join(path.file_name().unwrap());
        std::fs::write(place, encode_gray16(&black, &[]).unwrap()).unwrap();
    }
    // One that was damaged meanwhile is made again.
    std::fs::write(&kept(dir, "killed")[0], "no picture").unwrap();
    for out in ["stopped", "killed", "black"] {
        let output = report(dir, out, "2").output().unwrap();
        stdout(&output);
        assert!(stderr(&output).contains("pictures of an earlier start are there"), "{}", stderr(&output));
        assert_eq!(files(&dir.join(out)) == whole, out != "black", "{out}");
    }
}
