//! The way that docs/how-to/train.md tells: phantoms in the layouts of two public data sets, prepared, trained in three
//! stages with a kill in the middle, exported, opened as the studio does it, and an image that is made twice.
//!
//! The commands are those of the document, with smaller numbers.

#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use app::rooms::models::list::{Known, look};
use engine::store::model_dir::{ModelSpec, PartsSpec};

use crate::CHEXGEN;

/// Numbers of the document and what stands here for them.
const SMALLER: [(&str, &str); 4] =
    [("--count 1000", "--count 40"), ("--size 256", "--size 64"), ("size_px=128", "size_px=32"), ("size_px=256", "size_px=64")];

/// A network that is trained in a moment, with a checkpoint after each update, whose rate depends on no length.
const SMALL: &str = "network.hidden_size=32 network.depth=3 network.num_heads=2 train.batch_size=8 train.micro_batch=4 \
    train.lr.warmup_steps=2 train.lr.decay_from=1.0 train.averages.half_lives=[2] train.checkpoints.every_secs=0 \
    train.checkpoints.every_steps=1 panel.cases=2 panel.sampling.num_steps=2";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The commands of the document's first block behind a heading.
fn documented(heading: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join("docs/how-to/train.md")).expect("the document");
    let (_, below) = text.split_once(heading).expect("the heading");
    let (_, block) = below.split_once("```sh\n").expect("a block of commands");
    let (block, _) = block.split_once("```").expect("its end");
    let mut lines: Vec<String> = block.lines().filter(|line| line.starts_with("chexgen ")).map(str::to_owned).collect();
    for line in &mut lines {
        for (theirs, ours) in SMALLER {
            *line = line.replace(theirs, ours);
        }
    }
    lines
}

/// A folder as the document finds it: the shipped configurations, and the practice model without its network.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Option<Self> {
        let practice = root().join("assets/practice");
        if !practice.join("model.toml").is_file() {
            println!("skipped: the practice model is not there");
            return None;
        }
        let place = Self(tempfile::tempdir().expect("a folder"));
        let (configs, parts, programs) = (place.path("trainer/configs"), place.path("assets/practice"), place.path("bin"));
        for dir in [&configs, &parts, &programs] {
            std::fs::create_dir_all(dir).expect("a folder");
        }
        for entry in std::fs::read_dir(root().join("trainer/configs")).expect("configurations") {
            let path = entry.expect("an entry").path();
            std::fs::copy(&path, configs.join(path.file_name().expect("a name"))).expect("copied");
        }
        let spec = PartsSpec::read(&practice).expect("parts");
        for name in spec.files().into_iter().map(|(_, name)| name).chain(["model.toml"]) {
            std::fs::copy(practice.join(name), parts.join(name)).expect("copied");
        }
        assert!(ModelSpec::read(&parts).is_err(), "its network is not there");
        std::os::unix::fs::symlink(CHEXGEN, programs.join("chexgen")).expect("a link");
        Some(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A shell in the folder, which knows the program by its name.
    fn shell(&self, line: &str) -> Command {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("sh");
        command.args(["-c", &format!("exec {line}")]).env("PATH", path).current_dir(self.0.path());
        command
    }

    /// Runs a line to its end; gives what it said.
    fn run(&self, line: &str) -> String {
        let Output { status, stdout, stderr } = self.shell(line).output().expect("it runs");
        let said = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(status.success(), "{line}: {status}: {said}");
        said
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Updates of the newest checkpoint of a stage.
    fn newest(&self, stage: &str) -> Option<usize> {
        let names = std::fs::read_dir(self.path(stage)).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.filter_map(|name| name.strip_prefix("step-")?.strip_suffix(".json")?.parse().ok()).max()
    }
}

/// A line of training in small, for so many updates.
fn small(line: &str, steps: usize) -> String {
    let side = if line.contains("stage1") { 4 } else { 8 };
    let blocks = usize::from(line.contains("control."));
    let sheets = if blocks > 0 { 2 } else { 0 };
    let own = format!(
        "network.input_size={side} network.control_blocks={blocks} train.sheet_every={sheets} train.steps={steps} {SMALL}"
    );
    own.split_whitespace().fold(line.to_owned(), |line, set| format!("{line} --set '{set}'"))
}

#[test]
fn the_documented_way_leads_from_phantoms_to_an_image() {
    let Some(place) = Place::new() else { return };
    let lines = documented("## The whole way in small");
    let at = lines.iter().position(|line| line.contains("stage1")).expect("the first stage");
    for line in &lines[..at] {
        let said = place.run(line);
        assert!(!line.contains("prepare") || said.contains("report.html"), "{said}");
    }

    // Killed while it has a long way to go, the same command in another length goes on.
    let first = &lines[at];
    let mut child = place.shell(&small(first, 1_000_000)).stderr(Stdio::null()).spawn().expect("it runs");
    let begin = Instant::now();
    while place.newest("try/first/text") < Some(3) {
        assert!(child.try_wait().expect("a child").is_none(), "it ended by itself");
        assert!(begin.elapsed() < Duration::from_secs(600), "no checkpoint came");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().expect("killed");
    child.wait().expect("gone");
    let steps = place.newest("try/first/text").expect("a checkpoint") + 3;
    let said = place.run(&small(first, steps));
    assert!(said.contains("going on from step"), "{said}");
    place.run(&small(&first.replace("try/first", "try/whole"), steps));
    for name in ["final.safetensors".to_owned(), format!("step-{steps:08}.safetensors")] {
        let same = place.bytes(&format!("try/first/text/{name}")) == place.bytes(&format!("try/whole/text/{name}"));
        assert!(same, "{name} is not that of the training that was never killed");
    }
    let metrics = String::from_utf8(place.bytes("try/first/metrics.jsonl")).expect("text");
    assert_eq!(metrics.lines().count(), steps, "one line for each update");

    for line in &lines[at + 1..] {
        let trains = line.starts_with("chexgen train");
        let quick = line.starts_with("chexgen generate");
        let said = place.run(&match () {
            () if trains => small(line, 4),
            () if quick => format!("{line} --steps 3"),
            () => line.clone(),
        });
        if line.contains("stage2") {
            assert!(said.contains("position table made anew for 4×4 tokens"), "{said}");
        }
        assert!(!line.contains("replay") || said.contains("identical"), "{said}");
    }
    assert!(place.path("try/control/control/panel/film.png").is_file());

    let info = look(&Known::Folder(place.path("try/model")));
    assert_eq!((info.problem.as_deref(), info.missing.as_slice()), (None, [].as_slice()));
    assert_eq!((info.name.as_str(), info.size_px, info.practice), ("Practice control", 64, true));
    let image = |name: &str| engine::imageio::png::read_gray(&place.path(name)).expect("an image");
    let (plain, masked) = (image("try/images/text-0000.png"), image("try/images/mask-0000.png"));
    assert!(plain.width() == 64 && plain != masked, "the mask acts");
    let spec = ModelSpec::read(&place.path("try/model")).expect("a model folder");
    assert_eq!((spec.palette.as_str(), spec.dit().map(|dit| dit.control_blocks)), ("practice", Some(1)));
}
