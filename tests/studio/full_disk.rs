//! A disk that fills up while a study is read: the real window on a small disk of its own.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use app::reader::testing;
use app::theme::tokens;
use study::answers::{AnswersFile, Event};
use study::sealed::Study;
use study::template::Template;

use crate::e2e::{READER, Sitting};
use crate::screen::{Part, Screen, lacks_tools, wait_for};

/// The bar at the bottom, which says whether answers are saved.
const FOOT: Part = [0, 940, 1600, 60];
/// What answers and study may take.
const SIZE: &str = "24m";

/// A memory file system, where this user may mount one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: PathBuf) -> Option<Self> {
        std::fs::create_dir(&at).expect("writable");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={SIZE}"), "tmpfs"]).arg(&at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(at))
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Writes until nothing more goes in.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.ballast()).expect("writable");
        while file.write_all(&[1; 4096]).is_ok() {}
    }

    fn empty(&self) {
        std::fs::remove_file(self.ballast()).expect("it is there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).output());
    }
}

/// Whether the bar at the bottom warns.
fn warns(screen: &Screen) -> bool {
    let [red, green, blue, _] = tokens::ERR.to_array();
    let near = |pixel: &[u8]| pixel.iter().zip([blue, green, red]).all(|(a, b)| a.abs_diff(b) < 40);
    screen.picture(FOOT).chunks_exact(4).any(near)
}

#[test]
fn a_disk_that_fills_up_in_the_middle_of_a_score_loses_no_answer() {
    if lacks_tools() {
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    let Some(disk) = SmallDisk::mount(dir.path().join("disk")) else {
        println!("skipped: this user cannot mount a small disk");
        return;
    };
    let sealed = testing::sealed(dir.path(), Template::ReportAlignment, &["R1"], 4, 256).expect("a study");
    let file = disk.0.join("small.cxstudy");
    std::fs::copy(sealed, &file).expect("copied");
    let sealed = Study::open(&file).expect("a study");
    let trials = u32::try_from(sealed.reader("R1").expect("the reader").len()).expect("few");
    assert_eq!(trials, 8);
    let screen = Screen::start();
    let start = || Sitting::start(&screen, Path::new(READER), dir.path(), &file);
    let s = start();
    s.begin(&sealed);
    s.press_until("Return", "the first image", |p| p.trials.contains_key(&1));
    let mut scores: Vec<i32> = (1..=2).map(|n| s.score(n, "4")).collect();

    // Nothing goes in any more: the window says so, keeps the score, and shows no other image.
    s.until("the third image", |p| p.trials.contains_key(&3));
    assert!(!warns(&screen), "there is nothing to warn of yet");
    disk.fill();
    screen.until("a warning", || screen.key("5"), || warns(&screen));
    screen.key("Return");
    s.shot("full-disk");
    assert!(warns(&screen), "it is still full");
    let progress = s.progress();
    assert!(progress.trials[&3].locked.is_none() && !progress.trials.contains_key(&4), "nothing goes on unsaved");
    assert_eq!(progress.locked(), 2, "what was locked is there");

    // There is room again: the same key saves it, and reading goes on.
    disk.empty();
    s.press_until("Return", "the lock", |p| p.trials.get(&3).is_some_and(|t| t.locked == Some(vec![2])));
    wait_for("no warning", || (!warns(&screen)).then_some(()));
    scores.extend([2, s.score(4, "4")]);

    // Full again, and killed there: the window comes back at the same image.
    s.until("the fifth image", |p| p.trials.contains_key(&5));
    disk.fill();
    screen.until("a warning", || screen.key("4"), || warns(&screen));
    s.child.kill();
    disk.empty();
    let s = start();
    let shown = s.count("shown");
    s.press_until("Return", "the image where it stood", |_| s.count("shown") > shown);
    (5..=trials).for_each(|n| scores.push(s.score(n, "4")));
    let handed = disk.0.join("small-R1-handed-over.cxanswers");
    screen.until("the file", || screen.key("Return"), || handed.exists());
    drop(s);

    let read = AnswersFile::read(&handed).expect("answers with a whole chain");
    let progress = read.progress(Template::ReportAlignment);
    let locked: Vec<i32> = (1..=trials).map(|n| progress.trials[&n].locked.as_ref().expect("locked")[0]).collect();
    assert_eq!(locked, scores);
    assert!(matches!(read.entries.last().map(|e| &e.event), Some(Event::Closed)));
}
