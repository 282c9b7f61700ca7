//! Check the engine against a folder of golden tensors.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use engine::device::{DeviceKind, Precision};

use crate::parity::{Context, Verdict, run_entry};

/// Arguments of the subcommand.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Folder with `manifest.json` and the files it names.
    dir: PathBuf,
    /// Run only entries whose name or kind contains this text.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Name every tensor outside its tolerance (on standard error).
    #[arg(long)]
    details: bool,
    /// Where to run: cpu or cuda[:N].
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceKind::Cpu)]
    device: DeviceKind,
    /// What the transformer computes in: f32, bf16, f16, or auto (as images are made on the device).
    #[arg(long, value_name = "NAME", default_value_t = Precision::F32)]
    precision: Precision,
}

const AFTER_HELP: &str = "\
The tolerances are the manifest's own on the processor in f32. On a graphics card in f32 (without TF32) they are four \
times as wide. In bf16 or f16, on any device, a transformer's outputs and a sampler's states may differ by 8 roundings \
of the largest value (bf16: 3 %, f16: 0.4 %), and guided outputs by 16; what is not a transformer stays in f32.

Exit codes: 0 all agree, 1 something differs or cannot be run, 2 wrong usage.";

/// Runs every golden whose kind is known and prints one line for each.
///
/// # Errors
/// When the manifest cannot be read or the output cannot be written.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let precision = match args.precision {
        Precision::Auto => Precision::Auto.on(args.device)?,
        named => named,
    };
    let context = Context::open(&args.dir)?.on(args.device.open()?, precision);
    let mut out = std::io::stdout().lock();
    let (mut passed, mut failed, mut skipped) = (0usize, 0usize, 0usize);
    for entry in context.entries() {
        let (name, kind) = (entry.name(), entry.kind());
        if args.only.as_ref().is_some_and(|text| !name.contains(text) && !kind.contains(text)) {
            continue;
        }
        match run_entry(&context, entry) {
            Verdict::Passed(c) => {
                passed += 1;
                writeln!(out, "ok {name} max_abs={:.3e} max_rel={:.3e} ({kind})", c.max_abs(), c.max_rel())?;
            }
            Verdict::Failed(c) => {
                failed += 1;
                writeln!(out, "FAIL {name} max_abs={:.3e} max_rel={:.3e} ({kind})", c.max_abs(), c.max_rel())?;
                explain(c.failures(), args.details)?;
            }
            Verdict::Broken(error) => {
                failed += 1;
                writeln!(out, "FAIL {name} max_abs=nan max_rel=nan ({kind})")?;
                explain(&[format!("{error:#}")], true)?;
            }
            Verdict::Unknown => {
                skipped += 1;
                writeln!(out, "todo {name} ({kind})")?;
            }
        }
    }
    writeln!(out, "{passed} passed, {failed} failed, {skipped} skipped")?;
    out.flush()?;
    Ok(ExitCode::from(u8::from(failed > 0)))
}

/// Writes the reasons of a failure to standard error: the first, or all.
fn explain(failures: &[String], all: bool) -> std::io::Result<()> {
    let mut err = std::io::stderr().lock();
    for failure in failures.iter().take(if all { usize::MAX } else { 1 }) {
        writeln!(err, "    {failure}")?;
    }
    if !all && failures.len() > 1 {
        writeln!(err, "    and {} more (--details)", failures.len() - 1)?;
    }
    Ok(())
}
