//! Make the report of joined answers.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use engine::domain::Seed;
use engine::store::atomic::{ensure_writable_dir, write_atomic};
use study::analysis::{Options, Pairs, analyse};
use study::join::Joined;
use study::report;

use super::files::{count, say};
use super::progress::Step;

/// The fonts of the figures: regular, medium, semibold.
const FONTS: [&[u8]; 3] = [
    include_bytes!("../../../../assets/fonts/IBMPlexSans-Regular.ttf"),
    include_bytes!("../../../../assets/fonts/IBMPlexSans-Medium.ttf"),
    include_bytes!("../../../../assets/fonts/IBMPlexSans-SemiBold.ttf"),
];

/// Arguments of the step.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The report is one HTML file that needs no network and no script; light or dark follows the browser. The same joined file \
and seed give the same numbers.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 interrupted (the page is written, the folder of --all is not).")]
pub(super) struct Args {
    /// What `chexgen study join` wrote.
    #[arg(value_name = "NAME-joined.json")]
    joined: PathBuf,
    /// The report; NAME-joined.html beside it, if left out.
    #[arg(long, value_name = "FILE.html")]
    out: Option<PathBuf>,
    /// Also write everything into this folder: report, methods text, long table with dictionary, the analysis as JSON, and
    /// every figure as SVG and PNG.
    #[arg(long, value_name = "DIR")]
    all: Option<PathBuf>,
    /// Compare each arm with each other one, instead of the first with all others.
    #[arg(long)]
    each: bool,
    /// Resamples of each interval.
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(200..=100_000))]
    resamples: u32,
    /// Seed of the resamples.
    #[arg(long, value_name = "N", default_value_t = 2025)]
    seed: u64,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let joined = Joined::read(&args.joined)?;
    let out = args.out.clone().unwrap_or_else(|| args.joined.with_extension("html"));
    ensure!(out.extension().is_some_and(|ending| ending == "html"), "--out: {} must end with .html", out.display());
    let is_page = || std::fs::read(&out).is_ok_and(|bytes| bytes.starts_with(b"<!DOCTYPE html>"));
    ensure!(!out.exists() || is_page(), "{} is there already and is no report; choose another name with --out", out.display());
    if let Some(folder) = &args.all {
        ensure!(!folder.exists() || folder.is_dir(), "--all: {} is a file, and a folder is needed", folder.display());
    }
    let options = Options {
        pairs: if args.each { Pairs::Each } else { Pairs::AgainstFirst },
        resamples: args.resamples as usize,
        seed: Seed(args.seed),
        ..Options::default()
    };
    let analysis = analyse(&joined.readings, &joined.context, &options)
        .with_context(|| format!("{} cannot be analysed", args.joined.display()))?;
    write_atomic(&out, report::html(&analysis, &joined.context).as_bytes())?;
    say(format!("written: {}", out.display()))?;
    if let Some(folder) = &args.all {
        let step = Step::begin("drawing figures")?;
        let mut drawn = |done, all| step.at(done, all);
        let made = report::files(&joined.readings, &analysis, &joined.context, &FONTS, 2.0, &step.cancel, &mut drawn);
        step.end();
        if matches!(made, Err(report::ReportError::Stopped)) {
            say(format!("interrupted; nothing was written in {}", folder.display()))?;
            return Ok(ExitCode::from(3));
        }
        let files = made?;
        ensure_writable_dir(&folder.join("figures"))?;
        for file in &files {
            write_atomic(&folder.join(&file.name), &file.bytes)?;
        }
        say(format!("written: {} in {}", count(files.len(), "file"), folder.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
