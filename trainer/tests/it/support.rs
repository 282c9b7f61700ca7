//! A tiny model trained by the program itself, folders that vanish, and running the program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use engine::domain::Mask;
use engine::imageio::png::encode_mask;

/// The program, with arguments; it runs in `dir`.
pub(crate) fn chexgen<S: AsRef<std::ffi::OsStr>>(dir: &Path, args: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chexgen"));
    command.args(args).current_dir(dir).env_remove("CHEXGEN_LOG");
    // The tests themselves may run under a launcher.
    for name in LAUNCHERS {
        command.env_remove(name);
    }
    command
}

/// What launchers set, as far as the program reads it.
const LAUNCHERS: [&str; 9] = [
    "SLURM_STEP_ID",
    "RANK",
    "WORLD_SIZE",
    "LOCAL_RANK",
    "OMPI_COMM_WORLD_RANK",
    "OMPI_COMM_WORLD_SIZE",
    "PMI_RANK",
    "PMI_SIZE",
    "PMIX_RANK",
];

/// Runs to the end.
pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(dir: &Path, args: &[S]) -> Output {
    chexgen(dir, args).output().unwrap()
}

/// Runs `generate` with the tiny model; `args` are split at blanks, `text` follows as they are.
pub(crate) fn generate(dir: &Path, args: &str, text: &[&str]) -> Output {
    let model = tiny().model.to_str().unwrap();
    let mut all: Vec<&str> = vec!["generate", "--model", model];
    all.extend(args.split_whitespace());
    all.extend(text);
    run(dir, &all)
}

/// Standard output of a run that must succeed.
pub(crate) fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{:?}: {}", output.status, stderr(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Standard error as text.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// All files under a folder by relative path, with their content.
pub(crate) fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(folder) = todo.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                todo.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_str().unwrap().replace('\\', "/");
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Names of the files under a folder.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    files(dir).into_keys().collect()
}

/// A mask file with a filled rectangle in the upper left.
pub(crate) fn write_mask(path: &Path, width: u32, height: u32) {
    let mask = Mask::from_fn(width, height, |x, y| x > width / 8 && x < width / 2 && y < height / 2);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, encode_mask(&mask, &[]).unwrap()).unwrap();
}

/// A small disk of its own: a mounted memory file system, where that may be done.
pub(crate) struct SmallDisk {
    /// Where it is.
    pub(crate) at: PathBuf,
}

impl SmallDisk {
    /// Mounts a disk of this size, such as `100k`; `None` where this user cannot.
    pub(crate) fn mount(at: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self { at: at.to_owned() })
    }

    /// Gives it another size.
    pub(crate) fn resize(&self, size: &str) {
        let status = Command::new("mount").args(["-o", &format!("remount,size={size}")]).arg(&self.at).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(&self.at).output());
    }
}

/// Waits until something is there, or the child has ended.
pub(crate) fn wait_for(child: &mut std::process::Child, what: impl Fn() -> bool) {
    let begin = Instant::now();
    while !what() && child.try_wait().unwrap().is_none() {
        assert!(begin.elapsed() < Duration::from_secs(600), "it never came");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The tiny model and the run that trained it.
pub(crate) struct Tiny {
    /// Its configuration.
    pub(crate) config: PathBuf,
    /// The run folder.
    pub(crate) run: PathBuf,
    /// The model folder.
    pub(crate) model: PathBuf,
}

/// Trained once for all tests, in a few seconds.
pub(crate) fn tiny() -> &'static Tiny {
    static TINY: OnceLock<Tiny> = OnceLock::new();
    TINY.get_or_init(|| {
        // Statics are never dropped, so the folder stays until a later run takes it away.
        let all = Path::new(env!("CARGO_TARGET_TMPDIR"));
        for old in std::fs::read_dir(all).unwrap().map(|entry| entry.unwrap()) {
            let age = old.metadata().and_then(|data| data.modified()).map(|made| made.elapsed().unwrap_or_default());
            if old.file_name().to_string_lossy().starts_with("tiny-") && age.is_ok_and(|age| age > Duration::from_secs(3600)) {
                // Another run may be taking it away just now.
                drop(std::fs::remove_dir_all(old.path()));
            }
        }
        let dir = all.join(format!("tiny-{}", std::process::id()));
        // Numbers of processes come again, within the hour too.
        drop(std::fs::remove_dir_all(&dir));
        std::fs::create_dir_all(&dir).unwrap();
        let config = dir.join("tiny.toml");
        std::fs::write(&config, tiny_config()).unwrap();
        let tiny = Tiny { config, run: dir.join("run"), model: dir.join("model") };
        let trained = train(&tiny.config, &tiny.run, Some(&tiny.model)).output().unwrap();
        stdout(&trained);
        tiny
    })
}

/// The command that trains a configuration.
pub(crate) fn train(config: &Path, run: &Path, export: Option<&Path>) -> Command {
    let mut command = chexgen(run.parent().unwrap(), &["train"]);
    command.arg(config).arg("--out").arg(run);
    if let Some(model) = export {
        command.arg("--export").arg(model);
    }
    command
}

/// The shipped configuration with the sizes of [`SIZES`] and the loop of [`LOOP`] in every stage.
fn tiny_config() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/practice.toml");
    let mut config: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    lay_over(&mut config, SIZES.parse().unwrap());
    for stage in ["autoencoder", "checker", "base", "control"] {
        let toml::Value::Table(stage) = &mut config[stage] else { panic!("{stage} is a table") };
        lay_over(stage, LOOP.parse().unwrap());
    }
    config.to_string()
}

fn lay_over(table: &mut toml::Table, other: toml::Table) {
    for (key, value) in other {
        match (table.get_mut(&key), value) {
            (Some(toml::Value::Table(table)), toml::Value::Table(other)) => lay_over(table, other),
            (_, value) => drop(table.insert(key, value)),
        }
    }
}

/// Four latent channels, so that the release preset can be used.
const SIZES: &str = r#"
name = "Tiny 64"
data = { size_px = 64, count = 256 }
text = { vocab_size = 300, max_tokens = 24, export_tokens = 24, width = 32, layers = 1, heads = 2 }
dit = { hidden_size = 64, depth = 2, num_heads = 2, patch_size = 2, control_blocks = 1 }
autoencoder.net = { latent_channels = 4, encoder_widths = [4, 4, 8], decoder_widths = [16, 8, 8], decoder_blocks = [1, 0, 0] }
checker.net = { widths = [8, 8, 8, 8] }
"#;

/// A checkpoint after every step.
const LOOP: &str = r#"
[train]
steps = 6
batch_size = 4
averages = { half_lives = [1], ramp = true }
checkpoints = { every_secs = 0, every_steps = 1, keep_last = 2 }
sheet_every = 0
loader_threads = 2
"#;
