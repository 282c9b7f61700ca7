//! Say what a number of cases and readers can find.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use study::StudyError;
use study::power::{Options, PowerError, cases_for, power};

use super::files::{self, count, say};
use super::progress::Step;

/// Arguments of the step.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Studies are drawn with the figures of [power] in the design and tested as the report tests them. Scores: means and deviations \
of two arms, Wilcoxon's signed-rank test paired by case. Choices, quartets and assisted reading: a share of answers, whose \
interval by case has to leave out guessing, or the share without help. The part of the studies that finds the difference is \
the power. Nothing is read of the images.

Exit codes: 0 done, 1 failed, 3 interrupted.")]
pub(super) struct Args {
    /// The design (study.toml), or the folder that it lies in.
    #[arg(value_name = "DESIGN")]
    design: PathBuf,
    /// The power that is wanted; says how many cases that takes.
    #[arg(long, value_name = "SHARE", default_value_t = 0.8)]
    target: f64,
    /// Studies that are drawn for each estimate.
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    studies: u32,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    ensure!(args.target > 0.0 && args.target < 1.0, "--target: it must lie between 0 and 1, such as 0.8");
    let opened = files::open(&args.design)?;
    let design = &opened.design;
    let assumed = design.assumptions();
    let options = Options { seed: design.seed, studies: args.studies as usize };
    let step = Step::begin("drawing studies")?;
    let cases = opened.table.cases.len();
    step.at(0, 2);
    let here = power(&assumed, cases, &options, &step.cancel);
    // The number of tries is not known before; each shows that it goes on.
    let mut tries = 1;
    let wanted = here.as_ref().ok().map(|_| {
        cases_for(args.target, &assumed, &options, &step.cancel, &mut |_| {
            tries += 1;
            step.at(tries, tries + 1);
        })
    });
    let made = match (here, wanted) {
        (Err(PowerError::Stopped), _) | (_, Some(Err(PowerError::Stopped))) => Err(StudyError::Stopped),
        (here, wanted) => Ok((here, wanted)),
    };
    let Some((here, wanted)) = step.made(made)? else { return Ok(ExitCode::from(3)) };
    let here = here?;
    let whose = if design.power.is_some() { "the design says so" } else { "usual figures; set your own under [power]" };
    say(format!("assumed: {}, {} ({whose})", assumed.said(), count(design.readers.len(), "reader")))?;
    let (low, high) = here.interval;
    say(format!("{}: power {:.2} ({low:.2}–{high:.2}, {} studies drawn)", count(cases, "case"), here.power, here.studies))?;
    match wanted.transpose()?.flatten() {
        Some(found) => say(format!("power {} takes {}", args.target, count(found.cases, "case")))?,
        None => say(format!("power {} is not reached by any number of cases that is tried", args.target))?,
    }
    Ok(ExitCode::SUCCESS)
}
