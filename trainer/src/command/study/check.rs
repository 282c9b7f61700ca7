//! Say what a design makes of its cases.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use study::plan::Plan;
use study::reading::Purpose;

use super::files::{self, count, say};

/// Arguments of the step.
#[derive(clap::Args, Debug)]
#[command(after_help = "Images are not opened, only looked for; `audit` and `seal` open them.")]
pub(super) struct Args {
    /// The design (study.toml), or the folder that it lies in.
    #[arg(value_name = "DESIGN")]
    design: PathBuf,
}

/// Images an hour of a practised reader.
const PACE: f64 = 200.0;

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let opened = files::open(&args.design)?;
    let (design, table) = (&opened.design, &opened.table);
    let plan = Plan::build(design, table)?;
    say(format!("{} ({})", design.title, design.template.name()))?;
    say(format!("{}, {} for practice", count(table.cases.len(), "case"), table.practice.len()))?;
    say(format!("{}: {}", count(design.arms.len(), "arm"), design.arms.join(", ")))?;
    say(format!("{}: {}", count(design.readers.len(), "reader"), design.readers.join(", ")))?;
    let Some(first) = plan.readers.first() else { return Ok(ExitCode::SUCCESS) };
    let mut kinds: BTreeMap<Purpose, usize> = BTreeMap::new();
    for trial in &first.trials {
        *kinds.entry(trial.purpose).or_default() += 1;
    }
    let of = |purpose| kinds.get(&purpose).copied().unwrap_or(0);
    let (blocks, rounds) = first.trials.last().map_or((0, 0), |trial| (trial.block, trial.round));
    say(format!(
        "{} a reader: {} that count, {} hidden repeats, {} catch trials",
        count(first.trials.len(), "trial"),
        of(Purpose::Scored),
        of(Purpose::Repeat),
        of(Purpose::Catch)
    ))?;
    let hours = first.trials.len() as f64 / PACE;
    let time = if hours < 1.0 { format!("{:.0} minutes", hours * 60.0) } else { format!("{hours:.1} hours") };
    let (blocks, rounds) = (count(blocks as usize, "block"), count(rounds as usize, "round"));
    say(format!("{blocks} in {rounds}, about {time} a reader at {PACE} trials an hour"))?;
    say(format!("showings of one case at least {} trials apart", design.plan.separation))?;
    Ok(ExitCode::SUCCESS)
}
