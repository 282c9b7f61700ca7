//! Show, compare and check configurations of training.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use engine::model::Param;

use crate::config::{AnyConfig, toml_differences};
use crate::pretrain::{source, start};

/// Arguments of the subcommand.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Print a configuration with all its values.
    Show {
        /// A file, a run or a checkpoint.
        from: PathBuf,
        /// Change a field, such as train.steps=100; may be given again.
        #[arg(long, value_name = "KEY=VALUE")]
        set: Vec<String>,
    },
    /// Print the fields in which two configurations differ; exit code 1 if there is one.
    Diff {
        /// A file, a run or a checkpoint.
        a: PathBuf,
        /// Another.
        b: PathBuf,
    },
    /// Check a configuration, and say what it trains.
    Check {
        /// A file, a run or a checkpoint.
        from: PathBuf,
        /// Change a field, such as train.steps=100; may be given again.
        #[arg(long, value_name = "KEY=VALUE")]
        set: Vec<String>,
    },
}

const AFTER_HELP: &str = "\
What the paper and the published code have different in the first stage, and what a run was started with:
  chexgen config diff trainer/configs/stage1-256.paper.toml trainer/configs/stage1-256.release.toml
  chexgen config show runs/first

Exit codes: 0 done (diff: no field differs), 1 failed (diff: some do), 2 wrong usage.";

/// Runs the subcommand.
///
/// # Errors
/// When a configuration cannot be used.
pub fn run(args: &Args) -> Result<ExitCode> {
    let mut out = std::io::stdout();
    match &args.what {
        What::Show { from, set } => write!(out, "{}", read(from, set)?.to_text()?)?,
        What::Diff { a, b } => {
            let differences = toml_differences(&read(a, &[])?.to_text()?, &read(b, &[])?.to_text()?);
            for line in &differences {
                writeln!(out, "{line}")?;
            }
            return Ok(ExitCode::from(u8::from(!differences.is_empty())));
        }
        What::Check { from, set } => {
            let config = read(from, set)?;
            writeln!(out, "{}: {}", from.display(), words(&config)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The configuration of a file, of a run's folder or inside a checkpoint.
fn read(from: &Path, set: &[String]) -> Result<AnyConfig> {
    ensure!(from.exists(), "{} does not exist; name a configuration, a run or a checkpoint", from.display());
    let file = if from.join("config.toml").is_file() { from.join("config.toml") } else { from.to_owned() };
    if file.extension().is_none_or(|extension| extension != "toml") {
        let found = source::checkpoint_at(from)?;
        let found = found.with_context(|| {
            format!("{} is no configuration (.toml), no run and no checkpoint (step-N.json); name one of these", from.display())
        })?;
        return AnyConfig::from_text(&found.meta.config, set).with_context(|| from.display().to_string());
    }
    AnyConfig::read(&file, set)
}

/// What a configuration trains, in a sentence.
fn words(config: &AnyConfig) -> Result<String> {
    let millions = |params: &[&Param]| params.iter().map(|param| param.len()).sum::<usize>() as f64 / 1e6;
    Ok(match config {
        AnyConfig::Practice(config) => format!("a practice model, {} px", config.data.size_px),
        AnyConfig::Stage(config) => {
            let all = start::parameters(config)?;
            let learning: Vec<&Param> = all.iter().filter(|param| param.trainable).collect();
            let (all, learning) = (millions(&all.iter().collect::<Vec<_>>()), millions(&learning));
            format!(
                "stage {}, {all:.1} M parameters of which {learning:.1} M learn, batches of {}",
                config.stage.name(),
                config.train.batch_size
            )
        }
    })
}
