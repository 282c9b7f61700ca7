//! Make an image again from its run record and compare.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use engine::device::DeviceKind;

use crate::replay::{Replay, Verdict, sentence};
use crate::run::signals::StopRequest;

/// Arguments of the subcommand.
#[derive(clap::Args, Debug)]
#[command(after_help = "Prints `identical` or `different: …`.\n\nExit codes: 0 identical, 1 different or failed, 2 wrong usage.")]
pub struct Args {
    /// Run record (.json), or an image of ChexGen that carries it (.png).
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Model folder, or `practice`; if left out, the practice model, if the record was made by it.
    #[arg(long, value_name = "DIR")]
    model: Option<String>,
    /// Also write the new image and its record into this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The safetensors file of noise, for an image that was made with one.
    #[arg(long, value_name = "FILE")]
    noise: Option<PathBuf>,
    /// Where to run: cpu or cuda[:N]; if left out, where the record was made, or else cpu.
    #[arg(long, value_name = "DEVICE")]
    device: Option<DeviceKind>,
}

/// Runs the subcommand.
///
/// # Errors
/// When the input cannot be used or a file cannot be read or written.
pub fn run(args: &Args) -> Result<ExitCode> {
    let stop = StopRequest::listen(None)?;
    let replay = Replay {
        file: args.file.clone(),
        model: args.model.clone(),
        device: args.device,
        out: args.out.clone(),
        noise: args.noise.clone(),
    };
    let verdict = replay.run(&stop)?;
    writeln!(std::io::stdout(), "{}", sentence(&verdict)).context("cannot write to standard output")?;
    Ok(match verdict {
        Verdict::Identical => ExitCode::SUCCESS,
        Verdict::Different(_) => ExitCode::from(1),
        Verdict::Interrupted => ExitCode::from(3),
    })
}
