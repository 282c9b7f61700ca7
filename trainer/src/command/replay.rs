//! Make an image again from its run record and compare.

use std::process::ExitCode;

/// Arguments of the subcommand.
#[derive(clap::Args, Debug)]
pub struct Args {}

/// Runs the subcommand.
///
/// # Errors
/// When the input cannot be used or a file cannot be read or written.
pub fn run(_args: &Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("this subcommand is not part of this build")
}
