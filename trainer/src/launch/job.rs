//! What a job does: the command of the program, from a file that tells by its content what it is for.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use super::Cluster;
use crate::cases::read_cases;
use crate::config::{AnyConfig, parse};
use crate::prepare::config::PrepareConfig;
use crate::run::rows::Cutting;
use crate::run::settings::LoopConfig;
use crate::text_file::{self, CONFIG_BYTES};

/// The command that a job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Work {
    /// `chexgen train`.
    Train,
    /// `chexgen prepare`.
    Prepare,
    /// `chexgen generate --cases`.
    Generate,
}

/// One job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its name in the queue and in the name of its log.
    pub name: String,
    /// What it does.
    pub work: Work,
    /// Arguments of the program, the subcommand first.
    pub args: Vec<String>,
}

impl Job {
    /// The job of a file: a configuration of training, settings of a preparation, or cases. `out` is the folder of its
    /// results, `more` stands at the end of the command.
    ///
    /// # Errors
    /// When the file cannot be read or is none of these, or a path is not text.
    pub fn new(file: &Path, out: &Path, cluster: &Cluster, more: &[String]) -> Result<Self> {
        let work = Self::work_of(file, cluster, more)?;
        let stem = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let name = stem.trim_end_matches(".paper").trim_end_matches(".release").trim_end_matches(".practice");
        let mut args: Vec<String> = match work {
            Work::Train => vec!["train".to_owned(), text(file)?],
            Work::Prepare => vec!["prepare".to_owned(), text(file)?],
            Work::Generate => vec!["generate".to_owned(), "--cases".to_owned(), text(file)?],
        };
        args.extend(["--out".to_owned(), text(out)?]);
        let device = if cluster.gpus > 0 { "cuda" } else { "cpu" };
        args.extend(["--device".to_owned(), device.to_owned()]);
        args.extend(more.iter().cloned());
        Ok(Self { name: format!("chexgen-{name}"), work, args })
    }

    /// What a file is for.
    fn work_of(file: &Path, cluster: &Cluster, more: &[String]) -> Result<Work> {
        if file.extension().is_none_or(|ending| ending != "toml") {
            ensure!(file.exists(), "cannot read {}: there is no such file", file.display());
            ensure!(!read_cases(file)?.is_empty(), "{} holds no case; add one, or name another file", file.display());
            return Ok(Work::Generate);
        }
        let content = text_file::read(file, CONFIG_BYTES).with_context(|| format!("cannot read {}", file.display()))?;
        let table = parse::table(&content).with_context(|| file.display().to_string())?;
        if table.contains_key("source") {
            PrepareConfig::read(file, &[])?;
            return Ok(Work::Prepare);
        }
        if table.contains_key("stage") || table.contains_key("autoencoder") {
            look_at(&AnyConfig::read(file, &changes(more))?, cluster, more).with_context(|| file.display().to_string())?;
            return Ok(Work::Train);
        }
        bail!(
            "{} is no configuration of training (key stage, or table autoencoder), no settings of a preparation (tables \
             source) and no list of cases; name another file",
            file.display()
        )
    }
}

/// Tells what would end the job soon after it began: rows that its ranks cannot share, and what a stage cannot begin without.
fn look_at(config: &AnyConfig, cluster: &Cluster, more: &[String]) -> Result<()> {
    let shared = |train: &LoopConfig| Cutting::new(train.batch_size, train.micro_batch, 0, cluster.world()).map(drop);
    match config {
        // The autoencoder and the checker are computed whole by every rank.
        AnyConfig::Practice(config) => {
            shared(&config.base.train).context("stage base")?;
            shared(&config.control.train).context("stage control")
        }
        AnyConfig::Stage(config) => {
            shared(&config.train)?;
            let begins = !config.start.required || config.start.from.is_some();
            for (flag, given) in [("--parts", config.parts.is_some()), ("--from", begins)] {
                ensure!(
                    given || is_given(more, flag),
                    "it does not say {flag}, and the stage cannot begin without it; say it behind --, such as -- {flag} FOLDER"
                );
            }
            Ok(())
        }
    }
}

/// The changes of a configuration among the arguments of a command.
fn changes(args: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match word.strip_prefix("--set=") {
            Some(change) => found.push(change.to_owned()),
            None if word == "--set" => found.extend(words.next().cloned()),
            None => {}
        }
    }
    found
}

/// Whether a flag is among the arguments of a command.
fn is_given(args: &[String], flag: &str) -> bool {
    args.iter().any(|word| word.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('=')))
}

/// A path as text.
fn text(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).with_context(|| format!("the path {} is not UTF-8; rename it", path.display()))
}

/// The shipped configuration of a stage by its short name.
pub(super) fn shipped(stage: &str, preset: &str) -> Option<PathBuf> {
    let file = match stage {
        "stage1" => "stage1-256",
        "stage2" => "stage2-512",
        "control" => "control",
        _ => return None,
    };
    Some(PathBuf::from(format!("trainer/configs/{file}.{preset}.toml")))
}
