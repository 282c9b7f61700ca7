//! Make a model folder of a trained stage.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use candle_core::DType;

use super::import::Stored;
use crate::pretrain::export;
use crate::pretrain::source::Choice;

/// Arguments of the subcommand.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// A run (its newest checkpoint), or a checkpoint: RUN/control/step-00001000.json.
    run: PathBuf,
    /// Which weights: the half-life of an average in updates, longest, or none for the trained weights.
    #[arg(long, value_name = "HALF_LIFE", default_value_t = Choice::Longest)]
    ema: Choice,
    /// How the network is stored; f32 keeps every bit.
    #[arg(long, value_enum, default_value_t = Stored::F32)]
    dtype: Stored,
    /// Folder of the frozen parts, where they are not where the configuration says.
    #[arg(long, value_name = "MODEL_DIR")]
    parts: Option<PathBuf>,
    /// The model folder, made when missing.
    #[arg(long, value_name = "MODEL_DIR")]
    out: PathBuf,
    /// Put the model in the place of another one that is there.
    #[arg(long)]
    replace: bool,
}

const AFTER_HELP: &str = "\
The folder opens in the studio and in chexgen generate. Its dit.safetensors holds the network under the published names, \
as a released checkpoint has it, so chexgen import and other programs read it, too.

A folder that holds another model is left alone without --replace. An export that was interrupted is made whole by the same \
command; until then the folder is no model, or with --replace the old one, or it is refused when it is opened.

Exit codes: 0 done, 1 failed, 2 wrong usage.";

/// Runs the subcommand.
///
/// # Errors
/// When the checkpoint or the parts cannot be used, or the folder not be written.
pub fn run(args: &Args) -> Result<ExitCode> {
    let dtype = match args.dtype {
        Stored::F32 => DType::F32,
        Stored::F16 => DType::F16,
        Stored::Bf16 => DType::BF16,
    };
    let (from, parts, out) = (args.run.clone(), args.parts.clone(), args.out.clone());
    let request = export::Request { from, choice: args.ema, dtype, parts, out, replace: args.replace };
    let done = export::run(&request)?;
    let mut out = std::io::stdout();
    let note = if done.was_there { " (was there already)" } else { "" };
    writeln!(out, "{}: step {}, {} tensors {}{note}", args.out.display(), done.step, done.tensors, done.weights)?;
    Ok(ExitCode::SUCCESS)
}
