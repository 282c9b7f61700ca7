//! A screen without a monitor for tests of real windows: Xvfb, mouse and keys from outside, and what is on it.
//!
//! The tests of the studio include this file, too. Nothing here waits for a time: what is waited for is a condition, and
//! its limit is there for a test that hangs.

#![allow(dead_code, reason = "two tests include it, and each uses its part")]

use std::cell::Cell;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Longest that anything may take on a slow and busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(600);
/// How long something that was done may stay without an effect before it is done again.
const AGAIN: Duration = Duration::from_secs(45);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(40);
/// How long a picture stands still until it counts as drawn to the end.
const STILL: Duration = Duration::from_millis(600);
/// How long a picture that never stands still is waited for.
const SETTLING: Duration = Duration::from_secs(20);
/// Size of the screen in pixels.
const SIZE: (usize, usize) = (1600, 1000);
/// Bytes of the frame buffer's header that are read.
const HEADER: usize = 100;

/// Ends its process when the test ends, also by a panic.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.kill().is_ok() && self.0.wait().is_err() {
            println!("a process did not end");
        }
    }
}

impl Running {
    /// Ends the process as a crash does.
    pub(crate) fn kill(mut self) {
        self.0.kill().expect("it can be killed");
        self.0.wait().expect("it is gone");
    }

    /// Panics where it ended by itself: nothing that is waited for comes any more.
    pub(crate) fn check(&mut self) {
        if let Some(status) = self.0.try_wait().expect("a process of this test") {
            panic!("the window's program ended by itself ({status})");
        }
    }

    /// The lines that it writes to standard error, as they come; a test that fails shows them, too.
    pub(crate) fn lines(&mut self) -> Arc<Mutex<Vec<String>>> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (kept, from) = (Arc::clone(&lines), self.0.stderr.take().expect("piped"));
        let read = move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                println!("the window: {line}");
                kept.lock().expect("no panic").push(line);
            }
        };
        std::thread::Builder::new().name("log".to_owned()).spawn(read).expect("a thread");
        lines
    }
}

/// A part of the screen: left, top, width, height in pixels.
pub(crate) type Part = [usize; 4];

/// The whole screen.
pub(crate) const WHOLE: Part = [0, 0, SIZE.0, SIZE.1];

/// An X server of its own with 1600 × 1000 pixels.
pub(crate) struct Screen {
    pub(crate) display: String,
    /// The server keeps its frame buffer in a file there.
    folder: tempfile::TempDir,
    _server: Running,
}

impl Screen {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // The server picks a free number and prints it.
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", &format!("{}x{}x24", SIZE.0, SIZE.1), "-nolisten", "tcp"])
            // Else it starts anew when its last client leaves, and drops a window's program that comes at that moment.
            .args(["-noreset", "-fbdir"])
            .arg(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb starts");
        let mut number = String::new();
        BufReader::new(server.stdout.take().expect("piped")).read_line(&mut number).expect("Xvfb prints its number");
        Self { display: format!(":{}", number.trim()), folder, _server: Running(server) }
    }

    pub(crate) fn run(&self, program: &str, args: &[&str]) -> String {
        let out = Command::new(program).args(args).env("DISPLAY", &self.display).output().expect("the program starts");
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }

    /// A program that draws on this screen; its home is a folder of the test.
    pub(crate) fn program(&self, program: &Path, home: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("DISPLAY", &self.display).env("HOME", home).env("XDG_RUNTIME_DIR", home).env_remove("WAYLAND_DISPLAY");
        command
    }

    /// Waits for the window of this title, which a program opens, and gives it the keyboard.
    pub(crate) fn focus(&self, title: &str, of: &mut Running) -> String {
        let window = wait_for("the window", || {
            of.check();
            let id = self.run("xdotool", &["search", "--name", &format!("^{title}$")]);
            id.lines().next().map(str::to_owned)
        });
        self.run("xdotool", &["windowfocus", &window]);
        window
    }

    pub(crate) fn key(&self, key: &str) {
        self.run("xdotool", &["key", key]);
    }

    /// A click with the left button.
    pub(crate) fn click(&self, (x, y): (i32, i32)) {
        self.point((x, y));
        self.run("xdotool", &["click", "1"]);
    }

    /// Moves the pointer.
    pub(crate) fn point(&self, (x, y): (i32, i32)) {
        self.run("xdotool", &["mousemove", &x.to_string(), &y.to_string()]);
    }

    /// Draws with the left button, as slowly as a hand.
    pub(crate) fn drag(&self, through: &[(i32, i32)]) {
        const PIECES: i32 = 6;
        let Some((&first, rest)) = through.split_first() else { return };
        let (mut from, step) = (first, "0.04");
        let mut args = vec!["mousemove".to_owned(), first.0.to_string(), first.1.to_string()];
        args.extend(["sleep", step, "mousedown", "1"].map(str::to_owned));
        for &to in rest {
            for i in 1..=PIECES {
                let at = |a: i32, b: i32| (a + (b - a) * i / PIECES).to_string();
                args.extend(["sleep".to_owned(), step.to_owned()]);
                args.extend(["mousemove".to_owned(), at(from.0, to.0), at(from.1, to.1)]);
            }
            from = to;
        }
        args.extend(["sleep", step, "mouseup", "1"].map(str::to_owned));
        self.run("xdotool", &args.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// Types words into what has the keyboard.
    pub(crate) fn type_text(&self, words: &str) {
        self.run("xdotool", &["type", "--delay", "12", words]);
    }

    /// Does something until it has an effect: the window may be busy, or not be ready for it.
    pub(crate) fn until(&self, what: &str, act: impl Fn(), mut holds: impl FnMut() -> bool) {
        let began = Instant::now();
        while !holds() {
            if began.elapsed() >= LIMIT {
                self.save("failed");
                panic!("nothing that was done gave {what}; target/screenshots/failed.png shows what there was");
            }
            act();
            let done = Instant::now();
            while !holds() && done.elapsed() < AGAIN {
                std::thread::sleep(LOOK);
            }
        }
    }

    /// Does something until a part of the screen shows another picture, and waits until that picture stands still.
    pub(crate) fn until_seen(&self, what: &str, part: Part, act: impl Fn()) {
        // A hint that appears by itself is no effect.
        self.settle(part);
        let before = self.picture(part);
        let acted = Cell::new(false);
        let act = || {
            acted.set(true);
            act();
        };
        self.until(what, act, || acted.get() && self.picture(part) != before);
        self.settle(part);
    }

    /// Waits until a part of the screen stands still; a caret may blink in it.
    pub(crate) fn settle(&self, part: Part) {
        let began = Instant::now();
        let (mut last, mut since) = (self.picture(part), Instant::now());
        while since.elapsed() < STILL && began.elapsed() < SETTLING {
            std::thread::sleep(LOOK);
            let now = self.picture(part);
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
    }

    /// Blue, green, red and nothing of the pixels of a part, row by row.
    pub(crate) fn picture(&self, [left, top, width, height]: Part) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut file = std::fs::File::open(self.folder.path().join("Xvfb_screen0")).expect("the frame buffer");
        file.read_to_end(&mut bytes).expect("readable");
        // The head of an X window dump, in the order of the network.
        let head = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four")) as usize;
        assert!(bytes.len() > HEADER && head(44) == 32, "a frame buffer of 32 bits a pixel");
        let (start, stride) = (head(0) + 12 * head(76), head(48));
        let mut picture = Vec::with_capacity(4 * width * height);
        (top..top + height).for_each(|y| picture.extend_from_slice(&bytes[start + y * stride + 4 * left..][..4 * width]));
        picture
    }

    /// Mean and standard deviation of the grey values of a part, 0 to 1.
    pub(crate) fn greys(&self, part: Part) -> (f32, f32) {
        let grey = |pixel: &[u8]| pixel[..3].iter().map(|&v| f32::from(v)).sum::<f32>() / 765.0;
        let greys: Vec<f32> = self.picture(part).chunks_exact(4).map(grey).collect();
        let mean = greys.iter().sum::<f32>() / greys.len() as f32;
        (mean, (greys.iter().map(|g| (g - mean).powi(2)).sum::<f32>() / greys.len() as f32).sqrt())
    }

    /// Saves the screen below the target folder, once it stands still.
    pub(crate) fn shot(&self, name: &str) {
        self.settle(WHOLE);
        self.save(name);
    }

    fn save(&self, name: &str) {
        let exe = std::env::current_exe().expect("a test");
        let folder = exe.ancestors().nth(2).expect("a target folder").join("screenshots");
        std::fs::create_dir_all(&folder).expect("writable");
        let file: PathBuf = folder.join(format!("{name}.png"));
        self.run("import", &["-window", "root", &file.display().to_string()]);
    }
}

/// What a test of a real window needs and this machine misses; says so.
pub(crate) fn lacks_tools() -> bool {
    let missing: Vec<&str> = [("Xvfb", "-help"), ("xdotool", "version"), ("import", "-version")]
        .into_iter()
        .filter(|(tool, arg)| Command::new(tool).arg(arg).stdout(Stdio::null()).stderr(Stdio::null()).status().is_err())
        .map(|(tool, _)| tool)
        .collect();
    if !missing.is_empty() {
        println!(
            "skipped: {} not installed (Debian: apt-get install xvfb xdotool imagemagick mesa-vulkan-drivers)",
            missing.join(", ")
        );
    }
    !missing.is_empty()
}

/// Waits for something.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < LIMIT, "waited {} s for {what}", LIMIT.as_secs());
        std::thread::sleep(LOOK);
    }
}
