//! Train the stages of a configuration file.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, ensure};
use candle_core::Device;
use engine::device::DeviceKind;

use crate::config::{AnyConfig, StageConfig, TrainConfig};
use crate::device::{self, RankDevice};
use crate::out_folder::{refuse, refuse_model, refuse_results_of_others};
use crate::practice::run::{self, ExportTo, Progress, Stages};
use crate::pretrain::{self, export, source::Choice};
use crate::ranks::connect::connect;
use crate::ranks::{Group, place};
use crate::run::lock::RunLock;
use crate::run::log::say;
use crate::run::run_dir::{RunDir, named_after};
use crate::run::signals::StopRequest;
use crate::run::train_loop::Ending;

/// Exit code of a run that was asked to stop: it left a checkpoint and goes on when it is started again.
pub const REQUEUE: u8 = 3;

/// Arguments of the subcommand.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Configuration: one stage (trainer/configs/stage1-256.paper.toml and the like) or a whole practice model
    /// (trainer/configs/practice.toml).
    config: PathBuf,
    /// Run folder: configuration, checkpoints, metrics, panels. A run found there is continued. If left out, a folder in
    /// runs with the name of the configuration.
    #[arg(long, value_name = "RUN")]
    out: Option<PathBuf>,
    /// What a stage begins with: a run, a checkpoint, a model folder or a weight file.
    #[arg(long, value_name = "PATH")]
    from: Option<PathBuf>,
    /// Folder of parts (chexgen import --parts) or of a model, whose autoencoder and text encoder a stage uses.
    #[arg(long, value_name = "DIR")]
    parts: Option<PathBuf>,
    /// Prepared data set of a stage; its split train comes in place of phantoms where the configuration has these.
    #[arg(long, value_name = "DATA_DIR")]
    data: Option<PathBuf>,
    /// Where to write the model folder when all is done.
    #[arg(long, value_name = "MODEL_DIR")]
    export: Option<PathBuf>,
    /// Write it in the place of a model that is there.
    #[arg(long, requires = "export")]
    replace: bool,
    /// Where to run: cpu or cuda[:N]. Of many ranks, each takes the card with its number on its machine where none is
    /// named.
    #[arg(long, value_name = "DEVICE", default_value_t = RankDevice::Fixed(DeviceKind::Cpu))]
    device: RankDevice,
    /// Of many ranks, how long one may keep the others waiting before the job ends and names it.
    #[arg(long, value_name = "SECONDS", default_value_t = 1800, value_parser = clap::value_parser!(u64).range(1..))]
    rank_timeout: u64,
    /// Of a practice model, train only these stages now: autoencoder, checker, base, control; all if left out.
    #[arg(long, value_name = "STAGE,…", value_delimiter = ',')]
    stages: Vec<String>,
    /// Change a field of the configuration, such as train.steps=100; may be given again.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Write a checkpoint and end with exit code 3 after this many seconds.
    #[arg(long, value_name = "SECONDS")]
    stop_after: Option<u64>,
}

const AFTER_HELP: &str = "\
A run goes on where it was stopped, also after kill -9 or a power cut, and ends with the same weights to the last bit. \
SIGTERM, SIGUSR1 and SIGINT write a checkpoint and end it with exit code 3 after the update of now (a second Ctrl-C ends it \
at once, without one); where phantoms are still drawn or encoded they end it there, and those that are drawn are kept. A \
scheduler may start it again (in Slurm, --signal=USR1@120 and scontrol requeue on that code; chexgen launch writes such a \
script). A configuration may be changed between two starts except for the network, the batch size, the \
optimiser and the averages; what was changed is said.

Many ranks: start the same command by mpirun, srun or torchrun; the rows of each update are shared among them, rank 0 \
writes and speaks. Ranks on processors need a build with --features mpi, ranks on graphics cards one with --features nccl. \
A signal to any rank stops all of them with one checkpoint.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 stopped with a checkpoint: start it again.";

/// Where the run is.
fn run_folder(args: &Args) -> PathBuf {
    args.out.clone().unwrap_or_else(|| Path::new("runs").join(named_after(&args.config)))
}

/// Runs the subcommand.
///
/// # Errors
/// When the configuration cannot be used or a file cannot be read or written.
pub fn run(args: &Args) -> Result<ExitCode> {
    let place = place()?;
    let visible = std::env::var("CUDA_VISIBLE_DEVICES").ok();
    let device = device::open(args.device.of(place.local_rank, visible.as_deref()))?;
    let stop = StopRequest::listen(args.stop_after.map(Duration::from_secs))?;
    let out = run_folder(args);
    let group = Rc::new(connect(place, &device, &out, Duration::from_secs(args.rank_timeout))?);
    let ended = group.end(train(args, &device, &stop, &group))?;
    Ok(if ended { ExitCode::SUCCESS } else { ExitCode::from(REQUEUE) })
}

/// Whether all is done.
fn train(args: &Args, device: &Device, stop: &StopRequest, group: &Rc<Group>) -> Result<bool> {
    let out = run_folder(args);
    let config = group.together(wanted(args, &out))?;
    let run_dir = &group.first(|_| RunDir::open(&out))?;
    let _lock = group.together(if group.leads() { RunLock::take(run_dir.root()).map(Some) } else { Ok(None) })?;
    begin_config(group, run_dir, &config)?;
    match config {
        AnyConfig::Practice(config) => practice(args, &config, device, run_dir, stop, group),
        AnyConfig::Stage(config) => stage(args, &config, device, run_dir, stop, group),
    }
}

/// The configuration with what the command line says instead. What it names is there: nothing is written before that is known.
fn wanted(args: &Args, out: &Path) -> Result<AnyConfig> {
    refuse_results_of_others(out, Some("metrics.jsonl"))?;
    match AnyConfig::read(&args.config, &args.set)? {
        AnyConfig::Practice(config) => {
            practice_stages(args)?;
            look_at_export(args, out, "control")?;
            Ok(AnyConfig::Practice(config))
        }
        AnyConfig::Stage(config) => {
            let config = with_arguments(args, *config)?;
            pretrain::look(&config, out)?;
            look_at_export(args, out, config.stage.name())?;
            Ok(AnyConfig::Stage(Box::new(config)))
        }
    }
}

/// Looks whether the model folder can be written when all is done, before anything is trained. A run whose last `stage` has
/// ended may have written it already.
fn look_at_export(args: &Args, run: &Path, stage: &str) -> Result<()> {
    let Some(export) = &args.export else { return Ok(()) };
    refuse("--export", export, Some("model.toml"))?;
    let ended = run.join(stage).join("final.safetensors").is_file();
    if args.replace || ended { Ok(()) } else { refuse_model(export) }
}

/// Whether all stages are done.
fn practice(
    args: &Args,
    config: &TrainConfig,
    device: &Device,
    run_dir: &RunDir,
    stop: &StopRequest,
    group: &Rc<Group>,
) -> Result<bool> {
    let stages = practice_stages(args)?;
    let export = args.export.as_deref().map(|dir| ExportTo { dir, control: None, replace: args.replace });
    let finished = run::run(config, device, run_dir, (stop, group), &stages, export.as_ref())? == Progress::Finished;
    if let Some(to) = export.filter(|_| finished && group.leads()) {
        say(&format!("{} holds the model", to.dir.display()));
    }
    Ok(finished)
}

/// Keeps the configuration of a new run, which is that of all ranks.
fn begin_config(group: &Group, run_dir: &RunDir, config: &AnyConfig) -> Result<()> {
    let text = config.to_text()?;
    group.agree("program", env!("CARGO_PKG_VERSION"))?;
    group.agree("configuration", &text)?;
    group.together(if group.leads() { run_dir.begin_config(&text) } else { Ok(()) })
}

fn practice_stages(args: &Args) -> Result<Stages> {
    for (flag, given) in [("--from", &args.from), ("--parts", &args.parts), ("--data", &args.data)] {
        ensure!(given.is_none(), "{flag} belongs to the configuration of one stage; a practice model makes its own");
    }
    Stages::new(&args.stages)
}

/// Whether the stage is done.
fn stage(
    args: &Args,
    config: &StageConfig,
    device: &Device,
    run_dir: &RunDir,
    stop: &StopRequest,
    group: &Rc<Group>,
) -> Result<bool> {
    if pretrain::run(config, device, run_dir, stop, group)? == Ending::Stopped {
        return Ok(false);
    }
    if let Some(out) = args.export.as_ref().filter(|_| group.leads()) {
        let (from, choice, dtype) = (run_dir.stage(config.stage.name()), Choice::Longest, candle_core::DType::F32);
        let done = export::run(&export::Request { from, choice, dtype, parts: None, out: out.clone(), replace: args.replace })?;
        say(&format!("{} holds the model: step {}, {}", out.display(), done.step, done.weights));
    }
    Ok(true)
}

/// A stage's configuration with what the command line says instead.
fn with_arguments(args: &Args, mut config: StageConfig) -> Result<StageConfig> {
    ensure!(args.stages.is_empty(), "--stages belongs to practice models; {} is one stage", args.config.display());
    if let Some(from) = &args.from {
        config.start.from = Some(from.clone());
    }
    if let Some(parts) = &args.parts {
        config.parts = Some(parts.clone());
    }
    if let Some(set) = &args.data {
        config.learn_from(set);
    }
    config.check()?;
    Ok(config)
}
