//! A whole study: sealed by `chexgen`, read in the real window by keys and mouse, killed twice, joined and reported.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use engine::imageio::png::encode_gray16;
use engine::phantom::{self, PhantomConfig};
use study::answers::{AnswersFile, Event, Progress};
use study::sealed::Study;
use study::template::Template;

use crate::screen::{Part, Running, Screen, lacks_tools, wait_for};

/// The programs, built together with this test.
const CHEXGEN: &str = env!("CARGO_BIN_EXE_chexgen-under-test");
pub(crate) const READER: &str = env!("CARGO_BIN_EXE_reader-under-test");

/// Cases of the study; each has an image of two arms.
const CASES: usize = 20;
/// Side of an image in pixels.
const SIDE: u32 = 704;
/// Trials of the first block.
const BLOCK: u32 = 22;
/// Where the tile of the score 0 and a place of the image are on a screen of 1600 × 1000 points.
const TILE_0: (i32, i32) = (800, 908);
const PLACE: (i32, i32) = (800 - 352 + 246, 443 - 352 + 282);
/// The line in which one agrees.
const TICK: Part = [485, 258, 230, 32];
/// Most memory of the reading window, in MB, on a software renderer that keeps its pictures in the same memory.
const MEMORY_MB: u64 = 700;

/// What is on the disk now, read from a copy: the window holds the file itself.
fn log(answers: &Path) -> Option<AnswersFile> {
    let dir = tempfile::tempdir().ok()?;
    let copy = dir.path().join("copy.cxanswers");
    let aside = |path: &Path| path.with_extension("cxanswers-wal");
    std::fs::copy(answers, &copy).ok()?;
    if aside(answers).exists() {
        std::fs::copy(aside(answers), aside(&copy)).ok()?;
    }
    AnswersFile::read(&copy).ok()
}

/// A study of two arms whose images differ a little.
fn write_study(folder: &Path) {
    let design = "format = 1\ntitle = \"Report alignment\"\ntemplate = \"report-alignment\"\nseed = 11\nreaders = [\"R1\"]\n\
        arms = [\"ours\", \"theirs\"]\ncases = \"cases.csv\"\nconsent = \"You score radiographs, some of them synthetic.\"\n\
        [plan]\nrepeats = 0.1\nseparation = 5\nblock_size = 22\npractice = 2\n";
    std::fs::write(folder.join("study.toml"), design).expect("writable");
    let mut table = "case,impression,findings,sex,age,view,use,image:ours,image:theirs".to_owned();
    for case in 0..CASES + 2 {
        let used = if case < CASES { "scored" } else { "practice" };
        // The patient of the impression, and another one.
        let drawn = [0, 500].map(|other| phantom::draw(&PhantomConfig::practice(), 1482, (case + other) as u64, SIDE));
        let impression = drawn[0].impression.replace('"', "'");
        table.push_str(&format!("\ncase-{case},\"{impression}\",none,Woman,{},PA,{used}", 40 + case));
        for (arm, drawn) in ["ours", "theirs"].iter().zip(&drawn) {
            let name = format!("{arm}-{case}.png");
            std::fs::write(folder.join(&name), encode_gray16(&drawn.image, &[]).expect("a PNG")).expect("writable");
            table.push_str(&format!(",{name}"));
        }
    }
    std::fs::write(folder.join("cases.csv"), table).expect("writable");
}

fn said(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

/// One sitting at the real window.
pub(crate) struct Sitting<'a> {
    screen: &'a Screen,
    pub(crate) answers: PathBuf,
    pub(crate) child: Running,
}

/// Events of a kind in a log.
fn count(answers: &Path, kind: &str) -> usize {
    let is = |event: &Event| serde_json::to_value(event).is_ok_and(|v| v["kind"] == kind);
    log(answers).map_or(0, |log| log.entries.iter().filter(|e| is(&e.event)).count())
}

impl<'a> Sitting<'a> {
    pub(crate) fn start(screen: &'a Screen, program: &Path, folder: &Path, study: &Path) -> Self {
        let stem = study.file_stem().expect("a name").to_string_lossy().into_owned();
        let answers = study.with_file_name(format!("{stem}-R1.cxanswers"));
        let before = count(&answers, "opened");
        let mut command = screen.program(program, folder);
        let child = command.arg(study).current_dir(folder).stderr(Stdio::piped()).spawn().expect("the window starts");
        let mut child = Running(child);
        child.lines();
        // The window is there before its first frame; the keyboard goes to it when it is told to.
        wait_for("the study", || {
            screen.focus("ChexGen reader", &mut child);
            (count(&answers, "opened") > before).then_some(())
        });
        screen.focus("ChexGen reader", &mut child);
        Self { screen, answers, child }
    }

    pub(crate) fn count(&self, kind: &str) -> usize {
        count(&self.answers, kind)
    }

    pub(crate) fn progress(&self) -> Progress {
        log(&self.answers).map(|log| log.progress(Template::ReportAlignment)).unwrap_or_default()
    }

    /// The beginning, by keyboard alone: tick, years, display check, practice.
    pub(crate) fn begin(&self, sealed: &Study) {
        // Keys that come before the page is drawn may be lost, so all of them are pressed again until they count.
        wait_for("the first page", || (self.screen.greys(TICK).1 > 0.02).then_some(()));
        self.shot("consent");
        let bare = self.screen.picture(TICK);
        let agree = || {
            // This key takes the tick away again where it is.
            if self.screen.picture(TICK) == bare {
                self.screen.key("y");
            }
            ["3", "Return"].iter().for_each(|key| self.screen.key(key));
        };
        let agreed = |p: &Progress| p.consent && p.experience.is_some();
        self.screen.until("consent", agree, || agreed(&self.progress()));
        self.shot("display");
        self.press_until("y Left Up Right Down 2 Return", "the display check", |p| p.display);
        for (done, trial) in (1u32..).zip(&sealed.sheet().practice) {
            self.press_until(&format!("{} Return", practice_key(trial)), "practice", |p| p.practice >= done);
        }
    }

    /// Scores a trial by its key and returns the value.
    pub(crate) fn score(&self, trial: u32, key: &str) -> i32 {
        let value = key.parse::<i32>().expect("a digit") - 3;
        self.until("the image", |p| p.trials.contains_key(&trial));
        self.screen.key(key);
        self.until("the key", |p| p.trials.get(&trial).is_some_and(|t| t.chosen == [Some(value)]));
        self.screen.key("Return");
        self.until("the lock", |p| p.trials.get(&trial).is_some_and(|t| t.locked == Some(vec![value])));
        value
    }

    /// Presses keys until something is in the log: the window may still be busy with the frame before.
    pub(crate) fn press_until(&self, keys: &str, what: &str, holds: impl Fn(&Progress) -> bool) {
        self.screen.until(what, || keys.split(' ').for_each(|key| self.screen.key(key)), || holds(&self.progress()));
    }

    pub(crate) fn until(&self, what: &str, holds: impl Fn(&Progress) -> bool) {
        wait_for(what, || holds(&self.progress()).then_some(()));
    }

    pub(crate) fn shot(&self, name: &str) {
        self.screen.shot(&format!("reading-{name}"));
    }

    /// Memory in MB, and whether any file of a model is mapped or open.
    fn memory(&self) -> Option<(u64, bool)> {
        let proc = PathBuf::from(format!("/proc/{}", self.child.0.id()));
        let status = std::fs::read_to_string(proc.join("status")).ok()?;
        let kb: u64 = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()?;
        let maps = std::fs::read_to_string(proc.join("maps")).ok()?;
        let open = std::fs::read_dir(proc.join("fd")).ok()?.flatten().filter_map(|f| std::fs::read_link(f.path()).ok());
        let mut names = maps.lines().map(str::to_owned).chain(open.map(|p| p.display().to_string()));
        Some((kb / 1000, names.any(|n| n.contains("safetensors") || n.contains("assets/"))))
    }
}

#[test]
fn a_study_is_read_in_the_real_window_killed_twice_joined_and_reported() {
    if lacks_tools() {
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    let folder = dir.path();
    write_study(folder);
    let run = |args: &[&str]| {
        let out = Command::new(CHEXGEN).arg("study").args(args).current_dir(folder).output().expect("chexgen starts");
        assert!(out.status.success(), "chexgen study {args:?}: {}", said(&out));
        said(&out)
    };
    run(&["seal", "study.toml", "--out", "alignment.cxstudy", "--without-audit", "drawn images of a test"]);

    // The window alone, as on a reader's machine: no assets are near it.
    let alone = folder.join("reader");
    std::fs::create_dir_all(&alone).expect("writable");
    let window = alone.join("window");
    std::fs::copy(READER, &window).expect("the program is copied");
    std::fs::copy(folder.join("alignment.cxstudy"), alone.join("alignment.cxstudy")).expect("copied");
    let file = alone.join("alignment.cxstudy");
    let screen = Screen::start();
    let start = || Sitting::start(&screen, &window, &alone, &file);
    let s = start();
    let sealed = Study::open(&file).expect("a study");
    s.begin(&sealed);

    // The first images; one score by the mouse, one pause.
    s.press_until("Return", "the first image", |p| p.trials.contains_key(&1));
    let mut scores = vec![s.score(1, "4")];
    s.until("the second image", |p| p.trials.contains_key(&2));
    s.shot("case");
    screen.click(TILE_0);
    s.until("the tile", |p| p.trials.get(&2).is_some_and(|t| t.chosen == [Some(0)]));
    screen.key("Return");
    s.until("the lock", |p| p.trials.get(&2).is_some_and(|t| t.finished));
    scores.push(0);
    s.until("the third image", |p| p.trials.contains_key(&3));
    screen.key("Escape");
    wait_for("the pause", || (s.count("paused") == 1).then_some(()));
    s.shot("pause");
    screen.key("Escape");
    wait_for("going on", || (s.count("resumed") == 1).then_some(()));
    (3..=4).for_each(|n| scores.push(s.score(n, "5")));
    let memory = s.memory();

    // Killed between the key and Enter.
    s.until("an image", |p| p.trials.contains_key(&5));
    screen.key("3");
    s.until("the key", |p| p.trials.get(&5).is_some_and(|t| t.chosen == [Some(0)]));
    s.child.kill();
    let s = start();
    let shown = s.count("shown");
    s.press_until("Return", "the image where it stood", |_| s.count("shown") > shown);
    screen.key("Return");
    s.until("the lock", |p| p.trials.get(&5).is_some_and(|t| t.locked == Some(vec![0])));
    scores.push(0);

    // Killed in the error step, after a click on the image.
    s.until("an image", |p| p.trials.contains_key(&6));
    screen.key("2");
    s.until("the key", |p| p.trials.get(&6).is_some_and(|t| t.chosen == [Some(-1)]));
    screen.key("Return");
    s.until("the lock", |p| p.trials.get(&6).is_some_and(|t| t.locked.is_some()));
    s.press_until("o", "the kind", |p| p.trials.get(&6).is_some_and(|t| !t.marks.is_empty()));
    screen.click(PLACE);
    s.until("the place", |p| p.trials.get(&6).is_some_and(|t| t.marks[0].place.is_some()));
    s.shot("error-step");
    s.child.kill();
    let s = start();
    let shown = s.count("shown");
    s.press_until("Return", "the image where it stood", |_| s.count("shown") > shown);
    s.press_until("Return", "the end of the error step", |p| p.trials.get(&6).is_some_and(|t| t.finished));
    scores.push(-1);

    // To the end, over the break.
    let trials = u32::try_from(sealed.reader("R1").expect("the reader").len()).expect("few");
    for n in 7..=trials {
        if n == BLOCK + 1 {
            s.until("the break", |_| s.count("break") == 1);
            s.shot("break");
            s.press_until("Return", "the next block", |p| p.trials.contains_key(&n));
        }
        scores.push(s.score(n, if n % 3 == 0 { "4" } else { "5" }));
    }
    let handed = alone.join("alignment-R1-handed-over.cxanswers");
    screen.until("the file", || screen.key("Return"), || handed.exists());
    s.shot("done");
    drop(s);

    // What was pressed is what is in the file, and nothing was lost.
    let read = AnswersFile::read(&handed).expect("answers");
    let progress = read.progress(Template::ReportAlignment);
    let locked: Vec<i32> = (1..=trials).map(|n| progress.trials[&n].locked.as_ref().expect("locked")[0]).collect();
    assert_eq!(locked, scores);
    let (x, y) = progress.trials[&6].marks[0].place.expect("a place");
    assert!((x - 0.35).abs() < 0.02 && (y - 0.4).abs() < 0.02, "the click was at {x}, {y}");
    assert!(matches!(read.entries.last().map(|e| &e.event), Some(Event::Closed)));
    if let Some((mb, models)) = memory {
        println!("the reading window uses {mb} MB with an image of {SIDE} x {SIDE}");
        assert!(!models, "a file of a model is mapped or open");
        assert!(mb < MEMORY_MB, "the reading window uses {mb} MB");
    }

    let handed = handed.display().to_string();
    let out = run(&["join", "alignment.cxstudy", "--key", "alignment.cxkey", &handed]);
    assert!(!out.contains("FAILED"), "{out}");
    run(&["report", "alignment-joined.json"]);
    let reports = std::fs::read_dir(folder).expect("readable").flatten().map(|f| f.path());
    let html: Vec<PathBuf> = reports.filter(|p| p.extension().is_some_and(|e| e == "html")).collect();
    assert!(!html.is_empty(), "the report is a page");
}

/// The key that a practice case asks for.
fn practice_key(trial: &study::plan::Trial) -> String {
    let choices = Template::ReportAlignment.choices();
    let asked = choices.iter().find(|c| Some(c.value) == trial.give);
    // A study without a wish asks for +1 in the first case.
    asked.map_or_else(|| "4".to_owned(), |c| c.key.to_string())
}
