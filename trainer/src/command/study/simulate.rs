//! Let simulated readers answer a sealed study.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow, ensure};
use engine::store::atomic::{ensure_writable_dir, write_atomic};
use study::answers::Answers;
use study::key::Key;
use study::sealed::Study;
use study::simulate::{Simulation, read};

use super::files::{count, say};
use super::progress::Step;
use crate::text_file::{self, CONFIG_BYTES};

/// Arguments of the step.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The sealed study.
    #[arg(value_name = "NAME.cxstudy")]
    study: PathBuf,
    /// Its key; beside the study, if left out.
    #[arg(long, value_name = "NAME.cxkey")]
    key: Option<PathBuf>,
    /// The folder of the answers, one file a reader; made when missing.
    #[arg(long, value_name = "DIR", default_value = "simulated")]
    out: PathBuf,
    /// What is true of images and readers, as `--write` writes it; a usual world, if left out.
    #[arg(long, value_name = "FILE.toml")]
    world: Option<PathBuf>,
    /// Write the usual world of this study to a file and stop: change it, and give it back by --world.
    #[arg(long, value_name = "FILE.toml", conflicts_with = "world")]
    write: Option<PathBuf>,
    /// Seed of the answers.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

const AFTER_HELP: &str = "\
Answers with a known truth, to try a study out before anybody reads it: is the report what you want, does the plan work? \
Images are not looked at; the effect of each arm and finding, the deviation of cases and images, and each reader's bias, \
noise, learning, fatigue, attention and time are those of the world. Every file is marked as simulated, and the report says \
SIMULATED READERS on every part.

Exit codes: 0 done, 1 failed, 3 interrupted.";

/// Date of the first simulated answer, milliseconds since 1970: the same for every run, so that the files are the same.
const START_MS: i64 = 1_767_258_000_000;

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let study = Study::open(&args.study)?;
    let key_file = args.key.clone().unwrap_or_else(|| args.study.with_extension("cxkey"));
    let key = Key::read(&key_file)?;
    key.fits(&study, &key_file.display().to_string())?;
    let usual = Simulation::usual(&study, &key);
    if let Some(file) = &args.write {
        ensure!(!file.exists(), "{} is there already; choose another name", file.display());
        write_atomic(file, toml::to_string(&usual)?.as_bytes())?;
        say(format!("written: {}; change it and give it back by --world", file.display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let simulation = match &args.world {
        Some(file) => {
            let text = text_file::read(file, CONFIG_BYTES).with_context(|| format!("cannot read {}", file.display()))?;
            toml::from_str(&text)
                .map_err(|error| anyhow!("{} is no world of simulated readers: {}", file.display(), error.message()))?
        }
        None => usual,
    };
    ensure_writable_dir(&args.out)?;
    let name = args.study.file_name().map(PathBuf::from).unwrap_or_default();
    let step = Step::begin("simulated readers")?;
    let mut files = Vec::new();
    for plan in &study.sheet().readers {
        let file = Answers::file_beside(&args.out.join(&name), &plan.reader);
        let mut progress = |done, all| step.part(&plan.reader, done, all);
        let written = read(&file, &study, &key, &plan.reader, &simulation, (args.seed, START_MS), &step.cancel, &mut progress);
        if step.is_stopped() {
            step.end();
            return Ok(ExitCode::from(3));
        }
        written?;
        files.push(file);
    }
    step.end();
    for file in &files {
        say(format!("written: {}", file.display()))?;
    }
    say(format!("{}: SIMULATED answers, of no person", count(files.len(), "file")))?;
    Ok(ExitCode::SUCCESS)
}
