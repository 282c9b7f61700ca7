//! The real program in a real window: Xvfb, software Vulkan, mouse and keys from outside.
//!
//! Leaves `target/screenshots/studio.png`. Skipped with a printed reason where Xvfb, xdotool or
//! ImageMagick are missing.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Ends its process when the test ends, also by a panic.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.kill().is_ok() && self.0.wait().is_err() {
            println!("a process did not end");
        }
    }
}

struct Screen {
    display: String,
    _server: Running,
}

impl Screen {
    fn start() -> Self {
        // The server picks a free number and prints it.
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1600x1000x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb starts");
        let mut number = String::new();
        BufReader::new(server.stdout.take().expect("piped")).read_line(&mut number).expect("Xvfb prints its number");
        Self { display: format!(":{}", number.trim()), _server: Running(server) }
    }

    fn run(&self, program: &str, args: &[&str]) -> String {
        let out = Command::new(program).args(args).env("DISPLAY", &self.display).output().expect("the program starts");
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }

    fn xdotool(&self, args: &[&str]) -> String {
        self.run("xdotool", args)
    }

    fn drag(&self, button: &str, from: (i32, i32), to: (i32, i32)) {
        let at = |t: f32| {
            [(from.0 as f32 + (to.0 - from.0) as f32 * t).to_string(), (from.1 as f32 + (to.1 - from.1) as f32 * t).to_string()]
        };
        let go = |t: f32| {
            let [x, y] = at(t);
            self.xdotool(&["mousemove", x.split('.').next().unwrap_or("0"), y.split('.').next().unwrap_or("0")]);
            std::thread::sleep(Duration::from_millis(60));
        };
        go(0.0);
        self.xdotool(&["mousedown", button]);
        (1..=8).for_each(|i| go(i as f32 / 8.0));
        self.xdotool(&["mouseup", button]);
        std::thread::sleep(Duration::from_millis(200));
    }

    fn key(&self, key: &str) {
        self.xdotool(&["key", key]);
        std::thread::sleep(Duration::from_millis(150));
    }
}

fn missing_tools() -> Vec<&'static str> {
    [("Xvfb", "-help"), ("xdotool", "version"), ("import", "-version")]
        .into_iter()
        .filter(|(tool, arg)| Command::new(tool).arg(arg).stdout(Stdio::null()).stderr(Stdio::null()).status().is_err())
        .map(|(tool, _)| tool)
        .collect()
}

fn wait_for<T>(what: &str, secs: u64, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(secs), "waited {secs} s for {what}");
        std::thread::sleep(Duration::from_millis(25));
    }
}

fn json_in(folder: &Path) -> Option<PathBuf> {
    let files: Vec<PathBuf> = std::fs::read_dir(folder).ok()?.flatten().map(|f| f.path()).collect();
    let whole = |p: &&PathBuf| p.extension().is_some_and(|e| e == "json") && p.with_extension("png").exists();
    // Images lie in a folder for each day.
    files.iter().find(whole).cloned().or_else(|| files.iter().filter(|p| p.is_dir()).find_map(|day| json_in(day)))
}

/// Records below a folder.
fn records_in(folder: &Path) -> usize {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|f| f.path());
    files.map(|p| if p.is_dir() { records_in(&p) } else { usize::from(p.extension().is_some_and(|e| e == "json")) }).sum()
}

/// Grey values of a square of a screenshot, as ImageMagick sees them: mean and standard deviation, 0 to 1.
fn look_at(picture: &Path, crop: &str) -> (f32, f32) {
    let out = Command::new("convert")
        .arg(picture)
        .args(["-crop", crop, "-colorspace", "Gray", "-format", "%[fx:mean] %[fx:standard_deviation]", "info:"])
        .output()
        .expect("ImageMagick runs");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let mut numbers = text.split_whitespace().filter_map(|n| n.parse().ok());
    (numbers.next().expect("a mean"), numbers.next().expect("a deviation"))
}

#[test]
fn a_newcomer_draws_and_generates_in_the_real_window() {
    let missing = missing_tools();
    if !missing.is_empty() {
        println!(
            "skipped: {} not installed (Debian: apt-get install xvfb xdotool imagemagick mesa-vulkan-drivers)",
            missing.join(", ")
        );
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    let screen = Screen::start();
    let program = env!("CARGO_BIN_EXE_chexgen-studio");
    let began = Instant::now();
    let start = || {
        let app = Command::new(program)
            .args([Path::new("--data"), &dir.path().join("data"), Path::new("--save"), &dir.path().join("saved")])
            .env("DISPLAY", &screen.display)
            .env("HOME", dir.path())
            .env("XDG_RUNTIME_DIR", dir.path())
            .env_remove("WAYLAND_DISPLAY")
            .stderr(Stdio::null())
            .spawn()
            .expect("the studio starts");
        let app = Running(app);
        let window = wait_for("the window", 20, || {
            let id = screen.xdotool(&["search", "--name", "^ChexGen Studio$"]);
            id.lines().next().map(str::to_owned)
        });
        (app, window)
    };
    let (mut app, window) = start();
    let shots = Path::new(program).ancestors().nth(2).expect("a target folder").join("screenshots");
    std::fs::create_dir_all(&shots).expect("the target folder is writable");
    let shot = |name: &str| {
        let path = shots.join(name);
        screen.run("import", &["-window", "root", &path.display().to_string()]);
        path
    };
    // Usable: the example's chest is on the canvas, in the middle of which grey values differ.
    wait_for("the example on the canvas", 20, || {
        let (mean, deviation) = look_at(&shot("start.png"), "300x300+700+250");
        (mean > 0.1 && deviation > 0.03).then_some(())
    });
    println!("usable {:.2} s after start (screenshots included)", began.elapsed().as_secs_f32());
    screen.xdotool(&["windowfocus", &window]);

    // Move the mask by a real drag, paint a second stroke with the brush, change the window by right-drag.
    let before = look_at(&shot("before.png"), "160x60+880+420");
    screen.key("b");
    screen.drag("1", (900, 440), (1020, 460));
    let after = wait_for("the stroke on the screen", 10, || {
        let after = look_at(&shot("after.png"), "160x60+880+420");
        ((before.0 - after.0).abs() > 0.004).then_some(after)
    });
    screen.key("ctrl+z");
    wait_for("the stroke to go", 10, || {
        let undone = look_at(&shot("undone.png"), "160x60+880+420");
        ((undone.0 - before.0).abs() < 0.5 * (after.0 - before.0).abs()).then_some(())
    });
    screen.key("v");
    screen.drag("1", (630, 300), (640, 310));

    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/practice/model.toml");
    if assets.exists() {
        // Generate is ready as soon as the weights are there.
        std::thread::sleep(Duration::from_secs(3));
        screen.key("ctrl+Return");
        std::thread::sleep(Duration::from_secs(2));
        shot("forming.png");
        let record = wait_for("the saved image", 180, || json_in(&dir.path().join("data/images")));
        let text = std::fs::read_to_string(record).expect("the record is readable");
        assert!(text.contains("pneumothorax"), "the drawn finding is in the record");
        std::thread::sleep(Duration::from_millis(500));
        screen.key("ctrl+s");
        wait_for("the save", 20, || json_in(&dir.path().join("saved")));

        // The twin without the finding, then each room as it looks.
        screen.key("k");
        wait_for("the twin", 180, || (records_in(&dir.path().join("data/images")) == 2).then_some(()));
        std::thread::sleep(Duration::from_secs(1));
        shot("twin.png");
        for (key, name) in
            [("ctrl+2", "runs.png"), ("ctrl+3", "compare.png"), ("ctrl+4", "data-sets.png"), ("ctrl+7", "models.png")]
        {
            screen.key(key);
            std::thread::sleep(Duration::from_millis(800));
            shot(name);
        }
        screen.key("ctrl+1");

        // Killed in the middle of its work, the studio is there again with the case, its images and its queue.
        screen.key("ctrl+Return");
        std::thread::sleep(Duration::from_millis(300));
        app.0.kill().expect("it can be killed");
        app.0.wait().expect("it is gone");
        let kept = records_in(&dir.path().join("data/images"));
        assert!(kept >= 2, "what was shown as done is on disk");
        let (again, window) = start();
        app = again;
        std::thread::sleep(Duration::from_secs(4));
        screen.xdotool(&["windowfocus", &window]);
        shot("restored.png");
    } else {
        println!("no practice model in assets/practice: nothing was generated");
    }
    screen.xdotool(&["mousemove", "1500", "930"]);
    std::thread::sleep(Duration::from_millis(500));
    let last = shot("studio.png");
    let (_, deviation) = look_at(&last, "300x300+700+250");
    assert!(deviation > 0.03, "an image is on the canvas at the end");
    assert!(app.0.try_wait().expect("the process can be asked").is_none(), "the studio is alive");
    println!("screenshot: target/screenshots/studio.png");
}

#[test]
fn without_a_display_one_sentence_names_the_headless_command() {
    let out = Command::new(env!("CARGO_BIN_EXE_chexgen-studio"))
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .output()
        .expect("the studio starts");
    if cfg!(all(unix, not(target_os = "macos"))) {
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1));
        assert_eq!(said.trim().lines().count(), 1, "{said}");
        assert!(said.contains("cargo run --release -p trainer -- generate --impression"), "{said}");
    }
}

#[test]
fn wrong_arguments_end_with_two_and_help_with_zero() {
    let run = |args: &[&str]| Command::new(env!("CARGO_BIN_EXE_chexgen-studio")).args(args).output().expect("the studio starts");
    assert_eq!(run(&["--colour"]).status.code(), Some(2));
    assert_eq!(run(&["--help"]).status.code(), Some(0));
    assert!(String::from_utf8_lossy(&run(&["--version"]).stdout).contains("ChexGen Studio"));
}
