//! The reading window as the tests of this package run it: built with them, from the same sources.

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    match app::reader::cli::parse(std::env::args_os().skip(1)) {
        Ok(Some(arguments)) => app::reader::start::run(arguments),
        Ok(None) => ExitCode::SUCCESS,
        Err(sentence) => {
            drop(writeln!(std::io::stderr(), "{sentence}"));
            ExitCode::from(2)
        }
    }
}
