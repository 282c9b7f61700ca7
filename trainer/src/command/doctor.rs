//! Say what runs on this machine, and test installed models.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use engine::cancel::Cancel;
use engine::device::{Capabilities, DeviceKind, Memory};
use engine::pipeline::MemoryPlan;
use engine::pipeline::self_test::{self_test, write_reference};

use crate::generate::model::model_dir;
use crate::sentence;

/// Arguments of the subcommand.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Model folder to plan for and to test, or `practice`; may be given again.
    #[arg(long, value_name = "DIR")]
    model: Vec<String>,
    /// Make a reference image with this model and keep its hash in its model.toml.
    #[arg(long, value_name = "DIR", conflicts_with = "model")]
    write_reference: Option<PathBuf>,
    /// Sampler steps of the test image of a model without a reference.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=1000))]
    steps: u16,
    /// Where to run: cpu or cuda[:N].
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceKind::Cpu)]
    device: DeviceKind,
    /// Only the memory plans: no image is made.
    #[arg(long)]
    plan: bool,
}

const AFTER_HELP: &str = "\
A model with a reference image must make it again, bit for bit on the same kind of processor and to rounding on \
another; a model without one must make a test image without NaN.

Exit codes: 0 all is well, 1 something failed, 2 wrong usage.";

/// Runs the subcommand.
///
/// # Errors
/// When a reference cannot be written or the output fails; what is wrong with a model is part of the output.
pub fn run(args: &Args) -> Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    if let Some(dir) = &args.write_reference {
        let reference = write_reference(dir, args.device, usize::from(args.steps))?;
        writeln!(out, "{}: reference {} on {}", dir.display(), reference.pixels_blake3, reference.device)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{}", Capabilities::of_this_build())?;
    writeln!(out, "{}", crate::ranks::connect::abilities())?;
    let usable = args.device.open();
    match &usable {
        Ok(_) => writeln!(out, "device {}: usable", args.device)?,
        Err(error) => writeln!(out, "device {}: FAIL {error}", args.device)?,
    }
    let memory = Memory::now();
    match memory {
        Some(memory) => writeln!(out, "memory: {} in all, {} free", size(memory.total_bytes), size(memory.available_bytes))?,
        None => writeln!(out, "memory: this system does not tell")?,
    }
    let mut failed = usable.is_err();
    for name in &args.model {
        writeln!(out, "\n{name}")?;
        let dir = &match model_dir(Some(name)) {
            Ok(dir) => dir,
            Err(error) => {
                writeln!(out, "  FAIL {}", sentence::of(&error))?;
                failed = true;
                continue;
            }
        };
        let planned = plan(dir, memory, &mut out)?;
        failed |= !planned;
        if args.plan || !planned || usable.is_err() {
            continue;
        }
        let began = Instant::now();
        let verdict = match self_test(dir, args.device, usize::from(args.steps), &Cancel::new()) {
            Ok((verdict, _)) => verdict.to_string(),
            Err(error) => {
                failed = true;
                format!("FAIL {}", sentence::of(&error.into()))
            }
        };
        writeln!(out, "  image: {verdict} ({:.1} s with loading)", began.elapsed().as_secs_f64())?;
    }
    out.flush()?;
    Ok(ExitCode::from(u8::from(failed)))
}

/// Writes the memory plan of a model; whether it can be made.
fn plan(dir: &Path, memory: Option<Memory>, out: &mut impl Write) -> Result<bool> {
    let plan = match MemoryPlan::of(dir) {
        Ok(plan) => plan,
        Err(error) => {
            writeln!(out, "  FAIL {}", sentence::of(&error.into()))?;
            return Ok(false);
        }
    };
    let text = if plan.text_streamed {
        format!("{} streamed from its file, {} at a time", size(plan.text), size(plan.text_block))
    } else {
        size(plan.text)
    };
    writeln!(out, "  text encoder: {text}")?;
    writeln!(out, "  network:      {}", size(plan.network))?;
    writeln!(out, "  autoencoder:  {}", size(plan.autoencoder))?;
    writeln!(out, "  one image of {} px: about {} for a step, {} to decode", plan.size_px, size(plan.step), size(plan.decode))?;
    let free = memory.map_or(u64::MAX, |memory| memory.available_bytes);
    let (turns, part) = plan.staged_peak();
    let word = match () {
        () if plan.peak() <= free => "fits",
        () if turns <= free => "does not fit into what is free, so its parts will take turns",
        () => "does NOT fit into what is free: close other programs or use a smaller model",
    };
    writeln!(out, "  at most about {} at once: {word}", size(plan.peak()))?;
    writeln!(out, "  with the parts in turn: {} for {part}", size(turns))?;
    Ok(true)
}

/// Bytes in words.
fn size(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        _ if bytes >= 1e9 => format!("{:.1} GB", bytes / 1e9),
        _ if bytes >= 1e6 => format!("{:.0} MB", bytes / 1e6),
        _ => format!("{:.0} kB", bytes / 1e3),
    }
}
