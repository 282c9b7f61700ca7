//! Draw procedural chest radiographs with exact labels.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use engine::domain::Finding;
use engine::phantom::PhantomConfig;

use crate::out_folder::refuse_results_of_others;
use crate::phantom_export::{Ended, Export, Layout};
use crate::run::log::say;

/// Which cases are drawn.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// All findings at the base rates of a large hospital list.
    Full,
    /// The plain, low-noise mix that trains the practice model.
    Practice,
}

/// Arguments of the subcommand.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Number of cases.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    count: u64,
    /// Side of the square pictures in pixels.
    #[arg(long, value_name = "PX", default_value_t = 512, value_parser = clap::value_parser!(u32).range(64..=2048))]
    size: u32,
    /// Seed of the data set; a case depends on it, its index, the size and the preset only.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Index of the first case.
    #[arg(long, value_name = "N", default_value_t = 0)]
    start: u64,
    /// Folder for pictures, masks and `manifest.jsonl`, or for the files of another layout; made when missing.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// File layout: our own, or that of a public data set with invented numbers of patients.
    #[arg(long, value_name = "NAME", value_enum, default_value_t = Layout::Plain)]
    layout: Layout,
    /// Mix of findings.
    #[arg(long, value_name = "NAME", value_enum, default_value_t = Preset::Full)]
    preset: Preset,
    /// Only this finding, in every case.
    #[arg(long, value_name = "FINDING")]
    only: Option<Finding>,
    /// Also write a contact sheet of the first 64 cases to this PNG.
    #[arg(long, value_name = "PNG")]
    sheet: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
No patient is in these pictures. A case depends on nothing but --seed, its index, --size and --preset, so the same \
command draws the same set again.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 interrupted (run it again to go on).";

/// Runs the subcommand.
///
/// # Errors
/// When the folder or a file cannot be written.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut config = match args.preset {
        Preset::Full => PhantomConfig::full(),
        Preset::Practice => PhantomConfig::practice(),
    };
    config.only = args.only;
    let own = matches!(args.layout, Layout::Plain).then_some("manifest.jsonl");
    refuse_results_of_others(&args.out, own)?;
    if let Some(sheet) = &args.sheet {
        let is_picture = || std::fs::read(sheet).is_ok_and(|bytes| bytes.starts_with(b"\x89PNG"));
        ensure!(
            !sheet.exists() || is_picture(),
            "--sheet {} is there already and is no PNG; choose another name",
            sheet.display()
        );
    }
    let end = args.start.checked_add(args.count).context("--start and --count together are too large")?;
    let export = Export {
        config,
        seed: args.seed,
        indices: args.start..end,
        size_px: args.size,
        dir: args.out.clone(),
        layout: args.layout,
        sheet: args.sheet.clone(),
    };
    Ok(match export.run()? {
        Ended::Done => {
            let phantoms = if args.count == 1 { "phantom" } else { "phantoms" };
            writeln!(std::io::stdout(), "{} {phantoms} drawn into {}", args.count, args.out.display())?;
            ExitCode::SUCCESS
        }
        Ended::Interrupted => {
            say("interrupted; what was drawn is whole, and the same command draws all of it");
            ExitCode::from(3)
        }
    })
}
