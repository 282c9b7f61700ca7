//! Answers under force: programs that are killed while they write, and disks that are full.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use engine::domain::GrayImage;
use engine::imageio::png::encode_gray16;
use study::answers::{Answers, AnswersFile, Event, Moment};
use study::cases::{CaseTable, read_image};
use study::design::Design;
use study::plan::Plan;
use study::sealed::{AuditNote, Source, Study, seal};

const DESIGN: &str = r#"
format = 1
title = "Killed"
template = "report-alignment"
seed = 3
readers = ["R1"]
arms = ["a", "b"]
cases = "cases.csv"
consent = "I agree."
plan = { separation = 1 }
"#;

/// Seals a small study in a folder.
fn sealed(folder: &Path) -> PathBuf {
    let design = Design::parse(DESIGN, "study.toml").unwrap();
    let mut text = "case,impression,image:a,image:b\n".to_owned();
    for case in 0..10u16 {
        for arm in ["a", "b"] {
            let pixels = (0..256).map(|i| i * 250 + case).collect();
            let png = encode_gray16(&GrayImage::new(16, 16, pixels).unwrap(), &[]).unwrap();
            std::fs::write(folder.join(format!("{arm}{case}.png")), png).unwrap();
        }
        text += &format!("{case},Right nodule.,a{case}.png,b{case}.png\n");
    }
    std::fs::write(folder.join("cases.csv"), text).unwrap();
    let table = CaseTable::read(&design, folder).unwrap();
    let plan = Plan::build(&design, &table).unwrap();
    let note = AuditNote::LeftOut { reason: "a test".to_owned() };
    let mut images = |source: Source<'_>| match source {
        Source::Arm(case, arm) => Ok(read_image(&case.images[arm])?.image),
        Source::Example(..) => panic!("no examples here"),
    };
    let made = seal(&design, &table, &plan, note, &mut images, &mut |_, _| {}).unwrap();
    let path = folder.join("s.cxstudy");
    std::fs::write(&path, made.study).unwrap();
    path
}

/// The event of a number: key presses with a text that tells the number, long enough to span pages now and then.
fn event(number: u64) -> Event {
    Event::Comment { trial: 1, text: format!("{number} {}", "x".repeat((number % 40 * 97) as usize % 3900)) }
}

fn number_of(event: &Event) -> u64 {
    let Event::Comment { text, .. } = event else { panic!("{event:?}") };
    text.split(' ').next().unwrap().parse().unwrap()
}

const CHILD: &str = "CHEXGEN_TEST_ANSWERS";

/// Writes event after event and says so after each; run by the test below in a process of its own, or for three events.
#[test]
fn each_event_is_told_after_it_is_saved() {
    let folder = std::env::var_os(CHILD);
    let temporary = tempfile::tempdir().unwrap();
    let dir = folder.clone().map_or(temporary.path().to_owned(), PathBuf::from);
    if folder.is_none() {
        sealed(&dir);
    }
    let study = Study::open(&dir.join("s.cxstudy")).unwrap();
    let mut answers = Answers::open(&dir.join("a.cxanswers"), &study, "R1").unwrap();
    let last = if folder.is_some() { u64::MAX } else { 3 };
    let mut out = std::io::stdout().lock();
    while answers.progress().events < last {
        let number = answers.progress().events + 1;
        answers.append(Moment { wall_ms: 1, mono_secs: 0.5 }, event(number)).unwrap();
        // The parent may be gone already.
        writeln!(out, "\nsaved {number}").and_then(|()| out.flush()).unwrap();
    }
    drop(answers);
    assert_eq!(AnswersFile::read(&dir.join("a.cxanswers")).unwrap().entries.len(), 3);
}

#[test]
fn a_kill_at_any_moment_loses_at_most_the_event_in_hand() {
    let dir = tempfile::tempdir().unwrap();
    let study = Study::open(&sealed(dir.path())).unwrap();
    let path = dir.path().join("a.cxanswers");
    // What is surely there: told, or found after an earlier kill.
    let mut told = 0;
    for kill in 0..48u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "each_event_is_told_after_it_is_saved", "--nocapture", "--test-threads=1"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Killed after another number of events each time, and between two of them at another moment.
        let mut saved = || lines.by_ref().map_while(Result::ok).find_map(|line| line.strip_prefix("saved ")?.parse::<u64>().ok());
        for _ in 0..kill % 7 {
            told = saved().unwrap();
        }
        if kill % 7 > 4 {
            let error = Answers::open(&path, &study, "R1").unwrap_err().to_string();
            assert!(error.contains("is open in another window"), "{error}");
        }
        let spin = std::time::Instant::now();
        while spin.elapsed() < std::time::Duration::from_micros(kill * 211 % 3001) {}
        child.kill().unwrap();
        child.wait().unwrap();
        // What it still told before it died counts, too.
        while let Some(number) = saved() {
            told = number;
        }
        if told == 0 && !path.exists() {
            continue;
        }
        match AnswersFile::read(&path) {
            Ok(read) => {
                let there = read.entries.len() as u64;
                assert!(there == told || there == told + 1, "kill {kill}: {there} events, {told} were told");
                told = there;
                assert!(read.entries.iter().all(|entry| number_of(&entry.event) == entry.seq), "kill {kill}");
            }
            // Killed before the new file had anything in it.
            Err(error) => assert!(told == 0, "kill {kill}: {error}"),
        }
    }
    assert!(told > 40, "only {told} events were told");
    let mut answers = Answers::open(&path, &study, "R1").unwrap();
    let there = answers.progress().events;
    assert!(there == told || there == told + 1);
    answers.append(Moment::default(), event(there + 1)).unwrap();
    drop(answers);
    assert_eq!(AnswersFile::read(&path).unwrap().entries.len() as u64, there + 1);
}

/// A small disk of its own: a mounted memory file system, where that may be done.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(&self.0).output());
    }
}

#[test]
fn a_full_disk_is_one_sentence_and_the_same_event_can_be_given_again() {
    let dir = tempfile::tempdir().unwrap();
    let study = Study::open(&sealed(dir.path())).unwrap();
    let Some(disk) = SmallDisk::mount(&dir.path().join("disk"), "600k") else {
        println!("skipped: this user cannot mount a small disk");
        return;
    };
    let path = disk.0.join("a.cxanswers");
    let mut answers = Answers::open(&path, &study, "R1").unwrap();
    std::fs::write(disk.0.join("ballast"), vec![1; 300 << 10]).unwrap();
    let moment = Moment { wall_ms: 5, mono_secs: 1.0 };
    let full = (1..2000).find_map(|number| answers.append(moment, event(number)).err().map(|error| (number, error.to_string())));
    let (number, sentence) = full.unwrap();
    assert!(sentence.contains("not saved in") && sentence.contains("the disk is full; free some space"), "{sentence}");
    assert!(!sentence.contains('\n') && number > 10, "{number}: {sentence}");
    assert_eq!(answers.progress().events, number - 1);
    let again = answers.append(moment, event(number)).unwrap_err().to_string();
    assert!(again.contains("the disk is full"), "{again}");
    std::fs::remove_file(disk.0.join("ballast")).unwrap();
    for number in number..number + 5 {
        answers.append(moment, event(number)).unwrap();
    }
    drop(answers);
    let read = AnswersFile::read(&path).unwrap();
    assert_eq!(read.entries.len() as u64, number + 4);
    assert!(read.entries.iter().all(|entry| number_of(&entry.event) == entry.seq));
}
