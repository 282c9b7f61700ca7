//! Measure how well the practice model obeys text and masks.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use engine::device::DeviceKind;
use engine::domain::Preset;

use crate::generate::model::{PRACTICE, model_dir};
use crate::out_folder::refuse_results_of_others;
use crate::practice::model::PracticeModel;
use crate::practice::report::{self, PRESETS, Settings, Stopped, Work};
use crate::run::log::say;
use crate::run::signals::StopRequest;

/// Arguments of the subcommand.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Practice model folder, or `practice` for the one that comes with the program.
    #[arg(long, value_name = "DIR", default_value = PRACTICE)]
    model: String,
    /// Where report.json, report.md, best.png and worst.png go.
    #[arg(long, value_name = "DIR", default_value = "practice-report")]
    out: PathBuf,
    /// Cases a finding.
    #[arg(long, value_name = "N", default_value_t = 64)]
    cases: usize,
    /// Seed of the cases; training used another.
    #[arg(long, value_name = "N", default_value_t = 770_077)]
    seed: u64,
    /// Sampler steps.
    #[arg(long, value_name = "N", default_value_t = 25)]
    steps: usize,
    /// Guidance strength.
    #[arg(long, value_name = "G", default_value_t = 2.0)]
    guidance: f64,
    /// How guidance and control behave: release, paper or ours; the model's own if left out.
    #[arg(long, value_name = "NAME")]
    preset: Option<Preset>,
    /// Measure all presets on the same cases and seeds and compare them; each has a folder of its name, and
    /// presets.md, presets.json and presets.png stand beside them.
    #[arg(long, conflicts_with = "preset")]
    presets: bool,
    /// Pictures a batch.
    #[arg(long, value_name = "N", default_value_t = 16)]
    batch: usize,
    /// Where to run: cpu or cuda[:N].
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceKind::Cpu)]
    device: DeviceKind,
}

const AFTER_HELP: &str = "\
Each picture is kept in a hidden folder of --out until the report is whole. Interrupted (Ctrl-C) or killed, run the same \
command again: only what is missing is made, and the report is the same. 64 cases a finding are 1680 pictures, more than \
twenty minutes on two cores; --presets takes three times as long.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 interrupted (run it again to go on).";

/// Runs the subcommand.
///
/// # Errors
/// When the model cannot be read or a file cannot be written.
pub fn run(args: &Args) -> Result<ExitCode> {
    ensure!((1..=10_000).contains(&args.cases), "--cases is {}; choose 1 to 10000", args.cases);
    ensure!((1..=1000).contains(&args.steps), "--steps is {}; choose 1 to 1000", args.steps);
    ensure!((0.0..=30.0).contains(&args.guidance), "--guidance is {}; choose a number from 0 to 30", args.guidance);
    ensure!((1..=256).contains(&args.batch), "--batch is {}; choose 1 to 256", args.batch);
    refuse_results_of_others(&args.out, None)?;
    let model = PracticeModel::open(&model_dir(Some(&args.model))?, args.device)?;
    let settings = Settings {
        per_finding: args.cases,
        seed: args.seed,
        num_steps: args.steps,
        guidance_scale: args.guidance,
        preset: args.preset,
        batch_size: args.batch,
    };
    let stop = StopRequest::listen(None)?;
    let reports = if args.presets { PRESETS.len() } else { 1 };
    let work = Work::begin(&model, &settings, reports, &args.out, &stop)?;
    let (table, ended) = if args.presets {
        ("presets.md", report::compare(&work, settings, &args.out))
    } else {
        ("report.md", report::run(&work, settings, &args.out).map(|_| ()))
    };
    match ended {
        Err(error) if error.is::<Stopped>() => {
            say(&work.interrupted());
            return Ok(ExitCode::from(3));
        }
        ended => ended?,
    }
    work.end()?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", std::fs::read_to_string(args.out.join(table))?)?;
    Ok(ExitCode::SUCCESS)
}
