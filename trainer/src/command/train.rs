//! Train the stages of a configuration file.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use engine::device::DeviceKind;

use crate::config::TrainConfig;
use crate::device;
use crate::practice::run::{self, Progress, Stages};
use crate::run::run_dir::RunDir;
use crate::run::signals::StopRequest;

/// Arguments of the subcommand.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Configuration, for example trainer/configs/practice.toml.
    config: PathBuf,
    /// Run folder: checkpoints, metrics, sample sheets. A run found there is continued.
    #[arg(long, default_value = "runs/practice")]
    out: PathBuf,
    /// Where to write the model folder when all stages are done.
    #[arg(long)]
    export: Option<PathBuf>,
    /// Where to run: cpu or cuda[:N].
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceKind::Cpu)]
    device: DeviceKind,
    /// Train only these stages now (autoencoder, checker, base, control); all by default.
    #[arg(long, value_delimiter = ',')]
    stages: Vec<String>,
    /// Write a checkpoint and end with exit code 3 after this many seconds.
    #[arg(long)]
    stop_after: Option<u64>,
}

/// Runs the subcommand.
///
/// # Errors
/// When the configuration cannot be used or a file cannot be read or written.
pub fn run(args: &Args) -> Result<ExitCode> {
    let config = TrainConfig::read(&args.config)?;
    let device = device::open(args.device)?;
    let run_dir = RunDir::open(&args.out)?;
    let stop = StopRequest::listen(args.stop_after.map(Duration::from_secs))?;
    let effective = toml::to_string_pretty(&config).context("cannot write the configuration as TOML")?;
    let path = run_dir.root().join("config.toml");
    engine::store::atomic::write_atomic(&path, effective.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))?;
    let stages = Stages::new(&args.stages)?;
    match run::run(&config, &device, &run_dir, &stop, &stages, args.export.as_deref())? {
        Progress::Finished => Ok(ExitCode::SUCCESS),
        Progress::Stopped => Ok(ExitCode::from(3)),
    }
}
