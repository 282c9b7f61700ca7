//! Reader studies without a window: from a template to a report. One file a step.

mod audit;
mod check;
mod files;
mod join;
mod new;
mod power;
mod progress;
mod report;
mod seal;
mod simulate;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;

/// Arguments of the subcommand.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(subcommand)]
    step: Step,
}

const AFTER_HELP: &str = "\
A study goes from step to step:
  chexgen study new study-1             a design with comments, a table of cases, what to do next
  chexgen study check study-1           what the design makes of the cases
  chexgen study power study-1           what that many cases and readers can find
  chexgen study audit study-1           whether something besides the content tells the arms apart
  chexgen study seal study-1            study-1.cxstudy for the readers, study-1.cxkey for you alone
  chexgen-studio read study-1.cxstudy   on each reader's machine; gives study-1-READER.cxanswers
  chexgen study join study-1.cxstudy --key study-1.cxkey *.cxanswers
  chexgen study report study-1-joined.json

Keep the key to yourself until the last answer is locked. Register the hash that `seal` shows before the first answer.";

#[derive(Subcommand, Debug)]
enum Step {
    /// Write a commented design and an example table of cases.
    New(new::Args),
    /// Say what a design makes of its cases, and whether its plan fits.
    Check(check::Args),
    /// Look for anything but the content that tells the arms apart.
    Audit(audit::Args),
    /// Say what a number of cases and readers can find.
    Power(power::Args),
    /// Make the sealed study and its key.
    Seal(seal::Args),
    /// Check a sealed study, and its key and answers if given.
    Verify(verify::Args),
    /// Let simulated readers answer it, to try the rest out.
    Simulate(simulate::Args),
    /// Join the key and the answers into one table.
    Join(join::Args),
    /// Make the report of joined answers.
    Report(report::Args),
}

/// Runs the subcommand.
///
/// # Errors
/// As the step.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.step {
        Step::New(args) => new::run(args),
        Step::Check(args) => check::run(args),
        Step::Audit(args) => audit::run(args),
        Step::Power(args) => power::run(args),
        Step::Seal(args) => seal::run(args),
        Step::Verify(args) => verify::run(args),
        Step::Simulate(args) => simulate::run(args),
        Step::Join(args) => join::run(args),
        Step::Report(args) => report::run(args),
    }
}
