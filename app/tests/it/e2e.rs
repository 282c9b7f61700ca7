//! The real program in a real window: Xvfb, software Vulkan, mouse and keys from outside.
//!
//! What was done is seen in the studio's own files (journals, library, saved images) and on the screen; pictures of the
//! screen are left in `target/screenshots`. Skipped with a printed reason where Xvfb, xdotool or ImageMagick are missing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use app::action::Action;
use app::app::StudioApp;
use app::examples::Example;
use app::journal::log::Log;
use app::library::jobs::{self, Counts};
use app::library::{Database, JobState, Relation, Task};
use app::state::history::Snapshot;
use app::state::{Room, Shown};
use eframe::egui::{PointerButton, Rect, Role, Vec2};
use egui_kittest::kittest::Queryable;
use engine::domain::{Finding, GrayImage, Source};
use engine::imageio::png;
use engine::store::record::RunRecord;

use crate::harness::{Studio, click, drag, studio_with, wait};
use crate::screen::{Part, Running, Screen, lacks_tools, wait_for};

const PROGRAM: &str = env!("CARGO_BIN_EXE_chexgen-studio");
/// The left panel.
const LEFT: Part = [66, 54, 300, 690];
/// Where the fields for words are: the impression, the palette's and the path's.
const FIELD: Part = [66, 54, 300, 136];
/// The canvas with its header, and the film below it.
const MIDDLE: Part = [372, 54, 920, 900];
/// The middle of the image.
const IMAGE: Part = [700, 250, 300, 300];
/// Any room, right of the rail.
const ROOM: Part = [66, 54, 1500, 880];
/// What the impression of the edited radiograph says.
const EDIT: &str = "Nodule in the left lung.";
/// What the impression of the fork says.
const FORK: &str = "Large right pneumothorax. No pleural effusion. Heart size is normal.";

/// Records below a folder, with their images.
fn records_in(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|f| f.path());
    let whole = |p: &PathBuf| p.extension().is_some_and(|e| e == "json") && p.with_extension("png").exists();
    // Images lie in a folder for each day.
    files.flat_map(|p| if p.is_dir() { records_in(&p) } else { vec![p] }).filter(whole).collect()
}

/// A radiograph as DICOM, brighter than any example.
fn radiograph(dir: &Path) -> PathBuf {
    let picture = Example::EnlargedHeart.picture(512);
    let pixels = picture.pixels().iter().map(|v| 32_767 + v / 2).collect();
    crate::images::dicom_file(dir, &GrayImage::new(512, 512, pixels).expect("512 × 512"))
}

/// Where controls lie, by the same window without a screen in which the same was done.
struct Places {
    impression: (i32, i32),
    add: (i32, i32),
    results: [(i32, i32); 2],
}

impl Places {
    fn rehearse(dir: &Path, file: &Path) -> Self {
        let opener = app::testing::FakeModel::opener(64, Duration::ZERO);
        let mut h = studio_with(dir, opener, Vec2::new(1600.0, 1000.0), false);
        h.state_mut().act(Action::OpenFile(file.to_owned()));
        wait(&mut h, "the radiograph", |a| a.state.document.base.is_some());
        let middle = |rect: Rect| (rect.center().x as i32, rect.center().y as i32);
        let impression = middle(h.get_by_role_and_label(Role::MultilineTextInput, "Impression").rect());
        h.state_mut().act(Action::SetImpression(EDIT.to_owned()));
        drag(&mut h, PointerButton::Primary, (0.66, 0.42), (0.7, 0.44));
        for n in 1..=2 {
            h.state_mut().act(Action::Generate);
            wait(&mut h, "the image", |a: &StudioApp| a.state.results.len() == n);
        }
        h.state_mut().act(Action::OpenRoom(Room::Compare));
        h.run_steps(4);
        let add = middle(h.get_by_role_and_label(Role::Button, "Add a picture").rect());
        click(&mut h, "Add a picture");
        h.run_steps(4);
        let item = |h: &Studio, i: usize| {
            let title = app::state::sight::Picture::of_shown(&h.state().state, Shown::Result(i)).expect("a result").title;
            // Both results have one title: they stand in the order of the results.
            let rects: Vec<_> = h.query_all_by_role_and_label(Role::Button, &title).map(|n| n.rect()).collect();
            middle(rects[i.min(rects.len() - 1)])
        };
        Self { impression, add, results: [item(&h, 0), item(&h, 1)] }
    }
}

/// One life of the studio's window, and what it wrote.
struct Window<'a> {
    screen: &'a Screen,
    data: PathBuf,
    app: Running,
    lines: Arc<Mutex<Vec<String>>>,
}

impl<'a> Window<'a> {
    /// Starts the studio and waits until it can be used, with its model where there is one.
    fn start(screen: &'a Screen, home: &Path) -> Self {
        let data = home.join("data");
        let mut command = screen.program(Path::new(PROGRAM), home);
        command.arg("--data").arg(&data).arg("--save").arg(home.join("saved")).env("RUST_LOG", "app=info");
        let mut app = Running(command.stderr(Stdio::piped()).spawn().expect("the studio starts"));
        let lines = app.lines();
        screen.focus("ChexGen Studio", &mut app);
        // The threads tell in any order; what a person does before that is for tests of the state.
        let wanted = [if has_model() { "is ready" } else { "usable" }, "the library is open", "the cases of before are read"];
        wait_for("a window that can be used", || {
            app.check();
            let said = lines.lock().expect("no panic");
            wanted.iter().all(|words| said.iter().any(|line| line.contains(words))).then_some(())
        });
        wait_for("an image on the canvas", || (screen.greys(IMAGE).1 > 0.02).then_some(()));
        screen.focus("ChexGen Studio", &mut app);
        screen.settle(ROOM);
        Self { screen, data, app, lines }
    }

    fn tabs(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&std::fs::read(self.data.join("cases/tabs.json")).ok()?).ok()
    }

    /// The open case as it is on the disk; nothing where it has no journal yet.
    fn case(&self) -> Option<Arc<Snapshot>> {
        let (folder, open) = (self.data.join("cases"), self.tabs()?["open"].as_u64()?);
        // A copy: the window holds the file itself.
        let aside = tempfile::tempdir().ok()?;
        let copy = aside.path().join("case.journal");
        std::fs::copy(folder.join(format!("{open:016x}.journal")), &copy).ok()?;
        let mut image = |hash: &str| png::read_gray(&folder.join("images").join(format!("{hash}.png"))).ok().map(Arc::new);
        Log::open(&copy, &mut image).ok().and_then(|(log, _)| log.chain.now().cloned())
    }

    /// Painted pixels of the open case.
    fn painted(&self) -> usize {
        let layers = self.case().map(|case| case.unpacked().layers).unwrap_or_default();
        let masks = layers.iter().filter_map(|layer| layer.region.mask());
        masks.map(|mask| mask.bits().iter().filter(|&&bit| bit > 0).count()).sum()
    }

    fn counts(&self) -> Counts {
        jobs::counts(&Database::open(&self.data).expect("the library is whole").connection).expect("readable")
    }

    /// Whether a run is under way.
    fn is_running(&self) -> bool {
        let library = Database::open(&self.data).expect("the library is whole");
        jobs::open(&library.connection).expect("readable").iter().any(|row| row.state == JobState::Running)
    }

    /// Asks for an image and waits until it is in the library; gives what it was, and its record.
    fn made(&self, what: &str, ask: impl Fn()) -> (Task, RunRecord) {
        let before = self.counts();
        self.screen.until(what, ask, || self.counts().queued > before.queued);
        wait_for(what, || (self.counts().done > before.done).then_some(()));
        let library = Database::open(&self.data).expect("the library is whole");
        let ended = jobs::ended(&library.connection, 1).expect("readable").remove(0);
        assert_eq!(ended.state, JobState::Done);
        let newest = records_in(&self.data.join("images"));
        let newest = newest.into_iter().max_by_key(|p| std::fs::metadata(p).and_then(|m| m.modified()).expect("a time"));
        (ended.task, RunRecord::read(&newest.expect("a record")).expect("the record is readable"))
    }

    /// Types words into a field, once it takes what is typed: before that, letters would be keys of the canvas.
    fn type_into(&self, what: &str, part: Part, open: impl Fn(), words: &str) {
        // No key of the studio; it is replaced by the words. Pictures further down change by themselves, the field does not.
        let takes = || {
            (0..2).all(|_| {
                self.screen.settle(part);
                let before = self.screen.picture(FIELD);
                self.screen.key("semicolon");
                self.screen.settle(part);
                self.screen.picture(FIELD) != before
            })
        };
        self.screen.until(what, open, takes);
        self.screen.key("ctrl+a");
        self.screen.type_text(words);
        self.screen.settle(part);
    }

    /// Writes a text into the impression.
    fn write(&self, at: (i32, i32), words: &str) {
        let write = || self.type_into("the field of the impression", LEFT, || self.screen.click(at), words);
        self.screen.until("the impression", write, || self.case().is_some_and(|c| c.document.impression == words));
        // Letters are keys of the canvas again.
        self.screen.key("Escape");
        self.screen.settle(LEFT);
    }

    /// Runs a command by the palette.
    fn command(&self, title: &str) {
        self.screen.key("Escape");
        self.type_into("the palette", LEFT, || self.screen.key("ctrl+k"), title);
        self.screen.key("Return");
    }

    /// Opens a file by its path.
    fn open(&self, file: &Path, is_open: impl FnMut() -> bool) {
        let open = || {
            self.type_into("a field for the path", LEFT, || self.screen.key("ctrl+o"), &file.display().to_string());
            self.screen.key("Return");
        };
        self.screen.until("the opened file", open, is_open);
    }

    /// Clicks until a part of the screen shows it.
    fn click(&self, what: &str, at: (i32, i32)) {
        self.screen.point(at);
        self.screen.settle(ROOM);
        self.screen.until_seen(what, ROOM, || self.screen.click(at));
    }

    /// Goes to a room.
    fn room(&self, key: &str) {
        self.screen.until_seen("the room", ROOM, || self.screen.key(key));
    }
}

fn has_model() -> bool {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/practice/model.toml").exists()
}

#[test]
fn a_case_goes_from_a_dicom_file_to_a_saved_image_and_survives_a_kill() {
    if lacks_tools() {
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    let home = dir.path();
    let file = radiograph(home);
    let places = Places::rehearse(&home.join("rehearsal"), &file);
    let screen = Screen::start();
    let began = Instant::now();
    let w = Window::start(&screen, home);
    println!("usable, with its model, {:.2} s after start", began.elapsed().as_secs_f32());
    screen.shot("start");

    // Paint a stroke with the brush and take it back.
    let stroke = |through: &[(i32, i32)]| {
        screen.key("b");
        screen.drag(through);
    };
    let before = w.case();
    screen.until("a stroke", || stroke(&[(900, 440), (960, 470), (1020, 460)]), || w.case() != before);
    let painted = w.painted();
    screen.until("the stroke to go", || screen.key("ctrl+z"), || w.painted() < painted);
    let dark = screen.greys(IMAGE).0;

    // Open a radiograph by its path, say what shall be there, and draw where.
    w.open(&file, || screen.greys(IMAGE).0 > dark + 0.15);
    screen.shot("opened");
    w.write(places.impression, EDIT);
    let round = [(1020, 400), (1038, 386), (1056, 400), (1040, 416), (1024, 404)];
    screen.until("the drawn finding", || stroke(&round), || w.painted() > 0);
    let class = |finding| w.case().is_some_and(|case| case.document.layers.iter().any(|layer| layer.finding == finding));
    screen.until("its class", || screen.key("4"), || class(Finding::Nodule));
    screen.shot("drawn");
    if !has_model() {
        println!("no practice model in assets/practice: nothing was generated");
        return;
    }
    let (_, edited) = w.made("the edited image", || screen.key("ctrl+Return"));
    let request = &edited.request;
    assert!(request.impression.ends_with(EDIT), "what was typed is in the record: {}", request.impression);
    assert!(matches!(request.source, Source::Region { .. }) && !request.annotations.is_empty(), "and what was drawn");
    screen.shot("edited");

    // In the other case: an image, and from one of its early steps another one with another text.
    let open = w.tabs().expect("a list of cases")["open"].clone();
    screen.until("the other case", || screen.key("ctrl+Tab"), || w.tabs().is_some_and(|tabs| tabs["open"] != open));
    screen.settle(ROOM);
    let (_, parent) = w.made("the example's image", || screen.key("ctrl+Return"));
    screen.shot("studio");
    for _ in 0..12 {
        screen.until_seen("an earlier step", MIDDLE, || screen.key("comma"));
    }
    w.write(places.impression, FORK);
    screen.shot("step");
    let (task, fork) = w.made("the fork", || w.command("Fork from the shown step"));
    assert!(task.relation == Relation::Fork && task.parent_step.is_some_and(|step| step > 0), "{task:?}");
    assert!(fork.request.impression.ends_with(FORK) && fork.request.seed == parent.request.seed);
    screen.shot("forked");

    // Compare on the canvas by keys, and in the room by the mouse.
    screen.until_seen("A and B", MIDDLE, || screen.key("c"));
    screen.until_seen("the difference", MIDDLE, || screen.key("d"));
    screen.shot("swipe");
    screen.until_seen("no difference", MIDDLE, || screen.key("d"));
    w.room("ctrl+3");
    for result in places.results {
        w.click("the list of results", places.add);
        w.click("a picture", result);
    }
    wait_for("two pictures", || (screen.greys([500, 250, 900, 500]).1 > 0.03).then_some(()));
    screen.shot("compare");

    // The twin without the finding is made and compared; the image is saved.
    w.room("ctrl+1");
    screen.until_seen("one image", MIDDLE, || screen.key("c"));
    let (task, twin) = w.made("the twin", || screen.key("k"));
    assert!(task.relation == Relation::Twin && twin.request.annotations.is_empty(), "{task:?}");
    screen.shot("twin");
    let saved = home.join("saved");
    screen.until("the saved image", || screen.key("ctrl+s"), || !records_in(&saved).is_empty());
    for (key, name) in [("ctrl+2", "runs"), ("ctrl+4", "data-sets"), ("ctrl+5", "reading-room"), ("ctrl+7", "models")] {
        w.room(key);
        screen.shot(name);
    }
    w.room("ctrl+1");

    // Killed in the middle of its work, the studio is there again with the case, its images and its queue.
    let (before, case) = (w.counts(), w.case());
    screen.until("a run", || screen.key("ctrl+Return"), || w.counts().queued > before.queued);
    w.app.kill();
    let library = Database::open(&home.join("data")).expect("the library is whole");
    let counts = jobs::counts(&library.connection).expect("readable");
    drop(library);
    assert!(counts.adds_up() && counts.done >= before.done && counts.queued > before.queued, "{counts:?}");
    assert!(records_in(&home.join("data/images")).len() >= before.done, "what was shown as done is on disk");
    let mut w = Window::start(&screen, home);
    assert_eq!(w.case(), case, "the case of before");
    screen.shot("restored");
    if counts.open > 0 {
        // Once it goes on, it is waited for: the command is not there any more.
        screen.until("the queue to go on", || w.command("Resume the queue"), || w.is_running() || w.counts().open == 0);
        wait_for("the killed run", || (w.counts().open == 0).then_some(()));
    }
    let now = w.counts();
    assert!(now.adds_up() && now.done == now.queued, "{now:?}");

    // What was done before the kill can be undone after it, and a saved image brings its case back.
    screen.key("Escape");
    screen.settle(ROOM);
    screen.until("undo", || screen.key("ctrl+z"), || w.case() != case);
    screen.until("redo", || screen.key("ctrl+y"), || w.case() == case);
    let kept = records_in(&saved).remove(0);
    let said = RunRecord::read(&kept).expect("the record is readable").request.impression;
    let is_there = || w.case().is_some_and(|now| Some(&now) != case.as_ref() && now.document.full_impression() == said);
    w.open(&kept.with_extension("png"), is_there);
    screen.shot("reopened");
    assert!(w.app.0.try_wait().expect("the process can be asked").is_none(), "the studio is alive");
    let lines = w.lines.lock().expect("no panic");
    assert!(!lines.iter().any(|line| line.contains("ERROR") || line.contains("panicked")), "{lines:?}");
    println!("screenshots: target/screenshots");
}

#[test]
fn without_a_display_one_sentence_names_the_headless_command() {
    let out = Command::new(PROGRAM)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .output()
        .expect("the studio starts");
    if cfg!(all(unix, not(target_os = "macos"))) {
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1));
        assert_eq!(said.trim().lines().count(), 1, "{said}");
        assert!(said.contains("the program beside this one does the same work: chexgen generate --impression"), "{said}");
    }
}

#[test]
fn wrong_arguments_end_with_two_and_help_with_zero() {
    let run = |args: &[&str]| Command::new(PROGRAM).args(args).output().expect("the studio starts");
    assert_eq!(run(&["--colour"]).status.code(), Some(2));
    assert_eq!(run(&["--help"]).status.code(), Some(0));
    assert!(String::from_utf8_lossy(&run(&["--version"]).stdout).contains("ChexGen Studio"));
}
