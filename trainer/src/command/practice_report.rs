//! Measure how well the practice model obeys text and masks.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use engine::cancel::Cancel;
use engine::device::DeviceKind;
use engine::domain::Preset;

use crate::generate::model::{PRACTICE, model_dir};
use crate::out_folder::refuse_results_of_others;
use crate::practice::model::PracticeModel;
use crate::practice::report::{self, Settings};

/// Arguments of the subcommand.
#[derive(clap::Args, Debug)]
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

/// Runs the subcommand.
///
/// # Errors
/// When the model cannot be read or a file cannot be written.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the report is the command's output")]
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
    let mut say = |what: &str| eprintln!("{what} …");
    let table = if args.presets {
        report::compare(&model, settings, &args.out, &Cancel::new(), &mut say)?;
        "presets.md"
    } else {
        report::run(&model, settings, &args.out, &Cancel::new(), &mut say)?;
        "report.md"
    };
    println!("{}", std::fs::read_to_string(args.out.join(table))?);
    Ok(ExitCode::SUCCESS)
}
