//! The headless program as the tests of this package run it: built with them, from the same sources.

use std::process::ExitCode;

use clap::Parser as _;

#[expect(clippy::print_stderr, reason = "where the headless program says its errors")]
fn main() -> ExitCode {
    match trainer::cli::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("chexgen: {}", trainer::sentence::of(&error));
            ExitCode::from(1)
        }
    }
}
