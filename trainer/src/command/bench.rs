//! Measure how fast the networks and their parts run here.

use std::io::Write as _;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail};
use engine::device::DeviceKind;

use crate::bench::{Bench, Measured, all, choose};

/// Arguments of the subcommand.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// What to measure; everything if left out, `kernels` for all kernels. See --list.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Timed runs of each; a number that suits each if left out.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    runs: Option<u32>,
    /// Where to run: cpu or cuda[:N].
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceKind::Cpu)]
    device: DeviceKind,
    /// Print a line of JSON for each.
    #[arg(long)]
    json: bool,
    /// Print the names and what they stand for.
    #[arg(long)]
    list: bool,
}

const AFTER_HELP: &str = "\
Weights are random, since times depend on the sizes only; the published sizes need up to 6 GiB of memory.
Each is measured in a process of its own, after one run that is not timed, so that its peak memory (weights \
included) is its own. The environment variable RAYON_NUM_THREADS says how many threads are used.

JSON fields: name, median_ms, min_ms, runs, peak_mib, threads, device.

Exit codes: 0 done, 1 failed, 2 wrong usage.";

/// Runs the subcommand.
///
/// # Errors
/// An unknown name, or a bench that cannot run.
pub fn run(args: &Args) -> Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    if args.list {
        for bench in all() {
            writeln!(out, "{:24} {}", bench.name, bench.about)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let benches = choose(&args.names)?;
    let runs = args.runs.map(|runs| runs as usize);
    for (index, bench) in benches.iter().enumerate() {
        let measured = match benches.as_slice() {
            [only] => Measured::of(only, args.device, runs)?,
            _ => elsewhere(bench, args)?,
        };
        if !args.json && index == 0 {
            writeln!(out, "{:24} {:>10} {:>10} {:>5} {:>9} {:>8}", "name", "median ms", "min ms", "runs", "peak MiB", "threads")?;
        }
        let Measured { name, median_ms, min_ms, runs, peak_mib, threads, .. } = &measured;
        if args.json {
            writeln!(out, "{}", serde_json::to_string(&measured)?)?;
        } else {
            writeln!(out, "{name:24} {median_ms:10.1} {min_ms:10.1} {runs:5} {peak_mib:9.0} {threads:8}")?;
        }
        out.flush()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Measures in a process of its own.
fn elsewhere(bench: &Bench, args: &Args) -> Result<Measured> {
    let program = std::env::current_exe().context("this program's own path")?;
    let mut command = Command::new(program);
    command.args(["bench", bench.name, "--json", "--device", &args.device.to_string()]);
    if let Some(runs) = args.runs {
        command.args(["--runs", &runs.to_string()]);
    }
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("bench {} cannot be started", bench.name))?;
    if !output.status.success() {
        bail!("bench {} failed ({}); memory may not suffice, see --help", bench.name, output.status);
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("bench {} printed something else", bench.name))
}
